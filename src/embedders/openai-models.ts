import type { Price } from '../domain/cost.ts';

/** What is known of OpenAI's embedding models. */
interface KnownModel {
  /** Length of the vectors when nothing is asked for; also the most that can be asked for. */
  readonly dimensions: number;
  /** Whether the server takes the parameter `dimensions` ("only supported in text-embedding-3 and later models"). */
  readonly canShorten: boolean;
  /** Of a direct request to OpenAI itself. */
  readonly usdPerMillionTokens: number;
}

/** What the batch API takes of the price of direct requests ("50% cost discount", developers.openai.com/api/docs/guides/batch). */
const OPENAI_BATCH_SHARE = 0.5;

/** Where the prices below were read, and when. */
const OPENAI_PRICES = { source: 'developers.openai.com/api/docs/models', asOf: '2026-11' } as const;

/** developers.openai.com/api/docs/guides/embeddings; `CreateEmbeddingRequest` in github.com/openai/openai-openapi. */
const KNOWN_MODELS: ReadonlyMap<string, KnownModel> = new Map([
  ['text-embedding-3-small', { dimensions: 1536, canShorten: true, usdPerMillionTokens: 0.02 }],
  ['text-embedding-3-large', { dimensions: 3072, canShorten: true, usdPerMillionTokens: 0.13 }],
  ['text-embedding-ada-002', { dimensions: 1536, canShorten: false, usdPerMillionTokens: 0.1 }],
]);

/** Facts on `model`, also under a gateway's prefix (`openai/text-embedding-3-small`); `undefined` for all others. */
export function findKnownModel(model: string): KnownModel | undefined {
  return KNOWN_MODELS.get(model.slice(model.lastIndexOf('/') + 1));
}

/** What OpenAI itself takes for a model; other servers have prices of their own, also for OpenAI's models. */
export function openAiPrice(model: string): Price | undefined {
  const known = findKnownModel(model);
  if (known === undefined) return undefined;
  const { usdPerMillionTokens } = known;
  return {
    usdPerMillionTokens,
    batchUsdPerMillionTokens: usdPerMillionTokens * OPENAI_BATCH_SHARE,
    ...OPENAI_PRICES,
  };
}
