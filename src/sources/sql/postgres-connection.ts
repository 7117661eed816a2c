import type { Client, QueryArrayConfig } from 'pg';
import { SynclineError, throwIfAborted } from '../../domain/errors.ts';
import { loadOptional } from '../../domain/optional-package.ts';

/** How to reach a server. */
export interface PostgresOptions {
  readonly sourceName: string;
  readonly url: string;
  readonly statementMsMax: number;
  /** How long a locked table is waited for. */
  readonly lockWaitMs: number;
  readonly rowsMax: number;
  readonly signal: AbortSignal;
  /** Takes secrets out of a message. */
  readonly hide: (text: string) => string;
}

/** What a statement gave: every value as the server's text. */
export interface PostgresResult {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A connection in one transaction that reads only. */
export interface PostgresConnection {
  /** Runs one statement. An error ends the transaction, other than in {@link attempt}. */
  query(sql: string, args?: readonly unknown[]): Promise<PostgresResult>;
  /** Runs something whose error leaves the transaction as it was before. */
  attempt<Value>(run: () => Promise<Value>): Promise<Value>;
  close(): Promise<void>;
}

/** Why the server refused a statement. */
export class PostgresRefusal extends Error {
  override readonly name = 'PostgresRefusal';
  /** Its SQLSTATE. */
  readonly state: string;

  constructor(message: string, state: string) {
    super(message);
    this.state = state;
  }
}

/** Above the server's own limit, so that it speaks first. */
const ANSWER_MARGIN_MS = 2_000;
/** How long the end of a connection is waited for. */
const CLOSE_WAIT_MS = 2_000;
/** A process that was stopped in the middle of reading must not hold the server's snapshot for ever. */
const IDLE_MS_MAX = 600_000;

/** Connects and begins the transaction: one snapshot, read only, with limits, and with texts that depend on no setting. */
export async function connectPostgres(options: PostgresOptions): Promise<PostgresConnection> {
  const { sourceName, signal } = options;
  const { default: pg } = await loadOptional('pg', 'reading PostgreSQL', () => import('pg'));
  throwIfAborted(signal);
  const create = (): PostgresClient => createClient(pg.Client, options);
  const client = create();
  let processId: number | undefined;
  let askedCount = 0;
  let closing: Promise<void> | undefined;

  async function end(): Promise<void> {
    signal.removeEventListener('abort', onAbort);
    // Whose answer nobody waits for any more must not keep the server busy.
    if (askedCount > 0 && processId !== undefined) await cancel(create(), processId);
    await settledWithin(CLOSE_WAIT_MS, client.end());
  }
  function close(): Promise<void> {
    closing ??= end();
    return closing;
  }
  const onAbort = (): void => {
    close().then(undefined, () => undefined);
  };
  signal.addEventListener('abort', onAbort, { once: true });

  async function run<Value>(ask: () => Promise<Value>): Promise<Value> {
    throwIfAborted(signal);
    askedCount += 1;
    const answer = ask().finally(() => {
      askedCount -= 1;
    });
    try {
      return await within(options, answer);
    } catch (error) {
      throwIfAborted(signal);
      throw postgresError(options, error);
    }
  }

  const connection: PostgresConnection = {
    query: (sql, args = []) => run(() => client.query<(string | null)[]>(statement(sql, args))),
    async attempt(work) {
      await connection.query('savepoint attempt');
      try {
        const result = await work();
        await connection.query('release savepoint attempt');
        return result;
      } catch (error) {
        if (error instanceof PostgresRefusal) await connection.query('rollback to savepoint attempt');
        throw error;
      }
    },
    close,
  };
  try {
    await run(() => client.connect());
    await run(() => client.query(begin(options)));
    const { rows } = await connection.query('select pg_backend_pid()');
    processId = Number(rows[0]?.[0]);
    return connection;
  } catch (error) {
    await close();
    throw error instanceof PostgresRefusal ? refusedConnection(sourceName, error) : error;
  }
}

type PostgresClient = InstanceType<typeof Client>;

function createClient(create: typeof Client, options: PostgresOptions): PostgresClient {
  try {
    const client = new create({
      connectionString: options.url,
      connectionTimeoutMillis: options.statementMsMax,
      application_name: 'syncline',
      keepAlive: true,
    });
    // A connection that breaks while nothing is asked is met by the next statement.
    client.on('error', () => undefined);
    return client;
  } catch (error) {
    throw unusableUrl(options, error);
  }
}

/** Asks the server, over a connection of its own, to end what another one does. Whether it does is not known. */
async function cancel(client: PostgresClient, processId: number): Promise<void> {
  const ask = async (): Promise<void> => {
    await client.connect();
    await client.query('select pg_cancel_backend($1)', [processId]);
  };
  await settledWithin(CLOSE_WAIT_MS, ask());
  await settledWithin(CLOSE_WAIT_MS, client.end());
}

/** Waits for work that may fail, but not for ever. */
async function settledWithin(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([work.then(undefined, () => undefined), timeout]);
  clearTimeout(timer);
}

/** A single statement, whatever stands in it: that is what the extended protocol takes. */
function statement(sql: string, args: readonly unknown[]): QueryArrayConfig & { queryMode: 'extended' } {
  return {
    text: sql,
    values: [...args],
    rowMode: 'array',
    queryMode: 'extended',
    types: { getTypeParser: () => (value: string) => value },
  };
}

function begin({ statementMsMax, lockWaitMs }: PostgresOptions): string {
  const settings = {
    timezone: `'UTC'`,
    datestyle: `'ISO, YMD'`,
    intervalstyle: `'iso_8601'`,
    bytea_output: `'hex'`,
    extra_float_digits: '1',
    statement_timeout: String(statementMsMax),
    lock_timeout: String(lockWaitMs),
    idle_in_transaction_session_timeout: String(IDLE_MS_MAX),
  };
  // For this transaction alone: a pooler may give the connection to others afterwards.
  const lines = Object.entries(settings).map(([name, value]) => `set local ${name} = ${value}`);
  return ['begin transaction isolation level repeatable read, read only', ...lines].join('; ');
}

/** Waits no longer than the server has for an answer, and a little. */
async function within<Value>(options: PostgresOptions, answer: Promise<Value>): Promise<Value> {
  const { signal, statementMsMax, sourceName } = options;
  let onAbort = (): void => undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ended = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    timer = setTimeout(
      () => reject(unreachable(sourceName, `no answer within ${statementMsMax} ms`)),
      statementMsMax + ANSWER_MARGIN_MS,
    );
  });
  // Whichever is not waited for any more may fail unheard.
  answer.then(undefined, () => undefined);
  ended.then(undefined, () => undefined);
  try {
    return await Promise.race([answer, ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function postgresError(options: PostgresOptions, error: unknown): Error {
  const { sourceName, hide } = options;
  if (error instanceof SynclineError || error instanceof PostgresRefusal) return error;
  const message = hide(error instanceof Error ? error.message : String(error));
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // No cause anywhere: drivers put addresses and more into theirs.
  const details = { source: sourceName };
  if (code === '57014') {
    return new SynclineError(
      'SOURCE_STALLED',
      `A statement of the source "${sourceName}" took longer than ${options.statementMsMax} ms and was given up. Give its key an index, or raise its statementMsMax.`,
      { retryable: true, details },
    );
  }
  if (code === '55P03') {
    return new SynclineError(
      'SOURCE_BUSY',
      `A table of the source "${sourceName}" is locked by its owner (${message}). Try again later, or raise its lockWaitMs.`,
      { retryable: true, details },
    );
  }
  const isState = /^[0-9A-Z]{5}$/.test(code);
  const isAway = /^(?:08|53|57P|25P03)/.test(code);
  return isState && !isAway ? new PostgresRefusal(message, code) : unreachable(sourceName, message);
}

function refusedConnection(sourceName: string, { message }: PostgresRefusal): SynclineError {
  return new SynclineError(
    'SOURCE_UNREADABLE',
    `The server of the source "${sourceName}" refused the connection: ${message}. Check user, password and database in its URL.`,
    { details: { source: sourceName } },
  );
}

function unreachable(sourceName: string, reason: string): SynclineError {
  return new SynclineError(
    'SOURCE_UNREACHABLE',
    `The server of the source "${sourceName}" cannot be reached (${reason}). Check the URL and the network, then try again.`,
    { retryable: true, details: { source: sourceName } },
  );
}

function unusableUrl({ sourceName }: PostgresOptions, error: unknown): SynclineError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'it cannot be read';
  return new SynclineError(
    'INVALID_SOURCE',
    `The URL of the source "${sourceName}" cannot be used (${reason}).`,
    {
      details: { source: sourceName },
    },
  );
}
