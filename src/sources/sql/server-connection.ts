import { type Client, createClient, LibsqlError, type ResultSet } from '@libsql/client/web';
import { SynclineError, throwIfAborted } from '../../domain/errors.ts';
import { type SqliteConnection, SqliteRefusal, type SqliteResult } from './sqlite-database.ts';
import type { SqliteStatement, SqliteValue } from './sqlite-statements.ts';

/** A libSQL server to read from. */
export interface ServerConnectionOptions {
  readonly sourceName: string;
  readonly url: string;
  readonly authToken: string | undefined;
  readonly statementMsMax: number;
  readonly signal: AbortSignal;
  /** Takes secrets out of a message. */
  readonly hide: (text: string) => string;
}

/** The server's words for SQL that it does not take. */
const REFUSED = /^(?:SQLITE_(?:ERROR|UNKNOWN|MISMATCH|RANGE|AUTH)|SQL_\w+|ARGS_\w+)/;

/**
 * A libSQL server. Nothing here writes: every statement is a single SELECT, which the protocol holds to one statement. Each has one
 * time limit; an abort ends it.
 */
export function connectServer(options: ServerConnectionOptions): SqliteConnection {
  const { sourceName, signal, statementMsMax } = options;
  const client = connect(options);

  async function query({ sql, args }: SqliteStatement): Promise<SqliteResult> {
    throwIfAborted(signal);
    try {
      const statement = { sql, args: [...args] };
      return resultOf(await within(options, client.execute(statement)));
    } catch (error) {
      throwIfAborted(signal);
      throw serverError(options, error);
    }
  }

  return {
    query,
    async close() {
      if (!client.closed) client.close();
    },
  };

  function connect({ url, authToken }: ServerConnectionOptions): Client {
    try {
      return createClient({
        url,
        intMode: 'bigint',
        ...(authToken === undefined ? {} : { authToken }),
        fetch: (request: Request) =>
          fetch(request, { signal: AbortSignal.any([signal, AbortSignal.timeout(statementMsMax)]) }),
      });
    } catch (error) {
      // Its message may hold the whole URL, and with it a token.
      const reason = error instanceof LibsqlError ? error.code : 'unknown reason';
      throw new SynclineError(
        'INVALID_SOURCE',
        `The URL of the source "${sourceName}" cannot be used (${reason}).`,
        {
          details: { source: sourceName },
        },
      );
    }
  }
}

/** Waits for an answer as long as may be: over WebSockets the client knows no limit. */
async function within<Value>(
  { signal, statementMsMax }: ServerConnectionOptions,
  answer: Promise<Value>,
): Promise<Value> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(statementMsMax)]);
  let onAbort = (): void => undefined;
  const ended = new Promise<never>((_, reject) => {
    onAbort = () => reject(limit.reason);
    limit.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([answer, ended]);
  } finally {
    limit.removeEventListener('abort', onAbort);
    answer.then(undefined, () => undefined);
    ended.then(undefined, () => undefined);
  }
}

function resultOf({ columns, columnTypes, rows }: ResultSet): SqliteResult {
  return {
    columns: columns.map((name, at) => ({ name, type: columnTypes[at] || undefined })),
    rows: rows.map((row) => Array.from(row, readValue)),
  };
}

function readValue(value: unknown): SqliteValue {
  if (value === null || typeof value === 'bigint' || typeof value === 'number' || typeof value === 'string')
    return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new SqliteRefusal(`the server answered with a value of type ${typeof value}`);
}

function serverError({ sourceName, hide, statementMsMax }: ServerConnectionOptions, error: unknown): Error {
  if (error instanceof SqliteRefusal) return error;
  const message = hide(error instanceof Error ? error.message : String(error));
  if (error instanceof LibsqlError) {
    if (error.code === 'RESPONSE_TOO_LARGE' || /too large|too big/i.test(message))
      return new SqliteRefusal(message, true);
    if (REFUSED.test(error.code) || REFUSED.test(message)) return new SqliteRefusal(message);
    const status = statusOf(error);
    if (status === 401 || status === 403) {
      return new SynclineError(
        'SOURCE_UNREADABLE',
        `The server of the source "${sourceName}" refused the token (HTTP ${status}). Set the right one in the environment.`,
        { details: { source: sourceName, status } },
      );
    }
  }
  const isSlow = error instanceof Error && error.name === 'TimeoutError';
  const reason = isSlow ? `no answer within ${statementMsMax} ms` : message;
  // No cause: drivers put addresses and tokens into theirs.
  return new SynclineError(
    'SOURCE_UNREACHABLE',
    `The server of the source "${sourceName}" did not answer as it should (${reason}). Check the URL and the network, then try again.`,
    { retryable: true, details: { source: sourceName } },
  );
}

function statusOf(error: LibsqlError): number | undefined {
  const { cause } = error;
  if (!(cause instanceof Error) || !('status' in cause)) return undefined;
  return typeof cause.status === 'number' ? cause.status : undefined;
}
