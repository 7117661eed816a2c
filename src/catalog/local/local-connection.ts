import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'libsql';
import type { SqlResult, SqlRow, SqlStatement, SqlValue } from '../sql-driver.ts';
import { APPLICATION_ID } from '../sqlite-format.ts';
import { LocalConnectionError } from './local-failure.ts';
import type { LocalWorkerData } from './local-messages.ts';

/*
 * The one connection to a catalog file. Runs in the worker only. Rules it keeps (reference/libsql.md, sections 0, 12, 14):
 * - SQLITE_BUSY may surface in exec() only, which finalizes its statement; a prepared statement that met it would hold
 *   its snapshot until garbage collection and poison the connection. So transactions begin through exec(), and reads take
 *   their snapshot through exec() too.
 * - Never get(), iterate() or pluck(); always one array of arguments; a statement that threw is never used again.
 * - Integers are bound as BigInt (a JS number is a REAL) and read in full width.
 * - No automatic checkpoints: SQLite 3.45.1 can corrupt a file when one connection checkpoints while another commits.
 * - synchronous = full: what was acknowledged (a queued document, a paid embedding) survives a power cut. About one fsync
 *   per transaction, off the main thread; an initial run of 27,000 chunks makes some 200 of them.
 */

/** The larger page holds four 384-dimension vectors without waste (reference/libsql.md, section 6). */
const PAGE_BYTES = 8_192;
/** Memory for pages, in KiB. */
const CACHE_KIB = 32_768;
/** How long SQLite itself waits for a lock: the worker waits, nobody else. */
const LOCK_WAIT_MS = 100;
/** Statements kept prepared; the catalog has about a hundred. */
const STATEMENTS_MAX = 256;

interface PreparedStatement {
  readonly isReader: boolean;
  all(args: readonly SqlValue[]): SqlRow[];
  run(args: readonly SqlValue[]): number;
}

/** The connection as the worker uses it. Everything is synchronous and throws {@link LocalConnectionError} or libsql's errors. */
export interface LocalConnection {
  read(statements: readonly SqlStatement[]): SqlResult[];
  write(statements: readonly SqlStatement[]): SqlResult[];
  /** Moves the write-ahead log into the file and empties it, as far as readers let it. */
  checkpoint(): void;
  /** Bytes of the write-ahead log. */
  walBytes(): number;
  close(): void;
}

/** Opens the file, creating it when that is asked for, after making sure that it is not somebody else's. */
export function openLocalConnection(data: LocalWorkerData): LocalConnection {
  const database = openDatabase(data);
  try {
    prepareFile(database, data);
  } catch (error) {
    database.close();
    throw error;
  }
  return connectionOf(database, data.path);
}

function openDatabase({ path, access }: LocalWorkerData): Database.Database {
  if (access === 'readWrite') mkdirSync(dirname(path), { recursive: true });
  refuseEmptiedFile(path);
  if (access === 'readWrite') return new Database(path, { timeout: LOCK_WAIT_MS });
  if (!existsSync(path)) {
    throw new LocalConnectionError({ catalogCode: 'CATALOG_MISSING', message: `There is no file ${path}` });
  }
  return new Database(`file:${pathToFileURL(path).pathname}?mode=ro`, { timeout: LOCK_WAIT_MS });
}

/** An empty file is a new catalog, unless a write-ahead log with content lies beside it: then it was emptied by accident. */
function refuseEmptiedFile(path: string): void {
  const size = fileBytes(path);
  if (size === 0 && fileBytes(`${path}-wal`) > 0) {
    throw new LocalConnectionError({
      catalogCode: 'CATALOG_CORRUPT',
      message: 'the file is empty although its write-ahead log is not',
    });
  }
}

/** Size of a file, 0 when it is missing. */
function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function prepareFile(database: Database.Database, { access }: LocalWorkerData): void {
  database.exec('pragma wal_autocheckpoint = 0');
  const { tableCount, applicationId } = inspect(database);
  if (tableCount > 0 && applicationId !== APPLICATION_ID) {
    throw new LocalConnectionError({
      catalogCode: 'CATALOG_FOREIGN',
      message: `it is a SQLite database with ${tableCount} tables that Syncline did not make`,
    });
  }
  if (access === 'readOnly') database.exec('pragma query_only = 1');
  else {
    if (tableCount === 0) database.exec(`pragma page_size = ${PAGE_BYTES}`);
    database.exec('pragma journal_mode = wal');
  }
  database.exec(`pragma synchronous = full; pragma foreign_keys = on; pragma cache_size = -${CACHE_KIB}`);
}

function inspect(database: Database.Database): { tableCount: number; applicationId: number } {
  beginRead(database);
  try {
    const one = (sql: string) => Number(prepare(database, sql).all([])[0]?.[0] ?? 0);
    return {
      tableCount: one('select count(*) from sqlite_schema'),
      applicationId: one('pragma application_id'),
    };
  } finally {
    endTransaction(database);
  }
}

/** Begins a transaction and takes its snapshot, all inside exec(). */
function beginRead(database: Database.Database): void {
  try {
    database.exec('begin; select 1 from sqlite_schema limit 1');
  } catch (error) {
    endTransaction(database);
    throw error;
  }
}

/** Ends a transaction if one is open: SQLite ends some by itself (disk full). */
function endTransaction(database: Database.Database): void {
  if (database.inTransaction) database.exec('rollback');
}

function prepare(database: Database.Database, sql: string): PreparedStatement {
  const native = database.prepare<SqlValue[][]>(sql);
  const isReader = native.reader;
  if (isReader) {
    native.raw();
    native.safeIntegers();
  }
  return {
    isReader,
    // One array, in one argument: anything else is taken for named parameters or aborts the process.
    all: (args) => native.all(args.map(bound)).map(readRow),
    run: (args) => native.run(args.map(bound)).changes,
  };
}

function bound(value: SqlValue): SqlValue {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function readRow(row: unknown): SqlRow {
  if (!Array.isArray(row)) throw new Error('The driver returned a row that is not an array.');
  return row.map(readValue);
}

function readValue(value: unknown): SqlValue {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (value === null || typeof value === 'number' || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return value;
  throw new Error(`The driver returned a value of type ${typeof value}.`);
}

function connectionOf(database: Database.Database, path: string): LocalConnection {
  const prepared = new Map<string, PreparedStatement>();

  function execute({ sql, argRows }: SqlStatement): SqlResult {
    const known = prepared.get(sql) ?? prepare(database, sql);
    // Out of the cache while it runs: one that throws is never used again.
    prepared.delete(sql);
    const rows: SqlRow[] = [];
    let changeCount = 0;
    for (const args of argRows) {
      if (known.isReader) {
        for (const row of known.all(args)) rows.push(row);
      } else changeCount += known.run(args);
    }
    if (prepared.size >= STATEMENTS_MAX) prepared.clear();
    prepared.set(sql, known);
    return { rows, changeCount: known.isReader ? rows.length : changeCount };
  }

  return {
    read(statements) {
      beginRead(database);
      try {
        return statements.map(execute);
      } finally {
        endTransaction(database);
      }
    },
    write(statements) {
      database.exec('begin immediate');
      try {
        const results = statements.map(execute);
        database.exec('commit');
        return results;
      } finally {
        endTransaction(database);
      }
    },
    checkpoint: () => database.exec('pragma wal_checkpoint(truncate)'),
    walBytes: () => fileBytes(`${path}-wal`),
    close() {
      prepared.clear();
      database.close();
    },
  };
}
