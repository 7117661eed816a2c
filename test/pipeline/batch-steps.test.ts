import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { type BatchWork, DEFAULT_BATCH_SETTINGS } from '../../src/pipeline/batch/batch-work.ts';
import { submitJob, uploadJob } from '../../src/pipeline/batch/hand-in-job.ts';
import { harvestJob } from '../../src/pipeline/batch/harvest-job.ts';
import { lookAtJob } from '../../src/pipeline/batch/look-at-job.ts';
import { nextBatchStep } from '../../src/pipeline/batch/next-step.ts';
import { parseRequestId, requestId } from '../../src/pipeline/batch/request-id.ts';
import { tidyJob } from '../../src/pipeline/batch/tidy-job.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import {
  DIMENSIONS,
  documentOf,
  pending,
  put,
  remove,
  type Stage,
  setStage,
} from '../catalog/catalog-fixtures.ts';
import { type BatchServer, startBatchServer } from '../support/batch-server.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { rejectionOf } from '../support/test-runtime.ts';

setDefaultTimeout(120_000);
const HOUR_MS = 3_600_000;
const { signal } = new AbortController();

let dir: TempDir;
let server: BatchServer;
let catalog: SqlCatalog;
let stage: Stage;
let work: BatchWork;
/** How far the clock of the steps is ahead. */
let aheadMs: number;
let batchJobId: number;

beforeEach(async () => {
  dir = makeTempDir();
  server = await startBatchServer({ dimensions: DIMENSIONS });
  catalog = await openCatalog({ url: dir.join('catalog.db'), access: 'readWrite' });
  stage = await setStage(catalog);
  aheadMs = 0;
  const embedder = createOpenAiEmbedder({
    model: 'm',
    dimensions: DIMENSIONS,
    baseUrl: server.url,
    batch: true,
  });
  work = {
    catalog,
    writer: stage.writer,
    clock: { ...systemClock, nowMs: () => Date.now() + aheadMs },
    settings: { ...DEFAULT_BATCH_SETTINGS, submissionSettleMs: HOUR_MS },
    embedderFor: () => embedder,
    priceOf: () => undefined,
    report: () => undefined,
    wake: async () => undefined,
  };
  await put(stage, documentOf('a', 'one|two|'), documentOf('b', 'three|'));
  batchJobId = await gather();
});

afterEach(async () => {
  await catalog.close();
  await server.close();
  dir.remove();
});

/** A job with all that is pending: two texts in one request, the others alone. */
async function gather(name = 'syncline-test'): Promise<number> {
  const { datasetId, profileId } = stage.dataset;
  const job = await stage.writer.createBatchJob({
    name,
    type: 'embedding',
    datasetId,
    profileId,
  });
  const chunks = await pending(stage);
  await stage.writer.addBatchTexts(
    job.batchJobId,
    chunks.map(({ textHash, tokenCount }, index) => ({
      textHash,
      tokenCount,
      requestNo: index < 2 ? 0 : index,
      place: index === 1 ? 1 : 0,
      requestSize: index < 2 ? 2 : 1,
    })),
  );
  await stage.writer.sealBatchJob(job.batchJobId);
  return job.batchJobId;
}

const find = async () => (await catalog.findBatchJob(batchJobId)) ?? expect.unreachable();
const step = () => nextBatchStep(work, batchJobId);

describe('the steps of a batch job', () => {
  test('wake those whose texts wait again, also where that failed as the job ended', async () => {
    const woken: number[] = [];
    const { profileId } = stage.dataset;
    const failing = {
      ...work,
      wake: async () => {
        throw new SynclineError('CATALOG_BUSY', 'The catalog is busy.', { retryable: true });
      },
    };
    await stage.writer.askBatchJob(batchJobId, 'cancel');
    expect(await rejectionOf(submitJob(failing, batchJobId, signal))).toMatchObject({
      message: expect.stringContaining('busy'),
    });
    expect(await step()).toBe('tidy');
    const waking = { ...work, wake: async (id: number) => void woken.push(id) };
    expect(await tidyJob(waking, batchJobId, signal)).toBe('on');
    expect(woken).toEqual([profileId]);
  });

  test('leave out texts that are gone by the upload, and put back what comes where it belongs', async () => {
    await remove(stage, 'b');
    await put(stage, documentOf('a', 'two|'));
    expect(await uploadJob(work, batchJobId, signal)).toBe('on');
    expect(await submitJob(work, batchJobId, signal)).toBe('wait');
    expect(await lookAtJob(work, batchJobId, signal)).toBe('wait');
    expect(await lookAtJob(work, batchJobId, signal)).toBe('on');
    expect(await harvestJob(work, batchJobId, signal)).toBe('on');
    expect(server.charged).toEqual(['two|']);
    expect(await pending(stage)).toEqual([]);
    expect(await tidyJob(work, batchJobId, signal)).toBe('on');
    expect(await step()).toBe('done');
    expect(server.files.size).toBe(0);
  });

  test('end a job whose texts are all gone without asking the provider for anything', async () => {
    await remove(stage, 'a', 'b');
    await uploadJob(work, batchJobId, signal);
    expect(await find()).toMatchObject({ status: 'cancelled', uploadCount: 0 });
    expect(server.asked).toMatchObject({ upload: 0, create: 0 });
  });

  test('find an upload and a submission again whose answers were lost', async () => {
    server.fail('upload', { kind: 'lost' });
    expect(await rejectionOf(uploadJob(work, batchJobId, signal))).toMatchObject({
      code: 'PROVIDER_UNREACHABLE',
    });
    expect(await step()).toBe('upload');
    await uploadJob(work, batchJobId, signal);
    server.fail('create', { kind: 'lost' });
    expect(await rejectionOf(submitJob(work, batchJobId, signal))).toMatchObject({
      code: 'PROVIDER_UNREACHABLE',
    });
    expect(await step()).toBe('submit');
    expect(await submitJob(work, batchJobId, signal)).toBe('on');
    expect(server.asked).toMatchObject({ upload: 1, create: 1 });
    expect(await step()).toBe('look');
  });

  test('make a submission anew only when it had time to turn up, and cancel one that turns up after all', async () => {
    await uploadJob(work, batchJobId, signal);
    server.fail('create', { kind: 'status', status: 500 });
    expect(await rejectionOf(submitJob(work, batchJobId, signal))).toMatchObject({ code: 'PROVIDER_FAILED' });
    expect(await submitJob(work, batchJobId, signal)).toBe('wait');
    expect(server.batches.size).toBe(0);
    aheadMs = 2 * HOUR_MS;
    expect(await submitJob(work, batchJobId, signal)).toBe('wait');
    expect(await find()).toMatchObject({ submissionCount: 2, status: 'submitted' });
    // The first one was on its way for all that time.
    const { api } = { api: work.embedderFor(stage.dataset.profile).batch ?? expect.unreachable() };
    const stray = await api.submit(
      { name: 'syncline-test', submission: 1, fileId: (await find()).fileId ?? '' },
      {},
    );
    aheadMs = 0;
    await lookAtJob(work, batchJobId, signal);
    expect(server.batches.get(stray.externalId)?.status).toBe('cancelling');
    // Cancelled before it has done anything.
    const begun = server.batches.get(stray.externalId) ?? expect.unreachable();
    begun.outcome = { kind: 'cancelled', share: 0 };
    while ((await step()) === 'look') await lookAtJob(work, batchJobId, signal);
    await harvestJob(work, batchJobId, signal);
    expect(await tidyJob(work, batchJobId, signal)).toBe('wait');
    await api.look(stray.externalId, {});
    expect(server.charged).toHaveLength(3);
    expect(await tidyJob(work, batchJobId, signal)).toBe('on');
    expect(server.files.size).toBe(0);
  });

  test("submit again without a wait what was refused for the provider's own reasons", async () => {
    await uploadJob(work, batchJobId, signal);
    for (const status of [401, 402, 429]) {
      server.fail('create', { kind: 'status', status });
      expect(await rejectionOf(submitJob(work, batchJobId, signal))).toBeInstanceOf(Error);
      expect((await find()).error ?? '').toMatch(/^PROVIDER_/);
    }
    await submitJob(work, batchJobId, signal);
    const { status, error } = await find();
    expect({ status, error }).toEqual({ status: 'submitted', error: undefined });
    expect(server.asked.listBatches).toBe(0);
  });

  test('take an earlier submission for theirs that turns up while the answer of a later one is lost', async () => {
    await uploadJob(work, batchJobId, signal);
    for (const times of [1, 2]) {
      server.fail('create', { kind: 'status', status: 500 });
      expect(await rejectionOf(submitJob(work, batchJobId, signal))).toMatchObject({
        code: 'PROVIDER_FAILED',
      });
      aheadMs += times === 1 ? 2 * HOUR_MS : 0;
    }
    const api = work.embedderFor(stage.dataset.profile).batch ?? expect.unreachable();
    const { fileId = '' } = await find();
    const first = await api.submit({ name: 'syncline-test', submission: 1, fileId }, {});
    expect(await submitJob(work, batchJobId, signal)).toBe('on');
    expect(await find()).toMatchObject({ externalId: first.externalId, submissionCount: 2 });
    expect(server.batches.size).toBe(1);
  });

  test('cancel a job that is overdue, and give it up when that does not end it either', async () => {
    server.outcome = { kind: 'stuck' };
    await uploadJob(work, batchJobId, signal);
    await submitJob(work, batchJobId, signal);
    expect(await lookAtJob(work, batchJobId, signal)).toBe('wait');
    expect(server.asked.cancel).toBe(0);
    aheadMs = 25.5 * HOUR_MS;
    expect(await lookAtJob(work, batchJobId, signal)).toBe('wait');
    expect(server.asked.cancel).toBe(1);
    aheadMs = 27 * HOUR_MS;
    expect(await lookAtJob(work, batchJobId, signal)).toBe('on');
    expect(await find()).toMatchObject({
      status: 'expired',
      error: expect.stringContaining('BATCH_OVERDUE'),
    });
    expect(await pending(stage)).toHaveLength(3);
    expect(await tidyJob(work, batchJobId, signal)).toBe('on');
    expect(await step()).toBe('done');
  });

  test('store and charge once what was harvested before a run was cut short', async () => {
    await uploadJob(work, batchJobId, signal);
    await submitJob(work, batchJobId, signal);
    while ((await step()) === 'look') await lookAtJob(work, batchJobId, signal);
    const broken = { ...stage.writer, finishBatchJob: () => Promise.reject(new Error('cut short')) };
    expect(await rejectionOf(harvestJob({ ...work, writer: broken }, batchJobId, signal))).toMatchObject({
      message: expect.stringContaining('cut short'),
    });
    expect(await step()).toBe('harvest');
    await harvestJob(work, batchJobId, signal);
    expect(await find()).toMatchObject({ status: 'completed', stats: { stored: 3, released: 0 } });
    const [costs] = await catalog.listCosts({ by: ['mode'], limit: 9 });
    expect(costs).toMatchObject({ mode: 'batch', textCount: 3, requestCount: 2 });
  });

  test('make a job once more that its provider failed over, and send its texts directly after that', async () => {
    server.outcome = { kind: 'failed' };
    const ways: boolean[][] = [];
    for (const name of ['syncline-test-1', 'syncline-test-2']) {
      if (ways.length > 0) batchJobId = await gather(name);
      await uploadJob(work, batchJobId, signal);
      await submitJob(work, batchJobId, signal);
      while ((await step()) === 'look') await lookAtJob(work, batchJobId, signal);
      await harvestJob(work, batchJobId, signal);
      ways.push((await pending(stage)).map(({ isPulledBack }) => isPulledBack));
    }
    expect(ways).toEqual([
      [false, false, false],
      [true, true, true],
    ]);
  });

  test('pull a job back that was never submitted', async () => {
    await uploadJob(work, batchJobId, signal);
    await stage.writer.askBatchJob(batchJobId, 'pullBack');
    await submitJob(work, batchJobId, signal);
    expect(await find()).toMatchObject({ status: 'cancelled', submissionCount: 0 });
    expect((await pending(stage)).map(({ isPulledBack }) => isPulledBack)).toEqual([true, true, true]);
    await tidyJob(work, batchJobId, signal);
    expect(server.files.size).toBe(0);
  });
});

test('the id of a request tells its number and places', () => {
  for (const [number, places] of [
    [0, [0]],
    [49_999, [0, 3, 15]],
    [7, [100, 130]],
  ] as const) {
    const id = requestId(number, places);
    expect(id).toMatch(/^[\w-]{1,64}$/);
    expect(parseRequestId(id)).toEqual({ requestNo: number, places: [...places] });
  }
  for (const foreign of ['', 'r1', 'x1-1', 'r1-!', `r1-${'z'.repeat(41)}`])
    expect(parseRequestId(foreign)).toBeUndefined();
});

describe('without the embedder of its job', () => {
  const withoutEmbedder = (): BatchWork => ({
    ...work,
    embedderFor: () => {
      throw new SynclineError('PROFILE_MISMATCH', 'There is no embedder of that model.');
    },
  });

  test('a runtime calls off what was never handed over, and nothing waits for it', async () => {
    expect((await pending(stage)).length).toBe(0);
    await stage.writer.askBatchJob(batchJobId, 'pullBack');
    expect(await step()).toBe('submit');
    await submitJob(withoutEmbedder(), batchJobId, signal);
    expect((await pending(stage)).length).toBe(3);
    await tidyJob(withoutEmbedder(), batchJobId, signal);
    expect(await step()).toBe('done');
  });

  test('a runtime waits for it, and leaves the job behind when asked to end it', async () => {
    await uploadJob(work, batchJobId, signal);
    await submitJob(work, batchJobId, signal);
    expect(await rejectionOf(lookAtJob(withoutEmbedder(), batchJobId, signal))).toMatchObject({
      code: 'PROFILE_MISMATCH',
    });
    await stage.writer.askBatchJob(batchJobId, 'pullBack');
    expect(await lookAtJob(withoutEmbedder(), batchJobId, signal)).toBe('on');
    const { externalId = '?', ...job } = await find();
    expect(job.status).toBe('cancelled');
    expect(job.error ?? '').toContain('BATCH_LEFT_BEHIND');
    expect(job.error ?? '').toContain(externalId);
    expect((await pending(stage)).map(({ isPulledBack }) => isPulledBack)).toEqual([true, true, true]);
    expect(await tidyJob(withoutEmbedder(), batchJobId, signal)).toBe('wait');
    expect(server.asked.cancel).toBe(0);

    // It is there again.
    expect(await tidyJob(work, batchJobId, signal)).toBe('wait');
    expect(server.batches.get(externalId)?.status).toBe('cancelling');
    await work.embedderFor(stage.dataset.profile).batch?.look(externalId, {});
    expect(await tidyJob(work, batchJobId, signal)).toBe('on');
    expect(await step()).toBe('done');
    expect(server.files.size).toBe(0);
  });

  test('a runtime ends a job whose submission has no answer yet, and lets go of what is left after a month', async () => {
    await uploadJob(work, batchJobId, signal);
    server.fail('create', { kind: 'lost' });
    expect(await rejectionOf(submitJob(work, batchJobId, signal))).toBeInstanceOf(Error);
    await stage.writer.askBatchJob(batchJobId, 'cancel');
    expect(await submitJob(withoutEmbedder(), batchJobId, signal)).toBe('on');
    expect(await find()).toMatchObject({
      status: 'cancelled',
      error: expect.stringContaining('submitted as syncline-test'),
    });
    aheadMs = 31 * 24 * HOUR_MS;
    expect(await tidyJob(withoutEmbedder(), batchJobId, signal)).toBe('on');
    expect(await step()).toBe('done');
  });
});
