import { SynclineError } from '../../domain/errors.ts';
import type { SqlRow } from './cells.ts';
import type { SqlTableDefinition } from './sql-definition.ts';

/** A column as the database describes it. */
export interface SqlColumn {
  readonly name: string;
  /** The type as the database calls it; `undefined` when it does not say. */
  readonly type: string | undefined;
}

/** What is to be read of a table: its definition was compared with the database. */
export interface SqlPlan {
  readonly table: SqlTableDefinition;
  /** What rows hold, in this order; those of the key come first. */
  readonly columns: readonly SqlColumn[];
  readonly keyCount: number;
}

/** An id, one text or number for each column of the key. */
export type KeyParts = readonly (string | number)[];

/** One connection to a database, for one extraction. Whatever it throws is a SynclineError without secrets. */
export interface SqlDatabase {
  /**
   * The columns of a table or query, in their order.
   *
   * @throws SynclineError `INVALID_SOURCE` when there is no such table, or the query is wrong.
   */
  describe(table: SqlTableDefinition): Promise<readonly SqlColumn[]>;
  /** All rows in the order of their keys, so that equal keys follow each other, page by page; rows without a key at any place. */
  readAll(plan: SqlPlan, since: number | undefined): AsyncIterable<readonly SqlRow[]>;
  /** The rows with these keys in the order of their keys, and which of the keys cannot be one. */
  readKeys(plan: SqlPlan, keys: readonly KeyParts[]): AsyncIterable<KeyPage>;
  /** Never throws. */
  close(): Promise<void>;
}

/** Rows with some keys. */
export interface KeyPage {
  readonly rows: readonly SqlRow[];
  readonly wrongKeys: readonly KeyParts[];
}

/** Opens a database for one extraction; an abort ends whatever it does. */
export type OpenDatabase = (signal: AbortSignal) => Promise<SqlDatabase>;

/** The table or query that rows are read from, quoted for a FROM. */
export function fromClause({ name, table, schema, query }: SqlTableDefinition): string {
  // On lines of its own: the query may end in a comment.
  if (query !== undefined) return `(\n${query.replace(/[\s;]+$/, '')}\n) as t`;
  const path = schema === undefined ? '' : `${quoted(schema)}.`;
  return `${path}${quoted(table ?? name)} as t`;
}

/** A name as SQL writes it: no character of it means anything. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A column of the row that is read. Never a bare name, which SQLite takes for text where there is no such column. */
export function columnOf({ name }: { readonly name: string }): string {
  return `t.${quoted(name)}`;
}

/** A table or query that cannot be read. `tables`: those that there are, where what is missing is the table. */
export function unusableTable(
  sourceName: string,
  { name, schema, table, query }: SqlTableDefinition,
  reason: string,
  tables: readonly string[] | undefined,
): SynclineError {
  const path = `${schema === undefined ? '' : `${schema}.`}${table ?? name}`;
  const message =
    tables !== undefined
      ? `The source "${sourceName}" has no table "${path}"; there are ${tables.length === 0 ? 'none' : tables.join(', ')}.`
      : `The ${query === undefined ? 'table' : 'query'} of "${name}" in the source "${sourceName}" cannot be read: ${reason}.`;
  return new SynclineError('INVALID_SOURCE', message, { details: { source: sourceName, table: name } });
}

/** A source that failed while it was read. */
export function sourceFailed(sourceName: string, reason: string): SynclineError {
  return new SynclineError('SOURCE_FAILED', `The source "${sourceName}" failed: ${reason}.`, {
    details: { source: sourceName },
  });
}
