import { describe, expect, test } from 'bun:test';
import { createActor, fromPromise, SimulatedClock, type StateValueFrom } from 'xstate';
import { machineModel } from '../../src/actors/machine-model.ts';
import { type DueRun, type Look, schedulerMachine } from '../../src/actors/scheduler-machine.ts';

const LOOK_MS = 60_000;
const due = (datasetId: number, run: DueRun['run'] = 'full'): DueRun => ({
  datasetId,
  address: `p/d${datasetId}`,
  run,
});

/** A scheduler whose looks and runs end when the test says so. */
function setStage() {
  const looks: PromiseWithResolvers<Look>[] = [];
  const runs: {
    readonly run: DueRun;
    readonly end: PromiseWithResolvers<void>;
    readonly signal: AbortSignal;
  }[] = [];
  const clock = new SimulatedClock();
  const actor = createActor(
    schedulerMachine.provide({
      actors: {
        look: fromPromise<Look>(() => {
          const look = Promise.withResolvers<Look>();
          looks.push(look);
          return look.promise;
        }),
        run: fromPromise<void, DueRun>(({ input, signal }) => {
          const end = Promise.withResolvers<void>();
          runs.push({ run: input, end, signal });
          return end.promise;
        }),
      },
    }),
    { input: { settings: { runsMax: 2, retryMs: 30_000 } }, clock },
  );
  actor.start();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  const find = async (...found: DueRun[]): Promise<void> => {
    looks.at(-1)?.resolve({ due: found, waitMs: LOOK_MS });
    await settle();
  };
  const state = () => actor.getSnapshot().value;
  const running = () => Object.values(actor.getSnapshot().context.running);
  return { actor, clock, looks, runs, find, settle, state, running };
}

type Row = StateValueFrom<typeof schedulerMachine>;
type Column =
  | 'schedules.changed'
  | 'a run ends'
  | 'look: done'
  | 'look: done, asked again'
  | 'look: failed'
  | 'wait over';
/** The state afterwards, and how many looks were begun by then. */
type Cell = readonly [Row, number];

/** Every state × every event; the compiler refuses a hole. The first look was begun at the start, a second before `waiting`. */
const TABLE: Record<Row, Record<Column, Cell>> = {
  looking: {
    'schedules.changed': ['looking', 3],
    'a run ends': ['looking', 3],
    'look: done': ['waiting', 3],
    'look: done, asked again': ['looking', 4],
    'look: failed': ['waiting', 3],
    'wait over': ['looking', 3],
  },
  waiting: {
    'schedules.changed': ['looking', 3],
    'a run ends': ['looking', 3],
    'look: done': ['waiting', 2],
    'look: done, asked again': ['waiting', 2],
    'look: failed': ['waiting', 2],
    'wait over': ['looking', 3],
  },
};

describe('the scheduler', () => {
  const cells = Object.entries(TABLE).flatMap(([row, columns]) =>
    Object.entries(columns).map(([column, cell]) => [row as Row, column as Column, cell] as const),
  );
  test.each(cells)('in %s: %s', async (row, column, [after, looks]) => {
    const stage = setStage();
    // A run is under way in either state.
    await stage.find(due(1));
    stage.actor.send({ type: 'schedules.changed' });
    await stage.find();
    if (row === 'looking') stage.clock.increment(LOOK_MS);
    expect(stage.state()).toBe(row);
    if (column === 'schedules.changed') stage.actor.send({ type: 'schedules.changed' });
    if (column === 'look: done, asked again' && row === 'looking')
      stage.actor.send({ type: 'schedules.changed' });
    if (column.startsWith('look: done')) await stage.find();
    if (column === 'look: failed') stage.looks.at(-1)?.reject(new Error('The catalog is away.'));
    if (column === 'a run ends') stage.runs[0]?.end.resolve();
    if (column === 'wait over') stage.clock.increment(LOOK_MS);
    await stage.settle();
    expect([stage.state(), stage.looks.length]).toEqual([after, looks]);
    expect(stage.running()).toHaveLength(column === 'a run ends' ? 0 : 1);
  });

  test('has a name for everything in its definition', () => {
    expect(JSON.stringify(machineModel(schedulerMachine))).not.toContain('(inline)');
  });

  test('begins as many as there is room for, and no two of a dataset', async () => {
    const stage = setStage();
    await stage.find(due(1), due(1, 'index'), due(2), due(3));
    expect(stage.runs.map(({ run }) => run)).toEqual([due(1), due(2)]);
    expect(stage.actor.getSnapshot().context.waiting).toEqual([due(1, 'index'), due(3)]);
    stage.runs[0]?.end.resolve();
    await stage.settle();
    expect(stage.state()).toBe('looking');
    await stage.find(due(3));
    expect(stage.running()).toEqual([due(2), due(3)]);
  });

  test('that ends during a look has the look done again', async () => {
    const stage = setStage();
    await stage.find(due(1));
    stage.clock.increment(LOOK_MS);
    stage.runs[0]?.end.resolve();
    await stage.settle();
    // It was due still when the look began.
    await stage.find(due(1));
    expect([stage.state(), stage.runs.length]).toEqual(['looking', 1]);
    await stage.find();
    expect([stage.state(), stage.runs.length]).toEqual(['waiting', 1]);
  });

  test('looks again after a failure, and says why it failed', async () => {
    const stage = setStage();
    stage.looks[0]?.reject(new Error('The catalog is away.'));
    await stage.settle();
    expect(stage.actor.getSnapshot().context.failure).toMatchObject({ message: 'The catalog is away.' });
    stage.clock.increment(30_000);
    await stage.find();
    expect(stage.actor.getSnapshot().context.failure).toBeUndefined();
  });

  test('aborts its runs when it is stopped', async () => {
    const stage = setStage();
    await stage.find(due(1));
    stage.actor.stop();
    expect(stage.runs[0]?.signal.aborted).toBe(true);
  });
});
