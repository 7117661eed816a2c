import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { type BatchServer, startBatchServer } from '../support/batch-server.ts';
import { waitFor } from '../support/test-runtime.ts';
import { startTestApi, type TestApi } from './http-fixtures.ts';

setDefaultTimeout(120_000);

let server: BatchServer | undefined;

afterEach(async () => {
  await server?.close();
});

/** A dataset of which three texts wait for a batch job. */
async function startWithTexts(): Promise<{ api: TestApi; provider: BatchServer }> {
  const provider = await startBatchServer({ dimensions: 8, looksUntilOver: 1 });
  server = provider;
  const embedder = createOpenAiEmbedder({ model: 'm', dimensions: 8, baseUrl: provider.url, batch: true });
  const api = await startTestApi({ runtime: { embedder, batchSettleMs: 0 } });
  const dataset = api.runtime.dataset('archive/mails');
  await dataset.create({ batch: { mode: 'always' } });
  const mails = ['one', 'two', 'three'].map((name) => ({ key: name, content: `The mail ${name}.` }));
  await dataset.ingest(mails, { mode: 'async' });
  return { api, provider };
}

test('flush and sync are answered with the finished task and its jobs when they are waited for', async () => {
  const { api } = await startWithTexts();
  const flushed = await api.call('POST', '/v1/batches/flush?wait=30', { datasets: ['archive/mails'] });
  expect(flushed.status).toBe(200);
  expect(flushed.headers.get('content-location')).toBe(`/v1/tasks/${flushed.body.id}`);
  expect(flushed.body).toMatchObject({
    kind: 'batchFlush',
    state: 'succeeded',
    dataset: 'archive/mails',
    progress: { datasetCount: 1, jobCount: 1 },
    // The worker may have brought its results in already.
    jobs: [{ id: 1, textCount: 3 }],
    failures: [],
  });
  let stored = 0;
  while (stored < 3) {
    const synced = await api.call('POST', '/v1/batches/sync?wait=30');
    expect([synced.status, synced.body.kind, synced.body.failures]).toEqual([200, 'batchSync', []]);
    stored = (await api.call('GET', '/v1/batches/1')).body.storedCount;
  }
  expect((await api.runtime.dataset('archive/mails').status()).isUpToDate).toBe(true);
  const tasks = await api.call('GET', '/v1/tasks?kind=batchFlush');
  expect(tasks.body.items).toMatchObject([{ id: flushed.body.id, state: 'succeeded' }]);
});

test('flush is answered at once with where to watch it, is cancelled, and can be done again', async () => {
  const { api, provider } = await startWithTexts();
  provider.fail('upload', { kind: 'hang' });
  const begun = await api.call('POST', '/v1/batches/flush', {});
  expect([begun.status, begun.body.state, begun.body.jobs]).toEqual([202, 'running', undefined]);
  const location = begun.headers.get('location') ?? '';
  expect(location).toBe(`/v1/tasks/${begun.body.id}`);
  await waitFor('the upload to hang', () => provider.asked.upload === 1);
  const cancelled = await api.call('POST', `${location}/cancel?wait=30`);
  expect(cancelled.body).toMatchObject({ state: 'cancelled', failure: { code: 'ABORTED' } });
  const again = await api.call('POST', '/v1/batches/flush?wait=30', {});
  expect(again.body).toMatchObject({ state: 'succeeded', jobs: [{ textCount: 3 }] });
  expect(provider.batches.size).toBe(1);
});

test('what is refused is no task', async () => {
  const { api } = await startWithTexts();
  const unknown = await api.call('POST', '/v1/batches/flush', { datasets: ['archive/none'] });
  expect([unknown.status, unknown.body.code]).toEqual([404, 'DATASET_NOT_FOUND']);
  const without = await startTestApi();
  await without.runtime.dataset('docs/site').create();
  const refused = await without.call('POST', '/v1/batches/flush', { datasets: ['docs/site'] });
  expect([refused.status, refused.body.code]).toEqual([409, 'BATCH_UNSUPPORTED']);
  for (const { call } of [api, without])
    expect((await call('GET', '/v1/tasks?kind=batchFlush')).body.items).toEqual([]);
});
