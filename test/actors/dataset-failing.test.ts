import { describe, expect, test } from 'bun:test';
import { SynclineError } from '../../src/domain/errors.ts';
import {
  BACKOFF,
  type DatasetHarness,
  datasetsOfTests,
  hopeless,
  retryable,
  type SourceName,
  tableThatNeeds,
} from './dataset-harness.ts';

/* What a dataset does about failures and a table that is unsound: real dataset actors on fakes that look at a small world; the clock stands still unless it is moved. */

const start = datasetsOfTests();

describe('failing', () => {
  /** Lets embedding fail again and again; returns the waits, told by moving the clock a millisecond at a time short of them. */
  async function waits(
    harness: DatasetHarness,
    error: () => SynclineError,
    count: number,
  ): Promise<number[]> {
    const { actor, clock, sources, untilIn } = harness;
    sources.embedPending.hold();
    actor.start();
    const found: number[] = [];
    for (let n = 1; n <= count; n += 1) {
      (await sources.embedPending.call(n)).fail(error());
      await harness.until((snapshot) => snapshot.matches('backingOff') || snapshot.matches('parked'));
      if (actor.getSnapshot().matches('parked')) return found;
      const beforeMs = clock.now();
      while (actor.getSnapshot().matches('backingOff') && clock.now() - beforeMs < 10_000) clock.increment(1);
      found.push(clock.now() - beforeMs);
    }
    sources.embedPending.letGo();
    await untilIn('idle');
    return found;
  }

  test('backs off with doubling waits up to the longest, and never parks over what waiting may mend', async () => {
    const harness = start();
    expect(await waits(harness, retryable, 8)).toEqual([100, 200, 400, 400, 400, 400, 400, 400]);
    expect(harness.phases).not.toContain('parked');
    expect(harness.actor.getSnapshot().context).toMatchObject({ failure: undefined, failureCount: 0 });
    expect(harness.world.written).toBe(1);
  });

  test('parks after the given number of failures that waiting cannot mend, and says why', async () => {
    const harness = start();
    expect(await waits(harness, hopeless, 8)).toEqual([100, 200]);
    expect(harness.reports.at(-1)).toMatchObject({
      phase: 'parked',
      failure: { code: 'PROFILE_MISMATCH', message: 'Wrong key.' },
    });
    expect(harness.actor.getSnapshot().hasTag('error')).toBe(true);
  });

  test('a check ends parking and counts anew', async () => {
    const harness = start();
    await waits(harness, hopeless, 8);
    harness.change();
    expect(harness.actor.getSnapshot().value).toBe('parked');
    harness.sources.embedPending.letGo();
    harness.send({ type: 'dataset.check' });
    expect(harness.actor.getSnapshot().context.failureCount).toBe(0);
    await harness.untilIn('idle');
    expect(harness.world.written).toBe(2);
  });

  test('leaves the other side alone for as long as it asked', async () => {
    expect(await waits(start(), () => retryable({ retryAfterMs: 2_345 }), 1)).toEqual([2_345]);
  });

  test('a check ends backing off at once', async () => {
    const { actor, sources, send, untilIn } = start();
    sources.checkTable.hold();
    actor.start();
    (await sources.checkTable.call(1)).fail(retryable());
    await untilIn('backingOff');
    sources.checkTable.letGo();
    send({ type: 'dataset.check' });
    await untilIn('idle');
  });

  const NAMES: readonly SourceName[] = [
    'checkTable',
    'measureBacklog',
    'maintainTable',
    'repairTable',
    'rebuildTable',
  ];
  test.each(NAMES)('%s that fails is tried again after the wait', async (name) => {
    const { actor, clock, sources, world, untilIn } = start();
    world.table = tableThatNeeds(name);
    sources[name].hold();
    actor.start();
    (await sources[name].call(1)).fail(retryable());
    await untilIn('backingOff');
    sources[name].letGo();
    clock.increment(BACKOFF.firstMs);
    await untilIn('idle');
    expect(world).toMatchObject({ table: 'sound', written: 1 });
  });
});

describe('the table', () => {
  test('that turns out damaged in mid-work is checked, rebuilt, and work goes on', async () => {
    const { actor, phases, sources, world, untilIn } = start();
    sources.writeReady.hold();
    actor.start();
    const write = await sources.writeReady.call(1);
    world.table = 'rebuild';
    write.fail(new SynclineError('TABLE_DAMAGED', 'A file is gone.'));
    sources.writeReady.letGo();
    await untilIn('idle');
    expect(world).toMatchObject({ table: 'sound', written: 1 });
    expect(phases.filter((phase) => phase === 'rebuilding')).toHaveLength(1);
    // Waiting would mend nothing, and whoever waits for the work would be told that it failed.
    expect(phases).not.toContain('backingOff');
  });

  test('that is damaged again after every rebuild parks its dataset in the end', async () => {
    const { actor, sources, world, untilIn } = start();
    sources.writeReady.hold();
    actor.start();
    for (let n = 1; n <= BACKOFF.failuresMax; n += 1) {
      const write = await sources.writeReady.call(n);
      world.table = 'rebuild';
      write.fail(new SynclineError('TABLE_DAMAGED', 'A file is gone.'));
    }
    await untilIn('parked');
    expect(sources.rebuildTable.callCount()).toBe(BACKOFF.failuresMax - 1);
  });

  test.each([
    ['rebuild', 'rebuilding'],
    ['repair', 'repairing'],
  ] as const)('that is unsound gets its %s although nothing waits', async (kind, phase) => {
    const { actor, phases, world, untilIn } = start({ changed: 0 });
    world.table = kind;
    actor.start();
    await untilIn('idle');
    expect(phases).toEqual(['checking', 'measuring', 'queued', phase, 'measuring', 'idle']);
  });

  test('that is repaired is written to afterwards, and not before', async () => {
    const { actor, phases, sources, world, untilIn } = start();
    world.table = 'repair';
    sources.repairTable.hold();
    actor.start();
    await sources.repairTable.call(1);
    expect(sources.writeReady.callCount()).toBe(0);
    sources.repairTable.letGo();
    await untilIn('idle');
    expect(phases.slice(3)).toEqual([
      'repairing',
      'measuring',
      'queued',
      'processing',
      'maintaining',
      'idle',
    ]);
    expect(world.written).toBe(1);
  });

  test('is checked once more when a check is asked for in mid-work', async () => {
    const { actor, sources, send, untilIn } = start();
    sources.chunkIncoming.hold();
    actor.start();
    await sources.chunkIncoming.call(1);
    send({ type: 'dataset.check' });
    sources.chunkIncoming.letGo();
    await untilIn('idle');
    expect(sources.checkTable.callCount()).toBe(2);
  });
});
