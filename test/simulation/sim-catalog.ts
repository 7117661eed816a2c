import { Database, type Statement } from 'bun:sqlite';
import { createSqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { NOW_MS } from '../../src/catalog/sql-clock.ts';
import {
  type SqlDriver,
  type SqlResult,
  type SqlRow,
  type SqlStatement,
  type SqlValue,
  statement,
} from '../../src/catalog/sql-driver.ts';
import { raisedError } from '../../src/catalog/sqlite-errors.ts';
import type { SimProcess, World } from './world.ts';

/** Where the simulated clock is for SQL. */
const SIM_NOW_MS = '(select now_ms from temp.sim_clock)';
const LOCATION = 'simulated catalog';

/** The catalog's database: the real SQL, in memory. */
export interface SimDatabase {
  /** Executes at once, for whoever watches from outside. */
  rows(sql: string, ...args: (number | string | Uint8Array)[]): readonly SqlRow[];
  /** The same for several statements at once. */
  inspect(...statements: SqlStatement[]): readonly SqlResult[];
  read(statements: readonly SqlStatement[], nowMs: number): readonly SqlResult[];
  write(statements: readonly SqlStatement[], nowMs: number): readonly SqlResult[];
  /** Back to how it was when it was new; cheaper than a new one. */
  empty(): void;
}

/** Opens a database and applies the migrations, once for many seeds. */
export async function openSimDatabase(): Promise<SimDatabase> {
  const connection = connect();
  connection.write([
    statement('create temp table sim_clock (now_ms integer not null)'),
    statement('insert into sim_clock values (0)'),
  ]);
  let clockMs = 0;

  const timed = (statements: readonly SqlStatement[]): SqlStatement[] =>
    statements.map(({ sql, argRows }) => ({ sql: simulated(sql), argRows }));

  const setClock = (nowMs: number): void => {
    if (nowMs === clockMs) return;
    clockMs = nowMs;
    connection.write([statement('update temp.sim_clock set now_ms = ?', nowMs)]);
  };

  const database: SimDatabase = {
    rows: (sql, ...args) => connection.read([statement(sql, ...args)])[0]?.rows ?? [],
    inspect: (...statements) => connection.read(statements),
    read(statements, nowMs) {
      setClock(nowMs);
      return connection.read(timed(statements));
    },
    write(statements, nowMs) {
      setClock(nowMs);
      return connection.write(timed(statements));
    },
    empty() {
      connection.write([
        statement('pragma defer_foreign_keys = on'),
        ...emptied.map((table) => statement(`delete from ${table}`)),
        statement('delete from sqlite_sequence'),
      ]);
    },
  };
  await createSqlCatalog(driverOver(database, undefined, undefined)).migrate();
  const tables = database.rows(
    `select name from sqlite_schema where type = 'table' and name not like 'sqlite%'`,
  );
  // What the migrations themselves put in stays.
  const emptied = tables
    .map(([name]) => String(name))
    .filter((name) => database.rows(`select 1 from ${name} limit 1`).length === 0);
  return database;
}

const simulatedSql = new Map<string, string>();

/** A statement as it is executed here: by the simulated clock, and without libSQL's `generate_series`. */
function simulated(sql: string): string {
  const known = simulatedSql.get(sql);
  if (known !== undefined) return known;
  const changed = sql
    .replaceAll(NOW_MS, SIM_NOW_MS)
    .replaceAll(
      /generate_series\((\S+), ([^()]+)\)/g,
      '(with recursive s (value) as (select $1 where $1 <= $2 union all select value + 1 from s where value < $2) select value from s)',
    );
  simulatedSql.set(sql, changed);
  return changed;
}

interface PreparedStatement {
  readonly native: Statement<unknown, SqlValue[]>;
  readonly isReader: boolean;
}

interface SimConnection {
  read(statements: readonly SqlStatement[]): SqlResult[];
  write(statements: readonly SqlStatement[]): SqlResult[];
}

/**
 * Bun's own SQLite, which takes a tenth of the time of libSQL for the small statements of a simulation. Values are bound and read as the
 * driver of local files does it.
 */
function connect(): SimConnection {
  const database = new Database(':memory:', { safeIntegers: true });
  database.run('pragma foreign_keys = on');

  const prepared = new Map<string, PreparedStatement>();

  const prepare = (sql: string): PreparedStatement => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const native = database.prepare<unknown, SqlValue[]>(sql);
    const made = { native, isReader: native.columnNames.length > 0 };
    prepared.set(sql, made);
    return made;
  };

  const execute = ({ sql, argRows }: SqlStatement): SqlResult => {
    const { native, isReader } = prepare(sql);
    const rows: SqlRow[] = [];
    let changeCount = 0;
    for (const args of argRows) {
      if (!isReader) changeCount += native.run(...args.map(bound)).changes;
      else for (const row of native.values(...args.map(bound))) rows.push(row.map(readValue));
    }
    return { rows, changeCount: isReader ? rows.length : changeCount };
  };

  const within = (begin: string, end: string, statements: readonly SqlStatement[]): SqlResult[] => {
    prepare(begin).native.run();
    try {
      const results = statements.map(execute);
      prepare(end).native.run();
      return results;
    } finally {
      if (database.inTransaction) database.run('rollback');
    }
  };

  return {
    // Nothing comes in between: a snapshot is not needed.
    read: (statements) => statements.map(execute),
    write: (statements) => within('begin immediate', 'commit', statements),
  };
}

function bound(value: SqlValue): SqlValue {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function readValue(value: unknown): SqlValue {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value === null || typeof value === 'number' || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return value;
  throw new Error(`The database returned a value of type ${typeof value}.`);
}

/** Called after every write that took effect, with the statements in it. */
export type WriteWatcher = (process: SimProcess, statements: readonly SqlStatement[]) => void;

/** A process's way to the database. */
export function createSimDriver(
  world: World,
  process: SimProcess,
  database: SimDatabase,
  watch: WriteWatcher,
): SqlDriver {
  return driverOver(database, { world, process }, watch);
}

function driverOver(
  database: SimDatabase,
  place: { readonly world: World; readonly process: SimProcess } | undefined,
  watch: WriteWatcher | undefined,
): SqlDriver {
  const execute = (
    kind: 'read' | 'write',
    statements: readonly SqlStatement[],
  ): Promise<readonly SqlResult[]> => {
    if (place === undefined) return Promise.resolve(database[kind](statements, 0));
    const { world, process } = place;
    return process.call({
      port: 'catalog',
      name: `${kind} ${describe(statements)}`,
      ...(world.plan.catalogInOrder && { lane: 'catalog' }),
      effect: () => {
        const results = mapErrors(() => database[kind](statements, world.nowMs()));
        if (kind === 'write') watch?.(process, statements);
        return results;
      },
    });
  };
  return {
    location: LOCATION,
    kind: 'local',
    // Small, so that what may take several transactions does.
    writeBytesMax: place === undefined ? 1_000_000 : 4_000,
    readBytesMax: 100_000,
    read: (statements) => execute('read', statements),
    write: (statements) => execute('write', statements),
    setCheckpointing: async () => undefined,
    checkpoint: async () => undefined,
    close: async () => undefined,
  };
}

/** What the guards of the schema raise is an answer; any other error of SQLite is a fault in the SQL and ends the simulation. */
function mapErrors<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw (error instanceof Error ? raisedError(error.message, error) : undefined) ?? error;
  }
}

/** The first words of the statements that matter. */
function describe(statements: readonly SqlStatement[]): string {
  return statements
    .map(({ sql }) => sql.trim().replaceAll(/\s+/g, ' '))
    .filter((sql) => !sql.includes('_guard values'))
    .map((sql) => sql.slice(0, 48))
    .slice(0, 2)
    .join(' | ');
}
