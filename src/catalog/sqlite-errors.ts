import { type ErrorCode, SynclineError } from '../domain/errors.ts';

/** SQLite's primary result codes that mean something to us. */
const SQLITE = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  tooBig: 18,
  notADatabase: 26,
} as const;

/** The native driver reports a failed opening as a plain error whose text ends in SQLite's code. */
const OPEN_FAILURE = /ConnectionFailed\(.*: (\d+)"\)$/s;

/** What the guards of schema/*.sql raise. */
const RAISED = ['LEASE_LOST', 'DATASET_NOT_FOUND', 'DATASET_DELETING'] as const satisfies ErrorCode[];
type RaisedCode = (typeof RAISED)[number];

const RAISED_MESSAGES: Readonly<Record<RaisedCode, string>> = {
  LEASE_LOST: 'Another worker has taken over the lease on this catalog; nothing of this call was kept.',
  DATASET_NOT_FOUND: 'The dataset does not exist (any more).',
  DATASET_DELETING: 'The dataset is being deleted; nothing can be written into it.',
};

/** The error that a guard of the schema raised, if `message` is one's. */
export function raisedError(message: string, cause: unknown): SynclineError | undefined {
  const code = RAISED.find((raised) => message.includes(raised));
  return code === undefined ? undefined : new SynclineError(code, RAISED_MESSAGES[code], { cause });
}

/** The result code that a failed opening names in its text. */
export function openFailureCode(message: string): number | undefined {
  const code = OPEN_FAILURE.exec(message)?.[1];
  return code === undefined ? undefined : Number(code);
}

/** Turns SQLite's result code into an error about the catalog at `location`. */
export function sqliteError(
  location: string,
  failure: { readonly message: string; readonly rawCode?: number | undefined; readonly cause?: unknown },
): SynclineError {
  const cause = failure.cause ?? failure.message;
  const raised = raisedError(failure.message, cause);
  if (raised !== undefined) return raised;
  const { code, reason, retryable } = meaningOf((failure.rawCode ?? 0) & 0xff, failure.message);
  return new SynclineError(code, `The catalog ${location} ${reason} (${failure.message})`, {
    cause,
    ...(retryable === true ? { retryable } : {}),
  });
}

function meaningOf(
  primaryCode: number,
  message: string,
): { code: ErrorCode; reason: string; retryable?: boolean } {
  switch (primaryCode) {
    case SQLITE.busy:
    case SQLITE.locked:
      return {
        code: 'CATALOG_BUSY',
        reason:
          'is locked by another process (one that was stopped in the middle of a write keeps it locked until it goes on or is ended). Try again later',
        retryable: true,
      };
    case SQLITE.readOnly:
      return {
        code: 'CATALOG_READ_ONLY',
        reason: 'cannot be written to. Check the permissions of the file and its folder',
      };
    case SQLITE.ioError:
      return { code: 'CATALOG_UNREADABLE', reason: 'could not be read or written. Check the disk' };
    case SQLITE.corrupt:
    case SQLITE.notADatabase:
      return {
        code: 'CATALOG_CORRUPT',
        reason: 'is damaged or not a database. Restore it from a backup; it was left as it is',
      };
    case SQLITE.full:
      return {
        code: 'DISK_FULL',
        reason: 'could not be written: the disk is full. Free some space',
        retryable: true,
      };
    case SQLITE.cannotOpen:
      return {
        code: 'CATALOG_UNREADABLE',
        reason: 'cannot be opened. Check that the path is a file in a folder you may write to',
      };
    case SQLITE.tooBig:
      return { code: 'CATALOG_FAILED', reason: 'refused a value as too large' };
    default:
      return message.includes('no such table')
        ? { code: 'CATALOG_OUTDATED', reason: 'lacks a table. Run the migrations' }
        : { code: 'CATALOG_FAILED', reason: 'refused a statement' };
  }
}
