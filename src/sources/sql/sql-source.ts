import { SynclineError, throwIfAborted } from '../../domain/errors.ts';
import type { Source, SourceId, SourceRecord } from '../source.ts';
import { checkTable, invalidId, singleKey } from '../source-id.ts';
import type { KeyParts, OpenDatabase, SqlColumn, SqlDatabase, SqlPlan } from './database.ts';
import { createRowReader, type RowReader, rowKey } from './row-reader.ts';
import type { SqlSourceDefinition } from './sql-definition.ts';
import { uniqueRecords } from './unique-records.ts';

/** Documents out of the tables of a database. Every extraction has a connection of its own, which ends with it. */
export function createSqlSource(definition: SqlSourceDefinition, open: OpenDatabase): Source {
  const { name } = definition;
  const tables = definition.tables.map((table) => table.name);
  const readers = new Map(definition.tables.map((table) => [table.name, createRowReader(table)]));

  function readerOf(table: string): RowReader {
    checkTable({ name, tables }, table);
    const reader = readers.get(table);
    if (reader === undefined) throw new TypeError(`The table "${table}" has no reader.`);
    return reader;
  }

  async function* withDatabase(
    signal: AbortSignal,
    read: (database: SqlDatabase) => AsyncIterable<SourceRecord>,
  ): AsyncGenerator<SourceRecord> {
    throwIfAborted(signal);
    const database = await open(signal);
    try {
      for await (const record of read(database)) {
        throwIfAborted(signal);
        yield record;
      }
    } finally {
      await database.close();
    }
  }

  return {
    name,
    kind: 'sql',
    tables,
    knowsChanges: definition.tables.some(({ updatedAt }) => updatedAt !== undefined),
    documentKey: (table, id) => rowKey(table, keyParts(name, readerOf(table), id).map(String)),
    extractAll: ({ signal, since }) =>
      withDatabase(signal, async function* (database) {
        // All of them first: a table that is not as it was declared is told before anything is given.
        const plans: [RowReader, SqlPlan][] = [];
        for (const reader of readers.values()) plans.push([reader, await makePlan(name, reader, database)]);
        for (const [reader, plan] of plans) {
          yield* uniqueRecords(reader, database.readAll(plan, since));
        }
      }),
    extractByIds(table, ids, { signal }) {
      const reader = readerOf(table);
      const keys = ids.map((id) => keyParts(name, reader, id));
      return withDatabase(signal, async function* (database) {
        const plan = await makePlan(name, reader, database);
        for await (const { rows, wrongKeys } of database.readKeys(plan, keys)) {
          for (const key of wrongKeys) yield refusedKey(name, reader, plan, key);
          yield* uniqueRecords(reader, [rows]);
        }
      });
    },
  };
}

/** The parts of an id, one for each column of the key. */
function keyParts(sourceName: string, { table, keyColumns }: RowReader, id: SourceId): KeyParts {
  const parts = Array.isArray(id) ? (id as readonly SourceId[]) : [id];
  if (parts.length !== keyColumns.length) {
    const example = JSON.stringify(keyColumns.map((_, at) => at + 1));
    const wanted =
      keyColumns.length === 1
        ? `Give one value: that of its key column, "${keyColumns[0]}"`
        : `Its key is ${keyColumns.length} columns (${keyColumns.join(', ')}): give a list of their values, such as ${example}, with quotes where they are text`;
    throw invalidId(sourceName, table.name, id, wanted);
  }
  return parts.map((part) => {
    const text = singleKey(sourceName, table.name, part);
    return typeof part === 'number' ? part : text;
  });
}

function refusedKey(
  sourceName: string,
  reader: RowReader,
  { columns }: SqlPlan,
  key: KeyParts,
): SourceRecord {
  const { table, keyColumns } = reader;
  const types = keyColumns.map((column, at) => `"${column}" is ${columns[at]?.type ?? 'of another type'}`);
  const { code, message } = invalidId(
    sourceName,
    table.name,
    key.length === 1 ? key[0] : key,
    types.join(', '),
  );
  return { refused: { key: rowKey(table.name, key.map(String)), code, message } };
}

/** Compares what is to be read with what is there. */
async function makePlan(sourceName: string, reader: RowReader, database: SqlDatabase): Promise<SqlPlan> {
  const { table, keyColumns } = reader;
  const found = await database.describe(table);
  const named = (wanted: string): SqlColumn => {
    const column = found.find(({ name }) => name === wanted);
    if (column !== undefined) return column;
    const role = keyColumns.includes(wanted) ? 'key column' : 'column';
    throw new SynclineError(
      'INVALID_SOURCE',
      `The table "${table.name}" of the source "${sourceName}" has no ${role} "${wanted}"; it has ${found.map(({ name }) => name).join(', ')}.`,
      { details: { source: sourceName, table: table.name, column: wanted } },
    );
  };
  if (table.updatedAt !== undefined) named(table.updatedAt);
  return { table, columns: reader.columns.map(named), keyCount: keyColumns.length };
}
