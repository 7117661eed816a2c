import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createKeyRing } from '../../src/http/security/key-ring.ts';
import { createRateLimit } from '../../src/http/security/token-bucket.ts';
import type { HttpOptions } from '../../src/index.ts';
import { startTestApi } from './http-fixtures.ts';

// Each test opens a runtime; on a busy machine that takes a while.
setDefaultTimeout(120_000);

const WRITE = 'write-key-0123456789';
const NEXT = 'next-write-key-0123456789';
const READ = 'read-key-0123456789';
const KEYS: HttpOptions = { apiKeys: [WRITE, NEXT], readKeys: [READ] };
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

describe('keys', () => {
  test.each([
    ['none', {}, 401],
    ['a wrong one', bearer('wrong-key-0123456789'), 401],
    ['a part of one', bearer(WRITE.slice(0, -1)), 401],
    ['an empty one', { 'X-API-Key': '' }, 401],
    ['one under another scheme', { Authorization: `Basic ${WRITE}` }, 401],
    ['a wrong bearer beside a right X-API-Key', { ...bearer('wrong'), 'X-API-Key': WRITE }, 401],
    ['the one that may do everything', bearer(WRITE), 200],
    ['the one that replaces it', bearer(NEXT), 200],
    ['it as X-API-Key', { 'X-API-Key': WRITE }, 200],
    ['it with a scheme in small letters', { Authorization: `bearer ${WRITE}` }, 200],
    ['the one that may only look', bearer(READ), 200],
  ] as const)('let look with %s: %#', async (_, headers, status) => {
    const api = await startTestApi({ http: KEYS });
    const answer = await api.call('GET', '/v1/datasets', undefined, headers);
    expect(answer.status).toBe(status);
    if (status !== 401) return;
    expect(answer.body.code).toBe('UNAUTHORIZED');
    expect(answer.headers.get('www-authenticate')).toStartWith('Bearer');
    expect(JSON.stringify(answer.body)).not.toContain('0123456789');
  });

  test('that may only look change nothing: every route that could is refused', async () => {
    const api = await startTestApi({ http: KEYS });
    const { body } = await api.call('GET', '/openapi.json');
    const operations = Object.entries<Record<string, { operationId: string }>>(body.paths).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, { operationId }]) => ({ path, method, operationId })),
    );
    const changing = operations.filter(
      ({ method, operationId }) => method !== 'get' && !/search|^plan/i.test(operationId),
    );
    expect(changing.length).toBeGreaterThan(1);
    for (const { path, method, operationId } of changing) {
      const url = path.replaceAll(/\{\w+\}/g, 'x');
      const answer = await api.call(
        method.toUpperCase(),
        url,
        method === 'delete' ? undefined : {},
        bearer(READ),
      );
      expect([operationId, answer.status, answer.body.code]).toEqual([operationId, 403, 'FORBIDDEN']);
    }
  });

  test('are not needed for what holds no data, also under a path of another app', async () => {
    const api = await startTestApi({ http: KEYS, prefix: '/vectors' });
    expect((await api.call('GET', '/openapi.json')).status).toBe(200);
    expect((await api.call('POST', '/openapi.json', {})).status).toBe(401);
    expect((await api.call('GET', '/v1/datasets')).status).toBe(401);
    expect((await api.call('GET', '/v1/nothing')).status).toBe(401);
  });

  test('in both lists may do everything', () => {
    const ring = createKeyRing([WRITE], [WRITE, READ]);
    expect(ring.find(WRITE)).toEqual({ access: 'write', id: 'write-1' });
    expect(ring.find(READ)).toEqual({ access: 'read', id: 'read-2' });
    expect(ring.find(`${WRITE} `)).toBeUndefined();
    expect(createKeyRing([], []).isEmpty).toBe(true);
  });
});

describe('hosts and origins', () => {
  const status = async (options: HttpOptions, headers: Record<string, string>): Promise<number> => {
    const api = await startTestApi({ http: options });
    const app = await api.runtime.http(options);
    // Not over a socket: fetch does not let a caller choose its Host.
    return (await app.request('/v1/datasets', { headers })).status;
  };

  test.each([
    ['localhost:7331', {}, 200],
    ['127.0.0.1', {}, 200],
    ['127.9.9.9:80', {}, 200],
    ['[::1]:7331', {}, 200],
    ['LOCALHOST', {}, 200],
    ['rebound.example.com', {}, 403],
    ['localhost.example.com', {}, 403],
    ['127.0.0.1.example.com', {}, 403],
    ['192.168.0.7', {}, 403],
    ['localhost@example.com', {}, 403],
    ['', {}, 403],
    ['vectors.example.com', { allowedHosts: ['vectors.example.com'] }, 200],
    ['vectors.example.com.:443', { allowedHosts: ['Vectors.Example.com'] }, 200],
    ['other.example.com', { allowedHosts: ['vectors.example.com'] }, 403],
    ['other.example.com', { allowedHosts: ['*'] }, 200],
  ] as const)('a request for "%s" under %j: %d', async (host, options, expected) => {
    expect(await status(options, { Host: host })).toBe(expected);
  });

  test('with keys any host is answered, unless hosts are named', async () => {
    const headers = { Host: 'vectors.example.com', ...bearer(READ) };
    expect(await status(KEYS, headers)).toBe(200);
    expect(await status({ ...KEYS, allowedHosts: ['other.example.com'] }, headers)).toBe(403);
  });

  test.each([
    ['http://localhost:7331', {}, 200],
    ['https://localhost:7331', {}, 200],
    ['http://localhost:8080', {}, 403],
    ['https://evil.example.com', {}, 403],
    ['null', {}, 403],
    ['https://app.example.com', { allowedOrigins: ['https://app.example.com/'] }, 200],
    ['http://app.example.com', { allowedOrigins: ['https://app.example.com'] }, 403],
    ['https://app.example.com', { corsOrigins: ['https://app.example.com'] }, 200],
  ] as const)('a page from %s under %j: %d', async (origin, options, expected) => {
    expect(await status(options, { Host: 'localhost:7331', Origin: origin })).toBe(expected);
  });
});

describe('cross-origin reading', () => {
  const origin = 'https://app.example.com';
  const preflight = { Origin: origin, 'Access-Control-Request-Method': 'POST' };

  test('is off unless it is configured', async () => {
    const api = await startTestApi({ http: { ...KEYS, allowedOrigins: [origin] } });
    const asked = await api.call('OPTIONS', '/v1/datasets', undefined, preflight);
    const read = await api.call('GET', '/v1/datasets', undefined, { Origin: origin, ...bearer(READ) });
    expect([asked.status, read.status]).toEqual([401, 200]);
    for (const { headers } of [asked, read]) expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  test('is allowed to the origins that are named, and asked for without a key', async () => {
    const api = await startTestApi({ http: { ...KEYS, corsOrigins: [origin] } });
    const asked = await api.call('OPTIONS', '/v1/datasets', undefined, preflight);
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, origin]);
    expect(asked.headers.get('access-control-allow-headers')).toContain('Authorization');
    expect(asked.headers.get('access-control-allow-credentials')).toBeNull();
    const read = await api.call('GET', '/v1/datasets', undefined, { Origin: origin });
    expect([read.status, read.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
    const other = { ...preflight, Origin: 'https://evil.example.com' };
    expect((await api.call('OPTIONS', '/v1/datasets', undefined, other)).status).toBe(403);
  });
});

test('every answer, also a refusal, has headers that keep browsers from using it otherwise', async () => {
  const api = await startTestApi({ http: KEYS });
  for (const path of ['/openapi.json', '/v1/datasets', '/nothing']) {
    const { headers } = await api.call('GET', path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('server') ?? headers.get('x-powered-by')).toBeNull();
  }
});

describe('the rate limit', () => {
  test('refuses a key that asks too often, says when to come again, and leaves others alone', async () => {
    const api = await startTestApi({ http: { ...KEYS, requestsPerSecondMax: 1, requestBurstMax: 3 } });
    const ask = async (key: string) => (await api.call('GET', '/v1/datasets', undefined, bearer(key))).status;
    expect(await Promise.all([ask(READ), ask(READ), ask(READ)])).toEqual([200, 200, 200]);
    const refused = await api.call('GET', '/v1/datasets', undefined, bearer(READ));
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
      429,
      'RATE_LIMITED',
      '1',
    ]);
    expect(await ask(WRITE)).toBe(200);
    const strangers = await Promise.all(Array.from({ length: 4 }, () => ask('wrong-key-0123456789')));
    expect(strangers.sort()).toEqual([401, 401, 401, 429]);
  });

  test('is for keys: this machine alone may ask as often as it likes', async () => {
    const api = await startTestApi({ http: { requestsPerSecondMax: 1, requestBurstMax: 1 } });
    const answers = Array.from({ length: 5 }, () => api.call('GET', '/v1/datasets'));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  test('fills up at its rate, to its burst and no further', () => {
    let nowMs = 0;
    const limit = createRateLimit(10, 2, () => nowMs);
    expect([limit.take('a'), limit.take('a'), limit.take('a')]).toEqual([0, 0, 100]);
    nowMs += 50;
    expect(limit.take('a')).toBe(50);
    nowMs += 50;
    expect([limit.take('a'), limit.take('a')]).toEqual([0, 100]);
    nowMs += 60_000;
    expect([limit.take('a'), limit.take('a'), limit.take('a')]).toEqual([0, 0, 100]);
    expect(createRateLimit(0, 1, () => nowMs).take('a')).toBe(0);
  });
});
