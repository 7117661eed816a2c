import { describe, expect, test } from 'bun:test';
import { type Actor, createActor, fromCallback, SimulatedClock, type SnapshotFrom, waitFor } from 'xstate';
import { type WatcherEvent, watcherMachine } from '../../src/actors/watcher-machine.ts';
import { DEFAULT_WATCHER_SETTINGS, type HandOnInput } from '../../src/actors/watcher-setup.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import { createFakeSource, type FakeSource } from './fake-source.ts';

type Snapshot = SnapshotFrom<typeof watcherMachine>;

interface Harness {
  readonly actor: Actor<typeof watcherMachine>;
  readonly clock: SimulatedClock;
  readonly deltas: (readonly string[] | 'everything')[];
  readonly handOn: FakeSource<void, HandOnInput>;
  /** How often watching began, and how often it was ended. */
  readonly watches: { begun: number; ended: number };
  send(event: WatcherEvent): void;
  changed(...ids: string[]): void;
  until(isThere: (snapshot: Snapshot) => boolean): Promise<Snapshot>;
}

const SETTINGS = { ...DEFAULT_WATCHER_SETTINGS, idsMax: 5, eventsMax: 20 };

/** A real watcher on a fake folder, with a clock that stands still. */
function createHarness(): Harness {
  const clock = new SimulatedClock();
  const deltas: Harness['deltas'] = [];
  const watches = { begun: 0, ended: 0 };
  const handOn = createFakeSource<void, HandOnInput>(({ delta }) => {
    deltas.push(delta.ids ?? 'everything');
    return () => undefined;
  });
  const logic = watcherMachine.provide({
    actors: {
      watch: fromCallback(() => {
        watches.begun += 1;
        return () => {
          watches.ended += 1;
        };
      }),
      handOn: handOn.logic,
    },
  });
  const input = { address: 'a/b', source: 'docs', settings: SETTINGS };
  const actor = createActor(logic, { input, clock });
  actor.start();
  return {
    actor,
    clock,
    deltas,
    handOn,
    watches,
    send: (event) => actor.send(event),
    changed: (...ids) => actor.send({ type: 'watch.changed', ids, eventCount: ids.length }),
    until: (isThere) => waitFor(actor, isThere, { timeout: 100_000 }),
  };
}

const isIn = (deltas: string) => (snapshot: Snapshot) =>
  snapshot.hasTag('ready') && JSON.stringify(snapshot.value).includes(`"deltas":"${deltas}"`);
const isQuiet = isIn('quiet');

/** One that watches and has read everything once. */
async function createQuiet(): Promise<Harness> {
  const harness = createHarness();
  harness.send({ type: 'watch.ready', mode: 'native' });
  harness.clock.increment(SETTINGS.settleMs);
  await harness.until(isQuiet);
  harness.deltas.length = 0;
  return harness;
}

const failure = { code: 'SOURCE_UNREADABLE', message: 'gone', retryable: true, retryAfterMs: undefined };

describe('a watcher', () => {
  test('hands everything on once it watches: what happened before is known to nobody', async () => {
    const harness = createHarness();
    harness.clock.increment(60_000);
    expect(harness.deltas).toEqual([]);
    harness.send({ type: 'watch.ready', mode: 'native' });
    harness.clock.increment(SETTINGS.settleMs);
    await harness.until(isQuiet);
    expect(harness.deltas).toEqual(['everything']);
  });

  test('hands changes on as one delta when nothing has happened for a while', async () => {
    const { changed, clock, deltas, until } = await createQuiet();
    changed('a');
    clock.increment(SETTINGS.settleMs - 1);
    changed('b', 'a');
    clock.increment(SETTINGS.settleMs - 1);
    expect(deltas).toEqual([]);
    clock.increment(1);
    await until(isQuiet);
    expect(deltas).toEqual([['a', 'b']]);
  });

  test('does not wait for ever for changes to end', async () => {
    const { changed, clock, deltas, until } = await createQuiet();
    for (let passedMs = 0; passedMs < SETTINGS.settleMsMax; passedMs += 200) {
      changed('a');
      clock.increment(200);
    }
    await until(isQuiet);
    expect(deltas).toEqual([['a']]);
  });

  test('hands on one delta at a time, and what changes meanwhile as the next', async () => {
    const { changed, clock, deltas, handOn, until } = await createQuiet();
    handOn.hold();
    changed('a');
    clock.increment(SETTINGS.settleMs);
    await handOn.call(2);
    changed('a', 'c');
    clock.increment(60_000);
    expect(deltas).toEqual([['a']]);
    handOn.letGo();
    await until((snapshot) => JSON.stringify(snapshot.value).includes('waiting'));
    clock.increment(SETTINGS.settleMs);
    await until(isQuiet);
    expect(deltas).toEqual([['a'], ['a', 'c']]);
  });

  test.each<[string, (harness: Harness) => void]>([
    ['there are too many ids', ({ changed }) => changed('1', '2', '3', '4', '5', '6')],
    ['there are too many events', ({ send }) => send({ type: 'watch.changed', ids: ['a'], eventCount: 21 })],
    ['some were lost', ({ send }) => send({ type: 'watch.lost' })],
    [
      'the watching began anew',
      ({ send }) => {
        send({ type: 'watch.ready', mode: 'polling' });
      },
    ],
  ])('hands everything on when %s', async (_, happen) => {
    const harness = await createQuiet();
    harness.changed('before');
    happen(harness);
    harness.changed('after');
    harness.clock.increment(SETTINGS.settleMs);
    await harness.until(isQuiet);
    expect(harness.deltas).toEqual(['everything']);
    harness.changed('next');
    harness.clock.increment(SETTINGS.settleMs);
    await harness.until(isQuiet);
    expect(harness.deltas).toEqual(['everything', ['next']]);
  });

  test('keeps what could not be handed on, and hands it on again with what has changed since', async () => {
    const { actor, changed, clock, deltas, handOn, until } = await createQuiet();
    handOn.hold();
    changed('a');
    clock.increment(SETTINGS.settleMs);
    const call = await handOn.call(2);
    call.fail(new SynclineError('CATALOG_BUSY', 'busy', { retryable: true }));
    await until(isIn('backingOff'));
    expect(actor.getSnapshot().context.failure).toMatchObject({ code: 'CATALOG_BUSY' });
    expect(actor.getSnapshot().hasTag('error')).toBe(true);
    changed('b');
    handOn.letGo();
    clock.increment(SETTINGS.backoff.firstMs);
    await until(isQuiet);
    expect(deltas).toEqual([['a'], ['a', 'b']]);
    expect(actor.getSnapshot().context).toMatchObject({ failure: undefined, failureCount: 0 });
  });

  test('does not repeat what waiting cannot mend, says so, and goes on with the next change', async () => {
    const { actor, changed, clock, deltas, handOn, until } = await createQuiet();
    handOn.hold();
    changed('a');
    clock.increment(SETTINGS.settleMs);
    (await handOn.call(2)).fail(new SynclineError('MASS_DELETION_REFUSED', 'too much'));
    await until(isIn('failed'));
    handOn.letGo();
    clock.increment(600_000);
    expect(deltas).toEqual([['a']]);
    expect(actor.getSnapshot().hasTag('error')).toBe(true);
    changed('b');
    clock.increment(SETTINGS.settleMs);
    await until(isQuiet);
    expect(deltas).toEqual([['a'], ['b']]);
  });

  test('reads everything with the next change after a delta that was lost: the source may have been in disorder', async () => {
    const { actor, changed, clock, deltas, handOn, until } = await createQuiet();
    handOn.hold();
    changed('a');
    clock.increment(SETTINGS.settleMs);
    (await handOn.call(2)).fail(new SynclineError('SOURCE_UNREADABLE', 'replaced while it was read'));
    await until(isIn('failed'));
    handOn.letGo();
    clock.increment(600_000);
    expect(deltas).toEqual([['a']]);
    changed('b');
    clock.increment(SETTINGS.settleMs);
    await until(isQuiet);
    expect(deltas).toEqual([['a'], 'everything']);
    changed('c');
    clock.increment(SETTINGS.settleMs);
    await until((snapshot) => isQuiet(snapshot) && deltas.length === 3);
    expect(deltas[2]).toEqual(['c']);
    expect(actor.getSnapshot().context.isBehind).toBe(false);
  });

  test('watches again after a failure, ever later, and then reads everything', async () => {
    const { actor, clock, deltas, send, until, watches } = await createQuiet();
    for (const waitMs of [1_000, 2_000, 4_000]) {
      send({ type: 'watch.failed', failure });
      expect(actor.getSnapshot().context.watchFailure).toEqual(failure);
      const { begun } = watches;
      clock.increment(waitMs - 1);
      expect(watches.begun).toBe(begun);
      clock.increment(1);
      expect(watches.begun).toBe(begun + 1);
    }
    send({ type: 'watch.ready', mode: 'native' });
    clock.increment(SETTINGS.settleMs);
    await until(isQuiet);
    expect(deltas).toEqual(['everything']);
    expect(actor.getSnapshot().context).toMatchObject({ watchFailure: undefined, watchFailureCount: 0 });
    expect(watches.begun - watches.ended).toBe(1);
  });

  test('ends what it does when it is stopped', async () => {
    const { actor, changed, clock, handOn, watches } = await createQuiet();
    handOn.hold();
    changed('a');
    clock.increment(SETTINGS.settleMs);
    const { signal } = await handOn.call(2);
    actor.send({ type: 'watcher.stop' });
    expect(actor.getSnapshot().status).toBe('done');
    expect(signal.aborted).toBe(true);
    expect(watches).toEqual({ begun: 1, ended: 1 });
  });
});
