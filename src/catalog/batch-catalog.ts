import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import type { Digest } from '../domain/hash.ts';

/* The part of the catalog about batch jobs; `Catalog` and `CatalogWriter` include it. */

/** Statuses of a job that is not over. */
export const LIVE_BATCH_STATUSES = ['created', 'submitted', 'processing'] as const;

/** Statuses of a job that is over: everything that came back is stored, all other texts wait again. */
export const ENDED_BATCH_STATUSES = ['completed', 'failed', 'expired', 'cancelled'] as const;

/**
 * - `created`: texts are gathered and handed over; nothing is known to be at work. A job whose provider has too much enqueued
 *   is `created` again.
 * - `submitted`: the provider has it;
 * - `processing`: the provider works on it, or its results are being stored.
 */
export type BatchJobStatus = (typeof LIVE_BATCH_STATUSES)[number] | (typeof ENDED_BATCH_STATUSES)[number];

export type EndedBatchStatus = (typeof ENDED_BATCH_STATUSES)[number];

/** What somebody wants of a job: that it ends, its texts waiting for another job, or for the direct way. */
export type BatchAsk = 'cancel' | 'pullBack';

/** What came of a job's texts so far, and what it cost. Counts of texts, unless the name says otherwise. */
export interface BatchStats {
  /** Vectors that were stored. */
  readonly stored: number;
  /** Charged an attempt, or given up. */
  readonly refused: number;
  /** Waiting again: not answered, or refused together with others. */
  readonly released: number;
  /** Lines that named no request of the job, a text twice, or nothing. */
  readonly strangeLines: number;
  readonly tokensCharged: number;
  /** What its texts will be charged, by the tokenizer's count; absent in jobs of earlier versions. */
  readonly tokensExpected?: number;
}

export interface BatchJobRecord {
  readonly batchJobId: number;
  readonly name: string;
  /** `embedding`; open for others. */
  readonly type: string;
  /** Whose texts were gathered, and who is charged for them. */
  readonly datasetId: number;
  /** `project/dataset`; `undefined` when it is gone. */
  readonly address: string | undefined;
  readonly profileId: number;
  readonly profile: EmbeddingProfile;
  readonly status: BatchJobStatus;
  readonly sealed: boolean;
  readonly reserved: boolean;
  readonly asked: BatchAsk | undefined;
  readonly textCount: number;
  readonly requestCount: number;
  readonly tokenCount: number;
  readonly uploadCount: number;
  readonly submissionCount: number;
  readonly submissionBegunAtMs: number | undefined;
  readonly fileId: string | undefined;
  readonly externalId: string | undefined;
  /** The job as it was last seen at the provider, as JSON. */
  readonly remoteJson: string | undefined;
  /** Files of it that lie at the provider. */
  readonly files: readonly string[];
  readonly stats: BatchStats;
  readonly error: string | undefined;
  readonly createdAtMs: number;
  readonly submittedAtMs: number | undefined;
  readonly processingAtMs: number | undefined;
  readonly finishedAtMs: number | undefined;
  readonly lookedAtMs: number | undefined;
  /** Nothing of it is left at the provider. */
  readonly tidied: boolean;
}

/** A text in a job: the request that it is in, its place there, and how many texts that request has. */
export interface BatchText {
  readonly textHash: Digest;
  readonly requestNo: number;
  readonly place: number;
  readonly requestSize: number;
  readonly tokenCount: number;
}

/** A text of a job with what is embedded. */
export interface BatchInput extends BatchText {
  readonly embeddedText: string;
}

/** Whether, and how, the texts of a dataset go to batch jobs. */
export interface BatchPolicy {
  /**
   * - `never`: every text goes the direct way;
   * - `auto`: `minBatchSize` texts or more that wait together go to a job, fewer go the direct way;
   * - `always`: every text goes to a job.
   */
  readonly mode: 'never' | 'auto' | 'always';
  /** Texts that make a job worth while. */
  readonly minBatchSize: number;
  /** How long texts wait at most for others to fill a job, in milliseconds. */
  readonly maxWaitMs: number;
}

export const DEFAULT_BATCH_POLICY: BatchPolicy = { mode: 'never', minBatchSize: 1_000, maxWaitMs: 60_000 };

/** What is pending under a configuration and in no job. */
export interface PendingSpan {
  /** Chunks, counted up to the bound that was given; without those that were pulled back. */
  readonly count: number;
  /** When the document of the oldest was changed. */
  readonly oldestAtMs: number | undefined;
}

/** What a provider takes at a time, of all jobs of one model that are not over. */
export interface BatchRoom {
  readonly tokensMax: number;
  readonly requestsMax: number;
  readonly jobsMax: number;
}

/** What the texts of a job will be charged. */
export interface ExpectedTokens {
  /** Of all texts so far, by the tokenizer's count. */
  readonly tokensExpected: number;
  /** Their price, where there is a cap on runs: what they cost counts in that of the job's dataset from now on. */
  readonly runUsdPerMillionTokens?: number | undefined;
}

export interface BatchReads {
  findBatchJob(batchJobId: number): Promise<BatchJobRecord | undefined>;
  /** Newest first. */
  listBatchJobs(page: {
    readonly status?: BatchJobStatus;
    readonly beforeBatchJobId?: number;
    readonly limit: number;
  }): Promise<BatchJobRecord[]>;
  /** Jobs that are not over, or have something left at their provider; by id, ascending. */
  listUntidiedBatchJobs(page: {
    readonly afterBatchJobId: number;
    readonly limit: number;
  }): Promise<BatchJobRecord[]>;
  /** The newest jobs of a profile that are over, newest first. */
  listEndedBatchJobs(profileId: number, limit: number): Promise<BatchJobRecord[]>;
  /** Texts of a job by request and place: up to `limit` (10,000). */
  listBatchTexts(
    batchJobId: number,
    page: { readonly after?: { readonly requestNo: number; readonly place: number }; readonly limit: number },
  ): Promise<BatchText[]>;
  /**
   * The same with what is embedded, bounded by the characters of the texts; one whose documents are gone or have changed is
   * left out. `next` is where to go on; `undefined` at the end.
   */
  listBatchInputs(
    batchJobId: number,
    page: { readonly after?: { readonly requestNo: number; readonly place: number }; readonly limit: number },
  ): Promise<{
    readonly inputs: BatchInput[];
    readonly next: { readonly requestNo: number; readonly place: number } | undefined;
  }>;
  batchPolicy(datasetId: number): Promise<BatchPolicy>;
  /** Datasets with a policy other than `never`, by id, ascending. */
  listBatchDatasets(page: { readonly afterDatasetId: number; readonly limit: number }): Promise<number[]>;
  pendingSpan(configurationId: number, countMax: number): Promise<PendingSpan>;
  /** Active datasets that have something to do under a profile which no job does for them, by id. */
  listDatasetsToWake(profileId: number): Promise<number[]>;
  /** How many chunks of a dataset wait for each job, by job. */
  batchedChunks(datasetId: number): Promise<{ readonly batchJobId: number; readonly chunks: number }[]>;
}

export interface BatchWrites {
  setBatchPolicy(datasetId: number, policy: BatchPolicy): Promise<void>;
  /** A job in status `created`; the one of that name where there is one. */
  createBatchJob(job: {
    readonly name: string;
    readonly type: string;
    readonly datasetId: number;
    readonly profileId: number;
  }): Promise<BatchJobRecord>;
  /**
   * Puts texts into a job that is not sealed; their pending chunks, in all datasets of the profile, wait for it. A text that is
   * in a job, was pulled back, or has a vector, is left where it is.
   */
  addBatchTexts(batchJobId: number, texts: readonly BatchText[]): Promise<void>;
  /** Nothing is added any more. */
  sealBatchJob(batchJobId: number): Promise<void>;
  /** Writes down that an upload begins: the `count`th. */
  beginBatchUpload(batchJobId: number, count: number): Promise<void>;
  noteBatchFiles(batchJobId: number, fileIds: readonly string[]): Promise<void>;
  /** Lets a job count against what its provider takes at a time, unless that would be too much; a job on its own never is. */
  reserveBatchJob(batchJobId: number, room: BatchRoom): Promise<boolean>;
  /** Writes down that a submission begins: the `count`th. */
  beginBatchSubmission(batchJobId: number, count: number): Promise<void>;
  /** What the provider says of a job; the status of a live one never goes back. */
  noteBatchRemote(
    batchJobId: number,
    seen: {
      readonly externalId: string;
      readonly remoteJson: string;
      readonly status: 'submitted' | 'processing';
      readonly fileIds: readonly string[];
    },
  ): Promise<void>;
  /** The provider had too much enqueued: the job is `created` again and is submitted anew later. */
  resetBatchSubmission(batchJobId: number, reason: string): Promise<void>;
  /** Asks for the end of a job that is not over. A wish to pull back outweighs one to cancel. */
  askBatchJob(batchJobId: number, asked: BatchAsk): Promise<void>;
  /**
   * Charges attempts to texts that are still in the job, or gives them up, and takes them out of it, in one transaction:
   * repeating it changes nothing.
   */
  failBatchTexts(
    batchJobId: number,
    failures: readonly { readonly textHash: Digest; readonly error: string }[],
    attemptsMax: number,
  ): Promise<void>;
  /** Takes texts out of a job: they wait for another one, or for the direct way. */
  releaseBatchTexts(
    batchJobId: number,
    textHashes: readonly Digest[],
    way: 'again' | 'direct',
  ): Promise<void>;
  /** Writes down what a job will be charged, as {@link BatchStats.tokensExpected}. */
  expectBatchTokens(batchJobId: number, expected: ExpectedTokens): Promise<void>;
  noteBatchStats(batchJobId: number, stats: BatchStats): Promise<void>;
  /** Ends a job: what it still holds is taken out of it, and no longer counts against what its provider takes. */
  finishBatchJob(
    batchJobId: number,
    end: { readonly status: EndedBatchStatus; readonly error?: string; readonly way: 'again' | 'direct' },
  ): Promise<void>;
  /** Files that are gone from the provider; with `tidied`, nothing is left there. */
  forgetBatchFiles(
    batchJobId: number,
    fileIds: readonly string[],
    options: { readonly tidied: boolean },
  ): Promise<void>;
}
