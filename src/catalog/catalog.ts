import type { DatasetAddress } from '../domain/address.ts';
import type { StoredChunk } from '../domain/chunk-diff.ts';
import type { DocumentKey } from '../domain/document.ts';
import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import type { Digest } from '../domain/hash.ts';
import type { BatchReads, BatchWrites } from './batch-catalog.ts';
import type { CatalogImporter } from './catalog-import.ts';
import type { CostReads, CostWrites, StoreOptions } from './cost-catalog.ts';
import type { IndexingReads, IndexingWrites } from './indexing-catalog.ts';
import type { ProviderReads, ProviderWrites } from './provider-catalog.ts';
import type {
  CatalogIds,
  ChunkChange,
  Configuration,
  ConfigurationRecord,
  DatasetBacklog,
  DatasetCounts,
  DatasetOverview,
  DatasetPage,
  DatasetRecord,
  DatasetSpec,
  DocumentChange,
  DocumentChunk,
  DocumentRecord,
  FailedChunk,
  FailureFilter,
  GenerationRecord,
  IncomingChange,
  IncomingRecord,
  IndexMark,
  LeaseAnswer,
  LeaseHolder,
  LeaseRequest,
  NewEmbedding,
  PendingChunk,
  ProjectRecord,
  QueuedDocument,
  StoredContent,
  StoredDocument,
  TaskRecord,
  TaskRefusal,
  TaskState,
  TextFailure,
} from './records.ts';
import type { SyncReads, SyncWrites } from './sync-catalog.ts';

export type * from './batch-catalog.ts';
export { DEFAULT_BATCH_POLICY, ENDED_BATCH_STATUSES, LIVE_BATCH_STATUSES } from './batch-catalog.ts';
export type * from './cost-catalog.ts';
export type * from './indexing-catalog.ts';
export type * from './provider-catalog.ts';
export type * from './records.ts';
export { ROW_COUNT_UNKNOWN } from './sync-catalog.ts';

/*
 * The catalog: the durable truth. One implementation speaks SQL over a small driver; drivers exist for local files and
 * for libSQL servers. Every operation is idempotent (its answer can be lost after the commit) and bounded by its `limit`.
 * Writing goes through a CatalogWriter, which carries the lease: a write of a holder that lost it is refused as a whole.
 */

/** What can be read, and the lease. Reads see whole transactions. */
export interface Catalog extends SyncReads, IndexingReads, CostReads, BatchReads, ProviderReads {
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

  /** What tables say by whose they are; a copy of a catalog has the same. */
  identity(): Promise<string>;
  /** The largest ids given out so far. */
  lastIds(): Promise<CatalogIds>;
  /** The importing side for a lease that was granted, for a catalog that is made from tables. */
  importer(token: number): CatalogImporter;
  findDataset(address: DatasetAddress): Promise<DatasetRecord | undefined>;
  /** By id, ascending; also those in state `deleting`. */
  listDatasets(page: DatasetPage): Promise<DatasetRecord[]>;
  /** Projects that have datasets, by id, ascending. */
  listProjects(page: { readonly afterProjectId: number; readonly limit: number }): Promise<ProjectRecord[]>;
  datasetCounts(datasetId: number): Promise<DatasetCounts>;
  /** What statuses are made of, of up to some tens of datasets; by their ids. */
  datasetOverviews(datasetIds: readonly number[]): Promise<ReadonlyMap<number, DatasetOverview>>;
  datasetBacklog(datasetId: number): Promise<DatasetBacklog>;
  /** Stored state of up to 1,000 keys; keys not stored are absent. */
  findDocuments(datasetId: number, keys: readonly DocumentKey[]): Promise<StoredDocument[]>;
  /** Documents by id, ascending: up to `limit`, fewer when their metadata is large, at least one if there is any. */
  listDocuments(
    datasetId: number,
    page: { readonly afterDocumentId: number; readonly limit: number },
  ): Promise<DocumentRecord[]>;
  /** One document with its content. */
  findDocument(
    datasetId: number,
    key: DocumentKey,
  ): Promise<(DocumentRecord & { readonly content: string }) | undefined>;
  /** Chunks of up to 1,000 documents under a configuration: document id → its chunks by ordinal. */
  listChunks(configurationId: number, documentIds: readonly number[]): Promise<Map<number, StoredChunk[]>>;
  /** Chunks of a document under the active configuration, with where they are, by ordinal. */
  listDocumentChunks(
    documentId: number,
    page: { readonly afterOrdinal: number; readonly limit: number },
  ): Promise<DocumentChunk[]>;
  /**
   * Documents that wait to be cut under a configuration, by id: up to `limit`, fewer when their contents are large, at least
   * one if any waits.
   */
  listUncutDocuments(configurationId: number, limit: number): Promise<StoredContent[]>;
  /** All documents by id, with their contents; bounded like {@link listUncutDocuments}. */
  listContents(
    datasetId: number,
    page: { readonly afterDocumentId: number; readonly limit: number },
  ): Promise<StoredContent[]>;
  /** Which of up to 10,000 texts have a vector under a profile: their places in the list. */
  findEmbedded(profile: EmbeddingProfile, textHashes: readonly Digest[]): Promise<number[]>;
  /** Failed chunks that fit, by id, ascending. */
  listFailedChunks(
    datasetId: number,
    page: { readonly afterChunkId: number; readonly limit: number },
    filter?: FailureFilter,
  ): Promise<FailedChunk[]>;
  /** Ids of the waiting changes of up to 1,000 documents; a change that is queued later has another id. */
  findIncoming(datasetId: number, keys: readonly DocumentKey[]): Promise<number[]>;
  /** The oldest waiting changes: up to `limit`, fewer when their contents are large, at least one if any waits. */
  listIncoming(datasetId: number, limit: number): Promise<IncomingRecord[]>;
  /**
   * Pending chunks of a configuration that are in no batch job by id, ascending, one per distinct text; bounded by count and by
   * the characters of their texts.
   */
  listPendingChunks(
    configurationId: number,
    page: { readonly afterChunkId: number; readonly limit: number; readonly textLengthMax: number },
  ): Promise<PendingChunk[]>;
  /** Ids of the pending chunks of a configuration, ascending. */
  listPendingIds(
    configurationId: number,
    page: { readonly afterChunkId: number; readonly limit: number },
  ): Promise<number[]>;
  /** Generations of all datasets by id. */
  listAllGenerations(page: {
    readonly afterGenerationId: number;
    readonly limit: number;
  }): Promise<GenerationRecord[]>;
  findConfiguration(configurationId: number): Promise<ConfigurationRecord | undefined>;
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
  /**
   * How many documents of the serving table would be missing if a building generation served now: they are queued for it and
   * cannot be written yet.
   */
  countUncovered(generationId: number): Promise<number>;
  /** Newest first. */
  listTasks(page: {
    readonly datasetId?: number;
    readonly kind?: string;
    readonly state?: TaskState;
    /** Only tasks with a smaller id. */
    readonly beforeTaskId?: number;
    readonly limit: number;
    /** With what they refused. */
    readonly withRefused?: boolean;
  }): Promise<TaskRecord[]>;
  /** Closes the connection (after a checkpoint where this side wrote). */
  close(): Promise<void>;
}

/**
 * What can be written while holding the lease.
 *
 * @throws SynclineError `LEASE_LOST` from every method once another holder has it; nothing of that call is then kept.
 */
export interface CatalogWriter extends SyncWrites, IndexingWrites, CostWrites, BatchWrites, ProviderWrites {
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
   * Makes a dataset be on its way to a configuration: creates it where it is new and queues every document to be cut under it.
   * Asking again for the same one changes nothing.
   *
   * @throws SynclineError `DATASET_RECONFIGURING` when the dataset is on its way to another one.
   */
  setTarget(datasetId: number, target: Configuration): Promise<DatasetRecord>;
  /**
   * Ends a reconfiguration, rollback or rebuild that has not been switched to: what it built is marked to be dropped, a retired
   * generation is retired again. The first table, built where none serves, is left alone. Embeddings stay.
   */
  cancelTarget(datasetId: number): Promise<DatasetRecord>;
  /** Forgets the configurations that neither the dataset nor a generation has any more, with their chunks. */
  forgetConfigurations(datasetId: number): Promise<void>;
  /** Removes what a {@link forgetConfigurations} that was cut short has left. */
  forgetOrphanedChunks(): Promise<void>;
  /**
   * Brings documents' chunks under a configuration up to date. A document whose content is another one by now is left queued.
   *
   * @param usdPerMillionTokens - For telling what it saves that a text is known.
   */
  applyChunks(
    configurationId: number,
    changes: readonly ChunkChange[],
    usdPerMillionTokens?: number | undefined,
  ): Promise<void>;

  /**
   * Applies up to 1,000 documents' changes, cut for the configuration `configurationId`, each with content, chunk diff and removals in one transaction (all of the call
   * in one or several whole-document transactions). New chunks whose text is known to the profile are `ready` at once.
   * Waiting incoming changes named in `incomingIds` go away in the same transaction. Queues the documents in every generation that is not to be
   * dropped, and to be cut under every other configuration of the dataset.
   */
  applyDocuments(
    datasetId: number,
    configurationId: number,
    changes: readonly DocumentChange[],
    options?: {
      readonly incomingIds?: readonly number[];
      /** For telling what it saves that a text is known. */
      readonly usdPerMillionTokens?: number | undefined;
    },
  ): Promise<void>;
  /** Removes waiting incoming changes that turned out to change nothing. */
  dropIncoming(datasetId: number, incomingIds: readonly number[]): Promise<void>;

  /** Makes sure that ids up to these are never given out (again). */
  raiseIds(ids: CatalogIds): Promise<void>;
  /** The id of a profile, which is created where it is new. */
  ensureProfile(profile: EmbeddingProfile): Promise<number>;
  /** Stores vectors under (profile, text hash) and makes every pending chunk of these texts `ready`, in all datasets of the profile. */
  storeEmbeddings(
    profileId: number,
    embeddings: readonly NewEmbedding[],
    options?: StoreOptions,
  ): Promise<void>;
  /** Charges attempts to texts, or gives them up. */
  recordTextFailures(profileId: number, failures: readonly TextFailure[]): Promise<void>;
  /** Makes failed chunks `pending` again with no attempts charged; returns how many. */
  retryFailedChunks(datasetId: number, filter?: FailureFilter): Promise<number>;

  /**
   * A new generation for a configuration in state `building` (every document queued for it), named before its table exists. A random
   * `nameSuffix` keeps a catalog that is older than its tables from meeting a name that it gives out again.
   */
  createGeneration(
    datasetId: number,
    configurationId: number,
    options?: { readonly nameSuffix: string },
  ): Promise<GenerationRecord>;
  /** Makes a retired generation `building` again: it is to catch up and serve. Its configuration becomes the target where it is not the active one. */
  reopenGeneration(generationId: number): Promise<void>;
  /** Records version and row count of a table, when it was created, restored or maintained. */
  recordTable(
    generationId: number,
    state: { readonly version: number; readonly rowCount: number },
  ): Promise<void>;
  /** The mark, in one transaction: rows are indexed, tombstones go, deleted documents go, version and row count are recorded. */
  markIndexed(mark: IndexMark): Promise<void>;
  /**
   * Makes a building generation serve and retires the one that served, in one transaction; its configuration becomes the active
   * one.
   */
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
      /** Kept with the newest 100 tasks that have some, as far as there is room. */
      readonly refused?: readonly TaskRefusal[];
      /** Earlier finished tasks of its kind and dataset are forgotten: of what happens by itself, again and again, only the last is of interest. */
      readonly isLatestOnly?: boolean;
    },
  ): Promise<void>;
  /** Marks tasks left `running` by former holders as failed; keeps the newest 1,000 finished ones. */
  closeAbandonedTasks(): Promise<void>;
}
