import { columnOf, fromClause, type KeyParts, type SqlColumn, type SqlPlan } from './database.ts';
import { POSTGRES_TYPES } from './postgres-cells.ts';

/** A column as PostgreSQL describes it. */
export interface PostgresColumn extends SqlColumn {
  readonly type: string;
  readonly typeId: number;
  /** Whether it is an array: such are read as JSON. */
  readonly isList: boolean;
}

/** A statement and what is bound in it. */
export interface PostgresStatement {
  readonly sql: string;
  readonly args: readonly (string | readonly string[])[];
}

const INTEGER_RANGES: Readonly<Record<number, { readonly min: bigint; readonly max: bigint }>> = {
  [POSTGRES_TYPES.int2]: { min: -(2n ** 15n), max: 2n ** 15n - 1n },
  [POSTGRES_TYPES.int4]: { min: -(2n ** 31n), max: 2n ** 31n - 1n },
  [POSTGRES_TYPES.int8]: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
};
const INTEGER = /^-?\d{1,19}$/;
const UUID = /^\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i;

/** All rows in the order of their keys, or those changed since then. Nothing is bound: it becomes a cursor. */
export function allStatement(
  plan: SqlPlan,
  columns: readonly PostgresColumn[],
  since: { readonly ms: number; readonly typeId: number } | undefined,
): string {
  const keys = plan.columns.slice(0, plan.keyCount).map(columnOf).join(', ');
  const where = since === undefined ? '' : ` where ${changedSince(plan, since)}`;
  return `select ${columnList(columns)} from ${fromClause(plan.table)}${where} order by ${keys}`;
}

/** Rows changed since then, and those of which nobody knows when. */
function changedSince(
  { table }: SqlPlan,
  { ms, typeId }: { readonly ms: number; readonly typeId: number },
): string {
  const at = columnOf({ name: table.updatedAt ?? '' });
  const moment = `to_timestamp(${Math.floor(ms)} / 1000.0)`;
  const newer = ((): string => {
    switch (typeId) {
      case POSTGRES_TYPES.timestamptz:
        return `${at} >= ${moment}`;
      case POSTGRES_TYPES.timestamp:
        return `${at} >= (${moment} at time zone 'UTC')`;
      case POSTGRES_TYPES.date:
        return `${at} >= (${moment} at time zone 'UTC')::date`;
      default:
        // Seconds reach 1e11 in the year 5138; milliseconds did in 1973.
        return `case when abs(${at}) < 1e11 then ${at} * 1000.0 else ${at} end >= ${Math.floor(ms)}`;
    }
  })();
  return `(${newer} or ${at} is null)`;
}

/** Whether a column of that type can say when a row was changed. */
export function tellsTime(typeId: number): boolean {
  const { timestamptz, timestamp, date, int4, int8, float8, numeric } = POSTGRES_TYPES;
  return [timestamptz, timestamp, date, int4, int8, float8, numeric].some((known) => known === typeId);
}

/** The columns that are read, all as text. */
function columnList(columns: readonly PostgresColumn[]): string {
  return columns
    .map((column) => (column.isList ? `to_jsonb(${columnOf(column)})` : columnOf(column)))
    .join(', ');
}

/** The rows with some keys, in the order of their keys. */
export function keysStatement(
  plan: SqlPlan,
  columns: readonly PostgresColumn[],
  keys: readonly KeyParts[],
): PostgresStatement {
  const own = columns.slice(0, plan.keyCount);
  const names = own.map(columnOf);
  const lists = own.map(({ type }, at) => `$${at + 1}::text[]::${type}[]`);
  const condition =
    own.length === 1
      ? `${names[0]} = any(${lists[0]})`
      : `(${names.join(', ')}) in (select * from unnest(${lists.join(', ')}))`;
  return {
    sql: `select ${columnList(columns)} from ${fromClause(plan.table)} where ${condition} order by ${names.join(', ')}`,
    args: own.map(({ typeId }, at) => keys.map((parts) => boundText(parts[at] ?? '', typeId))),
  };
}

/** Whether a key can be one, as far as that is known without asking the server. */
export function canBeKey(columns: readonly PostgresColumn[], parts: KeyParts): boolean {
  return parts.every((part, at) => {
    const typeId = columns[at]?.typeId ?? 0;
    const range = INTEGER_RANGES[typeId];
    const text = String(part);
    if (range !== undefined)
      return INTEGER.test(text) && BigInt(text) >= range.min && BigInt(text) <= range.max;
    return typeId === POSTGRES_TYPES.uuid ? UUID.test(text) : !text.includes('\0');
  });
}

/** Keys of bytes are hexadecimal digits. */
function boundText(part: string | number, typeId: number): string {
  return typeId === POSTGRES_TYPES.bytea ? `\\x${part}` : String(part);
}
