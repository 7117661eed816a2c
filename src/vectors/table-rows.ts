import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Table as ArrowTable, Data, RecordBatch, Schema } from 'apache-arrow';
import { SynclineError } from '../domain/errors.ts';
import { rowBucket } from '../domain/fingerprint.ts';
import {
  bigintColumn,
  fieldColumnData,
  int16Column,
  int32Column,
  int64Column,
  utf8Column,
  vectorColumn,
} from './arrow-columns.ts';
import type { Arrow } from './lance-library.ts';
import { fieldEntries } from './table-schema.ts';
import type { TableRow, TableRows, TableSpec } from './vector-store.ts';

/**
 * Checks rows before they are written and drops exact repetitions of a chunk: LanceDB inserts two new rows of one id
 * without a word, and a vector with NaN in it is never found again.
 *
 * @throws SynclineError `TABLE_SCHEMA_DIFFERS` when there are not `dimensions` numbers per row; `TABLE_FAILED` when a
 * number is not finite, or when two different rows have the same chunk id.
 */
export function checkRows(table: string, input: TableRows, dimensions: number): TableRows {
  const { rows, vectors } = input;
  if (vectors.length !== rows.length * dimensions) {
    throw new SynclineError(
      'TABLE_SCHEMA_DIFFERS',
      `The table "${table}" takes vectors of ${dimensions} dimensions: ${rows.length} rows need ${rows.length * dimensions} numbers, not ${vectors.length}. Embed with the dataset's own profile, or rebuild it with the new one.`,
      { details: { table, dimensions, rows: rows.length, numbers: vectors.length } },
    );
  }
  checkFinite(table, input, dimensions);
  return withoutRepetitions(table, input, dimensions);
}

/**
 * Rows of one record batch: a batch of 384 dimensions and 1,500 characters takes 1 to 2 ms to build, and the event loop
 * gets its turn after each.
 */
const ROWS_PER_BATCH = 500;

/** The rows as one Arrow table of several record batches; the vectors are not copied. */
export async function toArrowTable(
  arrow: Arrow,
  schema: Schema,
  spec: TableSpec,
  input: TableRows,
): Promise<ArrowTable> {
  const { rows, vectors } = input;
  const batches: RecordBatch[] = [];
  for (let start = 0; start < rows.length; start += ROWS_PER_BATCH) {
    const part = rows.slice(start, start + ROWS_PER_BATCH);
    const numbers = vectors.subarray(start * spec.dimensions, (start + part.length) * spec.dimensions);
    batches.push(toRecordBatch(arrow, schema, spec, { rows: part, vectors: numbers }));
    await nextTurn();
  }
  return new arrow.Table(schema, batches);
}

function toRecordBatch(arrow: Arrow, schema: Schema, spec: TableSpec, input: TableRows): RecordBatch {
  const { rows, vectors } = input;
  const length = rows.length;
  const children = rowColumns(arrow, rows);
  children.push(vectorColumn(arrow, length, spec.dimensions, vectors));
  for (const [name, type] of fieldEntries(spec)) {
    children.push(fieldColumnData(arrow, type, length, (row) => rowAt(rows, row).fields[name] ?? null));
  }
  const struct = arrow.makeData({ type: new arrow.Struct(schema.fields), length, nullCount: 0, children });
  return new arrow.RecordBatch(schema, struct);
}

/** The columns before the vector, in the order of `tableSchema`. */
function rowColumns(arrow: Arrow, rows: readonly TableRow[]): Data[] {
  const length = rows.length;
  const at = (row: number): TableRow => rowAt(rows, row);
  return [
    int64Column(arrow, length, (row) => at(row).chunkId),
    int64Column(arrow, length, (row) => at(row).documentId),
    utf8Column(arrow, length, (row) => at(row).source),
    utf8Column(arrow, length, (row) => at(row).key),
    utf8Column(arrow, length, (row) => at(row).title),
    int32Column(arrow, length, (row) => at(row).ordinal),
    int32Column(arrow, length, (row) => at(row).start),
    int32Column(arrow, length, (row) => at(row).end),
    int32Column(arrow, length, (row) => at(row).textStart),
    int32Column(arrow, length, (row) => at(row).tokenCount),
    utf8Column(arrow, length, (row) => at(row).embeddedText),
    utf8Column(arrow, length, (row) => at(row).metadataJson),
    bigintColumn(arrow, length, (row) => at(row).fingerprint),
    bigintColumn(arrow, length, (row) => at(row).contentFingerprint),
    int16Column(arrow, length, (row) => rowBucket(at(row).chunkId)),
  ];
}

/** One pass of one multiplication per number (about 1 ms per million): NaN and infinities turn the sum into NaN. */
function checkFinite(table: string, { rows, vectors }: TableRows, dimensions: number): void {
  let sum = 0;
  for (let index = 0; index < vectors.length; index += 1) sum += (vectors[index] ?? 0) * 0;
  if (sum === 0) return;
  const at = vectors.findIndex((number) => !Number.isFinite(number));
  const chunkId = rows[Math.floor(at / dimensions)]?.chunkId;
  throw new SynclineError(
    'TABLE_FAILED',
    `The vector of chunk ${chunkId} holds ${vectors[at]}; the table "${table}" takes finite numbers only. Embed the chunk again.`,
    { details: { table, chunkId } },
  );
}

function withoutRepetitions(table: string, input: TableRows, dimensions: number): TableRows {
  const { rows, vectors } = input;
  const first = new Map<number, number>();
  const keep: number[] = [];
  for (const [index, row] of rows.entries()) {
    const earlier = first.get(row.chunkId);
    if (earlier === undefined) {
      first.set(row.chunkId, index);
      keep.push(index);
    } else if (!isSameRow(input, earlier, index, dimensions)) {
      throw new SynclineError(
        'TABLE_FAILED',
        `Two different rows for chunk ${row.chunkId} were to be written to the table "${table}" at once. Give each chunk once.`,
        { details: { table, chunkId: row.chunkId } },
      );
    }
  }
  if (keep.length === rows.length) return input;
  const kept = new Float32Array(keep.length * dimensions);
  for (const [position, index] of keep.entries())
    kept.set(vectorAt(vectors, index, dimensions), position * dimensions);
  return { rows: keep.map((index) => rowAt(rows, index)), vectors: kept };
}

function isSameRow({ rows, vectors }: TableRows, a: number, b: number, dimensions: number): boolean {
  const [left, right] = [comparable(rowAt(rows, a)), comparable(rowAt(rows, b))];
  if (left !== right) return false;
  const [v, w] = [vectorAt(vectors, a, dimensions), vectorAt(vectors, b, dimensions)];
  return v.every((number, index) => number === w[index]);
}

function comparable(row: TableRow): string {
  const fields = Object.entries(row.fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    row.documentId,
    row.source,
    row.key,
    row.title,
    row.ordinal,
    row.start,
    row.end,
    row.textStart,
    row.tokenCount,
    row.embeddedText,
    row.metadataJson,
    String(row.fingerprint),
    String(row.contentFingerprint),
    fields,
  ]);
}

function vectorAt(vectors: Float32Array, row: number, dimensions: number): Float32Array {
  return vectors.subarray(row * dimensions, (row + 1) * dimensions);
}

function rowAt(rows: readonly TableRow[], index: number): TableRow {
  const row = rows[index];
  if (row === undefined) throw new RangeError(`row ${index} of ${rows.length}`);
  return row;
}
