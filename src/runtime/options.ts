import { join } from 'node:path';
import type { DatasetOrder } from '../actors/supervisor-machine.ts';
import type { EmbedderOptions } from '../embedders/choose-embedder.ts';
import type { Embedder } from '../embedders/embedder.ts';
import type { TooLongTexts } from '../pipeline/too-long.ts';
import { checkDeclared, type DeclaredDatasets } from './declared-datasets.ts';
import {
  type MaintenanceOptions,
  type ResolvedMaintenance,
  resolveMaintenance,
} from './maintenance-options.ts';
import type { PriceOptions } from './price-book.ts';
import { resolveGroup } from './settings/check-settings.ts';
import { RUNTIME_SETTINGS } from './settings/runtime-settings.ts';
import { object, type Setting } from './settings/setting.ts';
import { resolveSpend, type SpendCaps, type SpendOptions } from './spend-options.ts';

/** Options of {@link createSyncline}. Every one is optional. */
export interface SynclineOptions {
  /** Folder for catalog and tables. Default `".syncline"` in the working folder. */
  readonly dataDir?: string;
  /** The catalog: a file, or the URL of a libSQL server (`libsql://`, `http(s)://`, `ws(s)://`). Default `catalog.db` in `dataDir`. */
  readonly catalogUrl?: string;
  /** Token for a libSQL server. */
  readonly catalogAuthToken?: string;
  /** Where the LanceDB tables are: a folder. Default `vectors` in `dataDir`. */
  readonly vectorsUri?: string;
  /** `readOnly` only looks (search, status): it takes no lease and creates nothing. Default `readWrite`. */
  readonly access?: 'readWrite' | 'readOnly';
  /** An embedder of your own, or which built-in one to use. Default: chosen by the environment, else the local one. */
  readonly embedder?: Embedder | EmbedderOptions;
  /**
   * Embedders besides the one above, for datasets of other models: those that were made by them, and those that are on their
   * way from one model to another. Default none.
   */
  readonly moreEmbedders?: readonly Embedder[];
  /**
   * What embedding costs, by `provider/model`, where that is not known or you pay otherwise. OpenAI's models are known, the
   * local one costs nothing. Default none.
   */
  readonly prices?: PriceOptions;
  /** Datasets with their sources and schedules; made at `start()`, and by the first `index()`. Nothing else is touched. */
  readonly datasets?: DeclaredDatasets;
  /** Where the environment is read from. Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Hard maximum of tokens of one embedded text, for datasets created from now on; 32 to 8,191. Default 512. */
  readonly tokensPerChunkMax?: number;
  /** Longest content of one document, in UTF-16 units. Default 16,777,216. */
  readonly documentLengthMax?: number;
  /** Attempts at a text that its provider refuses, before it is given up. Default 3. */
  readonly textAttemptsMax?: number;
  /**
   * What becomes of a text that is longer than its model takes: its beginning is embedded and its chunk is marked, or it is given
   * up. Default `truncate`.
   */
  readonly tooLongTexts?: TooLongTexts;
  /**
   * Whether a table's files are on disk (fsync) before the catalog says so. Default `true`. Without it, a power cut can
   * cost the table (which is then rebuilt), never the catalog.
   */
  readonly durableTables?: boolean;
  /** Earlier tables of a dataset that are kept for a rollback, at most; 0 to 10. Default 1. */
  readonly generationsKeptMax?: number;
  /** How long they are kept, in milliseconds. Default 604,800,000 (7 days). */
  readonly generationKeptMs?: number;
  /**
   * Share of damaged rows, 0 to 1, above which a table is built anew instead of being repaired in place. Both cost no
   * embedding. Default 0.2.
   */
  readonly repairShareMax?: number;
  /**
   * Share of a source's documents, 0 to 1: an index run that would remove more of them (and more than 20) removes none and fails
   * with `MASS_DELETION_REFUSED`. Default 0.5.
   */
  readonly removalShareMax?: number;
  /** Longest time in which a source may give nothing, in milliseconds. Default 600,000 (10 minutes). */
  readonly sourceIdleMsMax?: number;
  /** Sources with `watch: true` that a worker watches at once; those beyond are read by schedules and calls alone. 1 to 10,000. Default 500. */
  readonly watchedSourcesMax?: number;
  /** What embedding documents may cost. Default: no cap. */
  readonly spend?: SpendOptions;
  /** When tables are compacted, indexed and cleaned up. */
  readonly maintenance?: MaintenanceOptions;
  /** Datasets at work at the same time. Default 4. */
  readonly datasetsAtWorkMax?: number;
  /** Dataset actors alive at the same time. Default 1,000. */
  readonly datasetActorsMax?: number;
  /** Which waiting dataset is worked on first. Default `largestBacklog`. */
  readonly datasetOrder?: DatasetOrder;
  /** How often a started runtime asks the catalog for what others changed, in milliseconds. Default 15,000. */
  readonly pollIntervalMs?: number;
  /** How often a started runtime asks a provider for the state of a batch job, in milliseconds. Default 60,000. */
  readonly batchPollIntervalMs?: number;
  /**
   * How long the submission of a batch job whose answer was lost may still turn up at its provider, in milliseconds, before it is
   * made anew. Default 600,000: far longer than a request is waited for.
   */
  readonly batchSettleMs?: number;
  /** How long `stop()` waits for work under way before it aborts it, in milliseconds. Default 10,000. */
  readonly drainTimeoutMs?: number;
  /** How long the lease on the catalog lasts without a heartbeat, in milliseconds. Default 30,000. */
  readonly leaseTtlMs?: number;
  /** How long `start()` waits for the lease while another worker holds it, in milliseconds. Default 0: not at all. */
  readonly leaseWaitMs?: number;
  /** Longest wait for one request to a libSQL server, in milliseconds. Default 30,000. */
  readonly catalogTimeoutMs?: number;
}

/** {@link SynclineOptions} with every default filled in and every value checked. */
export interface ResolvedOptions
  extends Required<
    Omit<SynclineOptions, 'dataDir' | 'embedder' | 'catalogAuthToken' | 'maintenance' | 'spend'>
  > {
  readonly catalogAuthToken: string | undefined;
  readonly embedder: Embedder | EmbedderOptions | undefined;
  readonly maintenance: ResolvedMaintenance;
  readonly spend: SpendCaps;
}

/**
 * Checks options and fills in the defaults.
 *
 * @throws SynclineError `INVALID_OPTION` naming the option, what it was and what it may be.
 */
export function resolveOptions(options: SynclineOptions): ResolvedOptions {
  const { dataDir, ...values } = resolveGroup(OPTION_SETTINGS, options);
  return {
    ...values,
    catalogUrl: values.catalogUrl ?? join(dataDir, 'catalog.db'),
    vectorsUri: values.vectorsUri ?? join(dataDir, 'vectors'),
    // What objects hold is checked by whoever uses them.
    embedder: options.embedder,
    moreEmbedders: options.moreEmbedders ?? [],
    prices: options.prices ?? {},
    datasets: checkDeclared(options.datasets ?? {}),
    environment: options.environment ?? process.env,
    maintenance: resolveMaintenance(options.maintenance),
    spend: resolveSpend(options.spend),
  };
}

const OPTION_SETTINGS = {
  ...RUNTIME_SETTINGS,
  embedder: object('an embedder, or the settings of one', { meaning: 'see docs/embedders.md' }),
  maintenance: object('an object', { meaning: 'see docs/operations.md' }),
  spend: object('an object', { meaning: 'see docs/costs.md' }),
} satisfies Record<keyof SynclineOptions, Setting>;
