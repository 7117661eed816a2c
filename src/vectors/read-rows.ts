import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Table } from '@lancedb/lancedb';
import type { RecordBatch, Vector } from 'apache-arrow';
import { SynclineError } from '../domain/errors.ts';
import type { StoredRow, StoredRows, TableContents } from './vector-store.ts';

/** Rows that are turned into objects in one go: 2 to 4 ms with 1,500 characters each. */
const ROWS_PER_SLICE = 250;
/** Batches of two integer columns that are read in one turn of the event loop. */
const BATCHES_PER_TURN = 64;

/** See `VectorTable.listDocuments`. */
export async function listDocuments(table: Table): Promise<TableContents> {
  const ids = createNumberList();
  let chunkIdMax = 0;
  let batchCount = 0;
  for await (const batch of table.query().select(['document_id', 'chunk_id'])) {
    for (const id of integers(batch, 'document_id')) ids.push(Number(id));
    for (const id of integers(batch, 'chunk_id')) chunkIdMax = Math.max(chunkIdMax, Number(id));
    batchCount += 1;
    if (batchCount % BATCHES_PER_TURN === 0) await nextTurn();
  }
  return { ...countEach(ids.values().sort()), chunkIdMax };
}

/** See `VectorTable.readDocuments`. */
export async function readDocuments(
  table: Table,
  dimensions: number,
  { firstId, lastId }: { readonly firstId: number; readonly lastId: number },
): Promise<StoredRows> {
  const rows: StoredRow[] = [];
  const parts: Float32Array[] = [];
  const where = `document_id >= ${firstId.toFixed(0)} AND document_id <= ${lastId.toFixed(0)}`;
  for await (const batch of table.query().where(where).select(COLUMNS)) {
    for (let start = 0; start < batch.numRows; start += ROWS_PER_SLICE) {
      const slice = batch.slice(start, Math.min(batch.numRows, start + ROWS_PER_SLICE));
      readSlice(slice, rows);
      parts.push(vectorsOf(slice, dimensions));
      await nextTurn();
    }
  }
  const vectors = new Float32Array(rows.length * dimensions);
  let offset = 0;
  for (const part of parts) {
    vectors.set(part, offset);
    offset += part.length;
  }
  return { rows, vectors };
}

const COLUMNS = [
  'chunk_id',
  'document_id',
  'source',
  'key',
  'title',
  'ordinal',
  'start',
  'end',
  'text_start',
  'token_count',
  'embedded_text',
  'metadata',
  'fingerprint',
  'content_fingerprint',
  'vector',
];

function readSlice(batch: RecordBatch, rows: StoredRow[]): void {
  const column = (name: string): Vector => required(batch.getChild(name), name);
  const columns = COLUMNS.slice(0, -1).map(column);
  for (let row = 0; row < batch.numRows; row += 1) {
    const [chunkId, documentId, source, key, title, ordinal, start, end, textStart, tokenCount, ...rest] =
      columns.map((values) => values.get(row));
    const [embeddedText, metadataJson, fingerprint, contentFingerprint] = rest;
    rows.push({
      chunkId: Number(chunkId),
      documentId: Number(documentId),
      source,
      key,
      title,
      ordinal,
      start,
      end,
      textStart,
      tokenCount,
      embeddedText,
      metadataJson,
      fingerprint,
      contentFingerprint,
    });
  }
}

/** A copy: the batch's own memory may hold much more than its rows. */
function vectorsOf(batch: RecordBatch, dimensions: number): Float32Array {
  const vectors = new Float32Array(batch.numRows * dimensions);
  let offset = 0;
  for (const part of required(batch.getChild('vector'), 'vector').data) {
    const numbers: unknown = part.children[0]?.values;
    if (!(numbers instanceof Float32Array)) throw unreadable('vector');
    const length = part.length * dimensions;
    // Of a slice, too, the values begin with its first row.
    vectors.set(numbers.subarray(0, length), offset);
    offset += length;
  }
  return vectors;
}

function integers(batch: RecordBatch, name: string): BigInt64Array {
  const values: unknown = required(batch.getChild(name), name).toArray();
  if (values instanceof BigInt64Array) return values;
  throw unreadable(name);
}

function required(column: Vector | null, name: string): Vector {
  if (column !== null) return column;
  throw unreadable(name);
}

function unreadable(column: string): SynclineError {
  return new SynclineError(
    'TABLE_FAILED',
    `LanceDB did not give the column "${column}" as it was asked for.`,
  );
}

/** A list of numbers that grows without a JavaScript array of millions. */
function createNumberList(): { push(value: number): void; values(): Float64Array } {
  let numbers = new Float64Array(1_024);
  let length = 0;
  return {
    push(value) {
      if (length === numbers.length) {
        const larger = new Float64Array(length * 2);
        larger.set(numbers);
        numbers = larger;
      }
      numbers[length] = value;
      length += 1;
    },
    values: () => numbers.subarray(0, length),
  };
}

/** How often each number stands in a sorted list. */
function countEach(sorted: Float64Array): Pick<TableContents, 'documentIds' | 'rowCounts'> {
  const documentIds = createNumberList();
  const rowCounts = createNumberList();
  let start = 0;
  for (let index = 1; index <= sorted.length; index += 1) {
    const value = sorted[start] ?? 0;
    if (index < sorted.length && sorted[index] === value) continue;
    documentIds.push(value);
    rowCounts.push(index - start);
    start = index;
  }
  return { documentIds: documentIds.values(), rowCounts: Uint32Array.from(rowCounts.values()) };
}
