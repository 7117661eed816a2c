import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { BatchLimits } from '../../src/batch/batch-api.ts';
import { createLocalEmbedder } from '../../src/embedders/local-embedder.ts';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { createRuntime, type Runtime } from '../../src/runtime/create-runtime.ts';
import type { SynclineEvent } from '../../src/runtime/events.ts';
import type { SynclineOptions } from '../../src/runtime/options.ts';
import type { BatchDefect } from '../support/batch-answers.ts';
import { type BatchServer, startBatchServer } from '../support/batch-server.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const DIMENSIONS = 8;
setDefaultTimeout(120_000);

let dir: TempDir;
let server: BatchServer;
let runtimes: Runtime[];

beforeEach(async () => {
  dir = makeTempDir();
  server = await startBatchServer({ dimensions: DIMENSIONS });
  runtimes = [];
});

afterEach(async () => {
  for (const runtime of runtimes) await runtime.stop();
  await server.close();
  dir.remove();
});

function open(batch: boolean | Partial<BatchLimits> = true, options: SynclineOptions = {}): Runtime {
  const embedder = createOpenAiEmbedder({ model: 'm', dimensions: DIMENSIONS, baseUrl: server.url, batch });
  const runtime = createRuntime({
    dataDir: dir.path,
    embedder,
    durableTables: false,
    batchPollIntervalMs: 20,
    batchSettleMs: 0,
    environment: {},
    prices: {
      [`${embedder.provider}/m`]: {
        usdPerMillionTokens: 2,
        batchUsdPerMillionTokens: 1,
        source: 'the test',
        asOf: '2026-11',
      },
    },
    ...options,
  });
  runtimes.push(runtime);
  return runtime;
}

/** Jobs are looked at when `sync` does, and at no other moment. */
const STILL: SynclineOptions = { batchPollIntervalMs: 600_000 };

const documents = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({
    key: `k${from + index}`,
    content: `The document number ${from + index} tells of thing ${from + index}.`,
  }));

async function untilSearchable(runtime: Runtime, address: string, count: number): Promise<void> {
  while ((await runtime.dataset(address).status()).counts.indexedChunks < count)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

async function untilOver(runtime: Runtime): Promise<void> {
  for (;;) {
    const { jobs } = await runtime.batch.sync();
    if (jobs.every(({ nextStep }) => nextStep === 'done')) return;
  }
}

const embeddedTimes = () => {
  const times = new Map<string, number>();
  for (const text of [...server.charged, ...server.direct.texts]) times.set(text, (times.get(text) ?? 0) + 1);
  return [...times.values()];
};

describe('batch jobs without a started runtime', () => {
  test('are submitted by flush, collected by sync, and leave nothing at the provider', async () => {
    const runtime = open(true, STILL);
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'always' } });
    await dataset.ingest(documents(30), { mode: 'async' });
    // It may be looked at before flush() returns: by then the provider has not begun with it.
    server.isMoving = false;
    const { jobs, failures } = await runtime.batch.flush();
    expect(failures).toEqual([]);
    expect(jobs).toMatchObject([{ status: 'submitted', address: 'p/d', textCount: 30 }]);
    server.isMoving = true;
    expect((await dataset.status()).counts).toMatchObject({ batchedChunks: 30, chunks: { pending: 30 } });
    await untilOver(runtime);
    expect((await dataset.status()).isUpToDate).toBe(true);
    const [hit] = await dataset.search('document number 7', { limit: 1 });
    expect(hit).toBeDefined();
    const { items } = await runtime.batch.list();
    expect(items).toMatchObject([
      { status: 'completed', storedCount: 30, refusedCount: 0, releasedCount: 0, nextStep: 'done' },
    ]);
    expect(items[0]?.savedUsd).toBeCloseTo(items[0]?.costUsd ?? 0);
    expect(server.charged).toHaveLength(30);
    // What was searched for.
    expect(server.direct.texts).toHaveLength(1);
    expect(server.files.size).toBe(0);
  });

  test('are all told by the flush that made them, also those that were submitted before it looked', async () => {
    const runtime = open({ inputsPerJobMax: 1 }, STILL);
    await runtime.dataset('p/d').create({ batch: { mode: 'always' } });
    await runtime.dataset('p/d').ingest(documents(5), { mode: 'async' });
    const { jobs, failures } = await runtime.batch.flush();
    expect([jobs.map(({ batchJobId }) => batchJobId), failures]).toEqual([
      Array.from({ length: 5 }, (_, index) => index + 1),
      [],
    ]);
    expect(jobs.every(({ status }) => status !== 'created')).toBe(true);
  });

  test('hold what index() and ingest() would wait for, which return without them', async () => {
    const runtime = open(true, STILL);
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'always' } });
    await dataset.ingest(documents(3), { mode: 'sync' });
    await dataset.index();
    expect((await dataset.status()).counts.batchedChunks).toBe(3);
    expect(server.direct.texts).toHaveLength(0);
  });

  test('are worth while only for enough texts, where the policy is auto', async () => {
    const runtime = open(true, STILL);
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'auto', minBatchSize: 10 } });
    await dataset.ingest(documents(3), { mode: 'sync' });
    expect((await dataset.status()).isUpToDate).toBe(true);
    expect(server.direct.texts).toHaveLength(3);
    await dataset.ingest(documents(12, 100), { mode: 'sync' });
    expect((await dataset.status()).counts).toMatchObject({ batchedChunks: 12, indexedChunks: 3 });
    expect(server.direct.texts).toHaveLength(3);
  });

  test('hold a text for all datasets of the model: it is paid once', async () => {
    const runtime = open(true, STILL);
    await runtime.dataset('p/d').create({ batch: { mode: 'always' } });
    await runtime.dataset('p/d').ingest(documents(5), { mode: 'sync' });
    await runtime.batch.flush();
    await runtime.dataset('p/other').ingest(documents(7), { mode: 'sync' });
    expect(server.direct.texts).toHaveLength(2);
    await untilOver(runtime);
    expect((await runtime.dataset('p/other').status()).isUpToDate).toBe(true);
    expect(embeddedTimes().every((times) => times === 1)).toBe(true);
  });

  test('can be pulled back: what was done is kept, the rest goes the direct way, nothing is paid twice', async () => {
    const runtime = open(true, STILL);
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'always' } });
    // Before: what is ingested may be submitted by then.
    server.outcome = { kind: 'cancelled', share: 0.5 };
    await dataset.ingest(documents(20), { mode: 'sync' });
    await runtime.batch.flush();
    const [job] = (await runtime.batch.list()).items;
    await runtime.batch.pullBack(job?.batchJobId ?? 0);
    await untilOver(runtime);
    expect((await dataset.status()).isUpToDate).toBe(true);
    expect(server.direct.texts.length).toBeGreaterThan(0);
    expect(server.charged.length).toBeGreaterThan(0);
    expect(embeddedTimes().every((times) => times === 1)).toBe(true);
    expect(await rejectionOf(runtime.batch.pullBack(job?.batchJobId ?? 0))).toMatchObject({
      code: 'BATCH_NOT_ALLOWED',
    });
    expect(await rejectionOf(runtime.batch.cancel(99))).toMatchObject({ code: 'BATCH_NOT_FOUND' });
  });

  test('that expire half-way keep what was done, and only the rest is sent again', async () => {
    const runtime = open(true, STILL);
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'always' } });
    // Before: what is ingested may be submitted by then.
    server.outcome = { kind: 'expired', share: 0.5 };
    await dataset.ingest(documents(20), { mode: 'sync' });
    await runtime.batch.flush();
    // The rest goes to another job as soon as somebody works on the dataset.
    server.outcome = { kind: 'completed' };
    while (!(await dataset.status()).isUpToDate) {
      await untilOver(runtime);
      await runtime.batch.flush();
    }
    await untilOver(runtime);
    expect((await runtime.batch.list()).items.map(({ status }) => status)).toEqual(['completed', 'expired']);
    expect(embeddedTimes().every((times) => times === 1)).toBe(true);
  });

  test('can be ended when their embedder is gone, and are cancelled at the provider when it is back', async () => {
    server.outcome = { kind: 'stuck' };
    const runtime = open(true, STILL);
    await runtime.dataset('p/d').create({ batch: { mode: 'always' } });
    await runtime.dataset('p/d').ingest(documents(5), { mode: 'async' });
    const [submitted] = (await runtime.batch.flush()).jobs;
    const { batchJobId = 0, externalId = '?' } = submitted ?? {};
    await runtime.stop();

    const without = open(true, { embedder: createLocalEmbedder() });
    expect((await without.batch.sync()).failures).toMatchObject([{ batchJobId, code: 'PROFILE_MISMATCH' }]);
    const left = await without.batch.cancel(batchJobId);
    expect(left).toMatchObject({ status: 'cancelled', nextStep: 'tidy', externalId });
    expect(left.error ?? '').toContain(externalId);
    expect((await without.batch.sync({ index: false })).failures).toEqual([]);
    await without.dataset('p/d').reconfigure({ embedder: 'runtime' });
    expect((await without.dataset('p/d').status()).isUpToDate).toBe(true);
    await without.stop();

    server.outcome = { kind: 'completed' };
    const back = open(true, STILL);
    await back.batch.sync();
    expect(server.batches.get(externalId)?.status).toBe('cancelling');
    for (const batch of server.batches.values()) batch.status = 'cancelled';
    await untilOver(back);
    expect(server.files.size).toBe(0);
  });

  test('refuse a dataset whose embedder has none, and a policy for it', async () => {
    const runtime = open(false);
    const dataset = runtime.dataset('p/d');
    await dataset.ingest(documents(1), { mode: 'sync' });
    const unsupported = {
      code: 'BATCH_UNSUPPORTED',
      message: expect.stringContaining('Leave its batch policy at "never"'),
    };
    expect(await rejectionOf(dataset.setBatchPolicy({ mode: 'always' }))).toMatchObject(unsupported);
    expect(await rejectionOf(dataset.setBatchPolicy({ mode: 'auto' }))).toMatchObject(unsupported);
    expect(await dataset.setBatchPolicy({ mode: 'never', minBatchSize: 7 })).toMatchObject({
      minBatchSize: 7,
    });
    expect(await rejectionOf(runtime.dataset('p/new').create({ batch: { mode: 'auto' } }))).toMatchObject(
      unsupported,
    );
    expect(await rejectionOf(runtime.dataset('p/new').status())).toMatchObject({ code: 'DATASET_NOT_FOUND' });
    expect(await rejectionOf(runtime.batch.flush({ datasets: ['p/d'] }))).toMatchObject({
      code: 'BATCH_UNSUPPORTED',
    });
    expect(await runtime.batch.sync()).toEqual({ jobs: [], failures: [] });
  });
});

test('a policy is taken where nobody knows the embedder of the dataset', async () => {
  const runtime = open();
  await runtime.dataset('p/d').create();
  await runtime.stop();
  const other = open(false, { embedder: { provider: 'local' } });
  expect(await other.dataset('p/d').setBatchPolicy({ mode: 'always' })).toMatchObject({ mode: 'always' });
});

test('the policy of a declared dataset is stored; one that its embedder cannot keep is told', async () => {
  const batch = { mode: 'auto', minBatchSize: 7 } as const;
  const runtime = open(true, { datasets: { 'p/d': { batch } } });
  await runtime.start();
  expect(await runtime.dataset('p/d').batchPolicy()).toMatchObject(batch);
  await runtime.stop();
  const events: SynclineEvent[] = [];
  const without = open(false, { datasets: { 'p/new': { batch } }, embedder: { provider: 'local' } });
  without.on((event) => events.push(event));
  await without.start();
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'dataset.declarationFailed',
      address: 'p/new',
      code: 'BATCH_UNSUPPORTED',
    }),
  );
  expect(await without.dataset('p/new').batchPolicy()).toMatchObject({ mode: 'never' });
  const wrong = { mod: 'auto' } as object;
  expect(() => open(true, { datasets: { 'p/d': { batch: wrong } } })).toThrow('no "mod"');
});

describe('batch jobs of a started runtime', () => {
  test('are submitted and collected by themselves, and wake their datasets', async () => {
    const events: SynclineEvent[] = [];
    const runtime = open();
    runtime.on((event) => events.push(event));
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'always', maxWaitMs: 10 } });
    await runtime.start();
    await dataset.ingest(documents(40), { mode: 'async' });
    await untilSearchable(runtime, 'p/d', 40);
    expect(server.direct.texts).toHaveLength(0);
    expect(embeddedTimes().every((times) => times === 1)).toBe(true);
    const statuses = events.flatMap((event) => (event.type === 'batch.state' ? event.job.status : []));
    expect(new Set(statuses)).toEqual(new Set(['submitted', 'processing', 'completed']));
    while (server.files.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  test('keep to what the provider takes at a time, and wait where it is less', async () => {
    server.enqueuedTokensMax = 150;
    const runtime = open({ enqueuedTokensMax: 120, inputsPerJobMax: 5 });
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'always', maxWaitMs: 10 } });
    await runtime.start();
    await dataset.ingest(documents(40), { mode: 'async' });
    await untilSearchable(runtime, 'p/d', 40);
    expect([...server.batches.values()].filter(({ status }) => status === 'failed')).toEqual([]);
    expect(embeddedTimes().every((times) => times === 1)).toBe(true);
  });

  test('wait when the provider has too much enqueued, and lose nothing', async () => {
    server.enqueuedTokensMax = 1;
    const runtime = open();
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'always', maxWaitMs: 10 } });
    await runtime.start();
    await dataset.ingest(documents(4), { mode: 'async' });
    while (server.batches.size < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    server.enqueuedTokensMax = 1_000_000;
    await untilSearchable(runtime, 'p/d', 4);
    expect((await runtime.batch.list()).items).toHaveLength(1);
    expect(embeddedTimes().every((times) => times === 1)).toBe(true);
  });

  test('charge a refused text and nobody else', async () => {
    server.poison = 'thing 7.';
    server.direct.poison('thing 7.');
    const runtime = open({ inputsPerRequestMax: 4 });
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'always', maxWaitMs: 10 } });
    await runtime.start();
    await dataset.ingest(documents(20), { mode: 'async' });
    await untilSearchable(runtime, 'p/d', 19);
    while ((await dataset.failures()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await dataset.failures()).toMatchObject([{ key: { key: 'k7' } }]);
    expect((await dataset.status()).counts.chunks).toMatchObject({ failed: 1, pending: 0, ready: 19 });
    expect(embeddedTimes().every((times) => times === 1)).toBe(true);
  });

  test('send a text that was refused alone never again, where others of its job were accepted', async () => {
    server.poison = 'thing 0.';
    const runtime = open({ inputsPerRequestMax: 1 }, STILL);
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'always', maxWaitMs: 10 } });
    await dataset.ingest(documents(3), { mode: 'async' });
    await runtime.batch.flush();
    await untilOver(runtime);
    expect(await dataset.failures()).toMatchObject([{ key: { key: 'k0' }, attemptCount: 1 }]);
    expect((await runtime.batch.flush()).jobs).toEqual([]);
    expect((await runtime.batch.list()).items).toMatchObject([{ refusedCount: 1, storedCount: 2 }]);

    // Where none was, it may be the provider: the text has its attempts.
    await dataset.ingest([{ key: 'k9', content: 'The other of thing 0.' }], { mode: 'async' });
    await runtime.batch.flush();
    await untilOver(runtime);
    expect((await dataset.status()).counts.chunks).toMatchObject({ failed: 1, pending: 1, ready: 2 });
  });

  const outputs: readonly (readonly BatchDefect[])[] = [
    ['shuffled', 'duplicates', 'foreign', 'malformed'],
    ['nan'],
    ['wrongDimension'],
    ['missing'],
  ];

  test.each(outputs.map((defects) => ({ defects })))(
    'take an output with $defects for what is good in it',
    async ({ defects }) => {
      for (const defect of defects) server.defects.add(defect);
      const runtime = open({ inputsPerRequestMax: 3 });
      const dataset = runtime.dataset('p/d');
      await dataset.create({ batch: { mode: 'always', maxWaitMs: 10 } });
      await runtime.start();
      await dataset.ingest(documents(10), { mode: 'async' });
      await untilSearchable(runtime, 'p/d', 10);
      expect((await dataset.check({ level: 'deep' })).inSync).toBe(true);
    },
  );

  test.each(['upload', 'create', 'look', 'content', 'removeFile', 'listFiles', 'listBatches'] as const)(
    'come through errors, lost answers and closed connections at %s',
    async (operation) => {
      server.fail(operation, { kind: 'status', status: 429, headers: { 'retry-after-ms': '5' } });
      server.fail(operation, { kind: 'status', status: 500 });
      server.fail(operation, { kind: 'lost' });
      if (operation === 'content') server.fail(operation, { kind: 'resetInBody' });
      const runtime = open();
      const dataset = runtime.dataset('p/d');
      await dataset.create({ batch: { mode: 'always', maxWaitMs: 10 } });
      await runtime.start();
      await dataset.ingest(documents(6), { mode: 'async' });
      await untilSearchable(runtime, 'p/d', 6);
      expect(embeddedTimes().every((times) => times === 1)).toBe(true);
      while (server.files.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    },
  );

  test('whose results are gone are sent again', async () => {
    server.defects.add('outputGone');
    const runtime = open();
    const dataset = runtime.dataset('p/d');
    await dataset.create({ batch: { mode: 'always', maxWaitMs: 10 } });
    await runtime.start();
    await dataset.ingest(documents(4), { mode: 'async' });
    for (;;) {
      const { items } = await runtime.batch.list();
      if (items[0]?.error !== undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const [job] = (await runtime.batch.list()).items;
    expect(job).toMatchObject({
      error: expect.stringContaining('BATCH_RESULTS_LOST'),
      releasedCount: 4,
      storedCount: 0,
    });
  });
});

describe('a spend cap', () => {
  test.each([
    { of: 'day', spend: { usdPerDayMax: 0.0002 } },
    { of: 'run', spend: { usdPerRunMax: 0.0002 } },
  ])(
    'of a $of holds jobs back that would pass it together with those under way, in this process and the next',
    async ({ spend }) => {
      const options = { spend };
      const runtime = open({ inputsPerJobMax: 10 }, options);
      const dataset = runtime.dataset('p/d');
      await dataset.create({ batch: { mode: 'always', minBatchSize: 1 } });
      await dataset.ingest(documents(40), { mode: 'async' });
      const first = await runtime.batch.flush();
      expect((await runtime.batch.list()).items.map(({ textCount }) => textCount)).toEqual([10]);
      expect(first.failures).toMatchObject([{ code: 'SPEND_CAP_REACHED' }]);
      await runtime.stop();
      const next = open({ inputsPerJobMax: 10 }, options);
      const second = await next.batch.flush();
      expect(second.failures).toMatchObject([{ code: 'SPEND_CAP_REACHED' }]);
      expect((await next.batch.list()).items).toHaveLength(1);
    },
  );
});
