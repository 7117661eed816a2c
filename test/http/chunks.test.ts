import { expect, test } from 'bun:test';
import { waitFor } from '../support/test-runtime.ts';
import { startTestApi } from './http-fixtures.ts';

const PARAGRAPH = 'A tent of two, with a groundsheet that keeps the water out. ';

test('the chunks of a document are told in pages, each with its text as it is embedded', async () => {
  const api = await startTestApi();
  const dataset = api.runtime.dataset('shop/articles');
  await dataset.create({ tokensPerChunkMax: 64 });
  const content = `# Tents\n\n${PARAGRAPH.repeat(4)}\n\n# Stoves\n\n${PARAGRAPH.repeat(4)}`;
  await dataset.ingest([{ key: 'a/b', title: 'Camp', content }]);
  const path = '/v1/datasets/shop/articles/documents/a%2Fb/chunks';
  const first = (await api.call('GET', `${path}?limit=2`)).body;
  const rest = (await api.call('GET', `${path}?after=${first.next}`)).body;
  const chunks = [...first.items, ...rest.items];
  expect(first.items).toHaveLength(2);
  expect(rest.next).toBeUndefined();
  expect(chunks.length).toBeGreaterThan(2);
  for (const [ordinal, chunk] of chunks.entries()) {
    expect(chunk).toMatchObject({ ordinal, status: 'ready', isIndexed: true, attemptCount: 0 });
    expect(chunk.text).toStartWith('Camp');
    expect(chunk.text).toEndWith(content.slice(chunk.start, chunk.end));
    expect(chunk.tokenCount).toBeLessThanOrEqual(64);
  }
  expect((await api.call('GET', '/v1/datasets/shop/articles/documents/none/chunks')).body.code).toBe(
    'DOCUMENT_NOT_FOUND',
  );
});

test('a chunk that has no row yet says so', async () => {
  const api = await startTestApi();
  const dataset = api.runtime.dataset('shop/articles');
  api.provider.misbehave({ kind: 'status', status: 401 }, Number.POSITIVE_INFINITY);
  const gaveUp = new AbortController();
  const ingested = dataset
    .ingest([{ key: 'a', content: PARAGRAPH }], { signal: gaveUp.signal })
    .catch(() => undefined);
  const chunks = () => api.call('GET', '/v1/datasets/shop/articles/documents/a/chunks');
  await waitFor('the document', async () => (await chunks()).body.items?.length === 1);
  gaveUp.abort();
  await ingested;
  expect((await chunks()).body.items).toMatchObject([{ status: 'pending', isIndexed: false }]);
});
