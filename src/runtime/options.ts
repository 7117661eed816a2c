import { join } from 'node:path';
import type { DatasetOrder } from '../actors/supervisor-machine.ts';
import { SynclineError } from '../domain/errors.ts';
import type { EmbedderOptions } from '../embedders/choose-embedder.ts';
import type { Embedder } from '../embedders/embedder.ts';
import {
  type MaintenanceOptions,
  type ResolvedMaintenance,
  resolveMaintenance,
} from './maintenance-options.ts';

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
  /** Where the environment is read from. Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Hard maximum of tokens of one embedded text, for datasets created from now on; 32 to 8,191. Default 512. */
  readonly tokensPerChunkMax?: number;
  /** Longest content of one document, in UTF-16 units. Default 16,777,216. */
  readonly documentLengthMax?: number;
  /** Attempts at a text that its provider refuses, before it is given up. Default 3. */
  readonly textAttemptsMax?: number;
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
  /** How long `stop()` waits for work under way before it aborts it, in milliseconds. Default 10,000. */
  readonly drainTimeoutMs?: number;
  /** How long the lease on the catalog lasts without a heartbeat, in milliseconds. Default 30,000. */
  readonly leaseTtlMs?: number;
  /** Longest wait for one request to a libSQL server, in milliseconds. Default 30,000. */
  readonly catalogTimeoutMs?: number;
}

/** {@link SynclineOptions} with every default filled in and every number checked. */
export interface ResolvedOptions
  extends Required<Omit<SynclineOptions, 'dataDir' | 'embedder' | 'catalogAuthToken' | 'maintenance'>> {
  readonly catalogAuthToken: string | undefined;
  readonly embedder: Embedder | EmbedderOptions | undefined;
  readonly maintenance: ResolvedMaintenance;
}

const NUMBER_RANGES = {
  tokensPerChunkMax: [32, 8_191],
  documentLengthMax: [1, 268_435_456],
  textAttemptsMax: [1, 1_000],
  generationsKeptMax: [0, 10],
  generationKeptMs: [0, 31_536_000_000],
  datasetsAtWorkMax: [1, 1_000],
  datasetActorsMax: [1, 10_000],
  pollIntervalMs: [100, 86_400_000],
  drainTimeoutMs: [0, 3_600_000],
  leaseTtlMs: [1_000, 3_600_000],
  catalogTimeoutMs: [100, 3_600_000],
} as const satisfies Partial<Record<keyof SynclineOptions, readonly [number, number]>>;

const NUMBER_DEFAULTS = {
  tokensPerChunkMax: 512,
  documentLengthMax: 16_777_216,
  textAttemptsMax: 3,
  generationsKeptMax: 1,
  generationKeptMs: 604_800_000,
  datasetsAtWorkMax: 4,
  datasetActorsMax: 1_000,
  pollIntervalMs: 15_000,
  drainTimeoutMs: 10_000,
  leaseTtlMs: 30_000,
  catalogTimeoutMs: 30_000,
} as const satisfies Record<keyof typeof NUMBER_RANGES, number>;

/**
 * Checks options and fills in the defaults.
 *
 * @throws SynclineError `INVALID_OPTION` naming the option, what it was and what it may be.
 */
export function resolveOptions(options: SynclineOptions): ResolvedOptions {
  checkNamesAndTexts(options);
  const dataDir = options.dataDir ?? '.syncline';
  return {
    catalogUrl: options.catalogUrl ?? join(dataDir, 'catalog.db'),
    catalogAuthToken: options.catalogAuthToken,
    vectorsUri: options.vectorsUri ?? join(dataDir, 'vectors'),
    access: oneOf('access', options.access ?? 'readWrite', ['readWrite', 'readOnly']),
    embedder: options.embedder,
    moreEmbedders: options.moreEmbedders ?? [],
    environment: options.environment ?? process.env,
    durableTables: options.durableTables ?? true,
    maintenance: resolveMaintenance(options.maintenance),
    datasetOrder: oneOf('datasetOrder', options.datasetOrder ?? 'largestBacklog', [
      'largestBacklog',
      'oldestChange',
    ]),
    repairShareMax: resolveShare(options.repairShareMax),
    ...resolveNumbers(options),
  };
}

const TEXT_OPTIONS = ['dataDir', 'catalogUrl', 'catalogAuthToken', 'vectorsUri'] as const;
const OTHER_OPTIONS = [
  'access',
  'embedder',
  'moreEmbedders',
  'environment',
  'durableTables',
  'maintenance',
  'datasetOrder',
  'repairShareMax',
] as const;

/** Callers without types misspell, too; a misspelt option would silently be its default. */
function checkNamesAndTexts(options: SynclineOptions): void {
  const known: readonly string[] = [...TEXT_OPTIONS, ...OTHER_OPTIONS, ...Object.keys(NUMBER_RANGES)];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new SynclineError(
      'INVALID_OPTION',
      `There is no option "${unknown}"; there are ${known.toSorted().join(', ')}.`,
      {
        details: { option: unknown },
      },
    );
  }
  for (const name of TEXT_OPTIONS) {
    const value: unknown = options[name];
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw invalidOption(name, value, 'a text that is not empty');
  }
}

function resolveShare(share = 0.2): number {
  if (share >= 0 && share <= 1) return share;
  throw invalidOption('repairShareMax', share, 'a number from 0 to 1');
}

function resolveNumbers(options: SynclineOptions): Record<keyof typeof NUMBER_RANGES, number> {
  const resolved: Record<keyof typeof NUMBER_RANGES, number> = { ...NUMBER_DEFAULTS };
  for (const name of Object.keys(NUMBER_RANGES) as (keyof typeof NUMBER_RANGES)[]) {
    const value = options[name] ?? NUMBER_DEFAULTS[name];
    const [least, most] = NUMBER_RANGES[name];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw invalidOption(name, value, `a whole number from ${least} to ${most}`);
    }
    resolved[name] = value;
  }
  return resolved;
}

function oneOf<const Value extends string>(name: string, value: Value, allowed: readonly Value[]): Value {
  if (allowed.includes(value)) return value;
  throw invalidOption(name, value, `one of ${allowed.join(', ')}`);
}

function invalidOption(name: string, value: unknown, allowed: string): SynclineError {
  return new SynclineError(
    'INVALID_OPTION',
    `The option ${name} is ${JSON.stringify(value)}; give ${allowed}.`,
    {
      details: { option: name },
    },
  );
}
