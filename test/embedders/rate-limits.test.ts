import { describe, expect, test } from 'bun:test';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { readEndpoint } from '../../src/embedders/openai-endpoint.ts';
import { serverKindOf } from '../../src/embedders/provider-limits.ts';
import { readRateLimits } from '../../src/embedders/rate-limit-headers.ts';
import { startEmbeddingServer } from '../support/embedding-server.ts';
import { geminiRateLimit, RETRY_AFTER_FORMS, rateLimit } from '../support/provider-troubles.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const NOW = Date.UTC(2026, 10, 26);
const read = (headers: Record<string, string>) => readRateLimits(new Headers(headers), NOW);

describe('rate limits in headers', () => {
  test.each([
    [
      'OpenAI',
      {
        'x-ratelimit-limit-requests': '5000',
        'x-ratelimit-remaining-requests': '4999',
        'x-ratelimit-reset-requests': '12ms',
        'x-ratelimit-limit-tokens': '160000',
        'x-ratelimit-remaining-tokens': '159976',
        'x-ratelimit-reset-tokens': '6m0s',
      },
      {
        requests: { limit: 5_000, remaining: 4_999, resetMs: 12 },
        tokens: { limit: 160_000, remaining: 159_976, resetMs: 360_000 },
      },
    ],
    [
      'Groq',
      { 'x-ratelimit-remaining-requests': '14', 'x-ratelimit-reset-requests': '2m59.56s' },
      { requests: { remaining: 14, resetMs: 179_560 } },
    ],
    [
      'Azure',
      { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '42' },
      { tokens: { remaining: 0, resetMs: 42_000 } },
    ],
    [
      'the draft of the standard',
      { 'ratelimit-limit': '100, 100;w=60', 'ratelimit-remaining': '0', 'ratelimit-reset': '30' },
      { requests: { limit: 100, remaining: 0, resetMs: 30_000 } },
    ],
    [
      'a time in seconds',
      { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': String(NOW / 1_000 + 5) },
      { requests: { remaining: 1, resetMs: 5_000 } },
    ],
    [
      'a time in milliseconds',
      { 'x-ratelimit-limit': '9', 'x-ratelimit-reset': String(NOW + 250) },
      { requests: { limit: 9, resetMs: 250 } },
    ],
    [
      'a date',
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': new Date(NOW + 60_000).toUTCString() },
      { requests: { remaining: 0, resetMs: 60_000 } },
    ],
    [
      'Together',
      { 'x-tokenlimit-limit': '20000', 'x-tokenlimit-remaining': '7' },
      { tokens: { limit: 20_000, remaining: 7 } },
    ],
  ])('of %s are read', (_, headers, expected) => {
    expect(read(headers)).toEqual(expected);
  });

  test('that make no sense are left out', () => {
    expect(read({})).toBeUndefined();
    // As Azure was seen to send them.
    expect(
      read({
        'x-ratelimit-limit-tokens': '-1',
        'x-ratelimit-remaining-tokens': '-1',
        'x-ratelimit-reset-tokens': '0',
      }),
    ).toBeUndefined();
    expect(
      read({ 'x-ratelimit-remaining-requests': 'many', 'x-ratelimit-reset-requests': 'soon' }),
    ).toBeUndefined();
    expect(read({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '99999999' })).toEqual({
      requests: { remaining: 0, resetMs: 86_400_000 },
    });
  });
});

describe('through the client of OpenAI', () => {
  const embedderOf = (baseUrl: string) =>
    createOpenAiEmbedder({
      model: 'm',
      dimensions: 8,
      sendDimensions: true,
      baseUrl,
      apiKey: 'key-of-the-test',
    });
  const forms: readonly [keyof typeof RETRY_AFTER_FORMS, number | undefined, number | undefined][] = [
    ['seconds', 2_000, 2_000],
    ['fraction', 1_500, 1_500],
    ['milliseconds', 1_500, 1_500],
    ['date', 1_000, 3_000],
    ['past', 0, 0],
    ['absurd', 86_400_000, 86_400_000],
    ['garbage', undefined, undefined],
    ['none', undefined, undefined],
  ];

  test.each(forms)('a 429 with Retry-After as %s says how long to wait', async (form, least, most) => {
    await using server = await startEmbeddingServer({ dimensions: 8 });
    server.misbehave(rateLimit(RETRY_AFTER_FORMS[form]()));
    const error = await rejectionOf(embedderOf(server.url).embed(['a'], { purpose: 'document' }));
    expect(error).toMatchObject({ code: 'PROVIDER_RATE_LIMITED' });
    const { retryAfterMs } = (error as { details: { retryAfterMs?: number } }).details;
    if (least === undefined || most === undefined) expect(retryAfterMs).toBeUndefined();
    else {
      expect(retryAfterMs).toBeGreaterThanOrEqual(least);
      expect(retryAfterMs).toBeLessThanOrEqual(most);
    }
    expect(server.stats().requests).toBe(1);
  });

  test('a wait that Gemini puts into the body is found there', async () => {
    await using server = await startEmbeddingServer({ dimensions: 8 });
    server.misbehave(geminiRateLimit('36s'));
    expect(await rejectionOf(embedderOf(server.url).embed(['a'], { purpose: 'document' }))).toMatchObject({
      code: 'PROVIDER_RATE_LIMITED',
      details: { retryAfterMs: 36_000 },
    });
  });

  test('limits come with answers and with refusals, and the account does not tell the key', async () => {
    await using server = await startEmbeddingServer({ dimensions: 8 });
    server.sendHeaders({ 'x-ratelimit-limit-requests': '60', 'x-ratelimit-remaining-requests': '59' });
    const embedder = embedderOf(server.url);
    const rateLimits = { requests: { limit: 60, remaining: 59 } };
    expect(await embedder.embed(['a'], { purpose: 'document' })).toMatchObject({ rateLimits });
    server.poison('a');
    expect(await rejectionOf(embedder.embed(['a'], { purpose: 'document' }))).toMatchObject({
      details: { rateLimits },
    });
    expect(embedder.account).not.toContain('key-of-the-test');
    expect(embedder.account).toBe(embedderOf(server.url).account ?? '');
  });

  test('a request that alone is more than a minute may hold is refused, not waited for', async () => {
    await using server = await startEmbeddingServer({ dimensions: 8 });
    const message =
      'Request too large for text-embedding-3-small on tokens per min (TPM): Limit 40000, Requested 60000.';
    const body = { error: { message, type: 'tokens', code: 'rate_limit_exceeded' } };
    server.misbehave({ kind: 'status', status: 429, body });
    expect(await rejectionOf(embedderOf(server.url).embed(['a'], { purpose: 'document' }))).toMatchObject({
      code: 'EMBEDDING_REQUEST_REFUSED',
    });
  });
});

test.each([
  ['https://api.openai.com/v1', 'openai'],
  ['https://generativelanguage.googleapis.com/v1beta/openai', 'gemini'],
  ['http://localhost:11434/v1', 'ollama'],
  ['http://localhost:1234/v1', 'lmstudio'],
  ['http://localhost:8080/v1', 'compatible'],
])('the server at %s is %s', (url, kind) => {
  expect(serverKindOf(readEndpoint(url))).toBe(kind as ReturnType<typeof serverKindOf>);
});
