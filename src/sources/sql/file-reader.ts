import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { FileFailure, FileWorkerData } from './file-messages.ts';
import type { SqliteResult } from './sqlite-database.ts';
import type { SqliteStatement, SqliteValue } from './sqlite-statements.ts';

/*
 * A file of somebody else, read in a thread of its own. Nothing is created or changed:
 * - A file whose owner writes a log (WAL) and has it open is read with its log and its index, as any reader does.
 * - One whose owner has closed it has neither, and opening it would make both. It is read as a file that does not change; whether that
 *   was true is looked at after each statement, and the statement is run again if not.
 * - A log without its index is the copy of a database that was open: reading it would make the index.
 *
 * `node:sqlite` because it opens read-only, survives text that is not valid, is not poisoned by a lock that it met, and closes when
 * it is told to; the catalog's driver does none of it.
 */

/** Raised for a file that cannot be read. */
export class FileReadError extends Error {
  override readonly name = 'FileReadError';
  readonly kind: FileFailure['kind'];

  constructor(kind: FileFailure['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Reads a file, statement by statement. */
export interface FileReader {
  query(statement: SqliteStatement): SqliteResult;
  close(): void;
}

const HEADER_BYTES = 20;
const MAGIC = 'SQLite format 3\0';
/** Where the header says how the file is written; 2 is "with a log". */
const WRITE_VERSION_AT = 18;
const WITH_LOG = 2;
const CHANGES_MAX = 100;

/** A reader that opens the file when it is first asked. */
export function createFileReader({ path, lockWaitMs }: FileWorkerData): FileReader {
  let open: OpenFile | undefined;

  function close(): void {
    open?.database.close();
    open = undefined;
  }

  function attempt(statement: SqliteStatement): SqliteResult | undefined {
    open ??= openFile(path, lockWaitMs);
    const { database, unchanged } = open;
    try {
      const result = run(database, statement);
      if (unchanged()) return result;
    } catch (error) {
      if (unchanged()) throw error;
    }
    // Its owner came back in the meantime: what was read may be of two minds.
    close();
    return undefined;
  }

  return {
    query(statement) {
      for (let round = 0; round < CHANGES_MAX; round += 1) {
        try {
          const result = attempt(statement);
          if (result !== undefined) return result;
        } catch (error) {
          throw error instanceof FileReadError ? error : classified(error);
        }
      }
      throw new FileReadError('busy', 'it changes too often to be read');
    },
    close,
  };
}

interface OpenFile {
  readonly database: DatabaseSync;
  /** Whether the file is as it was when it was opened, as far as that matters. */
  unchanged(): boolean;
}

function openFile(path: string, lockWaitMs: number): OpenFile {
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) throw new FileReadError('missing', 'there is no such file');
  if (!file.isFile()) throw new FileReadError('foreign', 'it is not a file');
  const hasLog = existsSync(`${path}-wal`);
  if (hasLog && !existsSync(`${path}-shm`)) {
    throw new FileReadError(
      'unusable',
      'beside it lies a log (-wal) without its index (-shm), as in a copy of a database that was open. Open it once with its own program',
    );
  }
  const isStill = !hasLog && writesLog(path);
  const database = new DatabaseSync(`${pathToFileURL(path).href}?${isStill ? 'immutable=1' : 'mode=ro'}`, {
    readOnly: true,
  });
  database.exec(`pragma busy_timeout = ${lockWaitMs}`);
  // Belt and braces: the file is open for reading only.
  database.exec('pragma query_only = 1');
  const before = isStill ? stateOf(path) : '';
  return { database, unchanged: () => !isStill || stateOf(path) === before };
}

/** Whether the header says that the file's owner writes a log. */
function writesLog(path: string): boolean {
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(path, 'r');
  try {
    const length = readSync(descriptor, header, 0, HEADER_BYTES, 0);
    // A file of no bytes is a database without tables.
    if (length === 0) return false;
    if (length < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC)
      throw new FileReadError('foreign', 'it is not a SQLite database, or an encrypted one');
  } finally {
    closeSync(descriptor);
  }
  return header[WRITE_VERSION_AT] === WITH_LOG;
}

/** Differs once somebody has written to the file or begun a log. */
function stateOf(path: string): string {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  return `${file?.ino} ${file?.size} ${file?.mtimeNs} ${existsSync(`${path}-wal`)}`;
}

function run(database: DatabaseSync, { sql, args }: SqliteStatement): SqliteResult {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  const columns = statement.columns().map(({ name, type }) => ({ name, type: type ?? undefined }));
  // As its rows are arrays, whatever its type says.
  const rows = statement.all(...args) as unknown as SqliteValue[][];
  return { columns, rows };
}

/** By the driver's text, as one engine gives no numbers. */
function classified(error: unknown): FileReadError {
  const message = error instanceof Error ? error.message : String(error);
  if (/database (?:table )?is locked|database is busy/i.test(message))
    return new FileReadError('busy', message);
  if (/not a database|file is encrypted/i.test(message))
    return new FileReadError('foreign', 'it is not a SQLite database, or an encrypted one');
  if (/malformed|disk I\/O|unable to open|readonly|no such file|permission/i.test(message))
    return new FileReadError('unusable', message);
  return new FileReadError('refused', message);
}
