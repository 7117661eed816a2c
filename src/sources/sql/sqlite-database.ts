import type { SqlRow } from './cells.ts';
import { fromClause, type SqlColumn, type SqlDatabase, sourceFailed, unusableTable } from './database.ts';
import { createPageSize } from './page-size.ts';
import type { SqlTableDefinition } from './sql-definition.ts';
import { encodingOf, isSameKey, positionOf, rowOf, type SqliteEncoding, sizeOf } from './sqlite-cells.ts';
import {
  canBeKey,
  keylessStatement,
  keysStatement,
  pageStatement,
  type SqlitePosition,
  type SqliteStatement,
  type SqliteValue,
} from './sqlite-statements.ts';

/** What a statement gave. */
export interface SqliteResult {
  readonly columns: readonly SqlColumn[];
  readonly rows: readonly (readonly SqliteValue[])[];
}

/** A connection that speaks SQLite's SQL. */
export interface SqliteConnection {
  /**
   * @throws SqliteRefusal for SQL that the database refuses, SynclineError for anything else.
   */
  query(statement: SqliteStatement): Promise<SqliteResult>;
  close(): Promise<void>;
}

/** Why the database refused a statement: it is wrong, or its answer is too large. */
export class SqliteRefusal extends Error {
  override readonly name = 'SqliteRefusal';
  readonly isTooLarge: boolean;

  constructor(message: string, isTooLarge = false) {
    super(message);
    this.isTooLarge = isTooLarge;
  }
}

const KEYLESS_PAGE = 500;
const TABLES_NAMED_MAX = 50;

/**
 * A database of SQLite or libSQL. It is read in pages, each a statement of its own that goes on behind the last key, so that
 * neither its owner's writes nor its log are held up between them.
 */
export function createSqliteDatabase(
  sourceName: string,
  connection: SqliteConnection,
  rowsMax: number,
): SqlDatabase {
  let encoding: SqliteEncoding | undefined;

  async function encodingOfText(): Promise<SqliteEncoding> {
    encoding ??= encodingOf((await run({ sql: 'pragma encoding', args: [] })).rows[0]?.[0]);
    return encoding;
  }

  async function run(statement: SqliteStatement): Promise<SqliteResult> {
    try {
      return await connection.query(statement);
    } catch (error) {
      throw error instanceof SqliteRefusal && !error.isTooLarge
        ? sourceFailed(sourceName, error.message)
        : error;
    }
  }

  async function describe(table: SqlTableDefinition): Promise<readonly SqlColumn[]> {
    try {
      return (await connection.query({ sql: `select * from ${fromClause(table)} limit 0`, args: [] }))
        .columns;
    } catch (error) {
      if (!(error instanceof SqliteRefusal)) throw error;
      const isMissing = table.query === undefined && /no such table/i.test(error.message);
      const known = isMissing ? await knownTables(run) : undefined;
      throw unusableTable(sourceName, table, error.message, known);
    }
  }

  /** Runs a statement for as many rows as fit into an answer. */
  async function fitting<Result>(
    size: ReturnType<typeof createPageSize>,
    read: () => Promise<Result>,
  ): Promise<Result> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        const isTooLarge = error instanceof SqliteRefusal && error.isTooLarge;
        if (!isTooLarge) throw error;
        if (!size.shrink()) throw sourceFailed(sourceName, `a single row is too large (${error.message})`);
      }
    }
  }

  const database: SqlDatabase = {
    describe,
    async *readAll(plan, since) {
      const textEncoding = await encodingOfText();
      const keyless = Number((await run(keylessStatement(plan))).rows[0]?.[0] ?? 0);
      yield* keylessRows(keyless, plan.columns.length);
      const size = createPageSize(rowsMax);
      let after: SqlitePosition | undefined;
      for (;;) {
        // One more than are given: a key that the page ends with may go on behind it.
        const { rows, limit } = await fitting(size, async () => {
          const limit = size.rows + 1;
          return { limit, rows: (await run(pageStatement(plan, { rows: limit, after, since }))).rows };
        });
        size.learn(
          rows.length,
          rows.reduce((sum, row) => sum + sizeOf(row), 0),
        );
        const last = rows.at(-1);
        if (last === undefined) return;
        const isEnd = rows.length < limit;
        const whole = isEnd ? rows : rows.filter((row) => !isSameKey(plan, row, last));
        // Nothing but one key: all are refused anyway, and what is behind it is read on.
        const given = whole.length === 0 ? rows : whole;
        yield given.map((row) => rowOf(plan, row, textEncoding));
        if (isEnd) return;
        after = positionOf(plan, last, whole.length > 0);
      }
    },
    async *readKeys(plan, keys) {
      const textEncoding = await encodingOfText();
      const size = createPageSize(rowsMax);
      for (let start = 0; start < keys.length; ) {
        const page = await fitting(size, async () => {
          const wanted = keys.slice(start, start + size.rows);
          const usable = wanted.filter((key) => canBeKey(plan, key));
          const rows = usable.length === 0 ? [] : (await run(keysStatement(plan, usable))).rows;
          return { wanted, rows };
        });
        start += page.wanted.length;
        // Keys that are not there cost nothing: what counts is what a key may bring.
        size.learn(
          page.wanted.length,
          page.rows.reduce((sum, row) => sum + sizeOf(row), 0),
        );
        yield {
          rows: page.rows.map((row) => rowOf(plan, row, textEncoding)),
          wrongKeys: page.wanted.filter((key) => !canBeKey(plan, key)),
        };
      }
    },
    close: () => connection.close(),
  };
  return database;
}

/** Some of its tables and views, by name. */
async function knownTables(
  run: (statement: SqliteStatement) => Promise<SqliteResult>,
): Promise<readonly string[]> {
  const known = await run({
    sql: `select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite!_%' escape '!' order by name limit ${TABLES_NAMED_MAX}`,
    args: [],
  });
  return known.rows.map(([name]) => String(name));
}

/** Rows without a key are all alike. */
function* keylessRows(count: number, columnCount: number): Generator<SqlRow[]> {
  const row: SqlRow = Array.from({ length: columnCount }, () => null);
  for (let left = count; left > 0; left -= KEYLESS_PAGE)
    yield Array.from({ length: Math.min(left, KEYLESS_PAGE) }, () => row);
}
