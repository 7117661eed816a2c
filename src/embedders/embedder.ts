import type { BatchApi } from '../batch/batch-api.ts';
import type { Price } from '../domain/cost.ts';

/** What a provider accepts in one request. Every number is a maximum. */
export interface EmbedderLimits {
  readonly itemsPerRequestMax: number;
  /** Tokens of one text (cl100k_base or the embedder's own count). */
  readonly tokensPerItemMax: number;
  readonly tokensPerRequestMax: number;
  /** Requests in flight at the same time. */
  readonly requestsInFlightMax: number;
}

export type { Price as EmbeddingPrice };

/** Whether texts are stored or asked for; some models embed the two differently. */
export type EmbeddingPurpose = 'document' | 'query';

export interface EmbedOptions {
  readonly purpose: EmbeddingPurpose;
  readonly signal?: AbortSignal;
}

/** The answer to one request. */
export interface EmbedResult {
  /** One vector per text, in the order of the texts; each of length {@link Embedder.dimensions}, finite, not all zero. */
  readonly vectors: readonly Float32Array[];
  /** Tokens the provider charged for, or `undefined` where it does not say. */
  readonly tokensCharged: number | undefined;
}

/**
 * Turns texts into vectors. An embedder keeps no state that matters, retries nothing (one layer above does) and refuses
 * a wrong answer rather than passing it on.
 */
export interface Embedder {
  /** Stable name of who embeds; part of the embedding profile. `"local"`, `"openai"` or a compatible server's host. */
  readonly provider: string;
  readonly model: string;
  /** Length of every vector. */
  readonly dimensions: number;
  readonly limits: EmbedderLimits;
  /** Absent where it is not known: nobody is told a guess. */
  readonly price?: Price;
  /** Its provider's batch API for this model, where there is one. */
  readonly batch?: BatchApi;
  /** An embedder for another model of the same provider, with the same key, address and limits, where there can be one. */
  forModel?(model: string, dimensions: number): Embedder | undefined;
  /**
   * Embeds 1 to `limits.itemsPerRequestMax` non-empty texts in one request.
   *
   * @throws SynclineError, told apart by scope:
   * - item or request: `EMBEDDING_REQUEST_REFUSED` (HTTP 400, 413, 422: the caller halves the request until the guilty text
   *   stands alone), `EMBEDDING_ANSWER_INVALID` (wrong count, dimension, NaN, all zero, duplicate or missing index);
   * - provider: `PROVIDER_AUTH`, `PROVIDER_QUOTA`, `PROVIDER_RATE_LIMITED` (`details.retryAfterMs` where known),
   *   `PROVIDER_UNREACHABLE`, `PROVIDER_FAILED` (nobody's text is to blame);
   * - `ABORTED` when `signal` is aborted.
   */
  embed(texts: readonly string[], options: EmbedOptions): Promise<EmbedResult>;
}
