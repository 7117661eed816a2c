import { type Client, createClient, type InStatement, LibsqlError, type ResultSet } from '@libsql/client/web';
import { SynclineError } from '../../domain/errors.ts';
import type { SqlDriver, SqlResult, SqlStatement, SqlValue } from '../sql-driver.ts';
import { checkArguments } from '../sql-parameters.ts';
import { remoteError } from './remote-errors.ts';

/** How to reach a libSQL server. */
export interface RemoteDriverOptions {
  /** `http(s)://…`, or `libsql://…`. */
  readonly url: string;
  readonly authToken: string | undefined;
  /** Limit of each request, from sending it to the end of the answer. The client itself has none. */
  readonly timeoutMs: number;
}

/** Servers refuse requests of some megabytes; base64 makes blobs a third longer. */
const WRITE_BYTES_MAX = 1_500_000;
/** Servers refuse to answer with more than 10 MB (reference/libsql.md, section 7.3). */
const READ_BYTES_MAX = 3_000_000;

/**
 * A libSQL server over HTTP. Each call is one request with one time limit; nothing is retried here, because an answer that
 * did not come leaves open whether a write was kept. Interactive transactions are not used: another writer may end them.
 */
export function createRemoteDriver(options: RemoteDriverOptions): SqlDriver {
  const location = publicUrl(options.url);
  const client = connect(options, location);
  let isClosed = false;

  async function execute(
    mode: 'read' | 'write',
    statements: readonly SqlStatement[],
  ): Promise<readonly SqlResult[]> {
    if (isClosed) {
      throw new SynclineError('CATALOG_FAILED', `The catalog ${location} is closed. Open it again.`);
    }
    checkArguments(statements);
    const flat = statements.flatMap(({ sql, argRows }) =>
      argRows.map((args) => ({ sql, args: args.map(bound) })),
    );
    return gather(statements, await batch(client, location, mode, flat));
  }

  return {
    location,
    kind: 'remote',
    writeBytesMax: WRITE_BYTES_MAX,
    readBytesMax: READ_BYTES_MAX,
    read: (statements) => execute('read', statements),
    write: (statements) => execute('write', statements),
    // The server checkpoints.
    setCheckpointing: () => Promise.resolve(),
    checkpoint: () => Promise.resolve(),
    close() {
      if (!isClosed) client.close();
      isClosed = true;
      return Promise.resolve();
    },
  };
}

function connect({ url, authToken, timeoutMs }: RemoteDriverOptions, location: string): Client {
  try {
    return createClient({
      url,
      intMode: 'bigint',
      ...(authToken === undefined ? {} : { authToken }),
      fetch: (request: Request) => fetch(request, { signal: AbortSignal.timeout(timeoutMs) }),
    });
  } catch (error) {
    // Its message may hold the whole URL, and with it a token.
    const reason = error instanceof LibsqlError ? error.code : 'unknown reason';
    throw new SynclineError('INVALID_OPTION', `The catalog URL ${location} cannot be used (${reason}).`, {
      details: { option: 'catalog.url' },
    });
  }
}

async function batch(
  client: Client,
  location: string,
  mode: 'read' | 'write',
  statements: InStatement[],
): Promise<ResultSet[]> {
  if (statements.length === 0) return [];
  try {
    return await client.batch(statements, mode);
  } catch (error) {
    throw remoteError(location, error);
  }
}

/** The results of executions, put together by statement. */
function gather(statements: readonly SqlStatement[], results: readonly ResultSet[]): SqlResult[] {
  let next = 0;
  return statements.map(({ argRows }) => {
    const own = results.slice(next, next + argRows.length);
    next += argRows.length;
    return {
      rows: own.flatMap(({ rows }) => rows.map((row) => Array.from(row, read))),
      changeCount: own.reduce((sum, { rowsAffected }) => sum + rowsAffected, 0),
    };
  });
}

function bound(value: SqlValue): SqlValue {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  // Exactly the view's bytes: the encoder takes more than that from some views.
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}

function read(value: unknown): SqlValue {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (value === null || typeof value === 'number' || typeof value === 'string') return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new SynclineError('CATALOG_FAILED', `The server answered with a value of type ${typeof value}.`);
}

/** The URL without user, password and query, any of which may hold a secret. */
function publicUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}
