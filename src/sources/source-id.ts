import { SynclineError } from '../domain/errors.ts';
import type { Source, SourceId } from './source.ts';

const SHOWN_LENGTH_MAX = 80;

/**
 * The text of an id that is one value.
 *
 * @throws SynclineError `INVALID_SOURCE_ID` for anything but text that is not empty, or a whole number that is exact.
 */
export function singleKey(sourceName: string, table: string, id: SourceId): string {
  if (typeof id === 'string' && id !== '') return id;
  if (typeof id === 'number' && Number.isSafeInteger(id)) return String(id);
  throw invalidId(sourceName, table, id, 'Give text, or a whole number (larger ones than 2^53 as text)');
}

/**
 * Refuses a table that the source does not have.
 *
 * @throws SynclineError `INVALID_SOURCE`.
 */
export function checkTable(source: Pick<Source, 'name' | 'tables'>, table: string): void {
  if (source.tables === undefined || source.tables.includes(table)) return;
  throw new SynclineError(
    'INVALID_SOURCE',
    `The source "${source.name}" has no table ${shownValue(table)}; it has ${source.tables.join(', ')}.`,
    { details: { source: source.name, table } },
  );
}

/** The error about an id that cannot be one of the table. */
export function invalidId(sourceName: string, table: string, id: unknown, remedy: string): SynclineError {
  return new SynclineError(
    'INVALID_SOURCE_ID',
    `${shownValue(id)} cannot be an id of the table "${table}" of the source "${sourceName}". ${remedy}.`,
    { details: { source: sourceName, table } },
  );
}

/** A value as it is shown in messages. */
export function shownValue(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle, or a bigint.
    text = typeof value === 'bigint' ? String(value) : undefined;
  }
  return shownText(text ?? typeof value);
}

/** A text as it is shown in messages. */
export function shownText(text: string): string {
  return text.slice(0, SHOWN_LENGTH_MAX).toWellFormed();
}
