import type { Field, Schema } from 'apache-arrow';
import { SynclineError } from '../domain/errors.ts';
import type { FieldType } from '../domain/fields.ts';
import type { Arrow } from './lance-library.ts';
import { originMetadata } from './table-origin.ts';
import type { TableSpec } from './vector-store.ts';

/** The column of a declared field. The prefix keeps it apart from the columns that every table has. */
export function fieldColumn(name: string): string {
  return `field_${name}`;
}

/** The Arrow schema of a table: the fixed columns, the vector, then one nullable column per declared field, by name. */
export function tableSchema(arrow: Arrow, spec: TableSpec): Schema {
  const { Field, Int16, Int32, Int64, Utf8, Float32, FixedSizeList, Schema } = arrow;
  const item = new Field('item', new Float32(), true);
  const columns: Field[] = [
    new Field('chunk_id', new Int64(), false),
    new Field('document_id', new Int64(), false),
    new Field('source', new Utf8(), false),
    new Field('key', new Utf8(), false),
    new Field('title', new Utf8(), false),
    new Field('ordinal', new Int32(), false),
    new Field('start', new Int32(), false),
    new Field('end', new Int32(), false),
    new Field('text_start', new Int32(), false),
    new Field('token_count', new Int32(), false),
    new Field('embedded_text', new Utf8(), false),
    new Field('metadata', new Utf8(), false),
    new Field('fingerprint', new Int64(), false),
    new Field('content_fingerprint', new Int64(), false),
    new Field('bucket', new Int16(), false),
    new Field('vector', new FixedSizeList(spec.dimensions, item), false),
  ];
  for (const [name, type] of fieldEntries(spec)) {
    columns.push(new Field(fieldColumn(name), fieldArrowType(arrow, type), true));
  }
  return new Schema(columns, originMetadata(spec));
}

/** The declared fields in the order of their columns. */
export function fieldEntries(spec: TableSpec): [string, FieldType][] {
  return Object.entries(spec.fields).sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Compares the columns of an opened table with those that its specification asks for.
 *
 * @throws SynclineError `TABLE_DAMAGED` when it has no columns at all (a newest manifest full of zeros opens like that,
 * without an error, as version 0), `TABLE_SCHEMA_DIFFERS` with the first column that differs.
 */
export function checkSchema(table: string, actual: Schema, expected: Schema): void {
  if (actual.fields.length === 0) {
    throw new SynclineError(
      'TABLE_DAMAGED',
      `The table "${table}" is damaged: its newest manifest is empty. Index the dataset (or start a worker): it is rebuilt from the catalog, and no embedding is paid for again.`,
      { details: { table } },
    );
  }
  const found = new Map(actual.fields.map((field) => [field.name, describe(field)]));
  for (const field of expected.fields) {
    const is = found.get(field.name) ?? 'missing';
    found.delete(field.name);
    if (is !== describe(field)) throw schemaDiffers(table, field.name, describe(field), is);
  }
  for (const [name, is] of found) throw schemaDiffers(table, name, 'absent', is);
}

function fieldArrowType(arrow: Arrow, type: FieldType): Field['type'] {
  switch (type) {
    case 'string':
      return new arrow.Utf8();
    case 'number':
      return new arrow.Float64();
    case 'integer':
      return new arrow.Int64();
    case 'boolean':
      // 1 and 0, see `fieldColumnData`.
      return new arrow.Int8();
    case 'string[]':
      return new arrow.List(new arrow.Field('item', new arrow.Utf8(), true));
  }
}

function describe(field: Field): string {
  return `${field.type}${field.nullable ? '' : ' not null'}`;
}

function schemaDiffers(table: string, column: string, expected: string, actual: string): SynclineError {
  return new SynclineError(
    'TABLE_SCHEMA_DIFFERS',
    `The table "${table}" has another schema than its dataset: column "${column}" is ${actual}, expected ${expected}. Index the dataset (or start a worker): a new table is filled from the catalog.`,
    { details: { table, column, expected, actual } },
  );
}
