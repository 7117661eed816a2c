import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SynclineError } from '../domain/errors.ts';
import { VECTOR_INDEX_BYTES_MIN } from './vector-store.ts';

/** Options of `createLanceVectorStore`. */
export interface LanceVectorStoreOptions {
  /** A folder (created when missing), as a path or a `file://` URL, or an object store such as `s3://bucket/path`. */
  readonly uri: string;
  /** Credentials and settings of an object store, passed to LanceDB as they are (`awsAccessKeyId`, `awsEndpoint`, …). */
  readonly storageOptions?: Readonly<Record<string, string>>;
  /**
   * Whether each commit is flushed to disk (fsync) before it is reported; local folders only. 20 to 50 ms a commit.
   * Without it a power cut, not a crash, may damage the newest versions. Default `true`.
   */
  readonly durable?: boolean;
  /**
   * Most memory for LanceDB's caches, shared by all tables, in bytes: a fifth for manifests and the like, the rest for indexes.
   * Vector indexes that do not fit in are read for each search. Default 320 MiB (of vectors of 384 dimensions, an index of 170,000); LanceDB's
   * own would be 7 GB.
   */
  readonly cacheBytes?: number;
  /**
   * Size of a table's vectors, in bytes, up to which `replaceDocuments` is one commit. That statement reads the whole
   * table (0.1 s at 300 MB); above, rows are merged and deleted through the indexes (0.02 s at any size) in two commits.
   * Searches of this store, and all that name a version, see them as one. Default 128 MiB.
   */
  readonly oneCommitBytesMax?: number;
  /**
   * How long versions stay readable after they were replaced, for readers in other processes, in milliseconds; what this
   * process reads is kept for as long as it reads. A reader whose version is gone starts again with a newer one. Default
   * 10,000.
   */
  readonly cleanupGraceMs?: number;
  /**
   * Size of a table's vectors, in bytes, from which on maintenance builds a vector index. Default
   * {@link VECTOR_INDEX_BYTES_MIN}.
   */
  readonly vectorIndexBytesMin?: number;
}

const DEFAULTS = {
  durable: true,
  cacheBytes: 320 * 1024 * 1024,
  oneCommitBytesMax: 128 * 1024 * 1024,
  cleanupGraceMs: 10_000,
  vectorIndexBytesMin: VECTOR_INDEX_BYTES_MIN,
} as const satisfies Partial<LanceVectorStoreOptions>;

/** {@link LanceVectorStoreOptions} with nothing left open. */
export interface LanceSettings extends Required<Omit<LanceVectorStoreOptions, 'storageOptions'>> {
  readonly storageOptions: Record<string, string> | undefined;
  /** The folder as an absolute path; `undefined` for an object store. */
  readonly folder: string | undefined;
}

/** Checks the options and fills in the defaults. @throws SynclineError `INVALID_OPTION`. */
export function resolveSettings(options: LanceVectorStoreOptions): LanceSettings {
  const settings: LanceSettings = {
    uri: options.uri,
    folder: localFolder(options.uri),
    storageOptions: options.storageOptions === undefined ? undefined : { ...options.storageOptions },
    durable: options.durable ?? DEFAULTS.durable,
    cacheBytes: options.cacheBytes ?? DEFAULTS.cacheBytes,
    oneCommitBytesMax: options.oneCommitBytesMax ?? DEFAULTS.oneCommitBytesMax,
    cleanupGraceMs: options.cleanupGraceMs ?? DEFAULTS.cleanupGraceMs,
    vectorIndexBytesMin: options.vectorIndexBytesMin ?? DEFAULTS.vectorIndexBytesMin,
  };
  if (settings.uri === '') throw invalidOption('uri', 'must name a folder or a bucket');
  if (!Number.isSafeInteger(settings.cacheBytes) || settings.cacheBytes < 1) {
    throw invalidOption('cacheBytes', 'must be a positive number of bytes');
  }
  for (const option of ['oneCommitBytesMax', 'cleanupGraceMs', 'vectorIndexBytesMin'] as const) {
    if (!(settings[option] >= 0)) throw invalidOption(option, 'must be 0 or more');
  }
  return settings;
}

function invalidOption(option: string, reason: string): SynclineError {
  return new SynclineError('INVALID_OPTION', `The option "${option}" of the vector store ${reason}.`, {
    details: { option },
  });
}
/** A path, or `undefined` for an object store. */
function localFolder(uri: string): string | undefined {
  if (uri.startsWith('file://')) return fileURLToPath(uri);
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(uri) ? undefined : resolve(uri);
}
