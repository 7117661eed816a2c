import { expect, test } from 'bun:test';
import { answer, createClient, ProblemError } from '../../src/client/client.ts';
import { rejectionOf } from '../support/test-runtime.ts';
import { startTestApi } from './http-fixtures.ts';

test.each(['', '/vectors'])('the typed client works with a server under "%s"', async (prefix) => {
  const api = await startTestApi({ prefix });
  const client = createClient(api.url);
  const datasets = client.v1.datasets;
  const param = { project: 'docs', dataset: 'site' };
  const dataset = datasets[':project'][':dataset'];

  const created = await answer(datasets.$post({ json: { ...param, fields: { language: 'string' } } }));
  expect(created.fields).toEqual({ language: 'string' });
  const documents = [{ key: 'a/b', content: 'words of a', metadata: { language: 'en' } }];
  const added = await answer(dataset.documents.$post({ param, query: { wait: '30' }, json: { documents } }));
  expect(added.addedCount).toBe(1);
  const { results } = await answer(dataset.search.$post({ param, json: { query: 'words', mode: 'text' } }));
  expect(results[0]?.key).toBe('a/b');
  const key = encodeURIComponent('a/b');
  const document = await answer(dataset.documents[':key'].$get({ param: { ...param, key }, query: {} }));
  expect(document.content).toBe('words of a');
  const task = await answer(dataset.rebuild.$post({ param, query: { wait: '30' } }));
  expect(task.state).toBe('succeeded');
  // Hono's client leaves a last `/index` out of the address.
  const indexed = await answer(dataset.index.$post({ param, query: { wait: '30' }, json: {} }));
  expect(indexed).toMatchObject({ kind: 'index', state: 'succeeded' });
  expect(dataset.index.$url({ param, query: {} }).href).toBe(`${api.url}/v1/datasets/docs/site/index`);
  const status = await answer(dataset.status.$get({ param }));
  expect(status.counts.documents).toBe(1);
  await answer(dataset.$delete({ param }));
  const gone = await rejectionOf(answer(dataset.status.$get({ param })));
  expect(gone).toBeInstanceOf(ProblemError);
  expect(gone).toMatchObject({
    status: 404,
    code: 'DATASET_NOT_FOUND',
    problem: { title: expect.any(String) },
  });
});

test('the typed client sends its key', async () => {
  const apiKey = 'a-key-that-is-long-enough';
  const api = await startTestApi({ http: { apiKeys: [apiKey] } });
  const refused = await rejectionOf(answer(createClient(api.url).v1.datasets.$get({ query: {} })));
  expect(refused).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
  const { items } = await answer(createClient(api.url, { apiKey }).v1.datasets.$get({ query: {} }));
  expect(items).toEqual([]);
});
