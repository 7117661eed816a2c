/** What is known of OpenAI's embedding models. */
interface KnownModel {
  /** Length of the vectors when nothing is asked for; also the most that can be asked for. */
  readonly dimensions: number;
  /** Whether the server takes the parameter `dimensions` ("only supported in text-embedding-3 and later models"). */
  readonly canShorten: boolean;
}

/** developers.openai.com/api/docs/guides/embeddings; `CreateEmbeddingRequest` in github.com/openai/openai-openapi. */
const KNOWN_MODELS: ReadonlyMap<string, KnownModel> = new Map([
  ['text-embedding-3-small', { dimensions: 1536, canShorten: true }],
  ['text-embedding-3-large', { dimensions: 3072, canShorten: true }],
  ['text-embedding-ada-002', { dimensions: 1536, canShorten: false }],
]);

/** Facts on `model`, also under a gateway's prefix (`openai/text-embedding-3-small`); `undefined` for all others. */
export function findKnownModel(model: string): KnownModel | undefined {
  return KNOWN_MODELS.get(model.slice(model.lastIndexOf('/') + 1));
}
