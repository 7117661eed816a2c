import type {
  Catalog,
  CatalogWriter,
  ConfigurationRecord,
  DatasetRecord,
  GenerationRecord,
} from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import type { Price } from '../domain/cost.ts';
import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import type { SynclineError } from '../domain/errors.ts';
import type { SyncLevel, SyncReport } from '../domain/sync-report.ts';
import type { Embedder } from '../embedders/embedder.ts';
import {
  COMMIT_BYTES_TARGET,
  type TableStatistics,
  type VectorStore,
  type VectorTable,
} from '../vectors/vector-store.ts';
import { type Accounts, createAccounts } from './accounts.ts';
import type { ApplyCounts } from './apply-documents.ts';
import type { Damage } from './check-sync.ts';
import type { InFlightTexts } from './in-flight-texts.ts';
import { createTableCare, type TableCare } from './maintain-table.ts';
import { DEFAULT_MAINTENANCE, type MaintenanceSettings } from './maintenance-need.ts';
import { createMutex, type Mutex } from './mutex.ts';
import { createNotifier, type Notifier } from './notifier.ts';
import type { SpendGate } from './spend-gate.ts';
import { createToldChanges, type ToldChanges } from './told-changes.ts';
import type { TooLongTexts } from './too-long.ts';
import { createTurns, type Turns } from './turns.ts';

/** The bounds and sizes that the stages keep to. */
export interface PipelineSettings {
  /** Documents cut and stored in one transaction. */
  readonly documentsPerBatchMax: number;
  /** Longest text of the documents in one batch, in UTF-16 units; one document may be longer. */
  readonly textLengthPerBatchMax: number;
  /** Chunks read at once for embedding. */
  readonly chunksPerPageMax: number;
  /** Longest time a text waits for others to fill its request, while more are on their way. */
  readonly requestDelayMaxMs: number;
  /** Attempts charged to a text that its provider refuses, before it is given up. */
  readonly textAttemptsMax: number;
  readonly tooLongTexts: TooLongTexts;
  /** Size of one table commit that is waited for while more vectors are on their way, in bytes of vectors and texts. */
  readonly commitBytesTarget: number;
  /** Longest time a vector waits for others before its commit, while more are on their way. */
  readonly commitDelayMaxMs: number;
  /** Retired generations of a dataset that are kept for a rollback, at most. */
  readonly generationsKeptMax: number;
  /** How long they are kept. */
  readonly generationKeptMs: number;
  /** Share of damaged rows, 0 to 1, above which a table is built anew instead of being repaired. */
  readonly repairShareMax: number;
  readonly maintenance: MaintenanceSettings;
}

export const DEFAULT_PIPELINE_SETTINGS: PipelineSettings = {
  documentsPerBatchMax: 200,
  textLengthPerBatchMax: 1_000_000,
  chunksPerPageMax: 1_024,
  requestDelayMaxMs: 1_000,
  textAttemptsMax: 3,
  tooLongTexts: 'truncate',
  commitBytesTarget: COMMIT_BYTES_TARGET,
  commitDelayMaxMs: 1_000,
  generationsKeptMax: 1,
  generationKeptMs: 7 * 24 * 3_600_000,
  repairShareMax: 0.2,
  maintenance: DEFAULT_MAINTENANCE,
};

/** What the stages report; each becomes an event of the runtime. */
export type WorkReport =
  | { readonly type: 'chunked'; readonly counts: ApplyCounts }
  /** Documents were cut anew for a configuration; see `cutUncut`. */
  | { readonly type: 'recut'; readonly documents: number }
  | { readonly type: 'embedded'; readonly texts: number; readonly tokensCharged: number | undefined }
  /** Pending texts were put into a batch job. */
  | { readonly type: 'batched'; readonly batchJobId: number }
  /** The beginning of a text was embedded, which as a whole is longer than the model takes. */
  | {
      readonly type: 'textCut';
      readonly chunkId: number;
      readonly tokens: number;
      readonly tokensKept: number;
    }
  | { readonly type: 'textFailed'; readonly error: SynclineError; readonly gaveUp: boolean }
  | { readonly type: 'written'; readonly documents: number; readonly rows: number; readonly version: number }
  | { readonly type: 'restored'; readonly fromVersion: number; readonly toVersion: number }
  | { readonly type: 'rebuilt'; readonly reason: string; readonly rows: number }
  | { readonly type: 'maintained'; readonly statistics: TableStatistics }
  | {
      readonly type: 'maintenanceFailed';
      readonly error: SynclineError;
      readonly failureCount: number;
      readonly retryInMs: number;
    }
  | { readonly type: 'checked'; readonly report: SyncReport }
  | {
      readonly type: 'repaired';
      readonly reason: string;
      readonly documents: number;
      readonly rowsRemoved: number;
    };

/**
 * All that the stages of one dataset share: the parts they work on, and the few facts that must be the same for all of
 * them within this process. Everything durable is in the catalog.
 */
export interface DatasetWork {
  /** As last read; see `refreshDataset`. */
  dataset: DatasetRecord;
  readonly catalog: Catalog;
  readonly writer: CatalogWriter;
  readonly store: VectorStore;
  /** When the lease was taken under which all this is done, in Unix milliseconds. */
  readonly leaseSinceMs: number;
  readonly clock: Clock;
  readonly settings: PipelineSettings;
  readonly inFlightTexts: InFlightTexts;
  /** The embedder of a profile. Throws `PROFILE_MISMATCH` when this runtime has none. */
  readonly embedderFor: (profile: EmbeddingProfile) => Embedder;
  /** What a model costs; `undefined` where that is not known. */
  readonly priceOf: (model: Pick<EmbeddingProfile, 'provider' | 'model'>) => Price | undefined;
  /** Whom to ask before something is spent. */
  readonly spend: SpendGate;
  readonly report: (report: WorkReport) => void;
  /** Held while documents are compared and applied: two changes of one document must not be decided against the same state. */
  readonly applying: Mutex;
  /** Held from the table commit to its mark, and by all else that changes the table: one writer per table. */
  readonly writing: Mutex;
  /** Batches of changes that were applied: what was compared with the catalog before the newest of them may be out of date. */
  readonly applied: { batches: number };
  /** Whose texts are embedded. */
  readonly accounts: Accounts;
  /** What was told of documents while a source of theirs is read. */
  readonly told: ToldChanges;
  /** Whose turn it is to read a source. */
  readonly turns: Turns;
  /** Rung when chunks or vectors were added, so that a stage at work looks again at once. */
  readonly changed: Notifier;
  /** Who may still add work: running ingest calls and stages. The stages behind them hold back partly filled requests and commits. */
  readonly producers: { ingesting: number; chunking: number; embedding: number };
  /** What a call allows to be embedded, while one does that embeds some texts and not all. */
  readonly quota: { current: EmbedQuota | undefined };
  /** Held by such calls: one after the other. */
  readonly backfilling: Mutex;
  /** Vectors stored since the last table commit; decides when a commit is big enough. */
  readonly unwritten: { vectors: number };
  /** Table commits since its statistics were last looked at; decides when they are again. */
  readonly unmaintained: { commits: number };
  readonly care: TableCare;
  /** Has the table looked at again after some time, also when nothing changes until then; `undefined` calls that off. */
  readonly scheduleMaintenance: (delayMs: number | undefined) => void;
  /** How the dataset's texts come into batch jobs. */
  readonly batching: Batching;
  /** While held, no stage starts anything new: what is under way is finished and kept. */
  readonly hold: { active: boolean };
  /** Generations that were made in this session and have no table yet: nobody else can have begun to create it. */
  readonly tableless: Set<number>;
  /** The serving generation with its open table, once the check has found it sound. */
  readonly serving: { current: OpenGeneration | undefined };
  /**
   * How closely the next check is to look, where somebody asked for one. Kept until the table was found sound, or was
   * mended: a check that is repeated in between looks as closely.
   */
  readonly checkAsked: { level: SyncLevel | undefined };
  /** What the last check found that can be repaired in place. */
  readonly damage: { current: (Damage & { readonly open: OpenGeneration }) | undefined };
}

/** How much may be embedded. */
export interface EmbedQuota {
  textsLeft: number;
  readonly itemsPerRequestMax: number;
}

/** What the stages know of batch jobs beside the catalog. */
export interface Batching {
  /** Calls that wait for the dataset: nothing is held back for a later job. */
  waiters: number;
  /** Calls that want every pending text in a job, whatever the policy. */
  gathering: number;
  /** Has the dataset looked at again after some time, when texts have waited for others long enough. */
  readonly scheduleLook: (delayMs: number) => void;
  /** A batch job was made; `undefined` where one may have been of which nobody knows. */
  readonly onJob: (batchJobId: number | undefined) => void;
}

/** A generation and its table, with the version and row count that the catalog has recorded. */
export interface OpenGeneration {
  readonly generation: GenerationRecord;
  /** What it is built for; another one than the active of the dataset while that is changed. */
  readonly configuration: ConfigurationRecord;
  readonly table: VectorTable;
  /** As recorded at the last mark; replaced with each mark. */
  recorded: { readonly version: number; readonly rowCount: number };
}

/** The parts that {@link createDatasetWork} is given; the rest starts fresh. */
export type DatasetWorkParts = Pick<
  DatasetWork,
  | 'dataset'
  | 'catalog'
  | 'writer'
  | 'store'
  | 'leaseSinceMs'
  | 'clock'
  | 'settings'
  | 'inFlightTexts'
  | 'embedderFor'
  | 'priceOf'
  | 'spend'
  | 'report'
  | 'scheduleMaintenance'
> &
  Pick<Batching, 'scheduleLook' | 'onJob'>;

export function createDatasetWork({ scheduleLook, onJob, ...parts }: DatasetWorkParts): DatasetWork {
  return {
    ...parts,
    batching: { waiters: 0, gathering: 0, scheduleLook, onJob },
    applying: createMutex(),
    applied: { batches: 0 },
    writing: createMutex(),
    accounts: createAccounts(),
    told: createToldChanges(),
    turns: createTurns(),
    changed: createNotifier(),
    producers: { ingesting: 0, chunking: 0, embedding: 0 },
    quota: { current: undefined },
    backfilling: createMutex(),
    unwritten: { vectors: 0 },
    unmaintained: { commits: 0 },
    care: createTableCare(),
    hold: { active: false },
    tableless: new Set(),
    serving: { current: undefined },
    checkAsked: { level: undefined },
    damage: { current: undefined },
  };
}
