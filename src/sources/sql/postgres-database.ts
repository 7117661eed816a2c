import { SynclineError } from '../../domain/errors.ts';
import type { SqlRow } from './cells.ts';
import {
  fromClause,
  type KeyParts,
  type SqlDatabase,
  type SqlPlan,
  sourceFailed,
  unusableTable,
} from './database.ts';
import { createPageSize } from './page-size.ts';
import { postgresCell } from './postgres-cells.ts';
import {
  connectPostgres,
  type PostgresConnection,
  type PostgresOptions,
  PostgresRefusal,
  type PostgresResult,
} from './postgres-connection.ts';
import {
  allStatement,
  canBeKey,
  keysStatement,
  type PostgresColumn,
  tellsTime,
} from './postgres-statements.ts';
import type { SqlTableDefinition } from './sql-definition.ts';

const TABLES_NAMED_MAX = 50;

/**
 * A PostgreSQL database, read in one transaction: everything is of one moment, a page at a time through a cursor. The
 * snapshot is held as long as the reading takes.
 */
export async function openPostgres(options: PostgresOptions): Promise<SqlDatabase> {
  const { sourceName, rowsMax } = options;
  const connection = await connectPostgres(options);
  const run = createRunner(sourceName, connection);

  async function describe(table: SqlTableDefinition): Promise<readonly PostgresColumn[]> {
    try {
      const { fields } = await connection.attempt(() =>
        connection.query(`select * from ${fromClause(table)} limit 0`),
      );
      return await typed(run, fields);
    } catch (error) {
      if (!(error instanceof PostgresRefusal)) throw error;
      const isMissing = table.query === undefined && ['42P01', '3F000'].includes(error.state);
      const tables = isMissing ? await knownTables(run) : undefined;
      throw unusableTable(sourceName, table, error.message, tables);
    }
  }

  /** The columns of a plan as this database described them. */
  async function columnsOf(
    plan: SqlPlan,
  ): Promise<{ wanted: PostgresColumn[]; all: readonly PostgresColumn[] }> {
    const all = await describe(plan.table);
    const wanted = plan.columns.flatMap(({ name }) => all.find((column) => column.name === name) ?? []);
    return { wanted, all };
  }

  return {
    describe,
    async *readAll(plan, since) {
      const { wanted, all } = await columnsOf(plan);
      const statement = allStatement(plan, wanted, sinceOf(sourceName, plan, all, since));
      await run(`declare syncline_rows no scroll cursor for ${statement}`);
      const size = createPageSize(rowsMax);
      for (;;) {
        const { rows } = await run(`fetch forward ${size.rows} from syncline_rows`);
        size.learn(rows.length, sizeOf(rows));
        if (rows.length === 0) break;
        yield rows.map((row) => rowOf(wanted, row));
      }
      await run('close syncline_rows');
    },
    async *readKeys(plan, keys) {
      const { wanted } = await columnsOf(plan);
      const size = createPageSize(rowsMax);
      for (let start = 0; start < keys.length; ) {
        const page = keys.slice(start, start + size.rows);
        start += page.length;
        const usable = page.filter((key) => canBeKey(wanted, key));
        const { rows, wrongKeys } = await readWithKeys(
          sourceName,
          connection,
          { plan, columns: wanted },
          usable,
        );
        size.learn(page.length, sizeOf(rows));
        yield {
          rows: rows.map((row) => rowOf(wanted, row)),
          wrongKeys: [...page.filter((key) => !usable.includes(key)), ...wrongKeys],
        };
      }
    },
    close: () => connection.close(),
  };
}

type Run = (sql: string, args?: readonly unknown[]) => Promise<PostgresResult>;

/** Runs statements whose refusal is nobody's mistake in a key or a table. */
function createRunner(sourceName: string, connection: PostgresConnection): Run {
  return async (sql, args) => {
    try {
      return await connection.query(sql, args);
    } catch (error) {
      throw error instanceof PostgresRefusal ? sourceFailed(sourceName, error.message) : error;
    }
  };
}

async function typed(run: Run, fields: PostgresResult['fields']): Promise<PostgresColumn[]> {
  const ids = [...new Set(fields.map(({ dataTypeID }) => dataTypeID))];
  const { rows } = await run(
    'select oid, format_type(oid, -1), typcategory from pg_catalog.pg_type where oid = any($1::oid[])',
    [ids],
  );
  const types = new Map(rows.map(([id, type, category]) => [Number(id), { type, category }]));
  return fields.map(({ name, dataTypeID }) => ({
    name,
    type: types.get(dataTypeID)?.type ?? 'text',
    typeId: dataTypeID,
    isList: types.get(dataTypeID)?.category === 'A',
  }));
}

async function knownTables(run: Run): Promise<string[]> {
  const { rows } = await run(
    `select case table_schema when 'public' then table_name else table_schema || '.' || table_name end from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema') order by 1 limit ${TABLES_NAMED_MAX}`,
  );
  return rows.map(([name]) => String(name));
}

/** Halves a page that holds a key which the server cannot read, until that stands alone. */
async function readWithKeys(
  sourceName: string,
  connection: PostgresConnection,
  target: { readonly plan: SqlPlan; readonly columns: readonly PostgresColumn[] },
  keys: readonly KeyParts[],
): Promise<{ readonly rows: PostgresResult['rows']; readonly wrongKeys: readonly KeyParts[] }> {
  if (keys.length === 0) return { rows: [], wrongKeys: [] };
  const { sql, args } = keysStatement(target.plan, target.columns, keys);
  try {
    const { rows } = await connection.attempt(() => connection.query(sql, args));
    return { rows, wrongKeys: [] };
  } catch (error) {
    if (!(error instanceof PostgresRefusal)) throw error;
    // Class 22: a value that cannot be one of the type.
    if (!error.state.startsWith('22')) throw sourceFailed(sourceName, error.message);
    if (keys.length === 1) return { rows: [], wrongKeys: keys };
    const half = keys.length >> 1;
    const first = await readWithKeys(sourceName, connection, target, keys.slice(0, half));
    const second = await readWithKeys(sourceName, connection, target, keys.slice(half));
    return {
      rows: [...first.rows, ...second.rows],
      wrongKeys: [...first.wrongKeys, ...second.wrongKeys],
    };
  }
}

function sinceOf(
  sourceName: string,
  { table }: SqlPlan,
  columns: readonly PostgresColumn[],
  since: number | undefined,
): { readonly ms: number; readonly typeId: number } | undefined {
  const column = columns.find(({ name }) => name === table.updatedAt);
  if (since === undefined || column === undefined) return undefined;
  if (tellsTime(column.typeId)) return { ms: since, typeId: column.typeId };
  throw new SynclineError(
    'INVALID_SOURCE',
    `The column "${column.name}" of "${table.name}" in the source "${sourceName}" is ${column.type}, which does not say when a row was changed. Name a column of dates with time or numbers as updatedAt.`,
    { details: { source: sourceName, table: table.name, column: column.name } },
  );
}

function rowOf(columns: readonly PostgresColumn[], row: readonly (string | null)[]): SqlRow {
  return columns.map(({ typeId, isList }, at) => postgresCell(row[at] ?? null, typeId, isList));
}

function sizeOf(rows: PostgresResult['rows']): number {
  return rows.reduce((sum, row) => sum + row.reduce((length, text) => length + (text?.length ?? 1), 0), 0);
}
