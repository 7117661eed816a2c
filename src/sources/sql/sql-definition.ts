import type { DocumentFormat } from '../../domain/document.ts';
import { DOCUMENT_FORMATS } from '../../domain/document.ts';
import type { FieldType } from '../../domain/fields.ts';
import { type DefinitionFields, isSourceName } from '../definition-fields.ts';
import type { EnvironmentReference } from '../environment.ts';
import { databaseKind, holdsSecret } from './database-url.ts';
import { parseTemplate } from './template.ts';

/** A column as metadata. */
export interface MetadataColumn {
  readonly column: string;
  /** The type that the dataset declares for the field. Default what the column holds. */
  readonly type?: FieldType;
}

/** Rows that become documents. */
export interface SqlTableDefinition {
  /** What deltas and keys call it; a document's key is `name/id`. Also the table in the database where `table` and `query` are missing. */
  readonly name: string;
  /** The table or view, when it is called otherwise. */
  readonly table?: string;
  /** The schema of `table`. */
  readonly schema?: string;
  /** A SELECT in place of a table; it becomes a sub-select. */
  readonly query?: string;
  /** The column that tells rows apart, or some that do together. */
  readonly key: string | readonly string[];
  /** The text, with columns in it: `{{title}}\n\n{{body}}`. `\{{` is the text "{{". */
  readonly content: string;
  /** A template as {@link content} is one. */
  readonly title?: string;
  /** Default `"markdown"`. */
  readonly format?: DocumentFormat;
  /** Columns that become metadata under their own names, or by the name of the field. NULL is left out. */
  readonly metadata?: readonly string[] | Readonly<Record<string, string | MetadataColumn>>;
  /**
   * A column that says when the row was last changed: a date with time, text that SQLite reads as one (without a zone: UTC), or a number of
   * seconds or milliseconds since 1970.
   */
  readonly updatedAt?: string;
}

/** Tables of a database. */
export interface SqlSourceDefinition {
  readonly kind: 'sql';
  readonly name: string;
  /**
   * A file of SQLite or libSQL (a path, relative to the current folder, or `file:…`), a libSQL server (`libsql://…`, `https://…`, `http://…`,
   * `wss://…`, `ws://…`) or PostgreSQL (`postgres://…`). One that holds a password or a token stands in the environment.
   */
  readonly url: string | EnvironmentReference;
  /** The token of a libSQL server. */
  readonly authToken?: EnvironmentReference;
  readonly tables: readonly SqlTableDefinition[];
  /** Longest time of one statement, and of connecting, in milliseconds. Default 30,000. */
  readonly statementMsMax?: number;
  /** How long a locked file is waited for, in milliseconds. Default 5,000. */
  readonly lockWaitMs?: number;
  /** Most rows that are read at once; large ones are fewer. Default 500. */
  readonly rowsMax?: number;
}

const TABLES_MAX = 100;
const KEY_COLUMNS_MAX = 8;
const HOUR_MS = 3_600_000;
const FIELD_TYPES: readonly FieldType[] = ['string', 'number', 'integer', 'boolean', 'string[]'];

/** Declares tables of a database as a source. */
export function sqlSource(definition: Omit<SqlSourceDefinition, 'kind'>): SqlSourceDefinition {
  return { kind: 'sql', ...definition };
}

/** Reads the fields of a definition. */
export function readSqlDefinition(name: string, fields: DefinitionFields): SqlSourceDefinition {
  const url = fields.textOrReference('url');
  if (typeof url === 'string' && holdsSecret(url)) {
    fields.fail('url', 'holds a password or token. Put it into an environment variable: { "env": "NAME" }');
  }
  if (typeof url === 'string' && databaseKind(url) === undefined) {
    fields.fail('url', 'is neither a file nor a libsql:, http(s):, ws(s): or postgres: URL');
  }
  const tables = fields.objects('tables').map(readTable);
  if (tables.length > TABLES_MAX) fields.fail('tables', `holds more than ${TABLES_MAX}`);
  const twice = tables.find(({ name: table }, at) => tables.findIndex((other) => other.name === table) < at);
  if (twice !== undefined) fields.fail('tables', `holds "${twice.name}" twice. Give one another name`);
  const definition: SqlSourceDefinition = {
    kind: 'sql',
    name,
    url,
    tables,
    ...given('authToken', fields.optionalReference('authToken')),
    ...given('statementMsMax', fields.optionalInteger('statementMsMax', 100, HOUR_MS)),
    ...given('lockWaitMs', fields.optionalInteger('lockWaitMs', 0, HOUR_MS)),
    ...given('rowsMax', fields.optionalInteger('rowsMax', 1, 10_000)),
  };
  fields.end();
  return definition;
}

function readTable(fields: DefinitionFields): SqlTableDefinition {
  const name = fields.text('name');
  if (!isSourceName(name))
    fields.fail('name', 'must be at most 100 letters, digits, ".", "_" and "-". Give "table" as well');
  const table: SqlTableDefinition = {
    name,
    key: readKey(fields),
    content: readContent(fields),
    ...given('table', fields.optionalText('table')),
    ...given('schema', fields.optionalText('schema')),
    ...given('query', fields.optionalText('query')),
    ...given('title', readTemplate(fields, 'title', fields.optionalText('title'))),
    ...given('format', fields.optionalWord('format', DOCUMENT_FORMATS)),
    ...given('metadata', readMetadata(fields)),
    ...given('updatedAt', fields.optionalText('updatedAt')),
  };
  if (table.query !== undefined && (table.table ?? table.schema) !== undefined)
    fields.fail('query', 'stands beside "table" or "schema". Give one of them');
  fields.end();
  return table;
}

function readKey(fields: DefinitionFields): string | readonly string[] {
  if (typeof fields.value('key') === 'string') return fields.text('key');
  const columns = fields.optionalTexts('key') ?? fields.missing('key');
  const isUsable = columns.length > 0 && columns.length <= KEY_COLUMNS_MAX;
  return isUsable ? columns : fields.fail('key', `must name 1 to ${KEY_COLUMNS_MAX} columns`);
}

function readContent(fields: DefinitionFields): string {
  const text = readTemplate(fields, 'content', fields.text('content'));
  const template = parseTemplate(text);
  if ('columns' in template && template.columns.length === 0)
    fields.fail(
      'content',
      'names no column, so that every row would have the same text. Name some in double braces: "{{title}}"',
    );
  return text;
}

function readTemplate<Text extends string | undefined>(
  fields: DefinitionFields,
  field: string,
  text: Text,
): Text {
  const template = text === undefined ? undefined : parseTemplate(text);
  if (template !== undefined && 'reason' in template) fields.fail(field, template.reason);
  return text;
}

function readMetadata(fields: DefinitionFields): SqlTableDefinition['metadata'] {
  const value = fields.value('metadata');
  if (value === undefined || Array.isArray(value)) return fields.optionalTexts('metadata');
  if (typeof value !== 'object' || value === null)
    fields.fail('metadata', 'must be a list of columns, or an object of fields and columns');
  return Object.fromEntries(
    Object.entries(value).map(([field, column]): [string, string | MetadataColumn] => {
      if (typeof column === 'string' && column !== '') return [field, column];
      return [field, readMetadataColumn(fields, field, column)];
    }),
  );
}

function readMetadataColumn(fields: DefinitionFields, field: string, value: unknown): MetadataColumn {
  const isObject = typeof value === 'object' && value !== null;
  const { column, type, ...rest } = (isObject ? value : {}) as Record<string, unknown>;
  const known = FIELD_TYPES.find((one) => one === type);
  if (
    typeof column !== 'string' ||
    Object.keys(rest).length > 0 ||
    (type !== undefined && known === undefined)
  ) {
    fields.fail(
      'metadata',
      `needs for "${field.slice(0, 80)}" a column, or { "column": …, "type": ${FIELD_TYPES.join(' or ')} }`,
    );
  }
  return { column, ...given('type', known) };
}

function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]?: Value });
}
