import type { BatchPolicy, FailedChunk, FailureFilter, ScheduledRun } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import type { FieldType } from '../domain/fields.ts';
import type { Filter } from '../domain/filter.ts';
import type { SyncLevel, SyncReport } from '../domain/sync-report.ts';
import type { SourceDefinition } from '../sources/source-definition.ts';
import { type BackfillOptions, type BackfillPlan, type BackfillResult, backfill } from './backfill.ts';
import { type BatchPolicyOptions, datasetBatchPolicy, setDatasetBatchPolicy } from './batch/batch-policy.ts';
import { type RuntimeCore, requireDataset, withSession } from './core.ts';
import { checkDataset } from './dataset-check.ts';
import { deleteDataset, makeDataset, tellDataset } from './dataset-control.ts';
import { ingest } from './dataset-documents.ts';
import { type MaintainOptions, type MaintainResult, maintainDataset } from './dataset-maintenance.ts';
import { type DatasetStatus, datasetStatus } from './dataset-status.ts';
import {
  cancelSwitch,
  type RebuildOptions,
  type RollbackOptions,
  rebuildDataset,
  rollbackDataset,
  type SwitchResult,
} from './dataset-tables.ts';
import { deleteDocuments, deleteMatching } from './delete-documents.ts';
import { type ImportRowsResult, importRows, type RowSource } from './import-rows.ts';
import {
  type DatasetText,
  datasetTexts,
  type ImportVectorsOptions,
  type ImportVectorsResult,
  importVectors,
  type TextsOptions,
  type VectorSource,
} from './import-vectors.ts';
import { listSources, removeSource, type SourceStatus, setSources } from './indexing/dataset-sources.ts';
import { indexDataset } from './indexing/index-dataset.ts';
import { createIndexHook, type HookOptions, type IndexHook } from './indexing/index-hook.ts';
import type { IndexOptions, IndexResult } from './indexing/index-options.ts';
import { dropRefusedChanges, listRefusedChanges, type RefusedChange } from './indexing/refused-changes.ts';
import type { DocumentSource, RefusedDocument } from './ingest.ts';
import { type DatasetSummary, summaryOf } from './list-datasets.ts';
import type { Page, PageOptions } from './page.ts';
import { type ChunkView, readChunks } from './read-chunks.ts';
import { type DocumentSummary, listDocuments, readDocument, type StoredDocument } from './read-documents.ts';
import {
  planReconfigure,
  type ReconfigureOptions,
  type ReconfigurePlan,
  type ReconfigureResult,
  reconfigure,
} from './reconfigure.ts';
import {
  type ListFailuresOptions,
  listFailures,
  type RetryFailuresOptions,
  type RetryFailuresResult,
  retryFailures,
} from './retry-failures.ts';
import { readSchedules, type ScheduleStatus, setSchedule } from './schedules/dataset-schedules.ts';
import type { ScheduleSetting } from './schedules/schedule-settings.ts';
import { type SearchOptions, type SearchResult, searchDataset } from './search.ts';
import type { TaskOptions } from './task.ts';

export type { FailedChunk, FailureFilter };

const DEFAULT_PAUSE_REASON = 'asked for';

/** When {@link Dataset.ingest} returns: when searchable, when durably queued, or whichever suits the amount. */
export type IngestMode = 'sync' | 'async' | 'auto';

export interface IngestOptions extends TaskOptions {
  /**
   * - `sync`: returns when every document is searchable.
   * - `async`: returns when every document is durably queued; a started runtime does the rest, else the next `index()`.
   * - `auto` (default): `async` when the runtime is started and the documents are a stream or more than 100; else `sync`.
   */
  readonly mode?: IngestMode;
}

export interface IngestResult {
  readonly mode: 'sync' | 'async';
  /** Documents seen. The next five add up to it (with `async`, `added` and `changed` are counted as they are queued). */
  readonly readCount: number;
  readonly addedCount: number;
  readonly changedCount: number;
  readonly unchangedCount: number;
  readonly refusedCount: number;
  /** The first 100 that were refused, with the reason. */
  readonly refused: readonly RefusedDocument[];
  readonly durationMs: number;
}

export interface DeleteDocumentsResult {
  readonly removedCount: number;
}

export interface CheckOptions extends TaskOptions {
  /**
   * - `quick` (default): the table opens, and columns, version and row count are those of the last mark;
   * - `rows`: also every row, by its fingerprint: about 1 s per million rows;
   * - `deep`: also every vector.
   */
  readonly level?: SyncLevel;
  /** Put right what differs, and check again. Needs the lease. Default `false`. */
  readonly repair?: boolean;
  /** With it, also a check that only looks is listed as a task, for which the lease is needed. */
  readonly onTask?: (taskId: number) => void;
}

export interface CreateDatasetOptions {
  /** Metadata keys to filter by, with their types; each becomes a typed column. */
  readonly fields?: Readonly<Record<string, FieldType>>;
  /** Hard maximum of tokens of one embedded text. Default: the runtime's option. */
  readonly tokensPerChunkMax?: number;
  /** Whether, and how, its texts go to batch jobs. Default `never`; of a dataset that is there already, left as it is. */
  readonly batch?: BatchPolicyOptions;
}

/** One dataset: what is searched and processed together. Made by `runtime.dataset(address)`, which touches nothing. */
export interface Dataset {
  readonly address: string;
  /**
   * Creates the dataset. Not needed before `ingest`, which creates a missing one without declared fields.
   *
   * @throws SynclineError `DATASET_EXISTS` when there is one with other settings, `INVALID_FIELD`, `LEASE_HELD`.
   */
  create(options?: CreateDatasetOptions): Promise<void>;
  /**
   * Takes documents in. Unchanged ones cost a comparison; of changed ones only chunks with new text are embedded. A
   * document that is refused never stops the others.
   *
   * @throws SynclineError `LEASE_HELD`, `LEASE_LOST`, `PROFILE_MISMATCH`, `DISK_FULL`, `PROVIDER_…`, `ABORTED`; what was taken in stays and is finished later.
   */
  ingest(documents: DocumentSource, options?: IngestOptions): Promise<IngestResult>;
  /** Removes documents by key (of the source `default` where none is given) from catalog and table. Unknown keys are no error. */
  deleteDocuments(
    keys: Iterable<string | { readonly source?: string; readonly key: string }>,
    options?: TaskOptions,
  ): Promise<DeleteDocumentsResult>;
  /**
   * Removes the documents that match a filter over declared fields and `source`, `key`, `title`; also those that are not
   * searchable yet.
   *
   * @throws SynclineError `INVALID_FILTER`, and as {@link index}.
   */
  deleteMatching(filter: Filter, options?: TaskOptions): Promise<DeleteDocumentsResult>;
  /** The documents that were taken in, in the order in which they first came; queued ones come when they are. */
  documents(page?: PageOptions): Promise<Page<DocumentSummary>>;
  /** One document with its content. @throws SynclineError `DOCUMENT_NOT_FOUND`. */
  document(key: string | { readonly source?: string; readonly key: string }): Promise<StoredDocument>;
  /** The pieces of a document as they are embedded, in their order, with where each is. @throws SynclineError `DOCUMENT_NOT_FOUND`. */
  chunks(
    key: string | { readonly source?: string; readonly key: string },
    page?: PageOptions,
  ): Promise<Page<ChunkView>>;
  /**
   * Brings the dataset in line with its sources, and does everything that waits: queued documents, pending chunks, unwritten
   * rows. With `changedIds`, looks at these records alone; with `full`, also removes what the sources do not have any more.
   * Without sources, only what waits is done.
   *
   * @throws SynclineError `SOURCE_NOT_FOUND`, `SOURCE_STALLED`, `SOURCE_FAILED`, `INVALID_SOURCE`, `MASS_DELETION_REFUSED`; and as
   * {@link ingest}. What was taken in stays.
   */
  index(options?: IndexOptions): Promise<IndexResult>;
  /**
   * Says where the dataset's documents come from, instead of what was said before; with `keepOthers`, besides. Documents stay,
   * also those of sources that are not named any more. Reads nothing yet.
   *
   * @throws SynclineError `INVALID_SOURCE`.
   */
  setSources(
    sources: readonly SourceDefinition[],
    options?: { readonly keepOthers?: boolean },
  ): Promise<void>;
  /** Forgets a stored source; its documents stay. @throws SynclineError `SOURCE_NOT_FOUND`. */
  removeSource(name: string): Promise<void>;
  /** Where the documents come from: stored sources, and those that the options give. */
  sources(): Promise<SourceStatus[]>;
  /**
   * Says when a started runtime runs `index({ full: true })` or `index()` by itself. Without a setting, a dataset that has a
   * source has a full run on Sundays at 3:00 UTC. A run that was missed is made up for once.
   *
   * @throws SynclineError `INVALID_SCHEDULE`.
   */
  setSchedule(run: ScheduledRun, setting: ScheduleSetting): Promise<void>;
  /**
   * Gives a function for the place where your program saves records: `onSaved({ table: 'orders', ids: [1, 2] })` has them
   * indexed soon. It returns at once and never throws; what it was told survives a crash once it is in the catalog, some 200 ms
   * later. Failures are events, and are tried again.
   */
  hook(options?: HookOptions): IndexHook;
  /**
   * What a hook was told that would have deleted too much at once, in the order in which it was told. It waits until
   * `index({ allowMassDeletion: true })` does it, a full run has come to its end, or {@link dropRefusedChanges}.
   */
  refusedChanges(page?: PageOptions): Promise<Page<RefusedChange>>;
  /** Forgets what was set aside: nothing is deleted for it. */
  dropRefusedChanges(): Promise<{ readonly droppedCount: number }>;
  /** When it is indexed by itself, and how that went last. */
  schedules(): Promise<ScheduleStatus[]>;
  /**
   * Embeds what has no vector: chunks that are pending and, where asked to, those that were given up. Goes on where the last
   * one stopped; with a `limit` as far as that, after which a started runtime goes on with the rest. With `dryRun` it only tells what that
   * is, and what it costs.
   *
   * @throws SynclineError `SPEND_CAP_REACHED`, `PROFILE_MISMATCH`, and as {@link index}.
   */
  backfill(options: BackfillOptions & { readonly dryRun: true }): Promise<BackfillPlan>;
  backfill(options?: BackfillOptions & { readonly dryRun?: false }): Promise<BackfillResult>;
  backfill(options?: BackfillOptions): Promise<BackfillPlan | BackfillResult>;
  /**
   * Compares the serving table with the catalog. Takes no lease and changes nothing, unless `repair` is set.
   *
   * @throws SynclineError `CHECK_INTERRUPTED` (retryable) when the dataset was written to each time, `ABORTED`; with
   * `repair` also as {@link index}, and `TABLE_DAMAGED` when the table differs all the same afterwards.
   */
  check(options?: CheckOptions): Promise<SyncReport>;
  /** Compares rows and puts right what differs, without embedding anything again: `check({ level: 'rows', repair: true })`. */
  repair(options?: TaskOptions): Promise<SyncReport>;
  /**
   * Builds a new table from the catalog's embeddings, with no call to any provider, checks it and switches to it; the present
   * one serves until then and is kept for a rollback. What is being built already is waited for.
   */
  rebuild(options?: RebuildOptions): Promise<SwitchResult>;
  /**
   * Goes back to an earlier table: it catches up with what changed since, then it serves. After a change of model, changed texts
   * are embedded by the former one, which the runtime must still have.
   *
   * @throws SynclineError `NO_EARLIER_TABLE`, `DATASET_RECONFIGURING`.
   */
  rollback(options?: RollbackOptions): Promise<SwitchResult>;
  /** What {@link reconfigure} with these options would do and cost. Changes nothing; cuts every document to find out. */
  planReconfigure(options?: ReconfigureOptions): Promise<ReconfigurePlan>;
  /**
   * Changes the model, its dimensions, or how documents are cut: everything is embedded anew beside the present table, which
   * serves and takes changes until the new one holds all that is searchable, and is kept for a rollback. Goes on after a
   * crash; ends early with {@link cancelSwitch}.
   *
   * @throws SynclineError `PROFILE_MISMATCH`, `INVALID_OPTION`, `DATASET_RECONFIGURING`, and as `index()`.
   */
  reconfigure(options?: ReconfigureOptions): Promise<ReconfigureResult>;
  /**
   * Ends a reconfiguration, rebuild or rollback that does not serve yet. What was embedded stays in the catalog. A dataset's
   * first table is none of these: it is built to its end.
   */
  cancelSwitch(): Promise<{ readonly cancelled: boolean }>;
  /** The distinct texts of the dataset exactly as they are embedded, in the order of the documents. */
  texts(options?: TextsOptions): AsyncIterable<DatasetText>;
  /**
   * Stores vectors that you already have, so that their texts are not embedded (and paid for) again. A text that has one keeps it.
   *
   * @throws SynclineError `INVALID_VECTOR` with the place of the first that cannot be taken.
   */
  importVectors(vectors: VectorSource, options?: ImportVectorsOptions): Promise<ImportVectorsResult>;
  /**
   * Takes a table of your own over, texts with their vectors: each text is hashed, its vector stored under the hash, and the text
   * becomes a document that needs no request. What fits no chunk is cut and embedded. Goes on where it stopped when called again.
   *
   * @throws SynclineError `INVALID_VECTOR`, `DATASET_NOT_FOUND`, and as {@link ingest}.
   */
  importRows(rows: RowSource, options?: IngestOptions): Promise<ImportRowsResult>;
  /**
   * Compacts the table, refreshes its indexes, and removes what no version needs, whether or not the table asks for it. Indexes
   * that cannot be read are made anew. Waits until old versions can be removed, some seconds.
   *
   * @throws SynclineError what made it fail: `DISK_FULL`, `TABLE_FAILED`, …; `LEASE_HELD`.
   */
  maintain(options?: MaintainOptions): Promise<MaintainResult>;
  /** Ranked passages, best first. */
  search(query: string, options?: SearchOptions): Promise<SearchResult[]>;
  /** What the dataset was made with. */
  describe(): Promise<DatasetSummary>;
  status(): Promise<DatasetStatus>;
  /** Chunks that were given up, oldest first, at most `limit` (default 100): all, or those that fit a filter. */
  failures(options?: ListFailuresOptions): Promise<FailedChunk[]>;
  /**
   * Gives chunks that were given up another round of attempts, all or those that fit a filter, and waits until they are
   * searchable or given up again. Throws as `index()`.
   */
  retryFailures(options?: RetryFailuresOptions): Promise<RetryFailuresResult>;
  /** Whether, and how, its texts go to batch jobs. Default `never`. */
  batchPolicy(): Promise<BatchPolicy>;
  /**
   * Changes that policy, or parts of it; answers the whole. Texts that are in jobs by now stay there.
   *
   * @throws SynclineError `INVALID_OPTION`, `LEASE_HELD`.
   */
  setBatchPolicy(policy: BatchPolicyOptions): Promise<BatchPolicy>;
  /** Holds this dataset's work until `resume` with the same reason. Needs a started runtime. */
  pause(reason?: string): Promise<void>;
  resume(reason?: string): Promise<void>;
  /** Removes the dataset with its documents and tables. Embeddings stay in the catalog: they are paid for. */
  delete(): Promise<void>;
}

export function createDataset(core: RuntimeCore, address: DatasetAddress): Dataset {
  const name = formatAddress(address);
  return {
    address: name,
    create: (options) =>
      withSession(core, undefined, async ({ writer }) => {
        await makeDataset(core, writer, address, options);
      }),
    ingest: (documents, options) => ingest(core, address, documents, options),
    deleteDocuments: (keys, options) => deleteDocuments(core, address, keys, options),
    deleteMatching: (filter, options) => deleteMatching(core, address, filter, options),
    documents: (page) => listDocuments(core, address, page),
    document: (key) => readDocument(core, address, key),
    chunks: (key, page) => readChunks(core, address, key, page),
    index: (options) => indexDataset(core, address, options),
    setSources: (sources, options) => setSources(core, address, sources, options),
    removeSource: (source) => removeSource(core, address, source),
    sources: () => listSources(core, address),
    setSchedule: (run, setting) => setSchedule(core, address, run, setting),
    schedules: () => readSchedules(core, address),
    backfill: ((options: BackfillOptions = {}) => backfill(core, address, options)) as Dataset['backfill'],
    hook: (options) => createIndexHook(core, address, options),
    refusedChanges: (page = {}) => listRefusedChanges(core, address, page),
    dropRefusedChanges: () => dropRefusedChanges(core, address),
    check: (options) => checkDataset(core, address, options),
    repair: (options) => checkDataset(core, address, { ...options, level: 'rows', repair: true }),
    rebuild: (options) => rebuildDataset(core, address, options),
    rollback: (options) => rollbackDataset(core, address, options),
    planReconfigure: (options) => planReconfigure(core, address, options),
    reconfigure: (options) => reconfigure(core, address, options),
    cancelSwitch: () => cancelSwitch(core, address),
    texts: (options) => datasetTexts(core, address, options),
    importRows: (rows, options) => importRows(core, address, rows, options),
    importVectors: (vectors, options) => importVectors(core, address, vectors, options),
    maintain: (options) => maintainDataset(core, address, options),
    search: (query, options) => searchDataset(core, address, query, options),
    describe: async () => summaryOf(await requireDataset(core, address)),
    status: () => datasetStatus(core, address),
    failures: (options) => listFailures(core, address, options),
    retryFailures: (options) => retryFailures(core, address, options),
    batchPolicy: () => datasetBatchPolicy(core, address),
    setBatchPolicy: (policy) => setDatasetBatchPolicy(core, address, policy),
    pause: (reason = DEFAULT_PAUSE_REASON) => tellDataset(core, address, { type: 'dataset.pause', reason }),
    resume: (reason = DEFAULT_PAUSE_REASON) => tellDataset(core, address, { type: 'dataset.resume', reason }),
    delete: () => deleteDataset(core, address),
  };
}
