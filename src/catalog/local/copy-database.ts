import { existsSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import Database from 'libsql';
import type { CatalogSummary } from '../catalog-files.ts';
import { APPLICATION_ID } from '../sqlite-format.ts';
import { LocalConnectionError } from './local-failure.ts';

/*
 * Copying and checking a catalog file, beside whoever works on it. Runs in a worker of its own: each call blocks for as long
 * as it takes to read the file. The connection to the original only reads: it neither checkpoints nor takes a write lock
 * (reference/libsql.md, sections 0.5 and 14).
 */

/** What the worker is asked to do. */
export interface CopyRequest {
  readonly from: string;
  /** A file that is not there yet; without it, `from` is only checked. */
  readonly to: string | undefined;
}

/** How long SQLite waits for a lock; a reader of a write-ahead log waits for nobody but its recovery. */
const LOCK_WAIT_MS = 5_000;
/** Findings of SQLite's check that are told. */
const FINDINGS_MAX = 5;

/** An error about the copy, not about what is copied. */
export class CopyTargetError extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause));
    this.cause = cause;
  }
}

/** See {@link CopyRequest}. Throws {@link CopyTargetError}, {@link LocalConnectionError} or libsql's errors. */
export function copyDatabase({ from, to }: CopyRequest): CatalogSummary {
  if (to === undefined) return withDatabase(readOnlyUrl(from), (original) => summarize(original, from));
  withDatabase(readOnlyUrl(from), (original) => {
    refuseForeign(original);
    copyInto(original, to);
  });
  try {
    return withDatabase(to, (copy) => {
      releaseLease(copy);
      return summarize(copy, to);
    });
  } catch (error) {
    throw new CopyTargetError(error);
  }
}

function withDatabase<Result>(path: string, use: (database: Database.Database) => Result): Result {
  const database = new Database(path, { timeout: LOCK_WAIT_MS });
  try {
    return use(database);
  } finally {
    database.close();
  }
}

/** In a folder that cannot be written to, a file without a log is read as one that never changes. */
function readOnlyUrl(path: string): string {
  if (!existsSync(path)) {
    throw new LocalConnectionError({ catalogCode: 'CATALOG_MISSING', message: `there is no file ${path}` });
  }
  const url = `file:${pathToFileURL(path).pathname}?mode=ro`;
  if (existsSync(`${path}-wal`)) return url;
  try {
    withDatabase(url, (database) => all(database, 'select count(*) from sqlite_schema'));
    return url;
  } catch (error) {
    if (!(error instanceof Error && 'rawCode' in error && error.rawCode === READ_ONLY_DIRECTORY)) throw error;
    return `${url}&immutable=1`;
  }
}

/** SQLITE_READONLY_DIRECTORY. */
const READ_ONLY_DIRECTORY = 1_544;

function refuseForeign(database: Database.Database): void {
  database.exec('pragma wal_autocheckpoint = 0');
  const tableCount = one(database, 'select count(*) from sqlite_schema');
  if (tableCount === 0) {
    throw new LocalConnectionError({ catalogCode: 'CATALOG_MISSING', message: 'it is empty' });
  }
  if (one(database, 'pragma application_id') !== APPLICATION_ID) {
    throw new LocalConnectionError({
      catalogCode: 'CATALOG_FOREIGN',
      message: `it is a SQLite database with ${tableCount} tables that Syncline did not make`,
    });
  }
}

/** SQLite's result codes for damage; it reads the original and writes the copy in one statement. */
const DAMAGE: readonly number[] = [11, 26];

function copyInto(original: Database.Database, to: string): void {
  try {
    original.exec(`vacuum into '${to.replaceAll("'", "''")}'`);
  } catch (error) {
    const rawCode = error instanceof Error && 'rawCode' in error ? Number(error.rawCode) : 0;
    throw DAMAGE.includes(rawCode & 0xff) ? error : new CopyTargetError(error);
  }
}

/** Whoever works on the original does not work on the copy. The token grows, as with every change of the holder. */
function releaseLease(copy: Database.Database): void {
  copy.exec('update leases set holder_id = null, token = token + 1');
}

function summarize(database: Database.Database, path: string): CatalogSummary {
  refuseForeign(database);
  const findings = all(database, `pragma quick_check(${FINDINGS_MAX})`).map(([finding]) => String(finding));
  if (findings.some((finding) => finding !== 'ok')) {
    throw new LocalConnectionError({
      catalogCode: 'CATALOG_CORRUPT',
      message: `SQLite's check found: ${findings.join('; ')}`,
    });
  }
  const countOf = (table: string): number => one(database, `select count(*) from ${table}`);
  const version = one(database, 'select coalesce(max(number), 0) from schema_migrations');
  const isComplete = version > 1;
  return {
    version,
    bytes: statSync(path).size,
    datasets: isComplete ? countOf('datasets') : 0,
    documents: isComplete ? countOf('documents') : 0,
    chunks: isComplete ? countOf('chunks') : 0,
    embeddings: isComplete ? countOf('embeddings') : 0,
  };
}

function one(database: Database.Database, sql: string): number {
  return Number(all(database, sql)[0]?.[0] ?? 0);
}

function all(database: Database.Database, sql: string): unknown[][] {
  return database.prepare<unknown[][]>(sql).raw().all([]) as unknown[][];
}
