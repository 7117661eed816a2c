import type { DatasetAddress } from '../domain/address.ts';
import type { ChunkingSettings, EmbeddingStatus } from '../domain/chunk.ts';
import type { ChunkDiff, StoredChunk } from '../domain/chunk-diff.ts';
import type { DocumentKey, PreparedDocument } from '../domain/document.ts';
import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import type { FieldTypes } from '../domain/fields.ts';
import type { Digest } from '../domain/hash.ts';

/*
 * The catalog: the durable truth. One implementation speaks SQL over a small driver; drivers exist for local files and
 * for libSQL servers. Every operation is idempotent (its answer can be lost after the commit) and bounded by its `limit`.
 * Writing goes through a CatalogWriter, which carries the lease: a write of a holder that lost it is refused as a whole.
 */

// ── datasets ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface DatasetSpec {
  readonly address: DatasetAddress;
  readonly profile: EmbeddingProfile;
  readonly fields: FieldTypes;
  readonly chunking: ChunkingSettings;
}

export interface DatasetRecord extends DatasetSpec {
  readonly datasetId: number;
  readonly profileId: number;
  /** `deleting` from the request until its tables and rows are gone. */
  readonly state: 'active' | 'deleting';
  readonly createdAtMs: number;
}

/** Counts of one dataset, each read from an index. */
export interface DatasetCounts {
  readonly documents: number;
  readonly chunks: Readonly<Record<EmbeddingStatus, number>>;
  /** Chunks whose row is committed in the serving generation. */
  readonly indexedChunks: number;
  /** Documents that wait to be cut into chunks. */
  readonly incomingDocuments: number;
  /** Documents whose newest state is not yet in the serving table. */
  readonly queuedDocuments: number;
}

/** How much work waits, for ordering datasets. */
export interface DatasetBacklog {
  readonly incomingDocuments: number;
  readonly queuedDocuments: number;
  readonly pendingChunks: number;
  /** When the oldest waiting change was made, or `undefined` when nothing waits. */
  readonly oldestChangeAtMs: number | undefined;
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

/** A chunk without a vector, with what makes its embedded text. */
export interface PendingChunk {
  readonly chunkId: number;
  readonly textHash: Digest;
  /** Context and chunk text, as they are embedded. */
  readonly embeddedText: string;
  readonly tokenCount: number;
  /** Attempts charged to this text so far. */
  readonly attemptCount: number;
}

export interface FailedChunk {
  readonly chunkId: number;
  readonly key: DocumentKey;
  readonly ordinal: number;
  readonly attemptCount: number;
  readonly lastError: string;
}

/** A new embedding, to be stored before anything uses it. */
export interface NewEmbedding {
  readonly textHash: Digest;
  /** Length: the profile's dimensions. */
  readonly vector: Float32Array;
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
  readonly profileId: number;
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
}

// ── the interface ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What can be read, and the lease. Reads see whole transactions. */
export interface Catalog {
  /** Where it is, for messages; without secrets. */
  readonly location: string;
  /** Whether there is a catalog. Creates nothing. @throws SynclineError as {@link migrate}, but never `CATALOG_MISSING`. */
  isCreated(): Promise<boolean>;
  /**
   * Creates the catalog or applies the migrations it lacks, under a lock.
   *
   * @throws SynclineError `CATALOG_NEWER`, `MIGRATION_EDITED`, `CATALOG_FOREIGN`, `CATALOG_CORRUPT`, `CATALOG_READ_ONLY`.
   */
  migrate(): Promise<{ readonly fromVersion: number; readonly toVersion: number }>;

  acquireLease(request: LeaseRequest): Promise<LeaseAnswer>;
  /** Extends the lease; `false` when it is no longer this token's. */
  renewLease(token: number, ttlMs: number): Promise<boolean>;
  /** Gives the lease back; nothing happens when it is no longer this token's. */
  releaseLease(token: number): Promise<void>;
  /** Who holds it now (not expired), if anyone. */
  readLease(): Promise<LeaseHolder | undefined>;
  /** The writing side for a lease that was granted. */
  writer(token: number): CatalogWriter;

  findDataset(address: DatasetAddress): Promise<DatasetRecord | undefined>;
  /** By id, ascending; also those in state `deleting`. */
  listDatasets(page: DatasetPage): Promise<DatasetRecord[]>;
  datasetCounts(datasetId: number): Promise<DatasetCounts>;
  datasetBacklog(datasetId: number): Promise<DatasetBacklog>;
  /** Stored state of up to 1,000 keys; keys not stored are absent. */
  findDocuments(datasetId: number, keys: readonly DocumentKey[]): Promise<StoredDocument[]>;
  /** Chunks of up to 1,000 documents: document id → its chunks by ordinal. */
  listChunks(documentIds: readonly number[]): Promise<Map<number, StoredChunk[]>>;
  /** Failed chunks by id, ascending. */
  listFailedChunks(
    datasetId: number,
    page: { readonly afterChunkId: number; readonly limit: number },
  ): Promise<FailedChunk[]>;
  /** Ids of the waiting changes of up to 1,000 documents; a change that is queued later has another id. */
  findIncoming(datasetId: number, keys: readonly DocumentKey[]): Promise<number[]>;
  /** The oldest waiting changes: up to `limit`, fewer when their contents are large, at least one if any waits. */
  listIncoming(datasetId: number, limit: number): Promise<IncomingRecord[]>;
  /** Pending chunks by id, ascending, one per distinct text; bounded by count and by the characters of their texts. */
  listPendingChunks(
    datasetId: number,
    page: { readonly afterChunkId: number; readonly limit: number; readonly textLengthMax: number },
  ): Promise<PendingChunk[]>;
  /** Generations of a dataset, newest first. */
  listGenerations(datasetId: number): Promise<GenerationRecord[]>;
  /**
   * Queued documents none of whose chunks is pending, oldest change first: at least one if there is any, then more until
   * `chunkCountMax` would be passed. All of one answer have the same `hasRows`.
   */
  listWritableDocuments(
    generationId: number,
    page: { readonly chunkCountMax: number },
  ): Promise<QueuedDocument[]>;
  /** The largest queue place given out so far in a dataset's serving generation, and the smallest still waiting. */
  queueSpan(
    datasetId: number,
  ): Promise<{ readonly lastGivenSeq: number; readonly firstWaitingSeq: number | undefined }>;
  listTasks(page: { readonly datasetId?: number; readonly limit: number }): Promise<TaskRecord[]>;
  /** Closes the connection (after a checkpoint where this side wrote). */
  close(): Promise<void>;
}

/**
 * What can be written while holding the lease.
 *
 * @throws SynclineError `LEASE_LOST` from every method once another holder has it; nothing of that call is then kept.
 */
export interface CatalogWriter {
  /** Throws `LEASE_LOST` unless the lease is still this writer's. Asked before each table commit. */
  assertLease(): Promise<void>;
  /** Creates a dataset (and its project and profile when new); the existing one is returned when all its settings are equal, else `DATASET_EXISTS`. */
  createDataset(spec: DatasetSpec): Promise<DatasetRecord>;
  /** Marks it `deleting`: it is no longer found by searches and is let go of in mid-work. */
  requestDatasetDeletion(datasetId: number): Promise<void>;
  /** Removes everything of a dataset in state `deleting` in bounded transactions; its tables must be gone. Embeddings stay. */
  deleteDataset(datasetId: number): Promise<void>;

  /** Queues changes for chunking; a later change of the same document replaces a waiting one. */
  enqueueIncoming(datasetId: number, changes: readonly IncomingChange[]): Promise<void>;
  /**
   * Applies up to 1,000 documents' changes, each with content, chunk diff and removals in one transaction (all of the call
   * in one or several whole-document transactions). New chunks whose text is known to the profile are `ready` at once.
   * Waiting incoming changes named in `incomingIds` go away in the same transaction. Queues the documents in every serving or building generation.
   */
  applyDocuments(
    datasetId: number,
    changes: readonly DocumentChange[],
    options?: { readonly incomingIds?: readonly number[] },
  ): Promise<void>;
  /** Removes waiting incoming changes that turned out to change nothing. */
  dropIncoming(datasetId: number, incomingIds: readonly number[]): Promise<void>;

  /** Stores vectors under (profile, text hash) and makes every pending chunk of these texts `ready`, in all datasets of the profile. */
  storeEmbeddings(profileId: number, embeddings: readonly NewEmbedding[]): Promise<void>;
  /** Charges attempts to texts, or gives them up. */
  recordTextFailures(profileId: number, failures: readonly TextFailure[]): Promise<void>;
  /** Makes failed chunks `pending` again with no attempts charged; returns how many. */
  retryFailedChunks(datasetId: number): Promise<number>;

  /** A new generation in state `building` (every document queued for it), named before its table exists. */
  createGeneration(datasetId: number): Promise<GenerationRecord>;
  /** Records version and row count of a table, when it was created, restored or maintained. */
  recordTable(
    generationId: number,
    state: { readonly version: number; readonly rowCount: number },
  ): Promise<void>;
  /** The mark, in one transaction: rows are indexed, tombstones go, deleted documents go, version and row count are recorded. */
  markIndexed(mark: IndexMark): Promise<void>;
  /** Makes a building generation serve and retires the one that served, in one transaction. */
  switchGeneration(generationId: number): Promise<void>;
  /** Marks a generation's table as about to be dropped, before it is. */
  requestGenerationDrop(generationId: number): Promise<void>;
  /** Forgets a generation in state `dropping`; its table must be gone. */
  forgetGeneration(generationId: number): Promise<void>;

  startTask(task: { readonly kind: string; readonly datasetId?: number }): Promise<number>;
  updateTask(taskId: number, progress: Readonly<Record<string, number>>): Promise<void>;
  finishTask(
    taskId: number,
    result: {
      readonly state: 'succeeded' | 'failed' | 'cancelled';
      readonly progress: Readonly<Record<string, number>>;
      readonly error?: string;
    },
  ): Promise<void>;
  /** Marks tasks left `running` by former holders as failed; keeps the newest 1,000 finished ones. */
  closeAbandonedTasks(): Promise<void>;
}
