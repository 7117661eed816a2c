import { SynclineError } from '../domain/errors.ts';

/** What LanceDB says when another writer's commit came in between; nothing was written. */
const CONFLICT = /Retryable commit conflict|Incompatible transaction/;
/** The second form is what an open handle says when the folder is gone, the third what the file system says. */
const MISSING = /^Table '.*' was not found|Not found: .*\.lance\/_versions,|^ENOENT: .*\.lance'/;
/** A name that is taken: `createTable` never overwrites. */
const TAKEN = /^Table '.*' already exists/;
const DISK_FULL = /os error 28\b|\bENOSPC\b/;
/** A file of the snapshot is gone: cleaned up under a slow reader, or the table is damaged. */
const SNAPSHOT_GONE = /Not found: .*\.lance\/(?:data|_deletions)/;
/** Every form in which missing, cut off, zeroed and overwritten files showed themselves in experiments with LanceDB 0.39. */
const DAMAGED =
  /invalid magic|does not have sufficient data|file size is too small|failed to fill whole buffer|corrupt file|failed to decode Protobuf|Invalid range \d+\.\.\d+|Not found: .*\.lance\/|does not have a transaction file|Not a directory \(os error 20\)/;
const NETWORK = /Generic (?:S3|GCS|MicrosoftAzure) error|error sending request/;

/** Whether LanceDB refused a commit because of another one; the same call may be tried again on the latest version. */
export function isCommitConflict(error: unknown): boolean {
  return error instanceof Error && CONFLICT.test(error.message);
}

/** Whether a read failed because files of its snapshot are gone; one more try on the latest version tells damage from clean-up. */
export function isSnapshotGone(error: unknown): boolean {
  return error instanceof Error && SNAPSHOT_GONE.test(error.message);
}

/** Whether files of a table, or of one of its indexes, are damaged or gone. */
export function isDamage(error: unknown): boolean {
  return error instanceof Error && DAMAGED.test(error.message);
}

/** An error of LanceDB or the file system as one of the codes of `VectorTable`; a SynclineError stays what it is. */
export function toTableError(error: unknown, table: string): SynclineError {
  if (error instanceof SynclineError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const options = { cause: error, details: { table } };
  const shown = reason.slice(0, 300);
  if (DISK_FULL.test(reason)) {
    return new SynclineError(
      'DISK_FULL',
      `The disk is full: nothing more can be written to the table "${table}". Free some space (maintenance needs several times the table); what was committed is intact.`,
      { ...options, retryable: true },
    );
  }
  if (MISSING.test(reason)) return tableMissing(table, error);
  if (TAKEN.test(reason)) return tableTaken(table, error);
  if (CONFLICT.test(reason)) {
    return new SynclineError(
      'TABLE_CONFLICT',
      `Another writer committed to the table "${table}" at the same time, twice. Only one process may write to it; try again when the other has stopped.`,
      { ...options, retryable: true },
    );
  }
  if (DAMAGED.test(reason)) {
    return new SynclineError(
      'TABLE_DAMAGED',
      `The table "${table}" is damaged: ${shown}. Index the dataset (or start a worker): it is rebuilt from the catalog, and no embedding is paid for again.`,
      options,
    );
  }
  return new SynclineError(
    'TABLE_FAILED',
    `LanceDB failed on the table "${table}": ${shown}. If the reason is not plain (permissions, a missing folder), check them and index the dataset again.`,
    { ...options, retryable: NETWORK.test(reason) },
  );
}

/** The error of a table that is not there (any more). */
export function tableMissing(table: string, cause?: unknown): SynclineError {
  return new SynclineError(
    'TABLE_MISSING',
    `The table "${table}" does not exist or was dropped. Index the dataset (or start a worker): a new table is filled from the catalog.`,
    { cause, details: { table } },
  );
}

/** The error of a table in which another writer's commits were found. */
export function tableForeign(table: string, version: number, expectedVersion: number): SynclineError {
  return new SynclineError(
    'TABLE_CONFLICT',
    `The table "${table}" is at version ${version}, not ${expectedVersion}: somebody else writes to it, such as a worker that has lost its lease. What is not recorded in the catalog is put back, and the work done again.`,
    { retryable: true, details: { table, version, expectedVersion } },
  );
}

/** The error of a name that is taken already. */
export function tableTaken(table: string, cause?: unknown): SynclineError {
  return new SynclineError(
    'TABLE_CONFLICT',
    `A table (or what is left of one) named "${table}" already exists, and names are never used twice. Create it under a new name; drop this one if nothing uses it.`,
    { cause, details: { table } },
  );
}
