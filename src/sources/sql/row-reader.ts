import type { FieldType } from '../../domain/fields.ts';
import type { Metadata, MetadataValue } from '../../domain/metadata.ts';
import type { SourceDocument, SourceRecord } from '../source.ts';
import { CellError, keyTextOf, metadataOf, type SqlRow, textOf } from './cells.ts';
import type { SqlTableDefinition } from './sql-definition.ts';
import { parseTemplate, type Template } from './template.ts';

/** Makes documents of the rows of a table. */
export interface RowReader {
  readonly table: SqlTableDefinition;
  /** The columns that a row has to hold, in this order; those of the key come first. */
  readonly columns: readonly string[];
  readonly keyColumns: readonly string[];
  /** The row's document, or why it is none. */
  read(row: SqlRow): SourceRecord;
  /** The key of the row's document, or the refusal of a row that has none. */
  keyOf(row: SqlRow): { readonly key: string } | Extract<SourceRecord, { refused: unknown }>;
}

/** What the key of a row without one looks like: no document has it. */
const NULL_KEY = '(null)';

/** The reader of a table's rows. */
export function createRowReader(table: SqlTableDefinition): RowReader {
  const keyColumns = typeof table.key === 'string' ? [table.key] : table.key;
  const content = templateOf(table.content);
  const title = table.title === undefined ? undefined : templateOf(table.title);
  const metadata = metadataColumns(table);
  const columns = [
    ...new Set([
      ...keyColumns,
      ...content.columns,
      ...(title?.columns ?? []),
      ...metadata.map(({ column }) => column),
    ]),
  ];
  const places = new Map(columns.map((column, at) => [column, at]));
  const cellOf = (row: SqlRow, column: string) => row[places.get(column) ?? -1] ?? null;
  /** Runs `use` on a cell, and names the column in what it throws. */
  const using = <Value>(row: SqlRow, column: string, use: (cell: SqlRow[number]) => Value): Value => {
    try {
      return use(cellOf(row, column));
    } catch (error) {
      throw error instanceof CellError ? new CellError(`its column "${column}" ${error.message}`) : error;
    }
  };
  const render = (template: Template, row: SqlRow) => template.render((column) => using(row, column, textOf));

  function documentOf(key: string, row: SqlRow): SourceDocument {
    const values: [string, MetadataValue][] = [];
    for (const { field, column, type } of metadata) {
      const value = using(row, column, (cell) => metadataOf(cell, type));
      if (value !== undefined) values.push([field, value]);
    }
    return {
      key,
      content: render(content, row),
      ...(title === undefined ? {} : { title: render(title, row) }),
      ...(table.format === undefined ? {} : { format: table.format }),
      ...(metadata.length === 0 ? {} : { metadata: Object.fromEntries(values) satisfies Metadata }),
    };
  }

  const keyOf: RowReader['keyOf'] = (row) => {
    try {
      const parts = keyColumns.map((column) => using(row, column, keyTextOf));
      const missing = keyColumns.find((_, at) => parts[at] === undefined || parts[at] === '');
      if (missing === undefined) return { key: rowKey(table.name, parts as readonly string[]) };
      return refuse(
        `${table.name}/${NULL_KEY}`,
        `A row of "${table.name}" has nothing in its key column "${missing}". Give it a key, or leave it out with a query.`,
      );
    } catch (error) {
      if (!(error instanceof CellError)) throw error;
      return refuse(
        `${table.name}/${NULL_KEY}`,
        `A row of "${table.name}" cannot be told apart: ${error.message}.`,
      );
    }
  };

  return {
    table,
    columns,
    keyColumns,
    keyOf,
    read(row) {
      const named = keyOf(row);
      if ('refused' in named) return named;
      try {
        return { document: documentOf(named.key, row) };
      } catch (error) {
        if (!(error instanceof CellError)) throw error;
        return refuse(named.key, `The row "${named.key}" cannot be read: ${error.message}.`);
      }
    },
  };
}

/** The key of a document: its table's name and the parts of its key. A single part stands as it is. */
export function rowKey(tableName: string, parts: readonly string[]): string {
  const [first = '', ...others] = parts;
  if (others.length === 0) return `${tableName}/${first}`;
  const escaped = parts.map((part) => part.replaceAll('%', '%25').replaceAll('/', '%2F'));
  return `${tableName}/${escaped.join('/')}`;
}

function refuse(key: string, message: string): Extract<SourceRecord, { refused: unknown }> {
  return { refused: { key, code: 'INVALID_DOCUMENT', message } };
}

function templateOf(text: string): Template {
  const template = parseTemplate(text);
  // A definition that was checked has none that cannot be read.
  if ('reason' in template) throw new TypeError(`A template ${template.reason}.`);
  return template;
}

function metadataColumns({
  metadata = [],
}: SqlTableDefinition): { field: string; column: string; type: FieldType | undefined }[] {
  if (Array.isArray(metadata)) {
    const columns: readonly string[] = metadata;
    return columns.map((column) => ({ field: column, column, type: undefined }));
  }
  return Object.entries(metadata).map(([field, given]: [string, unknown]) => {
    if (typeof given === 'string') return { field, column: given, type: undefined };
    const { column, type } = given as { column: string; type?: FieldType };
    return { field, column, type };
  });
}
