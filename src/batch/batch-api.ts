import type { SynclineError } from '../domain/errors.ts';

/*
 * What a provider's batch API does for us, in words of no provider. One adapter per provider stands beside this file.
 *
 * An adapter keeps no state that matters and retries nothing: each call is one exchange (or one stream) that either happened,
 * failed, or whose answer was lost. Whoever calls it writes down what it is about to do before it does it, and asks
 * `findFiles` and `findJobs` what became of it when the answer was lost. A job has a name that no other job ever had (see
 * {@link BatchJobName}); the adapter puts it where the provider keeps it: in the metadata of OpenAI's batches and the names of
 * its files, in the display names of Gemini's.
 */

/** What a provider takes in one job, and at a time. Every number is a maximum. */
export interface BatchLimits {
  /** Requests (lines) of one job. */
  readonly requestsPerJobMax: number;
  /** Bytes of one job as it is uploaded. */
  readonly bytesPerJobMax: number;
  /** Texts of one job, however many requests they are spread over. */
  readonly inputsPerJobMax: number;
  /** Texts of one request; 1 where a request takes a single one. */
  readonly inputsPerRequestMax: number;
  /** Tokens of one text. */
  readonly tokensPerInputMax: number;
  /**
   * Tokens of all jobs of the model that the provider has not finished, also those of other programs with the same key: a job
   * that would pass it is not submitted before others have ended.
   */
  readonly enqueuedTokensMax: number;
  /** Requests of all unfinished jobs. */
  readonly enqueuedRequestsMax: number;
  /** Unfinished jobs. */
  readonly jobsMax: number;
}

/**
 * `syncline-` and 24 random characters of `a-z0-9`: unique for ever, short enough for every provider's names, and without a
 * meaning that would have to be kept secret.
 */
export type BatchJobName = string;

/** One request of a job: texts whose vectors come back together. */
export interface BatchRequest {
  /** Unique within its job: 1 to 64 characters of `A-Za-z0-9_-`. What comes back carries it. */
  readonly id: string;
  /** 1 to {@link BatchLimits.inputsPerRequestMax} non-empty texts. */
  readonly texts: readonly string[];
}

/** A file that was uploaded. */
export interface BatchFile {
  readonly fileId: string;
  readonly byteCount: number;
}

/**
 * Where a job stands at its provider.
 * - `waiting`: taken in, being checked, or waiting for its turn;
 * - `running`: at work, or writing down the results (also while a cancellation is under way);
 * - `completed`, `expired`, `cancelled`: over, with results for all or some of its requests;
 * - `failed`: over without any work done, for the reason in {@link RemoteJob.failure}.
 *
 * A state that the adapter does not know is `running`: it is looked at again, and never taken for an end.
 */
export type RemoteJobState = 'waiting' | 'running' | 'completed' | 'expired' | 'cancelled' | 'failed';

/** Why a job failed as a whole. */
export interface RemoteJobFailure {
  /**
   * `enqueuedLimit`: too much is enqueued already, the same job is taken later. `refused`: it is not taken as it is (malformed,
   * unknown model, too large), or the provider broke over it.
   */
  readonly kind: 'enqueuedLimit' | 'refused';
  /** The provider's words, made safe to be shown: no texts, no keys. */
  readonly message: string;
}

/** A job as the provider tells of it. JSON-safe: it is kept in the catalog as it was last seen. */
export interface RemoteJob {
  /** The provider's own id. */
  readonly externalId: string;
  readonly name: BatchJobName;
  /** Which submission of that name it is, from 1 on: a job that was refused for its provider's limits is submitted again. */
  readonly submission: number;
  readonly state: RemoteJobState;
  /** The provider's own word for it. */
  readonly remoteState: string;
  /** Its cancellation was asked for and is under way. */
  readonly isCancelling: boolean;
  /** By the provider's count; `undefined` where it does not say (yet). */
  readonly counts:
    | { readonly total: number; readonly completed: number; readonly failed: number }
    | undefined;
  /** Unix milliseconds; `undefined` where it does not say. */
  readonly createdAtMs: number | undefined;
  /** When it will be finished at the latest, or expires. */
  readonly expiresAtMs: number | undefined;
  readonly failure: RemoteJobFailure | undefined;
  /** Files that hold results, and those that hold errors; read by {@link BatchApi.results}. */
  readonly resultFileIds: readonly string[];
  /** Every file of the job that lies at the provider: the uploaded one and those above. */
  readonly fileIds: readonly string[];
}

/** What {@link BatchApi.submit} hands in. */
export interface BatchSubmission {
  readonly name: BatchJobName;
  readonly submission: number;
  readonly fileId: string;
}

/**
 * One thing that came back.
 * - `vectors`: one vector per text of the request, in the order of its texts, of the embedder's dimensions, finite and not all zero;
 * - `refused`: the request was refused or its answer cannot be used, and its texts are to blame (`EMBEDDING_REQUEST_REFUSED`,
 *   `EMBEDDING_ANSWER_INVALID`);
 * - `unanswered`: it was not worked on or the provider failed over it, and no text is to blame: it may be sent again;
 * - `unknown`: it names no request of this job;
 * - `unreadable`: a line that is not what it should be, and names nothing.
 */
export type BatchResult =
  | {
      readonly kind: 'vectors';
      readonly id: string;
      readonly vectors: readonly Float32Array[];
      readonly tokensCharged: number | undefined;
    }
  | { readonly kind: 'refused' | 'unanswered'; readonly id: string; readonly error: SynclineError }
  | { readonly kind: 'unknown' | 'unreadable'; readonly message: string };

export interface BatchCallOptions {
  readonly signal?: AbortSignal;
}

/**
 * The batch API of one embedder: same provider, model and dimensions, same key.
 *
 * @throws SynclineError from every method, as `Embedder.embed` does for what concerns the provider: `PROVIDER_AUTH`,
 * `PROVIDER_QUOTA`, `PROVIDER_RATE_LIMITED` (`details.retryAfterMs` where known), `PROVIDER_UNREACHABLE` (it may have happened
 * all the same), `PROVIDER_FAILED`; `ABORTED`.
 */
export interface BatchApi {
  readonly limits: BatchLimits;
  /** What a token costs here as a share of its price in a direct request; 0.5 for all that are known. */
  readonly priceShare: number;
  /** How long the provider takes at most, in milliseconds; 86,400,000 for all that are known. */
  readonly windowMs: number;
  /** Bytes that a request takes of {@link BatchLimits.bytesPerJobMax}. */
  bytesOf(request: BatchRequest): number;
  /**
   * Uploads the requests of a job, read once and never held all at the same time. Where the requests are not to be had
   * (the iterable throws), nothing stays at the provider.
   */
  upload(
    name: BatchJobName,
    requests: AsyncIterable<BatchRequest>,
    options: BatchCallOptions,
  ): Promise<BatchFile>;
  /**
   * Files that were uploaded under a name, whole ones only. Those that were made before `sinceMs` (Unix) need not be looked
   * through.
   */
  findFiles(
    name: BatchJobName,
    options: BatchCallOptions & { readonly sinceMs: number },
  ): Promise<BatchFile[]>;
  /**
   * Makes a job of an uploaded file. Not idempotent; see {@link findJobs}.
   *
   * @throws SynclineError also `BATCH_LIMIT_REACHED` (retryable) when too much is enqueued already, `BATCH_REFUSED` when the
   * provider does not take the job as it is: nothing was made then.
   */
  submit(submission: BatchSubmission, options: BatchCallOptions): Promise<RemoteJob>;
  /**
   * Jobs that were submitted under a name, in any state. Those that were made before `sinceMs` (Unix) need not be looked
   * through.
   */
  findJobs(
    name: BatchJobName,
    options: BatchCallOptions & { readonly sinceMs: number },
  ): Promise<RemoteJob[]>;
  /** `undefined` when the provider does not know the job (any more). */
  look(externalId: string, options: BatchCallOptions): Promise<RemoteJob | undefined>;
  /** Asks for a cancellation, which may take minutes; nothing happens to a job that is over. */
  cancel(externalId: string, options: BatchCallOptions): Promise<void>;
  /**
   * Streams what came back, in any order, in memory bounded by the longest line allowed. A line of its own that is damaged
   * harms no other.
   *
   * @param textsOf - How many texts the request of an id has; `undefined` when there is none of that id.
   * @throws SynclineError also `BATCH_RESULTS_LOST` when the files are not there (any more). What was yielded by then is good.
   */
  results(
    job: RemoteJob,
    textsOf: (id: string) => number | undefined,
    options: BatchCallOptions,
  ): AsyncIterable<BatchResult>;
  /** Removes a file. One that is gone already is no error. */
  removeFile(fileId: string, options: BatchCallOptions): Promise<void>;
}
