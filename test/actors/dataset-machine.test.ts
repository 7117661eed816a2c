import { describe, expect, test } from 'bun:test';
import {
  BACKOFF,
  datasetsOfTests,
  hopeless,
  retryable,
  type SourceName,
  tableThatNeeds,
} from './dataset-harness.ts';

/* How a dataset gets its work done: real dataset actors on fakes that look at a small world; the clock stands still unless it is moved. */

const start = datasetsOfTests();

describe('no wake-up is lost', () => {
  const SOURCES: readonly SourceName[] = [
    'measureBacklog',
    'chunkIncoming',
    'embedPending',
    'writeReady',
    'maintainTable',
    'checkTable',
  ];

  test.each(SOURCES)('a change that comes while %s is under way is work afterwards', async (name) => {
    const { actor, sources, world, change, untilIn } = start();
    sources[name].hold();
    actor.start();
    await sources[name].call(1);
    change();
    sources[name].letGo();
    await untilIn('idle');
    expect(world).toMatchObject({ changed: 2, chunked: 2, embedded: 2, written: 2 });
  });

  test('a change that comes while the table is rebuilt is work afterwards', async () => {
    const { actor, sources, world, change, untilIn } = start({ changed: 0 });
    world.table = 'rebuild';
    sources.rebuildTable.hold();
    actor.start();
    await sources.rebuildTable.call(1);
    change();
    sources.rebuildTable.letGo();
    await untilIn('idle');
    expect(world.written).toBe(1);
  });

  test('a change that comes while the dataset backs off is work afterwards', async () => {
    const { actor, clock, sources, world, change, untilIn } = start({ changed: 0 });
    sources.checkTable.hold();
    actor.start();
    (await sources.checkTable.call(1)).fail(retryable());
    await untilIn('backingOff');
    change();
    sources.checkTable.letGo();
    clock.increment(BACKOFF.firstMs);
    await untilIn('idle');
    expect(world.written).toBe(1);
  });

  test('a change that comes while the dataset is paused is work afterwards', async () => {
    const { actor, send, world, change, untilIn } = start({ changed: 0 });
    actor.start();
    await untilIn('idle');
    send({ type: 'dataset.pause', reason: 'user' });
    change();
    expect(world.written).toBe(0);
    send({ type: 'dataset.resume', reason: 'user' });
    await untilIn('idle');
    expect(world.written).toBe(1);
  });

  test('a change while the dataset is idle is work at once', async () => {
    const { actor, world, change, phases, untilIn } = start({ changed: 0 });
    actor.start();
    await untilIn('idle');
    change();
    expect(phases.at(-1)).toBe('measuring');
    await untilIn('idle');
    expect(world.written).toBe(1);
  });

  test('of 200 changes at any moment none is left undone', async () => {
    const { actor, world, change, until } = start({ changed: 0 });
    actor.start();
    for (let n = 0; n < 200; n += 1) {
      change();
      for (let turn = 0; turn < n % 7; turn += 1) await Promise.resolve();
    }
    await until((snapshot) => snapshot.value === 'idle');
    expect(world).toMatchObject({ changed: 200, chunked: 200, embedded: 200, written: 200 });
  });
});

describe('the stages', () => {
  test('work at the same time', async () => {
    const { actor, sources, untilIn } = start();
    for (const name of ['chunkIncoming', 'embedPending', 'writeReady'] as const) sources[name].hold();
    actor.start();
    await Promise.all([
      sources.chunkIncoming.call(1),
      sources.embedPending.call(1),
      sources.writeReady.call(1),
    ]);
    expect(actor.getSnapshot().value).toEqual({
      processing: { chunk: 'running', embed: 'running', write: 'running' },
    });
    for (const name of ['chunkIncoming', 'embedPending', 'writeReady'] as const) sources[name].letGo();
    await untilIn('idle');
  });

  test('are run again when one before them reports work while they end', async () => {
    const { actor, sources, send, untilIn } = start();
    sources.embedPending.hold();
    sources.writeReady.hold();
    actor.start();
    const embed = await sources.embedPending.call(1);
    const write = await sources.writeReady.call(1);
    send({ type: 'work.chunked' });
    embed.succeed();
    write.succeed();
    await Promise.all([sources.embedPending.call(2), sources.writeReady.call(2)]);
    sources.embedPending.letGo();
    sources.writeReady.letGo();
    await untilIn('idle');
  });

  test('writing looks once more when embedding ends, also without a report: another dataset may have embedded the text', async () => {
    const { actor, sources, untilIn } = start();
    sources.chunkIncoming.hold();
    sources.embedPending.hold();
    actor.start();
    const embed = await sources.embedPending.call(1);
    await sources.writeReady.call(1);
    (await sources.chunkIncoming.call(1)).succeed();
    expect(sources.writeReady.callCount()).toBe(1);
    embed.succeed();
    await sources.writeReady.call(2);
    sources.embedPending.letGo();
    sources.chunkIncoming.letGo();
    await untilIn('idle');
  });

  test('finish what is under way when one of them fails, and the failure counts once', async () => {
    const { actor, sources, holds, phases, until, untilIn } = start();
    for (const name of ['chunkIncoming', 'embedPending', 'writeReady'] as const) sources[name].hold();
    actor.start();
    const write = await sources.writeReady.call(1);
    const chunk = await sources.chunkIncoming.call(1);
    (await sources.embedPending.call(1)).fail(retryable());
    await until((snapshot) => snapshot.matches({ processing: { embed: 'failed' } }));
    expect(holds).toEqual(['release', 'hold']);
    expect([write.signal.aborted, chunk.signal.aborted]).toEqual([false, false]);
    expect(phases.at(-1)).toBe('processing');
    write.succeed();
    chunk.fail(hopeless());
    await untilIn('backingOff');
    const { failure, failureCount } = actor.getSnapshot().context;
    expect(failureCount).toBe(1);
    expect(failure?.code).toBe('PROFILE_MISMATCH');
  });

  test('stay held when the dataset is resumed while they end after a failure', async () => {
    const { actor, sources, holds, send, until, untilIn } = start();
    sources.writeReady.hold();
    sources.embedPending.hold();
    actor.start();
    const write = await sources.writeReady.call(1);
    (await sources.embedPending.call(1)).fail(retryable());
    await until((snapshot) => snapshot.matches({ processing: { embed: 'failed' } }));
    send({ type: 'dataset.pause', reason: 'user' });
    send({ type: 'dataset.resume', reason: 'user' });
    expect(holds.at(-1)).toBe('hold');
    write.succeed();
    sources.writeReady.letGo();
    await untilIn('backingOff');
  });
});

describe('pausing', () => {
  test('drains the stages and lasts until every reason is gone', async () => {
    const { actor, sources, holds, send, world, untilIn } = start();
    sources.chunkIncoming.hold();
    actor.start();
    await sources.chunkIncoming.call(1);
    send({ type: 'dataset.pause', reason: 'user' });
    send({ type: 'dataset.pause', reason: 'supervisor' });
    send({ type: 'dataset.pause', reason: 'user' });
    expect(holds.at(-1)).toBe('hold');
    expect(actor.getSnapshot().matches('processing')).toBe(true);
    sources.chunkIncoming.letGo();
    await untilIn('paused');
    expect(sources.maintainTable.callCount()).toBe(0);
    send({ type: 'dataset.resume', reason: 'user' });
    send({ type: 'dataset.resume', reason: 'somebody else' });
    expect(actor.getSnapshot().value).toBe('paused');
    world.changed += 1;
    send({ type: 'dataset.resume', reason: 'supervisor' });
    await untilIn('idle');
    expect(holds.at(-1)).toBe('release');
    expect(world.written).toBe(2);
  });

  test('that ends while the stages still drain lets them go on', async () => {
    const { actor, sources, holds, phases, send, world, untilIn } = start();
    sources.embedPending.hold();
    actor.start();
    await sources.embedPending.call(1);
    send({ type: 'dataset.pause', reason: 'user' });
    world.changed += 1;
    send({ type: 'dataset.resume', reason: 'user' });
    expect(holds.at(-1)).toBe('release');
    sources.embedPending.letGo();
    await untilIn('idle');
    expect(phases).not.toContain('paused');
    expect(world.written).toBe(2);
  });

  const NOT_CUT_SHORT: readonly SourceName[] = ['checkTable', 'maintainTable', 'repairTable', 'rebuildTable'];
  test.each(NOT_CUT_SHORT)('lets %s end first', async (name) => {
    const { actor, sources, send, world, untilIn } = start();
    world.table = tableThatNeeds(name);
    sources[name].hold();
    actor.start();
    const { signal } = await sources[name].call(1);
    send({ type: 'dataset.pause', reason: 'user' });
    expect(signal.aborted).toBe(false);
    sources[name].letGo();
    await untilIn('paused');
  });

  test('keeps a failure count: pausing in mid-work is no success', async () => {
    const { actor, clock, sources, send, untilIn } = start();
    sources.embedPending.hold();
    actor.start();
    (await sources.embedPending.call(1)).fail(hopeless());
    await untilIn('backingOff');
    clock.increment(BACKOFF.firstMs);
    const second = await sources.embedPending.call(2);
    send({ type: 'dataset.pause', reason: 'user' });
    second.succeed();
    await untilIn('paused');
    expect(actor.getSnapshot().context.failureCount).toBe(1);
  });
});

test('an empty dataset becomes idle without work', async () => {
  const { actor, phases, sources, untilIn } = start({ changed: 0 });
  actor.start();
  await untilIn('idle');
  expect(phases).toEqual(['checking', 'measuring', 'idle']);
  expect(sources.chunkIncoming.callCount() + sources.maintainTable.callCount()).toBe(0);
  expect(actor.getSnapshot().hasTag('ready')).toBe(true);
});

describe('maintenance', () => {
  test('that is asked for of an idle dataset waits for a place, and is done once', async () => {
    const { actor, sources, phases, send, untilIn } = start();
    actor.start();
    await untilIn('idle');
    const before = sources.maintainTable.callCount();
    phases.length = 0;
    send({ type: 'dataset.maintain' });
    await untilIn('idle');
    expect(phases).toEqual(['measuring', 'queued', 'processing', 'maintaining', 'idle']);
    expect(sources.maintainTable.callCount()).toBe(before + 1);
  });

  test('that is asked for in mid-work is that at its end', async () => {
    const { actor, sources, send, untilIn } = start();
    sources.embedPending.hold();
    actor.start();
    await sources.embedPending.call(1);
    send({ type: 'dataset.maintain' });
    sources.embedPending.letGo();
    await untilIn('idle');
    expect(sources.maintainTable.callCount()).toBe(1);
    expect(actor.getSnapshot().context.maintenanceAsked).toBe(false);
  });
});

describe('deletion', () => {
  const MID_WORK: readonly SourceName[] = [
    'checkTable',
    'measureBacklog',
    'chunkIncoming',
    'embedPending',
    'writeReady',
    'maintainTable',
    'repairTable',
    'rebuildTable',
  ];

  test.each(MID_WORK)('lets go of %s in mid-work', async (name) => {
    const { actor, sources, phases, send, world, until } = start();
    world.table = tableThatNeeds(name);
    sources[name].hold();
    actor.start();
    const { signal } = await sources[name].call(1);
    send({ type: 'dataset.delete' });
    expect(signal.aborted).toBe(true);
    await until((snapshot) => snapshot.status === 'done');
    expect(phases.slice(-2)).toEqual(['deleting', 'deleted']);
    expect(sources.deleteDataset.callCount()).toBe(1);
  });

  test.each(['idle', 'paused', 'backingOff', 'parked'])('takes a dataset out of %s', async (state) => {
    const { actor, clock, sources, send, until, untilIn } = start();
    if (state === 'backingOff' || state === 'parked') sources.checkTable.hold();
    actor.start();
    for (let n = 1; !actor.getSnapshot().matches(state as 'idle'); n += 1) {
      if (state === 'idle') await untilIn('idle');
      else if (state === 'paused') send({ type: 'dataset.pause', reason: 'user' });
      else {
        (await sources.checkTable.call(n)).fail(hopeless());
        await until((snapshot) => snapshot.hasTag('error'));
        if (state === 'parked') clock.increment(BACKOFF.maxMs);
      }
      if (state === 'paused') await untilIn('paused');
    }
    send({ type: 'dataset.delete' });
    await until((snapshot) => snapshot.status === 'done');
    expect(sources.deleteDataset.callCount()).toBe(1);
  });

  test('that fails is tried again for as long as it takes, and pausing does not hold it up', async () => {
    const { actor, clock, phases, sources, send, until, untilIn } = start();
    sources.deleteDataset.hold();
    actor.start();
    send({ type: 'dataset.delete' });
    for (let n = 1; n <= BACKOFF.failuresMax + 2; n += 1) {
      send({ type: 'dataset.pause', reason: 'user' });
      (await sources.deleteDataset.call(n)).fail(hopeless());
      await untilIn('deletionFailed');
      expect(phases.at(-1)).toBe('backingOff');
      send({ type: 'dataset.pause', reason: 'user' });
      clock.increment(BACKOFF.maxMs);
    }
    sources.deleteDataset.letGo();
    await until((snapshot) => snapshot.status === 'done');
  });

  test('ends the actor, which hears nothing any more', async () => {
    const { actor, phases, send, until } = start();
    actor.start();
    send({ type: 'dataset.delete' });
    await until((snapshot) => snapshot.status === 'done');
    send({ type: 'dataset.changed' });
    send({ type: 'dataset.pause', reason: 'user' });
    expect(phases.at(-1)).toBe('deleted');
    expect(actor.getSnapshot().value).toBe('deleted');
  });
});
