import { SynclineError } from '../domain/errors.ts';
import type { SqlRow, SqlValue } from './sql-driver.ts';

/*
 * Reading columns. Text that came from outside is selected as `cast(column as blob)` and decoded here: the native driver
 * aborts the process on TEXT that is not valid UTF-8 (a damaged page) and cuts text at U+0000.
 */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An integer that fits a JS number (ids, counts, times). */
export function integerAt(row: SqlRow, column: number): number {
  const value = row[column];
  if (typeof value !== 'number') throw unexpected(column, 'an integer', value);
  return value;
}

/** Like {@link integerAt}; `undefined` for NULL. */
export function optionalIntegerAt(row: SqlRow, column: number): number | undefined {
  return row[column] === null ? undefined : integerAt(row, column);
}

/** A number that need not be whole: a server may answer a whole one as an integer. */
export function numberAt(row: SqlRow, column: number): number {
  return Number(row[column]);
}

/** A 64-bit integer. */
export function bigintAt(row: SqlRow, column: number): bigint {
  const value = row[column];
  if (typeof value === 'number') return BigInt(value);
  if (typeof value !== 'bigint') throw unexpected(column, 'an integer', value);
  return value;
}

/** Bytes, as a view. */
export function bytesAt(row: SqlRow, column: number): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw unexpected(column, 'a blob', value);
  return value;
}

/** Text, selected as a blob. */
export function textAt(row: SqlRow, column: number): string {
  const value = bytesAt(row, column);
  try {
    return decoder.decode(value);
  } catch (error) {
    throw new SynclineError(
      'CATALOG_CORRUPT',
      'The catalog holds text that is not valid UTF-8: it is damaged. Restore it from a backup.',
      { cause: error },
    );
  }
}

/** Like {@link textAt}; `undefined` for NULL. */
export function optionalTextAt(row: SqlRow, column: number): string | undefined {
  return row[column] === null ? undefined : textAt(row, column);
}

/** One of our own words, checked by the schema, selected as a blob like all text. */
export function wordAt<Word extends string>(row: SqlRow, column: number, words: readonly Word[]): Word {
  const text = textAt(row, column);
  const word = words.find((known) => known === text);
  if (word === undefined) throw unexpected(column, words.join(' or '), text);
  return word;
}

/** A vector in place: float32, little endian. Copied only when the bytes do not start at a multiple of four. */
export function vectorAt(row: SqlRow, column: number): Float32Array {
  const bytes = bytesAt(row, column);
  if (bytes.byteLength % 4 !== 0) throw unexpected(column, 'a vector of float32', bytes);
  const placed = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(placed.buffer, placed.byteOffset, placed.byteLength / 4);
}

/** The bytes of a vector: exactly its own, also when it is a view into a larger buffer. */
export function vectorBytes(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** Text as it can be stored: without U+0000 and lone surrogates, and not longer than `lengthMax` UTF-16 units. */
export function storableText(text: string, lengthMax: number): string {
  return text.slice(0, lengthMax).replaceAll('\0', '\uFFFD').toWellFormed();
}

function unexpected(column: number, expected: string, value: SqlValue | undefined): SynclineError {
  const kind = value === null ? 'NULL' : value instanceof Uint8Array ? 'a blob' : typeof value;
  return new SynclineError(
    'CATALOG_CORRUPT',
    `The catalog holds ${kind} in column ${column + 1} of an answer where ${expected} belongs: it is damaged or was changed by hand.`,
  );
}
