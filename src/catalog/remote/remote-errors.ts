import { LibsqlError } from '@libsql/client/web';
import { SynclineError } from '../../domain/errors.ts';
import { raisedError, sqliteError } from '../sqlite-errors.ts';

/** What the names of SQLite's codes mean; servers send names, not numbers. */
const RAW_CODES: Readonly<Record<string, number>> = {
  SQLITE_BUSY: 5,
  SQLITE_LOCKED: 6,
  SQLITE_READONLY: 8,
  SQLITE_IOERR: 10,
  SQLITE_CORRUPT: 11,
  SQLITE_FULL: 13,
  SQLITE_CANTOPEN: 14,
  SQLITE_TOOBIG: 18,
  SQLITE_NOTADB: 26,
};
/** The server ended the transaction because others waited for it. */
const ENDED_BY_SERVER = ['TRANSACTION_TIMEOUT', 'STREAM_EXPIRED', 'TRANSACTION_BUSY'];

/** Turns what the client throws into an error about the catalog at `location`. */
export function remoteError(location: string, error: unknown): SynclineError {
  if (!(error instanceof LibsqlError)) return unreachable(location, error);
  const raised = raisedError(error.message, error);
  if (raised !== undefined) return raised;
  if (ENDED_BY_SERVER.includes(error.code)) {
    return new SynclineError(
      'CATALOG_BUSY',
      `The catalog ${location} is busy with other writers (${error.message}). Try again later.`,
      { retryable: true, cause: error },
    );
  }
  const status = statusOf(error);
  if (status !== undefined) return httpError(location, status, error);
  if (error.code.startsWith('HRANA_')) return unreachable(location, error);
  const baseCode = /^SQLITE_[A-Z]+/.exec(error.code)?.[0] ?? '';
  return sqliteError(location, { message: error.message, rawCode: RAW_CODES[baseCode], cause: error });
}

function statusOf(error: LibsqlError): number | undefined {
  const { cause } = error;
  if (error.code !== 'SERVER_ERROR' || !(cause instanceof Error) || !('status' in cause)) return undefined;
  return typeof cause.status === 'number' ? cause.status : undefined;
}

function httpError(location: string, status: number, cause: unknown): SynclineError {
  if (status === 401 || status === 403) {
    return new SynclineError(
      'CATALOG_UNREADABLE',
      `The server of the catalog ${location} refused the token (HTTP ${status}). Give a valid authToken.`,
      { cause, details: { status } },
    );
  }
  const isTemporary = status === 429 || status >= 500;
  return new SynclineError(
    'CATALOG_UNREACHABLE',
    `The server of the catalog ${location} answered HTTP ${status}. ${isTemporary ? 'Try again later.' : 'Check the URL.'}`,
    { cause, details: { status }, retryable: isTemporary },
  );
}

/** No connection, no answer in time, or an answer that is none: whether a write was kept is unknown. */
function unreachable(location: string, cause: unknown): SynclineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SynclineError(
    'CATALOG_UNREACHABLE',
    `The server of the catalog ${location} did not answer (${reason}). Check the URL and the network, then try again.`,
    { cause, retryable: true },
  );
}
