import { describe, expect, test } from 'bun:test';
import { startTestApi, type TestApi } from './http-fixtures.ts';

const DOCUMENTS = '/v1/datasets/docs/site/documents';

const documents = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({
    key: `page/${from + index}`,
    title: `Page ${from + index}`,
    content: `# Page ${from + index}\n\nWords of word${from + index}.`,
    metadata: { parity: index % 2 === 0 ? 'even' : 'odd' },
  }));

async function withDocuments(count: number): Promise<TestApi> {
  const api = await startTestApi();
  await api.call('POST', '/v1/datasets', { project: 'docs', dataset: 'site', fields: { parity: 'string' } });
  const added = await api.call('POST', `${DOCUMENTS}?wait=30`, { documents: documents(count) });
  expect([added.status, added.body.addedCount, added.body.isSearchable]).toEqual([200, count, true]);
  return api;
}

describe('documents', () => {
  test('are taken in as JSON, listed in pages, read and searched', async () => {
    const api = await withDocuments(5);
    const first = await api.call('GET', `${DOCUMENTS}?limit=3`);
    expect(first.body.items.map(({ key }: { key: string }) => key)).toEqual(['page/0', 'page/1', 'page/2']);
    const second = await api.call('GET', `${DOCUMENTS}?limit=3&after=${first.body.next}`);
    expect(second.body.items).toHaveLength(2);
    expect(second.body.next).toBeUndefined();

    const read = await api.call('GET', `${DOCUMENTS}/page%2F3`);
    expect(read.body).toMatchObject({
      key: 'page/3',
      source: 'default',
      revision: 1,
      metadata: { parity: 'odd' },
    });
    expect(read.body.content).toStartWith('# Page 3');
    expect((await api.call('GET', `${DOCUMENTS}/page%2F9`)).body.code).toBe('DOCUMENT_NOT_FOUND');

    const filter = { op: 'eq', field: 'parity', value: 'odd' };
    const found = await api.call('POST', '/v1/datasets/docs/site/search', {
      query: 'word3',
      mode: 'text',
      filter,
    });
    expect(found.body.results[0]).toMatchObject({ dataset: 'docs/site', key: 'page/3' });
    const inProject = await api.call('POST', '/v1/projects/docs/search', { query: 'word4', mode: 'text' });
    expect(inProject.body.results[0]).toMatchObject({ key: 'page/4' });
  });

  test('are taken in as a stream of lines; a line that is none is named and stops no other', async () => {
    const api = await startTestApi();
    const lines = [
      ...documents(250).map((document) => JSON.stringify(document)),
      '{"key":',
      '',
      '{"key":"x"}',
    ];
    lines.splice(100, 0, '{"key":"big","content":"\\u0000"}');
    const answer = await api.call('POST', `${DOCUMENTS}?wait=30`, lines.join('\n'), {
      'Content-Type': 'application/x-ndjson',
    });
    expect(answer.body).toMatchObject({
      readCount: 253,
      addedCount: 250,
      refusedCount: 3,
      isSearchable: true,
    });
    expect(answer.body.refused.map(({ code }: { code: string }) => code)).toEqual([
      'INVALID_DOCUMENT',
      'INVALID_DOCUMENT',
      'INVALID_DOCUMENT',
    ]);
    const task = await api.call('GET', `/v1/tasks/${answer.body.taskId}`);
    expect(task.body).toMatchObject({ kind: 'ingest', state: 'succeeded', dataset: 'docs/site' });
  });

  test('of a stream or a body that is too large are refused with 413, and what came before is kept', async () => {
    const api = await startTestApi({ http: { bodyBytesMax: 4_096, streamBytesMax: 65_536 } });
    const lines = documents(2_000).map((document) => JSON.stringify(document));
    const stream = await api.call('POST', DOCUMENTS, lines.join('\n'), {
      'Content-Type': 'application/x-ndjson',
    });
    expect([stream.status, stream.body.code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    const body = await api.call('POST', DOCUMENTS, { documents: documents(100) });
    expect([body.status, body.body.code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    const line = JSON.stringify({ key: 'long', content: 'x'.repeat(5_000) });
    const long = await api.call('POST', DOCUMENTS, line, { 'Content-Type': 'application/x-ndjson' });
    expect(long.body).toMatchObject({ refusedCount: 1, refused: [{ code: 'DOCUMENT_TOO_LARGE' }] });
  });

  test('are deleted one by one, by keys, and by a filter', async () => {
    const api = await withDocuments(20);
    expect((await api.call('DELETE', `${DOCUMENTS}/page%2F0?wait=30`)).body.progress).toEqual({
      removedCount: 1,
    });
    const keys = ['page/1', { key: 'page/2', source: 'default' }, 'unknown'];
    const byKey = await api.call('POST', `${DOCUMENTS}/delete?wait=30`, { keys });
    expect(byKey.body).toMatchObject({
      kind: 'deleteDocuments',
      state: 'succeeded',
      progress: { removedCount: 2 },
    });
    const filter = { op: 'eq', field: 'parity', value: 'even' };
    const byFilter = await api.call('POST', `${DOCUMENTS}/delete?wait=30`, { filter });
    expect(byFilter.body.progress).toEqual({ removedCount: 8 });
    const left = (await api.call('GET', DOCUMENTS)).body.items;
    expect(left).toHaveLength(9);
    expect(left.every(({ metadata }: { metadata: { parity: string } }) => metadata.parity === 'odd')).toBe(
      true,
    );
    const wrong = { op: 'eq', field: 'colour', value: 'red' };
    expect((await api.call('POST', `${DOCUMENTS}/delete`, { filter: wrong })).body.code).toBe(
      'INVALID_FILTER',
    );
  });
});
