import { describe, expect, test } from 'bun:test';
import { createSyncline } from '../../src/index.ts';
import { rejectionOf } from '../support/test-runtime.ts';
import { startTestApi } from './http-fixtures.ts';

describe('datasets', () => {
  test('are created, listed in pages, told and deleted', async () => {
    const api = await startTestApi();
    expect((await api.call('GET', '/v1/datasets')).body).toEqual({ items: [] });
    for (const dataset of ['one', 'two', 'three']) {
      const created = await api.call('POST', '/v1/datasets', {
        project: 'docs',
        dataset,
        fields: { language: 'string' },
        tokensPerChunkMax: 64,
      });
      expect(created.status).toBe(201);
      expect(created.headers.get('location')).toBe(`/v1/datasets/docs/${dataset}`);
      expect(created.body).toMatchObject({ address: `docs/${dataset}`, fields: { language: 'string' } });
    }
    const first = await api.call('GET', '/v1/datasets?limit=2');
    expect(first.body.items.map(({ address }: { address: string }) => address)).toEqual([
      'docs/one',
      'docs/two',
    ]);
    const second = await api.call('GET', `/v1/datasets?limit=2&after=${first.body.next}`);
    expect(second.body).toMatchObject({ items: [{ address: 'docs/three', tokensPerChunkMax: 64 }] });
    expect(second.body.next).toBeUndefined();
    expect((await api.call('GET', '/v1/datasets?project=other')).body.items).toEqual([]);

    expect((await api.call('DELETE', '/v1/datasets/docs/two')).status).toBe(204);
    expect((await api.call('GET', '/v1/datasets/docs/two')).body).toMatchObject({
      code: 'DATASET_NOT_FOUND',
    });
  });

  test('tell their status with an ETag that changes when they do', async () => {
    const api = await startTestApi();
    await api.runtime.dataset('docs/one').ingest([{ key: 'a', content: 'words' }]);
    const status = await api.call('GET', '/v1/datasets/docs/one/status');
    expect(status.body).toMatchObject({ isUpToDate: true, counts: { documents: 1 } });
    const etag = status.headers.get('etag') ?? '';
    const again = await api.call('GET', '/v1/datasets/docs/one/status', undefined, { 'If-None-Match': etag });
    expect([again.status, again.body]).toEqual([304, '']);
    await api.runtime.dataset('docs/one').ingest([{ key: 'b', content: 'more words' }]);
    const later = await api.call('GET', '/v1/datasets/docs/one/status', undefined, { 'If-None-Match': etag });
    expect([later.status, later.body.counts.documents]).toEqual([200, 2]);
  });

  test('tell all their statuses in pages, as each tells its own', async () => {
    const api = await startTestApi();
    await api.runtime.start();
    for (const name of ['one', 'two', 'three'])
      await api.runtime.dataset(`docs/${name}`).ingest([{ key: name, content: 'words' }]);
    const first = await api.call('GET', '/v1/statuses?limit=2');
    const second = await api.call('GET', `/v1/statuses?limit=2&after=${first.body.next}`);
    const all = [...first.body.items, ...second.body.items];
    expect(all.map(({ address }: { address: string }) => address)).toEqual([
      'docs/one',
      'docs/two',
      'docs/three',
    ]);
    for (const status of all) {
      expect(status).toEqual((await api.call('GET', `/v1/datasets/${status.address}/status`)).body);
      expect((await api.call('GET', `/v1/actors/${status.actorId}`)).body.address).toBe(status.address);
    }
  });

  test('are created again by an equal request, and refused by another one', async () => {
    const api = await startTestApi();
    const wanted = { project: 'docs', dataset: 'one', fields: { language: 'string' } };
    expect((await api.call('POST', '/v1/datasets', wanted)).status).toBe(201);
    expect((await api.call('POST', '/v1/datasets', wanted)).status).toBe(201);
    const other = await api.call('POST', '/v1/datasets', { ...wanted, fields: {} });
    expect([other.status, other.body.code]).toEqual([409, 'DATASET_EXISTS']);
  });
});

describe('problems', () => {
  test('follow RFC 9457 and name each part that is wrong', async () => {
    const api = await startTestApi();
    const answer = await api.call('POST', '/v1/datasets', {
      project: 'docs',
      dataset: '',
      tokensPerChunkMax: 3,
    });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toEqual({
      type: 'urn:syncline:problem:invalid-request',
      title: expect.any(String),
      status: 422,
      code: 'INVALID_REQUEST',
      detail: expect.stringContaining('body.dataset'),
      instance: '/v1/datasets',
      requestId: answer.headers.get('x-request-id'),
      errors: expect.arrayContaining([{ path: 'body.tokensPerChunkMax', detail: expect.any(String) }]),
    });
  });

  test.each([
    ['POST', '/v1/datasets', '{"project": ', 'application/json', 422, 'INVALID_REQUEST'],
    [
      'POST',
      '/v1/datasets',
      'project=docs',
      'application/x-www-form-urlencoded',
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['POST', '/v1/datasets', undefined, undefined, 422, 'INVALID_REQUEST'],
    ['POST', '/v1/datasets', JSON.stringify('x'.repeat(2_000)), 'application/json', 413, 'PAYLOAD_TOO_LARGE'],
    ['GET', '/v1/nothing', undefined, undefined, 404, 'NOT_FOUND'],
    ['GET', '/nothing', undefined, undefined, 404, 'NOT_FOUND'],
    ['PUT', '/v1/datasets', '{}', 'application/json', 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/v1/datasets?limit=501', undefined, undefined, 422, 'INVALID_REQUEST'],
    ['GET', '/v1/datasets?after=x', undefined, undefined, 422, 'INVALID_REQUEST'],
    ['GET', '/v1/datasets/docs/..%2f..', undefined, undefined, 422, 'INVALID_REQUEST'],
  ] as const)('%s %s, number %#, is refused', async (method, path, body, type, status, code) => {
    const api = await startTestApi({ http: { bodyBytesMax: 1_024 } });
    const answer = await api.call(method, path, body, type && { 'Content-Type': type });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test('say nothing of the host where a message would', async () => {
    const api = await startTestApi();
    await api.runtime.start();
    const reader = api.another();
    const app = await reader.http();
    const answer = await app.request('/v1/datasets', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ project: 'docs', dataset: 'one' }),
    });
    const text = await answer.text();
    expect([answer.status, JSON.parse(text).code]).toEqual([409, 'LEASE_HELD']);
    expect(text).not.toContain(api.dataDir);
    expect(text).not.toContain(String(process.pid));
  });
});

test('everything is right under a path of another app', async () => {
  const api = await startTestApi({ prefix: '/vectors' });
  const created = await api.call('POST', '/v1/datasets', { project: 'docs', dataset: 'one' });
  expect(created.headers.get('location')).toBe('/vectors/v1/datasets/docs/one');
  expect((await api.call('GET', '/v1/nothing')).body).toMatchObject({
    code: 'NOT_FOUND',
    instance: '/vectors/v1/nothing',
  });
  expect((await api.call('GET', '/v1/datasets/docs/two')).body.code).toBe('DATASET_NOT_FOUND');
  const { body } = await api.call('GET', '/openapi.json');
  expect(Object.keys(body.paths)).toContain('/v1/datasets/{project}/{dataset}');
  expect(new URL(body.servers[0].url, `${api.url}/openapi.json`).href).toBe(`${api.url}/`);
});

test('an option of the app that does not exist, or is out of range, is refused', async () => {
  await using runtime = createSyncline();
  expect(await rejectionOf(runtime.http({ bodyBytesMax: 1 }))).toMatchObject({ code: 'INVALID_OPTION' });
  const misspelt = { bodyByteMax: 5_000 } as object;
  expect(await rejectionOf(runtime.http(misspelt))).toMatchObject({ code: 'INVALID_OPTION' });
});
