/** What is known of OpenAI's embedding models. */
interface KnownModel {
  /** Length of the vectors when nothing is asked for; also the most that can be asked for. */
  readonly dimensions: number;
  /** Whether the server takes the parameter `dimensions` ("only supported in text-embedding-3 and later models"). */
  readonly canShorten: boolean;
  /** Of a direct request to OpenAI itself. */
  readonly usdPerMillionTokens: number;
}

/** Where the prices below were read, and when. */
export const OPENAI_PRICES = { source: 'developers.openai.com/api/docs/models', asOf: '2026-11' } as const;

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
