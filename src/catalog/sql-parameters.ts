import { SynclineError } from '../domain/errors.ts';
import type { SqlStatement, SqlValue } from './sql-driver.ts';

/** Strings, quoted names and comments, in which a `?` is no parameter. */
const NOT_CODE = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\//g;
const PARAMETER = /\?(\d*)/g;
const PARAMETER_COUNTS_MAX = 1_000;
const parameterCounts = new Map<string, number>();

/** How many arguments a statement takes: `?` counts on, `?3` means at least three. */
export function countParameters(sql: string): number {
  const known = parameterCounts.get(sql);
  if (known !== undefined) return known;
  let count = 0;
  for (const [, number] of sql.replace(NOT_CODE, ' ').matchAll(PARAMETER)) {
    count = number === '' || number === undefined ? count + 1 : Math.max(count, Number(number));
  }
  if (parameterCounts.size >= PARAMETER_COUNTS_MAX) parameterCounts.clear();
  parameterCounts.set(sql, count);
  return count;
}

/**
 * Refuses what the native driver would take wrongly without a word: a missing argument keeps the value of the call
 * before, a boolean aborts the process, NaN becomes NULL, and text is cut at U+0000 when it is read.
 *
 * @throws SynclineError `INTERNAL` naming the statement.
 */
export function checkArguments(statements: readonly SqlStatement[]): void {
  for (const { sql, argRows } of statements) {
    const expected = countParameters(sql);
    for (const args of argRows) {
      if (args.length !== expected)
        throw unusable(sql, `takes ${expected} arguments but was given ${args.length}`);
      for (let index = 0; index < args.length; index += 1) {
        const reason = reasonAgainst(args[index]);
        if (reason !== undefined) throw unusable(sql, `cannot take argument ${index + 1}: ${reason}`);
      }
    }
  }
}

function reasonAgainst(value: SqlValue | undefined): string | undefined {
  if (value === null || typeof value === 'bigint') return undefined;
  if (typeof value === 'string')
    return value.includes('\0') ? 'text with the zero character U+0000' : undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `the number ${value}`;
  if (value instanceof Uint8Array) return undefined;
  return `a value of type ${typeof value}`;
}

function unusable(sql: string, reason: string): SynclineError {
  return new SynclineError('INTERNAL', `The statement "${sql.trim().slice(0, 120)}" ${reason}.`);
}
