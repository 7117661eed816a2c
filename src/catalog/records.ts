import type { DatasetAddress } from '../domain/address.ts';
import type { ChunkingSettings, EmbeddingStatus } from '../domain/chunk.ts';
import type { ChunkDiff } from '../domain/chunk-diff.ts';
import type { DocumentFormat, DocumentKey, PreparedDocument } from '../domain/document.ts';
import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import type { FieldTypes } from '../domain/fields.ts';
import type { Digest } from '../domain/hash.ts';
import type { BatchPolicy } from './batch-catalog.ts';
import type { IndexingSummary } from './indexing-catalog.ts';

/* What the catalog keeps, as its callers see it. */

// ── datasets ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface DatasetSpec {
  readonly address: DatasetAddress;
  readonly profile: EmbeddingProfile;
  readonly fields: FieldTypes;
  readonly chunking: ChunkingSettings;
}

/** How documents become vectors: what the chunks of a dataset, and each of its generations, are made by. */
export interface Configuration {
  readonly profile: EmbeddingProfile;
  readonly chunking: ChunkingSettings;
}

export interface ConfigurationRecord extends Configuration {
  readonly configurationId: number;
  readonly profileId: number;
}

/** A dataset with its active configuration: the one that its serving generation is built for. */
export interface DatasetRecord extends DatasetSpec, ConfigurationRecord {
  readonly datasetId: number;
  /** Where a reconfiguration is on its way to. */
  readonly target: ConfigurationRecord | undefined;
  /** `deleting` from the request until its tables and rows are gone. */
  readonly state: 'active' | 'deleting';
  readonly createdAtMs: number;
}

/** Counts of one dataset, each read from an index. */
export interface DatasetCounts {
  readonly documents: number;
  /** Chunks under the active configuration. */
  readonly chunks: Readonly<Record<EmbeddingStatus, number>>;
  /** How far a reconfiguration is; `undefined` without one. */
  readonly target: TargetCounts | undefined;
  /** Chunks whose row is committed in the serving generation. */
  readonly indexedChunks: number;
  /** Documents that wait to be cut into chunks. */
  readonly incomingDocuments: number;
  /** Documents whose newest state is not yet in the serving table. */
  readonly queuedDocuments: number;
  /** Pending chunks that wait for batch jobs. */
  readonly batchedChunks: number;
}

/** What is there, and what is missing, under the configuration that a dataset is on its way to. */
export interface TargetCounts {
  /** Documents that wait to be cut under it. */
  readonly uncutDocuments: number;
  readonly chunks: Readonly<Record<EmbeddingStatus, number>>;
}

/** How much work waits, for ordering datasets. */
export interface DatasetBacklog {
  readonly incomingDocuments: number;
  /** Without those that only wait for batch jobs, as far as that is all that waits. */
  readonly queuedDocuments: number;
  /** In no batch job. Also those of a configuration that the dataset is on its way to. */
  readonly pendingChunks: number;
  /** Pending chunks that wait for batch jobs. Nothing can be done for them here. */
  readonly batchedChunks: number;
  /** Documents that wait to be cut under the configuration that the dataset is on its way to. */
  readonly uncutDocuments: number;
  /** A generation is being built, or the dataset is on its way to another configuration. */
  readonly isSwitchPending: boolean;
  /** When the oldest waiting change was made, or `undefined` when nothing waits. */
  readonly oldestChangeAtMs: number | undefined;
}

export interface ProjectRecord {
  readonly projectId: number;
  readonly name: string;
  readonly datasetCount: number;
}

export interface DatasetPage {
  readonly project?: string;
  /** Only datasets with a larger id; default 0. */
  readonly afterDatasetId?: number;
  readonly limit: number;
}

// ── documents and chunks ────────────────────────────────────────────────────────────────────────────────────────────

/** A document as far as deciding whether it changed needs. */
export interface StoredDocument extends DocumentKey {
  readonly documentId: number;
  /** +1 with every change of content or metadata; 1 at first. */
  readonly revision: number;
  readonly contentHash: Digest;
  readonly metadataHash: Digest;
}

/** A document as it is stored, without its content. */
export interface DocumentRecord extends DocumentKey {
  readonly documentId: number;
  readonly title: string;
  readonly format: DocumentFormat;
  /** UTF-16 units. */
  readonly contentLength: number;
  readonly metadataJson: string;
  /** +1 with every change of content or metadata; 1 at first. */
  readonly revision: number;
  readonly changedAtMs: number;
}

/** A document to be chunked, or deleted, by the worker. */
export type IncomingChange =
  | { readonly kind: 'upsert'; readonly document: PreparedDocument }
  | { readonly kind: 'delete'; readonly key: DocumentKey };

export interface IncomingRecord {
  readonly incomingId: number;
  readonly change: IncomingChange;
}

/**
 * One document's change, decided against the stored state read under the same lease:
 * - `upsert`: new content with its chunk diff (`diff` of metadata-only changes keeps all chunks, adds and removes none);
 * - `delete`: the document goes; all its chunks become tombstones.
 */
export type DocumentChange =
  | {
      readonly kind: 'upsert';
      readonly document: PreparedDocument;
      readonly diff: ChunkDiff;
      /** Whether kept chunks moved or content changed; `false` for a metadata-only change, whose content is not rewritten. */
      readonly contentChanged: boolean;
    }
  | { readonly kind: 'delete'; readonly key: DocumentKey };

/** A document with its content, to be cut. */
export interface StoredContent extends StoredDocument {
  readonly title: string;
  readonly format: DocumentFormat;
  readonly content: string;
}

/** A document's new chunks under one configuration, decided against those stored. */
export interface ChunkChange {
  readonly document: Pick<StoredContent, 'source' | 'key' | 'documentId' | 'contentHash'>;
  readonly diff: ChunkDiff;
}

/** A chunk without a vector, with what makes its embedded text. */
export interface PendingChunk {
  readonly chunkId: number;
  readonly textHash: Digest;
  /** Context and chunk text, as they are embedded. */
  readonly embeddedText: string;
  readonly tokenCount: number;
  /** Attempts charged to this text so far. */
  readonly attemptCount: number;
  /** It was pulled back from a batch job: it goes the direct way. */
  readonly isPulledBack: boolean;
}

export interface FailedChunk {
  readonly chunkId: number;
  readonly key: DocumentKey;
  readonly ordinal: number;
  readonly attemptCount: number;
  /** Of the last error, where it has one. */
  readonly code: string | undefined;
  readonly lastError: string;
}

/** Which failed chunks are meant: those that fit everything that is given. */
export interface FailureFilter {
  /** At most 1,000. */
  readonly chunkIds?: readonly number[];
  /** Of the last error, such as `EMBEDDING_REQUEST_REFUSED`. */
  readonly code?: string;
  readonly source?: string;
  readonly key?: string;
  /** A part of the last error, whatever the case. */
  readonly error?: string;
  readonly attemptsMin?: number;
}

/** A chunk of a document under its dataset's active configuration, and where it is. */
export interface DocumentChunk {
  readonly chunkId: number;
  readonly ordinal: number;
  /** UTF-16 units into the document's content of that revision. */
  readonly start: number;
  readonly end: number;
  readonly revision: number;
  readonly context: string;
  readonly tokenCount: number;
  readonly status: EmbeddingStatus;
  readonly attemptCount: number;
  readonly lastError: string | undefined;
  /** Its row is committed in the serving generation. */
  readonly isIndexed: boolean;
  /** Its text was too long: the tokens, from its beginning, that its vector was made of. */
  readonly embeddedTokenCount: number | undefined;
}

/** A new embedding, to be stored before anything uses it. */
export interface NewEmbedding {
  readonly textHash: Digest;
  /** Length: the profile's dimensions. */
  readonly vector: Float32Array;
  /** Of a text that was too long: the tokens, from its beginning, that the vector was made of. */
  readonly embeddedTokenCount?: number | undefined;
}

/** A text that its provider refused. */
export interface TextFailure {
  readonly textHash: Digest;
  readonly error: string;
  /** Give up: its chunks become `failed`. Else one attempt is charged and they stay `pending`. */
  readonly giveUp: boolean;
}

// ── generations ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** `building` until it is switched to, `serving` one per dataset, `retired` afterwards, `dropping` once its table is to go. */
export type GenerationState = 'building' | 'serving' | 'retired' | 'dropping';

export interface GenerationRecord {
  readonly generationId: number;
  readonly datasetId: number;
  /** Never used before and never again: contains the generation's id. */
  readonly tableName: string;
  readonly state: GenerationState;
  readonly configurationId: number;
  readonly profileId: number;
  /** When it ceased to serve; `undefined` for one that never did, or serves. */
  readonly retiredAtMs: number | undefined;
  /** Table version and row count at the last mark; `undefined` until the table was created. */
  readonly recorded: { readonly version: number; readonly rowCount: number } | undefined;
}

/** A document whose newest state is not in a generation's table, with all that its rows are made of. */
export interface QueuedDocument extends DocumentKey {
  /** Place in the queue: larger for later changes. */
  readonly queueSeq: number;
  readonly documentId: number;
  readonly revision: number;
  readonly title: string;
  readonly metadataJson: string;
  readonly metadataHash: Digest;
  readonly contentHash: Digest;
  /** Whether the generation's table may hold rows of this document; if not, appending is enough. */
  readonly hasRows: boolean;
  /** Its ready chunks by ordinal; failed ones are left out. Empty when the document was deleted or has no text. */
  readonly chunks: readonly QueuedChunk[];
}

export interface QueuedChunk {
  readonly chunkId: number;
  readonly ordinal: number;
  readonly start: number;
  readonly end: number;
  readonly tokenCount: number;
  readonly textHash: Digest;
  readonly embeddedText: string;
  readonly textStart: number;
  /** Length: the profile's dimensions. */
  readonly vector: Float32Array;
}

/** The mark: what the table holds after a commit. */
export interface IndexMark {
  readonly generationId: number;
  readonly version: number;
  readonly rowCount: number;
  readonly documents: readonly {
    readonly documentId: number;
    /** The revision that was written; a document changed meanwhile stays queued. */
    readonly revision: number;
    readonly rows: readonly { readonly chunkId: number; readonly fingerprint: bigint }[];
  }[];
}

/** Largest ids of each kind. */
export interface CatalogIds {
  readonly documentId: number;
  readonly chunkId: number;
  readonly generationId: number;
}

// ── lease ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Who works on the catalog, for messages. */
export interface LeaseHolder {
  /** Unique per runtime instance. */
  readonly holderId: string;
  readonly pid: number;
  /** Host name, with what tells apart PID namespaces where there are any. */
  readonly host: string;
  /** When the holder's process started. */
  readonly startedAtMs: number;
  readonly expiresAtMs: number;
}

export interface LeaseRequest {
  readonly holderId: string;
  readonly pid: number;
  readonly host: string;
  readonly startedAtMs: number;
  readonly ttlMs: number;
  /** A holder known to be dead although its lease has not expired; taken over at once. */
  readonly deadHolderId?: string;
}

/** The catalog's clock decides; `token` grows with each grant and fences the writes of former holders. */
export type LeaseAnswer =
  | { readonly granted: true; readonly token: number }
  | { readonly granted: false; readonly holder: LeaseHolder };

// ── tasks ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export type TaskState = 'running' | 'succeeded' | 'failed' | 'cancelled';

/** A record, or a document, that a task did not take in. */
export interface TaskRefusal {
  /** Empty where nobody knows it. */
  readonly key: string;
  readonly code: string;
  readonly message: string;
}

/** A long piece of work that someone asked for: listed, watched, and known to have been cut short after a crash. */
export interface TaskRecord {
  readonly taskId: number;
  readonly datasetId: number | undefined;
  /** `project/dataset`; `undefined` when the task is of no dataset, or of one that is gone. */
  readonly address: string | undefined;
  /** `ingest`, `index`, … */
  readonly kind: string;
  readonly state: TaskState;
  readonly startedAtMs: number;
  readonly finishedAtMs: number | undefined;
  /** JSON-safe counts. */
  readonly progress: Readonly<Record<string, number>>;
  readonly error: string | undefined;
  /** The first records that it refused; `undefined` in lists, where there are none, and of old tasks. */
  readonly refused: readonly TaskRefusal[] | undefined;
}

/** The newest tasks of one dataset. */
export interface NewestTasks {
  /** The newest run that ended, without upkeep. */
  readonly lastRun: TaskRecord | undefined;
  /** The newest run, where it failed: cancelled ones after it do not count. */
  readonly failedRun: TaskRecord | undefined;
  /** The newest runs of upkeep, newest first. */
  readonly upkeep: readonly TaskRecord[];
}

/** What the status of a dataset is made of, as it is at one moment. */
export interface DatasetOverview extends NewestTasks {
  readonly counts: DatasetCounts;
  /** Newest first. */
  readonly generations: readonly GenerationRecord[];
  readonly batchPolicy: BatchPolicy;
  readonly indexing: IndexingSummary | undefined;
  /** Noted changes that were set aside. */
  readonly refusedChangeCount: number;
  /** Names of stored sources that nothing was ever read of. */
  readonly unreadSources: readonly string[];
}
