import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { BatchApi, BatchRequest, BatchResult, RemoteJob } from '../../src/batch/batch-api.ts';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { type BatchServer, startBatchServer } from '../support/batch-server.ts';
import { standInVector } from '../support/embedding-answer.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const DIMENSIONS = 8;
const NAME = 'syncline-abc';

let server: BatchServer;
let api: BatchApi;

beforeEach(async () => {
  server = await startBatchServer({ dimensions: DIMENSIONS, pageSizeMax: 2 });
  api = apiOf(server.url);
});

afterEach(() => server.close());

function apiOf(baseUrl: string): BatchApi {
  const { batch } = createOpenAiEmbedder({
    model: 'm',
    dimensions: DIMENSIONS,
    baseUrl,
    batch: true,
    timeoutMs: 5_000,
  });
  if (batch === undefined) throw new Error('It has no batch API.');
  return batch;
}

async function* requestsOf(...requests: BatchRequest[]): AsyncGenerator<BatchRequest> {
  yield* requests;
}

const REQUESTS: readonly BatchRequest[] = [
  { id: 'r0', texts: ['zero'] },
  { id: 'r1', texts: ['one', 'uno'] },
  { id: 'r2', texts: ['two'] },
];

async function submit(requests = REQUESTS): Promise<RemoteJob> {
  const { fileId } = await api.upload(NAME, requestsOf(...requests), {});
  return api.submit({ name: NAME, submission: 1, fileId }, {});
}

async function untilOver(job: RemoteJob): Promise<RemoteJob> {
  let seen: RemoteJob | undefined = job;
  while (seen?.state === 'waiting' || seen?.state === 'running') seen = await api.look(job.externalId, {});
  if (seen === undefined) throw new Error('The job is gone.');
  return seen;
}

function resultsOf(job: RemoteJob, requests = REQUESTS): Promise<BatchResult[]> {
  const sizes = new Map(requests.map(({ id, texts }) => [id, texts.length]));
  return Array.fromAsync(api.results(job, (id) => sizes.get(id), {}));
}

const kinds = (results: readonly BatchResult[]) =>
  results.map((result) => ('id' in result ? `${result.kind} ${result.id}` : result.kind)).sort();

describe('the batch API of OpenAI', () => {
  test('takes a job through its life, and gives every text its vector', async () => {
    const job = await submit();
    expect(job).toMatchObject({ name: NAME, submission: 1, state: 'waiting', remoteState: 'validating' });
    const over = await untilOver(job);
    expect(over).toMatchObject({ state: 'completed', counts: { total: 3, completed: 3, failed: 0 } });
    const results = await resultsOf(over);
    expect(kinds(results)).toEqual(['vectors r0', 'vectors r1', 'vectors r2']);
    const second = results.find((result) => 'id' in result && result.id === 'r1');
    expect(second).toMatchObject({
      vectors: [standInVector('one', DIMENSIONS), standInVector('uno', DIMENSIONS)],
      tokensCharged: 2,
    });
    for (const fileId of over.fileIds) await api.removeFile(fileId, {});
    for (const fileId of over.fileIds) await api.removeFile(fileId, {});
    expect(server.files.size).toBe(0);
  });

  test('counts the bytes of what it uploads, and finds files and jobs by their name in long lists', async () => {
    const before = Date.now();
    for (const name of ['other-1', 'other-2', 'other-3']) {
      const { fileId } = await api.upload(name, requestsOf({ id: 'a', texts: ['x'] }), {});
      await api.submit({ name, submission: 1, fileId }, {});
    }
    const file = await api.upload(NAME, requestsOf(...REQUESTS), {});
    expect(file.byteCount).toBe(REQUESTS.reduce((sum, request) => sum + api.bytesOf(request), 0));
    expect(await api.findFiles('other-1', { sinceMs: before })).toHaveLength(1);
    expect(await api.findFiles(NAME, { sinceMs: before })).toEqual([file]);
    expect(await api.findFiles(NAME, { sinceMs: before + 3_600_000 })).toEqual([]);
    const [found] = await api.findJobs('other-1', { sinceMs: before });
    expect(found).toMatchObject({ name: 'other-1', submission: 1 });
    expect(await api.findJobs('nobody', { sinceMs: before })).toEqual([]);
  });

  test('reads lines out of order, twice, foreign or malformed, and harms no other', async () => {
    for (const defect of ['shuffled', 'duplicates', 'foreign', 'malformed'] as const)
      server.defects.add(defect);
    const results = await resultsOf(await untilOver(await submit()));
    expect(kinds(results)).toEqual([
      'unknown',
      'unknown',
      'unknown',
      'unreadable',
      'unreadable',
      ...['r0', 'r0', 'r1', 'r1', 'r2', 'r2'].map((id) => `vectors ${id}`),
    ]);
  });

  test.each(['nan', 'wrongDimension'] as const)('refuses a vector with %s', async (defect) => {
    server.defects.add(defect);
    const results = await resultsOf(await untilOver(await submit()));
    expect(kinds(results)).toEqual(['refused r0', 'vectors r1', 'vectors r2']);
    expect(results.find(({ kind }) => kind === 'refused')).toMatchObject({
      error: { code: 'EMBEDDING_ANSWER_INVALID' },
    });
  });

  test('tells refused requests from those that the job did not come to', async () => {
    server.poison = 'uno';
    server.outcome = { kind: 'expired', share: 2 / 3 };
    const over = await untilOver(await submit());
    expect(over.state).toBe('expired');
    const results = await resultsOf(over);
    expect(kinds(results)).toEqual(['refused r1', 'unanswered r2', 'vectors r0']);
  });

  test('reads an error file where there is no other', async () => {
    server.outcome = { kind: 'allFailed' };
    const over = await untilOver(await submit());
    expect(over).toMatchObject({ state: 'completed', counts: { failed: 3 } });
    expect(over.resultFileIds).toHaveLength(1);
    expect(kinds(await resultsOf(over))).toEqual(['refused r0', 'refused r1', 'refused r2']);
  });

  test('says when results are not there, and when the stream of them breaks', async () => {
    server.defects.add('outputGone');
    const gone = await untilOver(await submit());
    expect(await rejectionOf(resultsOf(gone))).toMatchObject({ code: 'BATCH_RESULTS_LOST' });
    server.defects.clear();
    const cut = await untilOver(await submit());
    server.fail('content', { kind: 'resetInBody' });
    expect(await rejectionOf(resultsOf(cut))).toMatchObject({
      code: 'PROVIDER_UNREACHABLE',
      retryable: true,
    });
    expect(await resultsOf(cut)).toHaveLength(3);
  });

  test('is cancelled with what was done by then, and cancelling again is no error', async () => {
    server.outcome = { kind: 'stuck' };
    const job = await submit();
    await api.look(job.externalId, {});
    const batch = server.batches.get(job.externalId);
    if (batch !== undefined) batch.outcome = { kind: 'cancelled', share: 1 / 3 };
    await api.cancel(job.externalId, {});
    const over = await untilOver(job);
    expect(over.state).toBe('cancelled');
    await api.cancel(job.externalId, {});
    await api.cancel('batch_unknown', {});
    expect(kinds(await resultsOf(over))).toEqual(['unanswered r1', 'unanswered r2', 'vectors r0']);
  });

  test('takes a full queue for a wait, told by the job or at once', async () => {
    server.enqueuedTokensMax = 1;
    expect(await untilOver(await submit())).toMatchObject({
      state: 'failed',
      failure: { kind: 'enqueuedLimit' },
    });
    const body = { error: { message: 'Enqueued token limit reached', code: 'token_limit_exceeded' } };
    server.fail('create', { kind: 'status', status: 400, body });
    expect(await rejectionOf(submit())).toMatchObject({ code: 'BATCH_LIMIT_REACHED', retryable: true });
  });

  test('says why a job is not taken', async () => {
    server.outcome = { kind: 'failed' };
    const over = await untilOver(await submit());
    expect(over.failure).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('invalid_json_line'),
    });
    expect(
      await rejectionOf(api.submit({ name: NAME, submission: 1, fileId: 'file-none' }, {})),
    ).toMatchObject({
      code: 'BATCH_REFUSED',
    });
    for (const status of [400, 404, 405, 413, 422]) {
      server.fail('upload', { kind: 'status', status });
      expect(await rejectionOf(submit())).toMatchObject({ code: 'BATCH_REFUSED', retryable: false });
    }
  });

  test('finds nothing where a server has no such lists', async () => {
    server.fail('listFiles', { kind: 'status', status: 404 });
    server.fail('listBatches', { kind: 'status', status: 405 });
    expect(await api.findFiles(NAME, { sinceMs: 0 })).toEqual([]);
    expect(await api.findJobs(NAME, { sinceMs: 0 })).toEqual([]);
  });

  test('tells failures of the provider as the direct way does', async () => {
    const headers = { 'retry-after': '7' };
    server.fail('upload', { kind: 'status', status: 429, body: { error: { message: 'slow' } }, headers });
    expect(await rejectionOf(submit())).toMatchObject({
      code: 'PROVIDER_RATE_LIMITED',
      details: { retryAfterMs: 7_000 },
    });
    server.fail('create', { kind: 'status', status: 500 });
    expect(await rejectionOf(submit())).toMatchObject({ code: 'PROVIDER_FAILED', retryable: true });
    expect(await api.look('batch_x', {})).toBeUndefined();
    const abort = new AbortController();
    abort.abort();
    expect(await rejectionOf(api.look('batch_x', { signal: abort.signal }))).toMatchObject({
      code: 'ABORTED',
    });
    // Bun asks again by itself when a connection that it kept is closed.
    server.fail('look', { kind: 'reset' }, 9);
    expect(await rejectionOf(api.look('batch_x', {}))).toMatchObject({ code: 'PROVIDER_UNREACHABLE' });
  });

  test('passes on what keeps it from reading its requests', async () => {
    const broken = async function* (): AsyncGenerator<BatchRequest> {
      yield { id: 'a', texts: ['x'] };
      throw new Error('no more');
    };
    expect(await rejectionOf(api.upload(NAME, broken(), {}))).toMatchObject({
      code: expect.stringMatching(/PROVIDER|INTERNAL/),
    });
    expect(server.files.size).toBe(0);
  });
});
