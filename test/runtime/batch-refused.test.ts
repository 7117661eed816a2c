import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { Runtime } from '../../src/runtime/create-runtime.ts';
import type { SynclineEvent } from '../../src/runtime/events.ts';
import { type BatchOperation, type BatchServer, startBatchServer } from '../support/batch-server.ts';
import { openBatchRuntime } from '../support/batch-worker.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

const OFTEN = 1_000;
setDefaultTimeout(120_000);

let dir: TempDir;
let server: BatchServer;
let runtime: Runtime;
let events: SynclineEvent[];

beforeEach(async () => {
  dir = makeTempDir();
  server = await startBatchServer({ dimensions: 8 });
  runtime = openBatchRuntime(dir.path, server.url);
  events = [];
  runtime.on((event) => events.push(event));
  await dataset().create({ batch: { mode: 'always', minBatchSize: 2, maxWaitMs: 1 } });
});

afterEach(async () => {
  await runtime.stop();
  await server.close();
  dir.remove();
});

const dataset = () => runtime.dataset('p/d');

const ingest = (name: string, count = 5) =>
  dataset().ingest(
    Array.from({ length: count }, (_, index) => ({
      key: `${name}${index}`,
      content: `Text ${name} ${index}.`,
    })),
    { mode: 'async' },
  );

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, 10));
}

const untilSearchable = (count: number) =>
  until(async () => (await dataset().status()).counts.indexedChunks === count);

const jobs = async () => (await runtime.batch.list()).items;

function refuse(operation: BatchOperation, status: number, times = OFTEN): void {
  server.fail(
    operation,
    { kind: 'status', status, body: { error: { message: 'We do not want it.' } } },
    times,
  );
}

describe('a batch job that its provider refuses', () => {
  test.each([
    ['upload', 400],
    ['upload', 404],
    ['upload', 413],
    ['create', 400],
    ['create', 404],
    ['create', 422],
  ] as const)(
    'at %s (HTTP %i) fails, says why, and its texts go the direct way',
    async (operation, status) => {
      refuse(operation, status);
      await runtime.start();
      await ingest('a');
      await untilSearchable(5);
      await until(async () => (await jobs())[0]?.nextStep === 'done');
      const [job, ...others] = await jobs();
      expect(others).toEqual([]);
      expect(job?.status).toBe('failed');
      expect(job?.error).toMatch(/^BATCH_REFUSED: .*We do not want it/);
      const told = events.filter((event) => event.type === 'batch.state' && event.job.status === 'failed');
      expect(told.length).toBeGreaterThan(0);
      expect(server.asked[operation]).toBe(1);
      expect(server.direct.texts).toHaveLength(5);
      expect(server.files.size).toBe(0);
      expect(await dataset().failures()).toEqual([]);
    },
  );

  test('is told by flush', async () => {
    refuse('create', 413, 1);
    await ingest('a');
    const { failures } = await runtime.batch.flush();
    expect(failures).toMatchObject([{ address: 'p/d', code: 'BATCH_REFUSED' }]);
    await dataset().index();
    expect((await dataset().status()).counts.indexedChunks).toBe(5);
  });

  test('lets texts that come later go the direct way meanwhile where the policy is auto', async () => {
    await dataset().setBatchPolicy({ mode: 'auto' });
    refuse('create', 400);
    await runtime.start();
    await ingest('a');
    await untilSearchable(5);
    await ingest('b');
    await untilSearchable(10);
    expect(await jobs()).toHaveLength(1);
  });

  test('that it took and failed over is made again a minute later, and flush says so', async () => {
    server.outcome = { kind: 'failed' };
    await ingest('a');
    await runtime.batch.flush();
    await until(async () => {
      await runtime.batch.sync({ index: false });
      return (await jobs())[0]?.status === 'failed';
    });
    // It may have been the provider's bad day.
    expect((await dataset().status()).counts.chunks.pending).toBe(5);
    const { failures } = await runtime.batch.flush();
    expect(failures).toMatchObject([
      { address: 'p/d', code: 'BATCH_REFUSED', message: expect.stringContaining('"syncline backfill"') },
    ]);
    expect(server.direct.texts).toEqual([]);
    expect(await dataset().backfill()).toMatchObject({ embeddedCount: 5, remainingCount: 0 });
    expect(await jobs()).toHaveLength(1);
  });

  test.each([
    ['upload', 401],
    ['upload', 403],
    ['create', 402],
    ['create', 429],
    ['create', 503],
    ['look', 401],
  ] as const)(
    'for its own reasons at %s (HTTP %i) has it again when it can, and nobody is charged',
    async (operation, status) => {
      refuse(operation, status, 2);
      await runtime.start();
      await ingest('a');
      await untilSearchable(5);
      expect(server.direct.texts).toEqual([]);
      expect(await jobs()).toMatchObject([{ status: 'completed', refusedCount: 0 }]);
    },
  );
});
