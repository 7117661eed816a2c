import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { BatchApi, BatchRequest, BatchResult, RemoteJob } from '../../src/batch/batch-api.ts';
import type { Embedder } from '../../src/embedders/embedder.ts';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { type GeminiOperation, type GeminiServer, startGeminiServer } from '../support/gemini-server.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const DIMENSIONS = 8;
const NAME = 'syncline-abc';
const KEY = 'AIza-secret-of-ours';
const REQUESTS: readonly BatchRequest[] = ['zero', 'one', 'two'].map((text, at) => ({
  id: `r${at}`,
  texts: [text],
}));

let server: GeminiServer;
let embedder: Embedder;
let api: BatchApi;

beforeEach(async () => {
  server = await startGeminiServer(DIMENSIONS);
  embedder = embedderOf();
  api = batchOf(embedder);
});
afterEach(() => server.close());

function embedderOf(more: { sendDimensions?: boolean; dimensions?: number } = {}): Embedder {
  return createOpenAiEmbedder({
    model: 'gemini-embedding-001',
    dimensions: DIMENSIONS,
    baseUrl: server.url,
    apiKey: KEY,
    server: 'gemini',
    timeoutMs: 5_000,
    ...more,
  });
}

function batchOf({ batch }: Embedder): BatchApi {
  if (batch === undefined) throw new Error('It has no batch API.');
  return batch;
}

async function* requestsOf(...requests: readonly BatchRequest[]): AsyncGenerator<BatchRequest> {
  yield* requests;
}

async function submit(): Promise<RemoteJob> {
  const { fileId } = await api.upload(NAME, requestsOf(...REQUESTS), {});
  return api.submit({ name: NAME, submission: 2, fileId }, {});
}

async function lookAt({ externalId }: RemoteJob): Promise<RemoteJob> {
  const job = await api.look(externalId, {});
  if (job === undefined) throw new Error('The job is gone.');
  return job;
}

function resultsOf(job: RemoteJob): Promise<BatchResult[]> {
  const ids = new Set(REQUESTS.map(({ id }) => id));
  return Array.fromAsync(api.results(job, (id) => (ids.has(id) ? 1 : undefined), {}));
}

const kinds = (results: readonly BatchResult[]) =>
  results.map((result) => ('id' in result ? `${result.kind} ${result.id}` : result.kind)).sort();

describe("Gemini's batch API", () => {
  test('makes the vectors that the direct way makes', async () => {
    const job = await submit();
    expect(job).toMatchObject({ name: NAME, submission: 2, state: 'waiting', isCancelling: false });
    server.finish(job.externalId);
    const over = await lookAt(job);
    expect(over).toMatchObject({ state: 'completed', remoteState: 'JOB_STATE_SUCCEEDED' });
    const results = await resultsOf(over);
    expect(kinds(results)).toEqual(['vectors r0', 'vectors r1', 'vectors r2']);
    const direct = await embedder.embed(
      REQUESTS.flatMap(({ texts }) => texts),
      { purpose: 'document' },
    );
    for (const [at, { id }] of REQUESTS.entries()) {
      const result = results.find((one) => 'id' in one && one.id === id);
      expect(result).toMatchObject({ vectors: [direct.vectors[at]], tokensCharged: 3 });
    }
    for (const fileId of [...server.files.keys()]) await api.removeFile(fileId, {});
    for (const fileId of over.fileIds) await api.removeFile(fileId, {});
    expect(server.files.size).toBe(0);
    expect([...server.keys]).toEqual([KEY]);
  });

  test('asks for a length where the direct way does', async () => {
    api = batchOf(embedderOf({ sendDimensions: true, dimensions: 4 }));
    const job = await submit();
    server.finish(job.externalId);
    const [first] = await resultsOf(await lookAt(job));
    expect(first).toMatchObject({ kind: 'vectors', vectors: [{ length: 4 }] });
  });

  test('counts the bytes of what it uploads, and leaves no file of its own behind', async () => {
    const spooled = () => readdirSync(tmpdir()).filter((name) => name.startsWith('syncline-batch-'));
    const before = spooled();
    const file = await api.upload(NAME, requestsOf(...REQUESTS), {});
    const stored = server.files.get(file.fileId)?.text ?? '';
    expect(file.byteCount).toBe(Buffer.byteLength(stored));
    expect(file.byteCount).toBe(REQUESTS.reduce((sum, request) => sum + api.bytesOf(request), 0));
    async function* broken(): AsyncGenerator<BatchRequest> {
      yield { id: 'r0', texts: ['zero'] };
      throw new Error('the catalog is gone');
    }
    expect(await rejectionOf(api.upload(NAME, broken(), {}))).toBeInstanceOf(Error);
    expect(server.files.size).toBe(1);
    expect(spooled()).toEqual(before);
  });

  test('uploads what is sent in several pieces as one file', async () => {
    const text = 'ü'.repeat(1_000);
    async function* many(): AsyncGenerator<BatchRequest> {
      for (let at = 0; at < 5_000; at += 1) yield { id: `r${at}`, texts: [text] };
    }
    const { fileId, byteCount } = await api.upload(NAME, many(), {});
    expect(byteCount).toBeGreaterThan(8_388_608);
    const lines = server.files.get(fileId)?.text.trim().split('\n') ?? [];
    expect(lines).toHaveLength(5_000);
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({ request: { content: { parts: [{ text }] } } });
  });

  test('finds files and jobs by their name in long lists, also those whose answer was lost', async () => {
    for (const name of ['syncline-other', NAME, 'syncline-more', NAME])
      await api.upload(name, requestsOf(...REQUESTS), {});
    const files = await api.findFiles(NAME, { sinceMs: 0 });
    expect(files).toHaveLength(2);
    const [{ fileId } = { fileId: '' }] = files;
    for (const name of ['syncline-other', 'syncline-more', 'syncline-most'])
      await api.submit({ name, submission: 1, fileId }, {});
    server.failNext('create', { kind: 'lost' });
    expect(await rejectionOf(api.submit({ name: NAME, submission: 1, fileId }, {}))).toMatchObject({
      code: 'PROVIDER_UNREACHABLE',
      retryable: true,
    });
    const jobs = await api.findJobs(NAME, { sinceMs: 0 });
    expect(jobs).toMatchObject([{ name: NAME, submission: 1, state: 'waiting' }]);
  });

  test('gives what is good of damaged results, and blames texts only for what they did', async () => {
    const job = await submit();
    const right = (at: number) => server.resultOf(JSON.stringify(lineOf(at)));
    const lineOf = (at: number) => ({ key: `r${at}`, request: { content: { parts: [{ text: 'x' }] } } });
    const error = (key: string, code: number) => JSON.stringify({ key, error: { code, message: 'said so' } });
    const short = JSON.stringify({ key: 'r1', response: { embedding: { values: [1, 2] } } });
    const cases: [string[], string[]][] = [
      [
        [right(0), '{"key":', right(2)],
        ['unreadable', 'vectors r0', 'vectors r2'],
      ],
      [
        [right(0), right(7), short],
        ['refused r1', 'unknown', 'vectors r0'],
      ],
      [
        [error('r0', 3), error('r1', 8), error('r2', 13)],
        ['refused r0', 'unanswered r1', 'unanswered r2'],
      ],
      [
        [error('r0', 400), '{"key":"r1"}', '[]'],
        ['refused r0', 'unanswered r1', 'unreadable'],
      ],
    ];
    for (const [lines, expected] of cases) {
      server.finish(job.externalId, 'JOB_STATE_PARTIALLY_SUCCEEDED', lines);
      expect(kinds(await resultsOf(await lookAt(job)))).toEqual(expected);
    }
  });

  test('knows every state, and takes an unknown one for no end', async () => {
    const job = await submit();
    const states: [string, RemoteJob['state']][] = [
      ['BATCH_STATE_PENDING', 'waiting'],
      ['JOB_STATE_QUEUED', 'waiting'],
      ['BATCH_STATE_RUNNING', 'running'],
      ['JOB_STATE_CANCELLING', 'running'],
      ['JOB_STATE_PAUSED', 'running'],
      ['UNKNOWN', 'running'],
      ['BATCH_STATE_SUCCEEDED', 'completed'],
      ['BATCH_STATE_CANCELLED', 'cancelled'],
      ['BATCH_STATE_EXPIRED', 'expired'],
      ['BATCH_STATE_FAILED', 'failed'],
    ];
    for (const [remote, state] of states) {
      server.finish(job.externalId, remote);
      expect((await lookAt(job)).state).toBe(state);
    }
    expect((await lookAt(job)).failure).toMatchObject({ kind: 'refused' });
  });

  test('asks for a cancellation, which nothing happens to when the job is over or gone', async () => {
    const job = await submit();
    await api.cancel(job.externalId, {});
    expect(await lookAt(job)).toMatchObject({ state: 'running', isCancelling: true });
    server.failNext('cancel', { kind: 'status', status: 400 });
    await api.cancel(job.externalId, {});
    await api.cancel('batches/none', {});
    expect(await api.look('batches/none', {})).toBeUndefined();
  });

  test('tells what goes wrong by whose it is, and no key', async () => {
    const job = await submit();
    const { fileId } = await api.upload(NAME, requestsOf(...REQUESTS), {});
    const again = () => api.submit({ name: NAME, submission: 3, fileId }, {});
    const look = () => api.look(job.externalId, {});
    const badKey = `API key not valid. Please pass a valid API key. ${KEY}`;
    const cases: [GeminiOperation, number, string, () => Promise<unknown>, string?][] = [
      ['create', 429, 'BATCH_LIMIT_REACHED', again],
      ['create', 400, 'BATCH_REFUSED', again],
      ['create', 400, 'PROVIDER_AUTH', again, badKey],
      ['create', 500, 'PROVIDER_FAILED', again],
      ['look', 429, 'PROVIDER_RATE_LIMITED', look],
      ['look', 403, 'PROVIDER_AUTH', look],
      ['look', 503, 'PROVIDER_FAILED', look],
      ['removeFile', 400, 'PROVIDER_AUTH', () => api.removeFile(fileId, {}), badKey],
      ['startUpload', 413, 'BATCH_REFUSED', () => api.upload(NAME, requestsOf(...REQUESTS), {})],
      ['startUpload', 429, 'PROVIDER_RATE_LIMITED', () => api.upload(NAME, requestsOf(...REQUESTS), {})],
    ];
    for (const [operation, status, code, run, message] of cases) {
      server.failNext(operation, { kind: 'status', status, ...(message === undefined ? {} : { message }) });
      const error = await run().then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(error).toMatchObject({ code });
      expect(Bun.inspect(error, { depth: 20 })).not.toContain(KEY);
    }
    const away = batchOf(
      createOpenAiEmbedder({
        model: 'm',
        dimensions: DIMENSIONS,
        baseUrl: 'http://127.0.0.1:1/v1beta/openai',
        server: 'gemini',
      }),
    );
    const error = away.findJobs(NAME, { sinceMs: 0 });
    expect(await rejectionOf(error)).toMatchObject({ code: 'PROVIDER_UNREACHABLE', retryable: true });
  });

  test('tells that results are lost, and that they broke off, when what came before is given', async () => {
    const job = await submit();
    server.finish(job.externalId);
    const over = await lookAt(job);
    server.failNext('download', { kind: 'resetInBody' });
    const seen: BatchResult[] = [];
    const read = async (): Promise<void> => {
      for await (const result of api.results(over, () => 1, {})) seen.push(result);
    };
    expect(await read().catch((error: unknown) => error)).toMatchObject({ code: 'PROVIDER_UNREACHABLE' });
    expect(seen.length).toBeLessThan(REQUESTS.length);
    for (const fileId of over.resultFileIds) await api.removeFile(fileId, {});
    expect(await resultsOf(over).catch((error: unknown) => error)).toMatchObject({
      code: 'BATCH_RESULTS_LOST',
    });
  });

  test('stops when it is told to', async () => {
    const signal = AbortSignal.abort();
    expect(await rejectionOf(api.look('batches/n1', { signal }))).toMatchObject({ code: 'ABORTED' });
    expect(await rejectionOf(api.upload(NAME, requestsOf(...REQUESTS), { signal }))).toMatchObject({
      code: 'ABORTED',
    });
  });
});
