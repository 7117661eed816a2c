import { describe, expect, test } from 'bun:test';
import { waitFor } from '../support/test-runtime.ts';
import { startTestApi, type TestApi } from './http-fixtures.ts';

const DATASET = '/v1/datasets/docs/site';

async function withTable(): Promise<TestApi> {
  const api = await startTestApi();
  await api.runtime.dataset('docs/site').ingest([{ key: 'a', content: 'some words' }]);
  return api;
}

describe('long work', () => {
  test('is answered with the finished task when that is waited for', async () => {
    const api = await withTable();
    for (const [name, body] of [
      ['check', { level: 'deep' }],
      ['repair', {}],
      ['rebuild', undefined],
      ['rollback', {}],
      ['reconfigure', { embedder: 'dataset', tokensPerChunkMax: 64 }],
      ['index', undefined],
      ['failures/retry', undefined],
    ] as const) {
      const answer = await api.call('POST', `${DATASET}/${name}?wait=30`, body);
      expect([name, answer.status, answer.body.state]).toEqual([name, 200, 'succeeded']);
      expect(answer.headers.get('content-location')).toBe(`/v1/tasks/${answer.body.id}`);
    }
    expect((await api.call('GET', `${DATASET}/check`)).body).toMatchObject({
      inSync: true,
      address: 'docs/site',
    });
    expect((await api.call('GET', `${DATASET}/status`)).body).toMatchObject({ tokensPerChunkMax: 64 });
    const tasks = await api.call('GET', '/v1/tasks?limit=3&project=docs&dataset=site');
    expect(tasks.body.items.map(({ kind }: { kind: string }) => kind)).toEqual([
      'retryFailures',
      'index',
      'reconfigure',
    ]);
    const rebuilds = await api.call('GET', '/v1/tasks?kind=rebuild&state=succeeded');
    expect(rebuilds.body.items).toHaveLength(1);
  });

  test('is answered at once with where to watch it, goes on, and is cancelled', async () => {
    const api = await withTable();
    await api.runtime.start();
    api.provider.misbehave({ kind: 'hang' });
    await api.call('POST', `${DATASET}/documents`, { documents: [{ key: 'b', content: 'other words' }] });
    const begun = await api.call('POST', `${DATASET}/index`);
    expect([begun.status, begun.body.state]).toEqual([202, 'running']);
    const location = begun.headers.get('location') ?? '';
    expect((await api.call('GET', location)).body).toMatchObject({ id: begun.body.id, kind: 'index' });
    const cancelled = await api.call('POST', `${location}/cancel?wait=30`);
    expect(cancelled.body).toMatchObject({ state: 'cancelled', failure: { code: 'ABORTED' } });
    const again = await api.call('POST', `${location}/cancel`);
    expect([again.status, again.body.code]).toEqual([409, 'TASK_NOT_RUNNING']);
    const isUpToDate = async (): Promise<boolean> =>
      (await api.call('GET', `${DATASET}/status`)).body.isUpToDate;
    await waitFor('the document to be searchable', isUpToDate);
  }, 120_000);

  test('that cannot be done is refused with the reason when that is waited for, else its task tells', async () => {
    const api = await withTable();
    const waited = await api.call('POST', `${DATASET}/rollback?wait=30`, { table: 'none' });
    expect([waited.status, waited.body.code]).toEqual([409, 'NO_EARLIER_TABLE']);
    const begun = await api.call('POST', `${DATASET}/rollback`, {});
    const ended = await api.call('GET', `/v1/tasks/${begun.body.id}?wait=30`);
    expect(ended.body).toMatchObject({ state: 'failed', failure: { code: 'NO_EARLIER_TABLE' } });
    expect((await api.call('GET', '/v1/tasks/4711')).body.code).toBe('TASK_NOT_FOUND');
  });

  test('is planned before it is paid for', async () => {
    const api = await withTable();
    const plan = await api.call('POST', `${DATASET}/reconfigure/plan`, {
      embedder: 'dataset',
      tokensPerChunkMax: 64,
    });
    expect(plan.body).toMatchObject({ documentCount: 1, knownTextCount: 1, textsToEmbedCount: 0 });
    const same = await api.call('POST', `${DATASET}/reconfigure/plan`, {});
    expect([same.status, same.body.code]).toEqual([422, 'INVALID_OPTION']);
  });
});

test('texts that their provider refuses are listed and given another round', async () => {
  const api = await withTable();
  api.provider.poison('poisoned');
  const documents = [
    { key: 'bad', content: 'poisoned words' },
    { key: 'worse', content: 'poisoned as well' },
  ];
  await api.call('POST', `${DATASET}/documents?wait=30`, { documents });
  const first = await api.call('GET', `${DATASET}/failures?limit=1`);
  expect(first.body.items).toMatchObject([{ key: 'bad', source: 'default', attemptCount: 1 }]);
  const second = await api.call('GET', `${DATASET}/failures?limit=1&after=${first.body.next}`);
  expect(second.body.items).toMatchObject([{ key: 'worse' }]);
  expect(second.body.next).toBeUndefined();
  api.provider.poison(undefined);
  const retried = await api.call('POST', `${DATASET}/failures/retry?wait=30`);
  expect(retried.body).toMatchObject({ state: 'succeeded', progress: { retriedCount: 2 } });
  expect((await api.call('GET', `${DATASET}/failures`)).body.items).toEqual([]);
});

test('the runtime and its projects are told, also where there is no catalog yet', async () => {
  const api = await startTestApi();
  expect((await api.call('GET', '/v1/status')).body).toMatchObject({
    state: 'notStarted',
    hasCatalog: false,
  });
  expect((await api.call('GET', '/v1/projects')).body).toEqual({ items: [] });
  await api.runtime.dataset('docs/site').create();
  await api.runtime.dataset('docs/blog').create();
  await api.runtime.start();
  expect((await api.call('GET', '/v1/status')).body).toMatchObject({ hasCatalog: true, hasWorker: true });
  expect((await api.call('GET', '/v1/projects')).body.items).toEqual([{ name: 'docs', datasetCount: 2 }]);
});
