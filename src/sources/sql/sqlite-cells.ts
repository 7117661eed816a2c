import type { MetadataValue } from '../../domain/metadata.ts';
import { exactInteger, type SqlCell, type SqlRow } from './cells.ts';
import type { SqlPlan } from './database.ts';
import type { SqlitePosition, SqliteValue } from './sqlite-statements.ts';

/** How the database writes text. */
export type SqliteEncoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** The encoding by the name that `pragma encoding` gives. */
export function encodingOf(name: unknown): SqliteEncoding {
  const lower = String(name).toLowerCase();
  return lower === 'utf-16le' || lower === 'utf-16be' ? lower : 'utf-8';
}

/** A row of cells out of the pairs of kind and value that are read. */
export function rowOf(plan: SqlPlan, values: readonly SqliteValue[], encoding: SqliteEncoding): SqlRow {
  return plan.columns.map(({ type }, at) =>
    cellOf(values[2 * at] ?? null, values[2 * at + 1] ?? null, { type, encoding }),
  );
}

/** Where reading goes on behind, or at, a row that was read. */
export function positionOf(
  plan: SqlPlan,
  values: readonly SqliteValue[],
  isIncluded: boolean,
): SqlitePosition {
  const key = plan.columns.slice(0, plan.keyCount).map((_, at) => ({
    isText: values[2 * at] === 'text',
    value: values[2 * at + 1] ?? null,
  }));
  return { key, isIncluded };
}

/** Whether two rows have one key, value by value. */
export function isSameKey(plan: SqlPlan, a: readonly SqliteValue[], b: readonly SqliteValue[]): boolean {
  for (let at = 0; at < 2 * plan.keyCount; at += 1) {
    const left = a[at];
    const right = b[at];
    if (left === right) continue;
    if (!(left instanceof Uint8Array && right instanceof Uint8Array) || Buffer.compare(left, right) !== 0)
      return false;
  }
  return true;
}

/** Bytes, or characters, of what was read. */
export function sizeOf(values: readonly SqliteValue[]): number {
  return values.reduce<number>((sum, value) => {
    if (typeof value === 'string') return sum + value.length;
    return sum + (value instanceof Uint8Array ? value.byteLength : 8);
  }, 0);
}

function cellOf(
  kind: SqliteValue,
  value: SqliteValue,
  { type, encoding }: { readonly type: string | undefined; readonly encoding: SqliteEncoding },
): SqlCell {
  if (typeof value === 'bigint') return numberCell(exactInteger(value), type);
  if (typeof value === 'number') return numberCell(value, type);
  if (kind !== 'text' || !(value instanceof Uint8Array)) return value;
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return { fault: 'holds text that is not valid' };
  }
  return type !== undefined && /json/i.test(type) ? jsonCell(text) : text;
}

/** SQLite has no truth values: a column that is declared to hold some holds 0 and 1. */
function numberCell(value: number | bigint, type: string | undefined): SqlCell {
  const isBoolean = type !== undefined && /^bool/i.test(type);
  return isBoolean && (value === 0 || value === 1) ? value === 1 : value;
}

function jsonCell(text: string): SqlCell {
  try {
    return { json: JSON.parse(text) as MetadataValue };
  } catch {
    // The declared type binds SQLite to nothing.
    return text;
  }
}
