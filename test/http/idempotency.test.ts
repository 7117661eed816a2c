import { describe, expect, test } from 'bun:test';
import { startTestApi } from './http-fixtures.ts';

const REBUILD = '/v1/datasets/docs/site/rebuild?wait=30';

describe('a request with an idempotency key', () => {
  test('is carried out once, also when it is sent again while it is under way', async () => {
    const api = await startTestApi({ prefix: '/vectors' });
    await api.runtime.dataset('docs/site').ingest([{ key: 'a', content: 'words' }]);
    const send = () => api.call('POST', REBUILD, undefined, { 'Idempotency-Key': 'rebuild-1' });
    const [one, other] = await Promise.all([send(), send()]);
    const later = await send();
    expect([one.status, one.body.state]).toEqual([200, 'succeeded']);
    expect([other.body, later.body]).toEqual([one.body, one.body]);
    expect(later.headers.get('idempotent-replayed')).toBe('true');
    expect(later.headers.get('content-location')).toBe(one.headers.get('content-location'));
    expect((await api.runtime.tasks.list({ kind: 'rebuild' })).items).toHaveLength(1);
  });

  test('is refused when the key was sent with another request, or cannot be one', async () => {
    const api = await startTestApi();
    const headers = { 'Idempotency-Key': 'create-1' };
    const create = (dataset: string) =>
      api.call('POST', '/v1/datasets', { project: 'docs', dataset }, headers);
    expect((await create('one')).status).toBe(201);
    const other = await create('two');
    expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    const bad = await api.call('POST', REBUILD, undefined, { 'Idempotency-Key': 'x'.repeat(256) });
    expect([bad.status, bad.body.code]).toEqual([422, 'INVALID_REQUEST']);
  });

  test('may be sent again when it failed for a reason that passes', async () => {
    const api = await startTestApi();
    const headers = { 'Idempotency-Key': 'rollback-1' };
    await api.runtime.dataset('docs/site').ingest([{ key: 'a', content: 'words' }]);
    const send = () => api.call('POST', '/v1/datasets/docs/site/rollback?wait=30', {}, headers);
    expect((await send()).body.code).toBe('NO_EARLIER_TABLE');
    await api.runtime.dataset('docs/site').rebuild();
    expect((await send()).body.state).toBe('succeeded');
  });

  test('meets no other caller with the same key', async () => {
    const [one, other] = ['first-key-long-enough', 'other-key-long-enough'];
    const api = await startTestApi({ http: { apiKeys: [one, other] } });
    const create = (dataset: string, apiKey: string) => {
      const headers = { 'Idempotency-Key': 'same', 'X-API-Key': apiKey };
      return api.call('POST', '/v1/datasets', { project: 'docs', dataset }, headers);
    };
    expect((await create('one', one)).body.address).toBe('docs/one');
    expect((await create('two', other)).body.address).toBe('docs/two');
  });
});
