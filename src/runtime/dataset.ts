import type { DatasetPhase } from '../actors/dataset-machine.ts';
import type { Failure } from '../actors/failure.ts';
import type { DatasetCounts, FailedChunk } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import type { FieldType, FieldTypes } from '../domain/fields.ts';
import type { SyncLevel, SyncReport } from '../domain/sync-report.ts';
import type { LoggedCheck } from './check-log.ts';
import { type RuntimeCore, requireDataset, withSession } from './core.ts';
import { checkDataset } from './dataset-check.ts';
import { datasetStatus, deleteDataset, indexWaiting, makeDataset, tellDataset } from './dataset-control.ts';
import { deleteDocuments, ingest } from './dataset-documents.ts';
import type { DocumentSource, RefusedDocument } from './ingest.ts';
import { type SearchOptions, type SearchResult, searchDataset } from './search.ts';

const DEFAULT_PAUSE_REASON = 'asked for';

/** When {@link Dataset.ingest} returns: when searchable, when durably queued, or whichever suits the amount. */
export type IngestMode = 'sync' | 'async' | 'auto';

export interface IngestOptions {
  /**
   * - `sync`: returns when every document is searchable.
   * - `async`: returns when every document is durably queued; a started runtime does the rest, else the next `index()`.
   * - `auto` (default): `async` when the runtime is started and the documents are a stream or more than 100; else `sync`.
   */
  readonly mode?: IngestMode;
  readonly signal?: AbortSignal;
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

export interface IndexOptions {
  /** Give chunks that were given up another round of attempts. Default `false`. */
  readonly retryFailed?: boolean;
  readonly signal?: AbortSignal;
}

export interface IndexResult {
  /** Failed chunks that were given another round. */
  readonly retriedCount: number;
  readonly durationMs: number;
}

export interface CheckOptions {
  /**
   * - `quick` (default): the table opens, and columns, version and row count are those of the last mark;
   * - `rows`: also every row, by its fingerprint: about 1 s per million rows;
   * - `deep`: also every vector.
   */
  readonly level?: SyncLevel;
  /** Put right what differs, and check again. Needs the lease. Default `false`. */
  readonly repair?: boolean;
  readonly signal?: AbortSignal;
}

export interface DatasetStatus {
  readonly address: string;
  /** Where its actor stands; `notRunning` when this runtime has none for it at the moment. */
  readonly phase: DatasetPhase | 'notRunning';
  readonly failure: Failure | undefined;
  readonly counts: DatasetCounts;
  /** Everything in the catalog is in the serving table. */
  readonly isUpToDate: boolean;
  /** `provider/model@dimensions tN`. */
  readonly profile: string;
  readonly fields: FieldTypes;
  readonly table: { readonly name: string; readonly version: number; readonly rowCount: number } | undefined;
  /** The newest sync check that this runtime made, if any; quick ones only where they were asked for. */
  readonly lastCheck: LoggedCheck | undefined;
}

export interface CreateDatasetOptions {
  /** Metadata keys to filter by, with their types; each becomes a typed column. */
  readonly fields?: Readonly<Record<string, FieldType>>;
  /** Hard maximum of tokens of one embedded text. Default: the runtime's option. */
  readonly tokensPerChunkMax?: number;
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
    options?: { readonly signal?: AbortSignal },
  ): Promise<DeleteDocumentsResult>;
  /** Does everything that waits: queued documents, pending chunks, unwritten rows; retries failed chunks when asked to. */
  index(options?: IndexOptions): Promise<IndexResult>;
  /**
   * Compares the serving table with the catalog. Takes no lease and changes nothing, unless `repair` is set.
   *
   * @throws SynclineError `CHECK_INTERRUPTED` (retryable) when the dataset was written to each time, `ABORTED`; with
   * `repair` also as {@link index}, and `TABLE_DAMAGED` when the table differs all the same afterwards.
   */
  check(options?: CheckOptions): Promise<SyncReport>;
  /** Compares rows and puts right what differs, without embedding anything again: `check({ level: 'rows', repair: true })`. */
  repair(options?: { readonly signal?: AbortSignal }): Promise<SyncReport>;
  /** Ranked passages, best first. */
  search(query: string, options?: SearchOptions): Promise<SearchResult[]>;
  status(): Promise<DatasetStatus>;
  /** Chunks that were given up, oldest first, at most `limit` (default 100). */
  failures(options?: { readonly afterChunkId?: number; readonly limit?: number }): Promise<FailedChunk[]>;
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
    index: (options) => indexWaiting(core, address, options),
    check: (options) => checkDataset(core, address, options),
    repair: (options) => checkDataset(core, address, { ...options, level: 'rows', repair: true }),
    search: (query, options) => searchDataset(core, address, query, options),
    status: () => datasetStatus(core, address),
    async failures({ afterChunkId = 0, limit = 100 } = {}) {
      const { datasetId } = await requireDataset(core, address);
      return (await core.catalog()).listFailedChunks(datasetId, { afterChunkId, limit });
    },
    pause: (reason = DEFAULT_PAUSE_REASON) => tellDataset(core, address, { type: 'dataset.pause', reason }),
    resume: (reason = DEFAULT_PAUSE_REASON) => tellDataset(core, address, { type: 'dataset.resume', reason }),
    delete: () => deleteDataset(core, address),
  };
}
