import { expect, test } from 'bun:test';
import { type AnyActor, createActor, setup } from 'xstate';
import { machineModel } from '../../src/actors/machine-model.ts';
import { createTransitionFeed, type HistoryLimits } from '../../src/runtime/actor-transitions.ts';
import { createInspection } from '../../src/runtime/inspection.ts';

/** Goes from `one` to `two` and back, each time through `between`. */
const machine = setup({}).createMachine({
  id: 'walker',
  initial: 'one',
  on: { nothing: {} },
  states: {
    one: { on: { go: 'between' } },
    between: { always: 'two' },
    two: { on: { go: 'one' } },
  },
});

function startWalkers(names: readonly string[], limits?: HistoryLimits) {
  const inspection = createInspection();
  let atMs = 0;
  const tick = (): number => {
    atMs += 1;
    return atMs;
  };
  const feed = createTransitionFeed(inspection, tick, limits);
  const actors = names.map((id) => createActor(machine, { id, inspect: inspection.next }).start());
  return { feed, actors };
}

const walk = (actor: AnyActor | undefined, steps: number): void => {
  for (let step = 0; step < steps; step += 1) actor?.send({ type: 'go' });
};

test('a change of state is told with every edge that was taken, also through states passed at once', () => {
  const { feed, actors } = startWalkers(['a']);
  walk(actors[0], 1);
  actors[0]?.send({ type: 'nothing' } as never);
  const [last, first] = feed.history('a');
  expect(first).toMatchObject({ event: 'xstate.init', from: undefined, to: 'one', edgeIds: [], atMs: 1 });
  expect(last).toMatchObject({ event: 'go', from: 'one', to: 'two', atMs: 2 });
  const edges = machineModel(machine).edges.filter(({ id }) => last?.edgeIds.includes(id));
  expect(edges.map(({ sourceId, targetIds }) => [sourceId, ...targetIds])).toEqual([
    ['walker.one', 'walker.between'],
    ['walker.between', 'walker.two'],
  ]);
  expect(feed.last('a')).toEqual(last as NonNullable<typeof last>);
});

test('the newest changes of an actor are remembered, also when it has ended', () => {
  const { feed, actors } = startWalkers(['a'], { perActorMax: 3, transitionsMax: 100 });
  walk(actors[0], 10);
  actors[0]?.stop();
  expect(feed.history('a').map(({ status, to }) => `${status} ${to}`)).toEqual([
    'stopped one',
    'active one',
    'active two',
  ]);
});

test('those that did nothing for the longest are forgotten when all together are too many', () => {
  const { feed, actors } = startWalkers(['a', 'b', 'c'], { perActorMax: 4, transitionsMax: 8 });
  for (const index of [0, 1, 0, 2]) walk(actors[index], 4);
  expect(['a', 'b', 'c'].map((id) => feed.history(id).length)).toEqual([4, 0, 4]);
  expect(feed.last('b')).toBeUndefined();
});
