import { describe, expect, test } from 'bun:test';
import { SynclineError } from '../../src/domain/errors.ts';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { standInVector } from '../support/embedding-answer.ts';
import type { Misbehaviour } from '../support/embedding-misbehaviour.ts';
import {
  type EmbeddingServer,
  type EmbeddingServerOptions,
  startEmbeddingServer,
} from '../support/embedding-server.ts';

const KEY = 'sk-secret-key-of-the-test-0123456789';
const TEXTS = ['first text of the request', 'second text of the request', 'third text of the request'];
const DIMENSIONS = 8;

type Options = Partial<Parameters<typeof createOpenAiEmbedder>[0]>;

function embedderOf(server: EmbeddingServer, options: Options = {}) {
  return createOpenAiEmbedder({
    model: 'stand-in',
    dimensions: DIMENSIONS,
    baseUrl: server.url,
    apiKey: KEY,
    ...options,
  });
}

async function failure(call: Promise<unknown>): Promise<SynclineError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SynclineError))
    throw new Error(`Not refused with a SynclineError: ${String(error)}`);
  return error;
}

/** The error of one request that is answered so. */
async function failureOn(
  how: Misbehaviour,
  serverOptions: EmbeddingServerOptions = {},
): Promise<SynclineError> {
  await using server = await startEmbeddingServer({ dimensions: DIMENSIONS, ...serverOptions });
  server.misbehave(how);
  const error = await failure(embedderOf(server).embed(TEXTS, { purpose: 'document' }));
  expect(server.stats().requests).toBe(1);
  return error;
}

const status = (code: number, error: unknown = {}, headers: Readonly<Record<string, string>> = {}) =>
  ({ kind: 'status', status: code, body: { error }, headers }) as const;

describe('a request of the OpenAI embedder', () => {
  test('asks for base64 under the model and with the key, and returns exactly the vectors sent', async () => {
    await using server = await startEmbeddingServer({ dimensions: DIMENSIONS, apiKey: KEY });
    const result = await embedderOf(server).embed(TEXTS, { purpose: 'document' });
    expect(result.vectors).toEqual(TEXTS.map((text) => standInVector(text, DIMENSIONS)));
    expect(result.tokensCharged).toBe(server.stats().tokens);
    expect(server.seen[0]?.body).toEqual({ model: 'stand-in', input: TEXTS, encoding_format: 'base64' });
  });

  test('carries no credentials and nothing from the environment when no key is given', async () => {
    const before = { ...process.env };
    Object.assign(process.env, { OPENAI_API_KEY: KEY, OPENAI_ADMIN_KEY: KEY, OPENAI_ORG_ID: 'our-org' });
    try {
      await using server = await startEmbeddingServer({ dimensions: DIMENSIONS });
      const embedder = createOpenAiEmbedder({ model: 'm', dimensions: DIMENSIONS, baseUrl: server.url });
      await embedder.embed(TEXTS, { purpose: 'query' });
      expect(JSON.stringify(server.seen[0]?.headers)).not.toContain(KEY);
      expect(server.seen[0]?.headers.authorization).toBeUndefined();
      expect(server.seen[0]?.headers['openai-organization']).toBeUndefined();
    } finally {
      for (const name of ['OPENAI_API_KEY', 'OPENAI_ADMIN_KEY', 'OPENAI_ORG_ID']) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });

  test('asks for dimensions of text-embedding-3 models and where told to, and not otherwise', async () => {
    await using server = await startEmbeddingServer({ dimensions: 1536 });
    const ask = async (options: Options) => {
      await embedderOf(server, options).embed(['x'], { purpose: 'query' });
      return server.seen.at(-1)?.body.dimensions;
    };
    expect(await ask({ model: 'text-embedding-3-small', dimensions: 256 })).toBe(256);
    expect(await ask({ model: 'openai/text-embedding-3-large', dimensions: 1024 })).toBe(1024);
    expect(await ask({ model: 'text-embedding-ada-002', dimensions: 1536 })).toBeUndefined();
    expect(await ask({ model: 'other', dimensions: 1536 })).toBeUndefined();
    expect(await ask({ model: 'other', dimensions: 64, sendDimensions: true })).toBe(64);
  });

  test('falls back to plain numbers for good when the server refuses base64', async () => {
    await using server = await startEmbeddingServer({ dimensions: DIMENSIONS, refusesBase64: true });
    const embedder = embedderOf(server);
    const { vectors } = await embedder.embed(TEXTS, { purpose: 'document' });
    expect(vectors).toEqual(TEXTS.map((text) => standInVector(text, DIMENSIONS)));
    await embedder.embed(TEXTS, { purpose: 'document' });
    expect(server.seen.map(({ body }) => body.encoding_format)).toEqual(['base64', 'float', 'float']);
  });

  test('puts vectors that arrive out of order in the order of the texts', async () => {
    await using server = await startEmbeddingServer({ dimensions: DIMENSIONS });
    server.misbehave({ kind: 'reversed' });
    const { vectors } = await embedderOf(server).embed(TEXTS, { purpose: 'document' });
    expect(vectors).toEqual(TEXTS.map((text) => standInVector(text, DIMENSIONS)));
  });

  test('knows no charge when the server does not say', async () => {
    await using server = await startEmbeddingServer({ dimensions: DIMENSIONS });
    server.misbehave({ kind: 'no-usage' });
    expect((await embedderOf(server).embed(TEXTS, { purpose: 'document' })).tokensCharged).toBeUndefined();
  });

  test('is named after OpenAI or after the server', async () => {
    expect(createOpenAiEmbedder({ model: 'text-embedding-3-small', apiKey: KEY }).provider).toBe('openai');
    const named = (baseUrl: string) => createOpenAiEmbedder({ model: 'm', dimensions: 8, baseUrl }).provider;
    expect(named('http://localhost:11434/v1/')).toBe('localhost:11434');
    expect(named('https://embed.example.com/v1')).toBe('embed.example.com');
    expect(named('https://api.openai.com.example.com/v1')).toBe('api.openai.com.example.com');
  });
});

describe('an answer of the provider that cannot be used', () => {
  const defects = [
    ['too-few', /2 vectors for 3 texts/],
    ['too-many', /4 vectors for 3 texts/],
    ['wrong-dimension', /9 dimensions instead of 8/],
    ['nan', /vector 0 holds NaN/],
    ['infinity', /vector 0 holds NaN or an infinite/],
    ['zero', /vector 0 is all zero/],
    ['duplicate-index', /two vectors have the index 0/],
    ['missing-index', /no "index"/],
    ['foreign-index', /index 10, but there are 3/],
    ['bad-base64', /not valid base64/],
    ['truncated-json', /not JSON/],
  ] as const;
  for (const [kind, reason] of defects) {
    test(`is refused: ${kind}`, async () => {
      const error = await failureOn({ kind });
      expect(error.code).toBe('EMBEDDING_ANSWER_INVALID');
      expect(error.message).toMatch(reason);
    });
  }

  for (const kind of ['null-number', 'wrong-dimension', 'zero'] as const) {
    test(`is refused in plain numbers: ${kind}`, async () => {
      expect((await failureOn({ kind }, { alwaysFloat: true })).code).toBe('EMBEDDING_ANSWER_INVALID');
    });
  }

  for (const body of [null, [], 'text', {}, { data: {} }, { data: [null, 1, 'x'] }]) {
    test(`is refused: the body ${JSON.stringify(body)}`, async () => {
      expect((await failureOn({ kind: 'body', body })).code).toBe('EMBEDDING_ANSWER_INVALID');
    });
  }

  test('is not read to its end when it is far too long', async () => {
    const body = { data: [], padding: 'x'.repeat(2_000_000) };
    const error = await failureOn({ kind: 'body', body });
    expect(error).toMatchObject({ code: 'EMBEDDING_ANSWER_INVALID' });
    expect(error.message).toMatch(/far longer/);
  });
});

describe('a failure that the provider answers', () => {
  const cases = [
    [status(401), 'PROVIDER_AUTH', false],
    [status(403), 'PROVIDER_AUTH', false],
    [status(402), 'PROVIDER_QUOTA', false],
    [status(429, { code: 'insufficient_quota' }), 'PROVIDER_QUOTA', false],
    [status(429, { type: 'insufficient_quota' }), 'PROVIDER_QUOTA', false],
    [status(400, { code: 'billing_hard_limit_reached' }), 'PROVIDER_QUOTA', false],
    [status(429, { code: 'rate_limit_exceeded' }), 'PROVIDER_RATE_LIMITED', true],
    [status(429), 'PROVIDER_RATE_LIMITED', true],
    [status(400, { code: 'max_tokens_per_request' }), 'EMBEDDING_REQUEST_REFUSED', false],
    [status(413), 'EMBEDDING_REQUEST_REFUSED', false],
    [status(422), 'EMBEDDING_REQUEST_REFUSED', false],
    [status(404, { code: 'model_not_found' }), 'PROVIDER_FAILED', false],
    [status(400, { param: 'dimensions' }), 'PROVIDER_FAILED', false],
    [status(408), 'PROVIDER_FAILED', true],
    [status(409), 'PROVIDER_FAILED', true],
    [status(500), 'PROVIDER_FAILED', true],
    [status(503), 'PROVIDER_FAILED', true],
    [{ kind: 'status', status: 502, body: '<html>Bad gateway</html>' }, 'PROVIDER_FAILED', true],
    [{ kind: 'body', body: { error: { code: 429, message: 'slow down' } } }, 'PROVIDER_RATE_LIMITED', true],
    [{ kind: 'body', body: { error: 'overloaded' } }, 'PROVIDER_FAILED', true],
  ] as const;
  for (const [how, code, retryable] of cases) {
    test(`is ${code} for ${JSON.stringify(how)}`, async () => {
      expect(await failureOn(how)).toMatchObject({ code, retryable });
    });
  }

  test('tells how long to wait, in seconds, as a date, or in milliseconds', async () => {
    const waitOf = async (headers: Record<string, string>) =>
      (await failureOn(status(429, {}, headers))).details.retryAfterMs;
    expect(await waitOf({ 'retry-after': '90' })).toBe(90_000);
    expect(await waitOf({ 'retry-after-ms': '250', 'retry-after': '1' })).toBe(250);
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    expect(await waitOf({ 'retry-after': date })).toBeWithin(3_500_000, 3_600_001);
    expect(await waitOf({})).toBeUndefined();
  });

  test('blames the request that holds a poisoned text, and no other', async () => {
    await using server = await startEmbeddingServer({ dimensions: DIMENSIONS });
    server.poison('second');
    const embedder = embedderOf(server);
    const error = await failure(embedder.embed(TEXTS, { purpose: 'document' }));
    expect(error.code).toBe('EMBEDDING_REQUEST_REFUSED');
    const rest = TEXTS.filter((text) => !text.includes('second'));
    expect((await embedder.embed(rest, { purpose: 'document' })).vectors).toHaveLength(2);
  });

  test('repeats neither the key nor a text, and quotes the rest shortened on one line', async () => {
    const message = `Bad key ${KEY}\nand text "${TEXTS[0]}" ${'because '.repeat(100)}`;
    const error = await failureOn(status(400, { message, code: 'bad thing' }, { 'x-request-id': 'req_1' }));
    const shown = JSON.stringify([error.message, error.details, String(error.cause)]);
    expect(shown).not.toContain(KEY);
    expect(shown).not.toContain(TEXTS[0] as string);
    expect(error.message).toContain('and text "[removed]" because');
    expect(error.message.length).toBeLessThan(500);
    expect(error.message).not.toContain('\n');
    expect(error.details).toMatchObject({ status: 400, requestId: 'req_1' });
  });

  test('names the wrong key without showing it', async () => {
    await using server = await startEmbeddingServer({ dimensions: DIMENSIONS, apiKey: 'another-key' });
    const error = await failure(embedderOf(server).embed(TEXTS, { purpose: 'document' }));
    expect(error.code).toBe('PROVIDER_AUTH');
    expect(error.message).toContain('Check the API key');
    expect(error.message).not.toContain(KEY);
  });
});

describe('a provider that does not answer', () => {
  for (const kind of ['reset', 'reset-in-body'] as const) {
    test(`is unreachable after a ${kind}`, async () => {
      expect(await failureOn({ kind })).toMatchObject({ code: 'PROVIDER_UNREACHABLE', retryable: true });
    });
  }

  for (const kind of ['hang', 'hang-in-body'] as const) {
    test(`is unreachable when a ${kind} outlasts the time limit`, async () => {
      await using server = await startEmbeddingServer({ dimensions: DIMENSIONS });
      server.misbehave({ kind });
      const call = embedderOf(server, { timeoutMs: 100 }).embed(TEXTS, { purpose: 'document' });
      const error = await failure(call);
      expect(error).toMatchObject({
        code: 'PROVIDER_UNREACHABLE',
        retryable: true,
        details: { timedOut: true },
      });
      expect(error.message).toContain('within 100 ms');
    });

    test(`is let go of in mid-${kind} when the caller aborts`, async () => {
      await using server = await startEmbeddingServer({ dimensions: DIMENSIONS });
      server.misbehave({ kind });
      const abort = new AbortController();
      const call = failure(embedderOf(server).embed(TEXTS, { purpose: 'document', signal: abort.signal }));
      while (server.stats().requests === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      abort.abort();
      expect((await call).code).toBe('ABORTED');
    });
  }

  test('is unreachable when nobody listens', async () => {
    const server = await startEmbeddingServer();
    await server.close();
    const error = await failure(embedderOf(server).embed(TEXTS, { purpose: 'document' }));
    expect(error).toMatchObject({ code: 'PROVIDER_UNREACHABLE', retryable: true });
    expect(error.message).toContain(embedderOf(server).provider);
  });
});

describe('the options of the OpenAI embedder', () => {
  const refused: readonly (readonly [
    name: string,
    options: Parameters<typeof createOpenAiEmbedder>[0],
    RegExp,
  ])[] = [
    ['OpenAI without a key', { model: 'text-embedding-3-small' }, /OPENAI_API_KEY/],
    ['an unknown model without dimensions', { model: 'm', baseUrl: 'http://h/v1' }, /look it up/],
    ['too many dimensions', { model: 'text-embedding-3-small', apiKey: KEY, dimensions: 1537 }, /up to 1536/],
    [
      'a length that ada cannot make',
      { model: 'text-embedding-ada-002', apiKey: KEY, dimensions: 8 },
      /exactly 1536/,
    ],
    ['half a dimension', { model: 'm', baseUrl: 'http://h/v1', dimensions: 1.5 }, /whole number/],
    ['an empty model', { model: '', apiKey: KEY }, /model has to be/],
    ['a key with a line break', { model: 'text-embedding-3-small', apiKey: `${KEY}\n` }, /how it was copied/],
    ['another protocol', { model: 'm', dimensions: 8, baseUrl: 'ftp://h/v1' }, /http/],
    ['no URL', { model: 'm', dimensions: 8, baseUrl: 'localhost' }, /http/],
    ['a password in the URL', { model: 'm', dimensions: 8, baseUrl: `http://me:${KEY}@h/v1` }, /password/],
    ['a query in the URL', { model: 'm', dimensions: 8, baseUrl: 'http://h/v1?x=1' }, /query/],
    ['no time at all', { model: 'm', dimensions: 8, baseUrl: 'http://h/v1', timeoutMs: 0 }, /timeoutMs/],
    [
      'a limit of nothing',
      { model: 'm', dimensions: 8, baseUrl: 'http://h/v1', limits: { itemsPerRequestMax: 0 } },
      /itemsPerRequestMax/,
    ],
  ];
  for (const [name, options, reason] of refused) {
    test(`refuse ${name}`, () => {
      let thrown: unknown;
      try {
        createOpenAiEmbedder(options);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringMatching(reason) });
      expect(String(thrown)).not.toContain(KEY);
    });
  }

  test('know the lengths of the vectors of the three models of OpenAI', () => {
    const lengths = ['text-embedding-3-small', 'text-embedding-3-large', 'text-embedding-ada-002'].map(
      (model) => createOpenAiEmbedder({ model, apiKey: KEY }).dimensions,
    );
    expect(lengths).toEqual([1536, 3072, 1536]);
  });

  test('replace single limits of the profile', () => {
    const options = { model: 'm', dimensions: 8, baseUrl: 'http://h/v1', limits: { itemsPerRequestMax: 3 } };
    const { limits } = createOpenAiEmbedder(options);
    expect(limits).toMatchObject({ itemsPerRequestMax: 3, tokensPerItemMax: 8192 });
  });
});
