import { afterEach, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { jsonlSource, type Runtime, type SynclineEvent, type SynclineOptions } from '../../../src/index.ts';
import { createAdapters } from '../../../src/runtime/adapters.ts';
import { createRuntimeCore } from '../../../src/runtime/core.ts';
import { runtimeOver } from '../../../src/runtime/create-runtime.ts';
import { resolveOptions } from '../../../src/runtime/options.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { createMemorySource, type MemorySource, numberedRows } from '../../support/memory-source.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { rejectionOf } from '../../support/test-runtime.ts';

const ADDRESS = 'shop/orders';
/** A Friday. */
const FRIDAY_NOON = Date.parse('2026-11-27T12:00:00Z');
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  while (open.length > 0) await open.pop()?.();
});

interface Clocked {
  readonly runtime: Runtime;
  readonly clock: FakeClock;
  readonly events: SynclineEvent[];
  /** Lets time pass until something holds, in steps of a second. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
  /** Lets so much time pass, with all that is due in it done. */
  pass(ms: number): Promise<void>;
  stop(): Promise<void>;
}

function startClocked(
  folder: TempDir,
  startMs: number,
  options: SynclineOptions,
  nowMsOf = (clock: FakeClock): number => clock.nowMs(),
): Clocked {
  const clock = createFakeClock(startMs);
  const resolved = resolveOptions({
    dataDir: folder.join('data'),
    durableTables: false,
    environment: {},
    embedder: { provider: 'local' },
    leaseTtlMs: 3_600_000,
    ...options,
  });
  const core = createRuntimeCore(resolved, {
    ...createAdapters(resolved),
    clock: { ...clock, nowMs: () => nowMsOf(clock) },
  });
  const runtime = runtimeOver(core);
  const events: SynclineEvent[] = [];
  runtime.on((event) => events.push(event));
  const until: Clocked['until'] = async (what, condition) => {
    for (let round = 0; !(await condition()); round += 1) {
      if (round > 2_000) throw new Error(`In vain: ${what}`);
      clock.advance(500);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const isAtRest = (): boolean => {
    const snapshot = core.schedules.scheduler?.actor.getSnapshot();
    return snapshot?.value === 'waiting' && Object.keys(snapshot.context.running).length === 0;
  };
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= HOUR_MS / 2) {
      clock.advance(Math.min(left, HOUR_MS / 2));
      await until('rest', isAtRest);
    }
  };
  const stop = async (): Promise<void> => {
    let isStopped = false;
    const stopping = runtime.stop().then(() => {
      isStopped = true;
    });
    await until('the end', () => isStopped);
    await stopping;
  };
  open.push(stop);
  return { runtime, clock, events, until, pass, stop };
}

function setStage(): { folder: TempDir; source: MemorySource; options: SynclineOptions } {
  const folder = makeTempDir();
  open.push(() => folder.remove());
  const source = createMemorySource('db', numberedRows(3));
  return { folder, source, options: { datasets: { [ADDRESS]: { sources: [source] } } } };
}

const runCount = async (runtime: Runtime): Promise<number> =>
  (await runtime.tasks.list({ kind: 'index', limit: 200 })).items.length;

test('a dataset with a source has a full run on Sundays at 3:00 UTC, and status tells the next', async () => {
  const { folder, source, options } = setStage();
  const { runtime, pass } = startClocked(folder, FRIDAY_NOON, options);
  await runtime.start();
  const dataset = runtime.dataset(ADDRESS);
  const [full, index] = await dataset.schedules();
  expect(full).toMatchObject({
    run: 'full',
    isOn: true,
    isDefault: true,
    cron: '0 3 * * 0',
    timeZone: 'UTC',
    nextRunAtMs: Date.parse('2026-11-29T03:00:00Z'),
  });
  expect(index).toMatchObject({ run: 'index', isOn: false, nextRunAtMs: undefined });
  expect((await dataset.status()).nextRun).toEqual({ run: 'full', atMs: Date.parse('2026-11-29T03:00:00Z') });
  await pass(38 * HOUR_MS);
  expect(await runCount(runtime)).toBe(0);
  await pass(2 * HOUR_MS);
  expect(await runCount(runtime)).toBe(1);
  expect(source.since).toEqual([undefined]);
  const [after] = await dataset.schedules();
  expect(after?.nextRunAtMs).toBe(Date.parse('2026-12-06T03:00:00Z'));
  expect(after?.lastRunAtMs).toBeGreaterThanOrEqual(Date.parse('2026-11-29T03:00:00Z'));
  expect(await dataset.status()).toMatchObject({ counts: { documents: 3 } });
}, 120_000);

test('sources that were never read are read at once, in every dataset, also when time goes on during a look', async () => {
  const folder = makeTempDir();
  open.push(() => folder.remove());
  await writeFile(folder.join('rows.jsonl'), '{"key":"one","content":"A tent."}\n');
  const sources = [jsonlSource({ name: 'rows', path: folder.join('rows.jsonl') })];
  const addresses = ['w/a', 'w/b', 'w/c', 'w/d'];
  const datasets = Object.fromEntries(addresses.map((address) => [address, { sources }]));
  let looks = 0;
  const ticking = (clock: FakeClock): number => {
    looks += 1;
    return clock.nowMs() + looks;
  };
  const { runtime, until } = startClocked(folder, FRIDAY_NOON, { datasets }, ticking);
  await runtime.start();
  await until('a run of each', async () => (await runCount(runtime)) === addresses.length);
  await until('documents in each', async () => {
    const { items } = await runtime.listStatuses();
    return items.every(({ counts, unreadSources }) => counts.documents === 1 && unreadSources.length === 0);
  });
}, 120_000);

test('runs that were missed while nobody worked are made up for once', async () => {
  const { folder, source, options } = setStage();
  const first = startClocked(folder, FRIDAY_NOON, options);
  await first.runtime.start();
  await first.runtime.dataset(ADDRESS).setSchedule('index', { cron: '0 * * * *' });
  await first.stop();
  const later = startClocked(folder, FRIDAY_NOON + 5 * DAY_MS + HOUR_MS / 4, options);
  await later.runtime.start();
  // The full run of Sunday, and one of some 120 others.
  await later.until('both runs', async () => (await runCount(later.runtime)) === 2);
  await later.pass(HOUR_MS / 4);
  expect(await runCount(later.runtime)).toBe(2);
  expect(source.since).toHaveLength(2);
  await later.pass(HOUR_MS);
  expect(await runCount(later.runtime)).toBe(3);
}, 120_000);

test('a run never begins while another of its dataset is under way; what was due meanwhile is done with it', async () => {
  const { folder, source, options } = setStage();
  const { runtime, clock, until } = startClocked(folder, FRIDAY_NOON, options);
  await runtime.start();
  await runtime.dataset(ADDRESS).setSchedule('index', { cron: '*/5 * * * *' });
  let isUnderWay = false;
  const released = Promise.withResolvers<void>();
  source.beforeRecord = () => {
    isUnderWay = true;
    return released.promise;
  };
  await until('a run', () => isUnderWay);
  expect(await runCount(runtime)).toBe(1);
  // Its source must not seem to hang.
  for (let turn = 0; turn < 9; turn += 1) {
    clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(await runCount(runtime)).toBe(1);
  source.beforeRecord = () => undefined;
  released.resolve();
  const finished = async (): Promise<boolean> => {
    const { items } = await runtime.tasks.list({ kind: 'index' });
    return items.every(({ state }) => state === 'succeeded');
  };
  await until('its end', finished);
  expect(await runCount(runtime)).toBe(1);
}, 120_000);

test('a run that fails is tried again with growing waits, so often that an outage does not cost a week', async () => {
  const { folder, source, options } = setStage();
  const { runtime, clock, pass, events, until } = startClocked(folder, FRIDAY_NOON, options);
  await runtime.start();
  const dataset = runtime.dataset(ADDRESS);
  source.beforeRecord = () => {
    throw new Error('the database is down');
  };
  const failures = () =>
    events.flatMap((event) =>
      event.type === 'schedule.failed' ? [(event.retryAtMs ?? 0) - event.atMs] : [],
    );
  await pass(39 * HOUR_MS);
  await until('two failures', () => failures().length === 2);
  const full = async () => (await dataset.schedules())[0];
  await until('the note', async () => (await full())?.failureCount === 2);
  const schedule = await full();
  expect(schedule?.retryAtMs).toBeGreaterThan(clock.nowMs());
  expect(schedule?.nextRunAtMs).toBe(schedule?.retryAtMs);
  expect((await dataset.status()).nextRun).toEqual({ run: 'full', atMs: schedule?.retryAtMs ?? 0 });
  // Ten minutes later it is there again.
  await until('ten minutes', () => clock.nowMs() > Date.parse('2026-11-29T03:10:00Z'));
  source.beforeRecord = () => undefined;
  await until('the run', async () => (await dataset.status()).counts.documents === 3);
  await until('the note', async () => (await full())?.lastError === undefined);
  expect(await full()).toMatchObject({
    failureCount: 0,
    retryAtMs: undefined,
    nextRunAtMs: Date.parse('2026-12-06T03:00:00Z'),
  });
  const waits = failures();
  expect(waits.length).toBeGreaterThanOrEqual(3);
  // Each from the upper half of twice the one before.
  for (const [index, waitMs] of waits.entries()) {
    expect(waitMs).toBeGreaterThanOrEqual(30_000 * 2 ** index - 1_000);
    expect(waitMs).toBeLessThanOrEqual(60_000 * 2 ** index);
  }
}, 120_000);

test('a source that stays away is tried a bounded number of times, and what trying cannot mend not at all', async () => {
  const { folder, source, options } = setStage();
  const { runtime, pass, events, until } = startClocked(folder, FRIDAY_NOON, options);
  await runtime.start();
  const dataset = runtime.dataset(ADDRESS);
  await dataset.index();
  source.beforeRecord = () => {
    throw new Error('the database is gone');
  };
  const failures = () => events.filter((event) => event.type === 'schedule.failed');
  await pass(39 * HOUR_MS);
  await pass(14 * HOUR_MS);
  await until('the last try', () => failures().length === 11);
  await pass(2 * DAY_MS);
  expect(failures()).toHaveLength(11);
  expect(await dataset.schedules()).toMatchObject([
    {
      failureCount: 11,
      retryAtMs: undefined,
      lastError: expect.stringContaining('the database is gone'),
      nextRunAtMs: Date.parse('2026-12-06T03:00:00Z'),
    },
    {},
  ]);
  source.beforeRecord = () => undefined;
  source.rows.clear();
  await pass(5 * DAY_MS);
  expect(failures().slice(11)).toMatchObject([{ code: 'MASS_DELETION_REFUSED', retryAtMs: undefined }]);
  expect(await dataset.schedules()).toMatchObject([{ failureCount: 1, retryAtMs: undefined }, {}]);
  // One that removes nothing has nothing to say of that.
  await dataset.index();
  expect((await dataset.status()).lastRunError).toStartWith('MASS_DELETION_REFUSED');
  await dataset.index({ full: true, allowMassDeletion: true });
  expect((await dataset.status()).lastRunError).toBeUndefined();
}, 120_000);

test('a failing run is told, and kept in the schedule until one succeeds, also by hand', async () => {
  const { folder, source, options } = setStage();
  const { runtime, pass, events, until } = startClocked(folder, FRIDAY_NOON, options);
  await runtime.start();
  const dataset = runtime.dataset(ADDRESS);
  await dataset.setSchedule('index', { cron: '30 * * * *', timeZone: 'Europe/Berlin' });
  source.beforeRecord = () => {
    throw new Error('no route to host');
  };
  await pass(HOUR_MS);
  await until('the failure', () => events.some(({ type }) => type === 'schedule.failed'));
  const indexSchedule = async () => (await dataset.schedules())[1];
  await until('its note', async () => (await indexSchedule())?.lastError !== undefined);
  expect(await indexSchedule()).toMatchObject({
    lastError: expect.stringContaining('no route to host'),
    timeZone: 'Europe/Berlin',
    isDefault: false,
  });
  source.beforeRecord = () => undefined;
  await pass(HOUR_MS);
  expect(await indexSchedule()).toMatchObject({ lastError: undefined });

  source.beforeRecord = () => {
    throw new Error('no route to host');
  };
  await pass(HOUR_MS);
  await until('the next failure', async () => (await indexSchedule())?.lastError !== undefined);
  const isKept = expect.stringContaining('no route to host');
  expect(await rejectionOf(dataset.index())).toBeInstanceOf(Error);
  expect((await dataset.status()).lastRunError).toEqual(isKept);
  source.beforeRecord = () => undefined;
  await dataset.index({ source: 'db' });
  expect((await dataset.status()).lastRunError).toEqual(isKept);
  await dataset.index();
  expect((await dataset.status()).lastRunError).toBeUndefined();
  expect(await indexSchedule()).toMatchObject({ failureCount: 0, retryAtMs: undefined });
}, 120_000);

test('a schedule can be turned off, and set back to the default; a typo is named and changes nothing', async () => {
  const { folder, options } = setStage();
  const { runtime, pass } = startClocked(folder, FRIDAY_NOON, options);
  await runtime.start();
  const dataset = runtime.dataset(ADDRESS);
  await dataset.setSchedule('full', 'off');
  expect(await rejectionOf(dataset.setSchedule('full', { cron: '0 25 * * *' }))).toMatchObject({
    code: 'INVALID_SCHEDULE',
    message: expect.stringContaining('0 25 * * *'),
  });
  expect(await rejectionOf(dataset.setSchedule('full', { cron: '0 0 30 2 *' }))).toMatchObject({
    code: 'INVALID_SCHEDULE',
    message: expect.stringContaining('never comes'),
  });
  const misspelt = { [ADDRESS]: { schedules: { ful: 'off' } } } as unknown as SynclineOptions['datasets'];
  expect(() => resolveOptions({ environment: {}, ...(misspelt && { datasets: misspelt }) })).toThrow(
    /a schedule for "ful", which is no run: there are full and index/,
  );
  expect((await dataset.schedules())[0]).toMatchObject({ isOn: false, nextRunAtMs: undefined });
  await pass(3 * DAY_MS);
  expect(await runCount(runtime)).toBe(0);
  await dataset.setSchedule('full', 'default');
  expect((await dataset.schedules())[0]).toMatchObject({ isOn: true, cron: '0 3 * * 0' });
  // What was due while it was off is not made up for.
  expect(await runCount(runtime)).toBe(0);
}, 120_000);

test('changes that a hook has noted are read by the next worker', async () => {
  const { folder, source, options } = setStage();
  const first = startClocked(folder, FRIDAY_NOON, options);
  source.beforeRecord = () => {
    throw new Error('not now');
  };
  const onSaved = first.runtime.dataset(ADDRESS).hook();
  onSaved({ table: 'rows', ids: [2] });
  await onSaved.settled();
  await first.stop();
  source.beforeRecord = () => undefined;
  const next = startClocked(folder, FRIDAY_NOON + HOUR_MS, options);
  await next.runtime.start();
  await next.until(
    'the run',
    async () => (await next.runtime.dataset(ADDRESS).status()).counts.documents === 1,
  );
  expect(source.asked.at(-1)).toEqual([2]);
}, 120_000);
