import { columnOf, fromClause, type KeyParts, type SqlPlan } from './database.ts';

/*
 * The SQL that SQLite and libSQL servers are asked. Text is read as its bytes: drivers cut it at U+0000, and one aborts the process
 * when it is not valid.
 */

/** A value that is bound. */
export type SqliteValue = null | string | number | bigint | Uint8Array;

/** A statement and what is bound in it. */
export interface SqliteStatement {
  readonly sql: string;
  readonly args: readonly SqliteValue[];
}

/** Where reading goes on: behind a key, or at it. Text is given as its bytes. */
export interface SqlitePosition {
  readonly key: readonly { readonly isText: boolean; readonly value: SqliteValue }[];
  readonly isIncluded: boolean;
}

const INTEGER = /^(?:0|-?[1-9]\d{0,18})$/;
const HEXADECIMAL = /^(?:[0-9a-f]{2})+$/;

/** A page of rows with a key, in the order of their keys. */
export function pageStatement(
  plan: SqlPlan,
  options: {
    readonly rows: number;
    readonly after: SqlitePosition | undefined;
    readonly since: number | undefined;
  },
): SqliteStatement {
  const { rows, after, since } = options;
  const keys = keyColumns(plan).map((column) => `${column} collate binary`);
  const conditions = keyColumns(plan).map((column) => `${column} is not null`);
  const args: SqliteValue[] = [];
  if (after !== undefined) {
    // The plus takes the affinity away that a cast has, so that nothing is converted before it is compared.
    const places = after.key.map(({ isText }) => (isText ? '+cast(? as text)' : '?'));
    conditions.push(`${rowValue(keys)} ${after.isIncluded ? '>=' : '>'} ${rowValue(places)}`);
    args.push(...after.key.map(({ value }) => value));
  }
  const changed = changedSince(plan, since);
  conditions.push(...changed.conditions);
  return {
    sql: `select ${columnList(plan)} from ${fromClause(plan.table)} where ${conditions.join(' and ')} order by ${keys.join(', ')} limit ${rows}`,
    args: [...args, ...changed.args],
  };
}

/** How many rows have no key. */
export function keylessStatement(plan: SqlPlan): SqliteStatement {
  const conditions = keyColumns(plan).map((column) => `${column} is null`);
  return { sql: `select count(*) from ${fromClause(plan.table)} where ${conditions.join(' or ')}`, args: [] };
}

/** The rows with some keys, in the order of their keys. */
export function keysStatement(plan: SqlPlan, keys: readonly KeyParts[]): SqliteStatement {
  const columns = keyColumns(plan);
  const order = columns.map((column) => `${column} collate binary`).join(', ');
  const select = `select ${columnList(plan)} from ${fromClause(plan.table)}`;
  if (columns.length === 1) {
    const args = keys.flatMap(([part = '']) => boundForms(part, plan.columns[0]?.type));
    const places = args.map(() => '?').join(', ');
    return { sql: `${select} where ${columns[0]} in (${places}) order by ${order}`, args };
  }
  const row = rowValue(columns.map(() => '?'));
  return {
    sql: `${select} where ${rowValue(columns)} in (values ${keys.map(() => row).join(', ')}) order by ${order}`,
    args: keys.flatMap((parts) => parts.map((part, at) => boundForm(part, plan.columns[at]?.type))),
  };
}

/** Whether a key can be one: text that is no number is never in a column of integers. */
export function canBeKey(plan: SqlPlan, parts: KeyParts): boolean {
  return parts.every((part, at) => !isIntegerType(plan.columns[at]?.type) || INTEGER.test(String(part)));
}

/** The row's columns: for each, the kind of its value and the value. */
function columnList({ columns }: SqlPlan): string {
  return columns
    .map((column) => {
      const name = columnOf(column);
      return `typeof(${name}), case typeof(${name}) when 'text' then cast(${name} as blob) else ${name} end`;
    })
    .join(', ');
}

function keyColumns({ columns, keyCount }: SqlPlan): string[] {
  return columns.slice(0, keyCount).map(columnOf);
}

function rowValue(parts: readonly string[]): string {
  return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join(', ')})`;
}

/** All that a column without a declared type may hold for an id; one of them where the type says which. */
function boundForms(part: string | number, type: string | undefined): SqliteValue[] {
  const text = String(part);
  const forms: SqliteValue[] = INTEGER.test(text) ? [text, BigInt(text)] : [text];
  if (isIntegerType(type)) return forms.slice(-1);
  const mayBeBytes = (type === undefined || /blob/i.test(type)) && HEXADECIMAL.test(text);
  return mayBeBytes ? [...forms, new Uint8Array(Buffer.from(text, 'hex'))] : forms;
}

function boundForm(part: string | number, type: string | undefined): SqliteValue {
  if (typeof part === 'number') return BigInt(part);
  return isIntegerType(type) && INTEGER.test(part) ? BigInt(part) : part;
}

/** By SQLite's own rule. */
function isIntegerType(type: string | undefined): boolean {
  return type !== undefined && /int/i.test(type);
}

/** Rows changed since then, and those of which nobody knows when: a time that is missing or none. */
function changedSince(
  { table }: SqlPlan,
  since: number | undefined,
): { readonly conditions: string[]; readonly args: SqliteValue[] } {
  if (since === undefined || table.updatedAt === undefined) return { conditions: [], args: [] };
  const at = columnOf({ name: table.updatedAt });
  // Seconds reach 1e11 in the year 5138; milliseconds did in 1973.
  const milliseconds = `case typeof(${at}) when 'text' then (julianday(${at}) - 2440587.5) * 86400000.0 when 'blob' then null else case when abs(${at}) < 1e11 then ${at} * 1000.0 else ${at} end end`;
  // julianday() is exact to a millisecond, more or less.
  return { conditions: [`coalesce(${milliseconds} >= ?, 1)`], args: [since - 1] };
}
