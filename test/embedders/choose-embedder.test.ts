import { describe, expect, test } from 'bun:test';
import { chooseEmbedder, type EmbedderOptions } from '../../src/embedders/choose-embedder.ts';
import { createLocalEmbedder } from '../../src/embedders/local-embedder.ts';
import { startEmbeddingServer } from '../support/embedding-server.ts';

const KEY = 'sk-0123456789-0123456789';
const reasonOf = (environment: Record<string, string>, options: EmbedderOptions = {}) =>
  chooseEmbedder(options, environment).reason;

describe('choosing an embedder', () => {
  test('takes the local one when nothing is configured', () => {
    const chosen = chooseEmbedder(undefined, {});
    expect(chosen.reason).toBe('local hashed n-grams (384 dimensions), because no provider is configured');
    expect(chosen.embedder).toMatchObject({ provider: 'local', model: 'hashed-ngrams-v1', dimensions: 384 });
  });

  test('takes OpenAI when its key is there, and says so without showing it', () => {
    const reason = reasonOf({ OPENAI_API_KEY: KEY });
    expect(reason).toBe('openai text-embedding-3-small (1536 dimensions), because OPENAI_API_KEY is set');
  });

  test('takes what the variables say', () => {
    const server = {
      SYNCLINE_EMBEDDING_BASE_URL: 'http://localhost:11434/v1',
      SYNCLINE_EMBEDDING_MODEL: 'nomic-embed-text',
      SYNCLINE_EMBEDDING_DIMENSIONS: '768',
    };
    const what = 'localhost:11434 nomic-embed-text (768 dimensions)';
    expect(reasonOf(server)).toBe(`${what}, because SYNCLINE_EMBEDDING_BASE_URL is set`);
    expect(reasonOf({ ...server, SYNCLINE_EMBEDDER: 'openai' })).toBe(
      `${what}, because SYNCLINE_EMBEDDER is "openai"`,
    );
    const small = { OPENAI_API_KEY: KEY, SYNCLINE_EMBEDDER: 'local', SYNCLINE_EMBEDDING_DIMENSIONS: '128' };
    expect(reasonOf(small)).toBe(
      'local hashed n-grams (128 dimensions), because SYNCLINE_EMBEDDER is "local"',
    );
  });

  test('takes empty variables as not set', () => {
    expect(reasonOf({ OPENAI_API_KEY: '', SYNCLINE_EMBEDDER: ' ' })).toContain('no provider is configured');
  });

  test('lets options win over the environment, whose dimensions belong to another model', () => {
    const environment = { OPENAI_API_KEY: KEY, SYNCLINE_EMBEDDING_DIMENSIONS: '768' };
    expect(reasonOf(environment, { provider: 'local' })).toContain('local hashed n-grams (384 dimensions)');
    expect(reasonOf(environment, { model: 'text-embedding-3-large' })).toBe(
      'openai text-embedding-3-large (3072 dimensions), because the options give "model"',
    );
    expect(reasonOf({ SYNCLINE_EMBEDDER: 'openai' }, { provider: 'local', dimensions: 64 })).toContain(
      '(64 dim',
    );
  });

  test('takes an embedder that is passed in as it is', () => {
    const own = { ...createLocalEmbedder(), provider: 'ours', model: 'our-model' };
    const chosen = chooseEmbedder(own, { OPENAI_API_KEY: KEY });
    expect(chosen.embedder).toBe(own);
    expect(chosen.reason).toBe('ours our-model (384 dimensions), because it was passed in');
  });

  test('sends the key of OpenAI to no other server than OPENAI_BASE_URL names', async () => {
    await using server = await startEmbeddingServer({ dimensions: 8 });
    const send = async (environment: Record<string, string>) => {
      const model = { SYNCLINE_EMBEDDING_MODEL: 'm', SYNCLINE_EMBEDDING_DIMENSIONS: '8' };
      const { embedder } = chooseEmbedder(undefined, { ...model, ...environment });
      await embedder.embed(['text'], { purpose: 'query' });
      return server.seen.at(-1)?.headers.authorization;
    };
    const elsewhere = { OPENAI_API_KEY: KEY, SYNCLINE_EMBEDDING_BASE_URL: server.url };
    expect(await send(elsewhere)).toBeUndefined();
    expect(await send({ ...elsewhere, SYNCLINE_EMBEDDING_API_KEY: 'theirs' })).toBe('Bearer theirs');
    expect(await send({ OPENAI_API_KEY: KEY, OPENAI_BASE_URL: server.url })).toBe(`Bearer ${KEY}`);
  });

  const refused: readonly (readonly [string, EmbedderOptions, Record<string, string>, RegExp])[] = [
    ['an unknown embedder', {}, { SYNCLINE_EMBEDDER: 'cohere' }, /allowed are "local" and "openai"/],
    [
      'dimensions in words',
      {},
      { SYNCLINE_EMBEDDING_DIMENSIONS: 'many' },
      /SYNCLINE_EMBEDDING_DIMENSIONS is "many"/,
    ],
    [
      'a server without a model',
      {},
      { SYNCLINE_EMBEDDING_BASE_URL: 'http://h/v1' },
      /SYNCLINE_EMBEDDING_MODEL/,
    ],
    ['OpenAI without a key', { provider: 'openai' }, {}, /OPENAI_API_KEY/],
    ['a local model that is none', { provider: 'local', model: 'bge' }, {}, /hashed-ngrams-v1/],
    [
      'a flag that is none',
      {},
      { OPENAI_API_KEY: KEY, SYNCLINE_EMBEDDING_SEND_DIMENSIONS: 'yes' },
      /"true" and "false"/,
    ],
  ];
  for (const [name, options, environment, reason] of refused) {
    test(`refuses ${name}`, () => {
      expect(() => chooseEmbedder(options, environment)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(reason) }),
      );
    });
  }
});
