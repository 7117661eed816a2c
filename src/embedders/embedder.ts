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
  /** Requests sent within any minute; absent where only the provider's own word counts. */
  readonly requestsPerMinute?: number;
  /** Tokens sent within any minute. */
  readonly tokensPerMinute?: number;
}

/** What a provider said of one of its rate limits. */
export interface RateAllowance {
  readonly limit?: number;
  readonly remaining?: number;
  /** Until everything is there again. */
  readonly resetMs?: number;
}

/** What a provider said of its rate limits with an answer, whichever it was. */
export interface RateLimitReport {
  readonly requests?: RateAllowance;
  readonly tokens?: RateAllowance;
}

export type { Price as EmbeddingPrice };

/** Whether texts are stored or asked for; some models embed the two differently. */
export type EmbeddingPurpose = 'document' | 'query';

export interface EmbedOptions {
  readonly purpose: EmbeddingPurpose;
  readonly signal?: AbortSignal;
  /** The dataset whose texts they are, for its fair share and for accounts; no provider is told. */
  readonly datasetId?: number;
}

/** The answer to one request. */
export interface EmbedResult {
  /** One vector per text, in the order of the texts; each of length {@link Embedder.dimensions}, finite, not all zero. */
  readonly vectors: readonly Float32Array[];
  /** Tokens the provider charged for, or `undefined` where it does not say. */
  readonly tokensCharged: number | undefined;
  /** What the provider said of its rate limits, where it did. */
  readonly rateLimits?: RateLimitReport;
}

/**
 * Turns texts into vectors. An embedder keeps no state that matters, retries nothing (one layer above does) and refuses
 * a wrong answer rather than passing it on.
 */
export interface Embedder {
  /** Stable name of who embeds; part of the embedding profile. `"local"`, `"openai"` or a compatible server's host. */
  readonly provider: string;
  readonly model: string;
  /**
   * What its rate limits, quota and outages are shared by: one server and one key, in a form that does not tell the key. By
   * default all embedders of one `provider` share them.
   */
  readonly account?: string;
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
   * Told by whoever halves requests: one of so many texts and tokens was refused, and both its halves were taken. What is
   * learned from that shows in `limits`.
   */
  noteTooLarge?(refused: {
    readonly items: number;
    readonly tokens: number;
    readonly isAboutTokens: boolean;
  }): void;
  /**
   * Embeds 1 to `limits.itemsPerRequestMax` non-empty texts in one request.
   *
   * @throws SynclineError, told apart by scope:
   * - item or request: `EMBEDDING_REQUEST_REFUSED` (HTTP 400, 413, 422: the caller halves the request until the guilty text
   *   stands alone), `EMBEDDING_ANSWER_INVALID` (wrong count, dimension, NaN, all zero, duplicate or missing index);
   * - provider: `PROVIDER_AUTH`, `PROVIDER_QUOTA`, `PROVIDER_RATE_LIMITED` (`details.retryAfterMs` where known),
   *   `PROVIDER_UNREACHABLE`, `PROVIDER_FAILED` (nobody's text is to blame; retryable unless settings of ours are);
   *   `details.rateLimits` is a {@link RateLimitReport} where the provider gave one;
   * - `ABORTED` when `signal` is aborted.
   */
  embed(texts: readonly string[], options: EmbedOptions): Promise<EmbedResult>;
}
