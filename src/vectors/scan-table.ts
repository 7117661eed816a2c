import type { Table } from '@lancedb/lancedb';
import type { Data, RecordBatch } from 'apache-arrow';
import { BUCKET_COUNT } from '../domain/fingerprint.ts';
import type { TableRowPage } from '../domain/row-page.ts';
import type { TableScan, VectorPage } from './vector-store.ts';

/*
 * Reading a whole table. Columns are read as the typed arrays that they are: 0.3 s per million rows, where an object per
 * row takes several seconds, holds the event loop and fills the memory (reference/lancedb.md, section 8).
 */

const UINT32_RANGE = 2 ** 32;

/** A scan over a handle that is held at one version. */
export async function createTableScan(
  handle: Table,
  version: number,
  dimensions: number,
): Promise<TableScan> {
  return {
    version,
    rowCount: await handle.countRows(),
    async *rows(buckets) {
      const query = handle.query().select(['chunk_id', 'document_id', 'fingerprint', '_rowid']);
      if (buckets !== undefined) query.where(inBuckets(buckets));
      for await (const batch of query) yield toRowPage(batch);
    },
    async *vectors() {
      for await (const batch of handle.query().select(['chunk_id', 'document_id', 'vector']))
        yield toVectorPage(batch, dimensions);
    },
  };
}

/** Not by the column `bucket`, which a foreign row may have wrong. SQL gives negative ids a negative remainder. */
function inBuckets(buckets: readonly number[]): string {
  const remainders = buckets.flatMap((bucket) => [bucket, bucket - BUCKET_COUNT]);
  return `chunk_id % ${BUCKET_COUNT} IN (${remainders.join(',')})`;
}

function toRowPage(batch: RecordBatch): TableRowPage {
  const rowCount = batch.numRows;
  return {
    chunkIds: toNumbers(words(columnOf(batch, 'chunk_id'), rowCount)),
    documentIds: toNumbers(words(columnOf(batch, 'document_id'), rowCount)),
    fingerprints: words(columnOf(batch, 'fingerprint'), rowCount),
    places: columnOf(batch, '_rowid').values.slice(0, rowCount),
  };
}

function columnOf(batch: RecordBatch, name: string): Data {
  const [data] = batch.getChild(name)?.data ?? [];
  if (data === undefined) throw new RangeError(`LanceDB answered without the column ${name}.`);
  return data;
}

/** A column of 64-bit integers as pairs of 32-bit numbers, the low half first; Arrow is little-endian, like every host. */
function words({ values }: Data, rowCount: number): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, rowCount * 2);
}

function toNumbers(halves: Uint32Array): Float64Array {
  const numbers = new Float64Array(halves.length / 2);
  for (let row = 0; row < numbers.length; row += 1) {
    const high = (halves[row * 2 + 1] ?? 0) | 0;
    numbers[row] = high * UINT32_RANGE + (halves[row * 2] ?? 0);
  }
  return numbers;
}

function toVectorPage(batch: RecordBatch, dimensions: number): VectorPage {
  const rowCount = batch.numRows;
  const column = columnOf(batch, 'vector');
  const [numbers] = column.children;
  if (numbers === undefined) throw new RangeError('LanceDB answered with vectors that have no numbers.');
  return {
    chunkIds: toNumbers(words(columnOf(batch, 'chunk_id'), rowCount)),
    documentIds: toNumbers(words(columnOf(batch, 'document_id'), rowCount)),
    vectors: numbers.values.subarray(0, rowCount * dimensions),
    incompleteRows: incompleteRows(column, numbers, rowCount, dimensions),
  };
}

function incompleteRows(column: Data, numbers: Data, rowCount: number, dimensions: number): Set<number> {
  const rows = new Set<number>();
  if (column.nullCount === 0 && numbers.nullCount === 0) return rows;
  for (let row = 0; row < rowCount; row += 1) {
    const start = row * dimensions;
    const isIncomplete =
      !column.getValid(row) ||
      Array.from({ length: dimensions }, (_, index) => numbers.getValid(start + index)).includes(false);
    if (isIncomplete) rows.add(row);
  }
  return rows;
}
