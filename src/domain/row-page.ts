import { BUCKET_COUNT } from './fingerprint.ts';

/**
 * Some rows, of a table or of what the catalog says it holds, as columns: a million rows as objects would be a million
 * pieces of garbage.
 */
export interface RowPage {
  readonly chunkIds: Float64Array;
  readonly documentIds: Float64Array;
  /** Two numbers of 32 bits per row, the low half of its fingerprint first. */
  readonly fingerprints: Uint32Array;
}

/** Rows of a table, with where each of them lies. */
export interface TableRowPage extends RowPage {
  /** Names each row within its version of the table, also where two rows have the same chunk id. */
  readonly places: BigUint64Array;
}

/**
 * What the rows of each bucket add up to: their number, and sums that are exact up to two million rows a bucket. Not an
 * exclusive or, in which two rows of the same id would cancel each other out.
 */
export interface RowFold {
  readonly counts: Float64Array;
  readonly documentIds: Float64Array;
  readonly lowHalves: Float64Array;
  readonly highHalves: Float64Array;
}

export function createRowFold(): RowFold {
  return {
    counts: new Float64Array(BUCKET_COUNT),
    documentIds: new Float64Array(BUCKET_COUNT),
    lowHalves: new Float64Array(BUCKET_COUNT),
    highHalves: new Float64Array(BUCKET_COUNT),
  };
}

/** Adds rows to a fold; about 10 ns a row. */
export function foldRows(fold: RowFold, { chunkIds, documentIds, fingerprints }: RowPage): void {
  const { counts, lowHalves, highHalves } = fold;
  for (let row = 0; row < chunkIds.length; row += 1) {
    const bucket = bucketOf(chunkIds[row] ?? 0);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    fold.documentIds[bucket] = (fold.documentIds[bucket] ?? 0) + (documentIds[row] ?? 0);
    lowHalves[bucket] = (lowHalves[bucket] ?? 0) + (fingerprints[row * 2] ?? 0);
    highHalves[bucket] = (highHalves[bucket] ?? 0) + (fingerprints[row * 2 + 1] ?? 0);
  }
}

/** The buckets in which two folds differ, ascending. */
export function differingBuckets(a: RowFold, b: RowFold): number[] {
  const buckets = Array.from({ length: BUCKET_COUNT }, (_, bucket) => bucket);
  return buckets.filter(
    (bucket) =>
      a.counts[bucket] !== b.counts[bucket] ||
      a.documentIds[bucket] !== b.documentIds[bucket] ||
      a.lowHalves[bucket] !== b.lowHalves[bucket] ||
      a.highHalves[bucket] !== b.highHalves[bucket],
  );
}

/** All rows of a fold. */
export function foldedRowCount({ counts }: RowFold): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** As `rowBucket`, also for the ids of rows that Syncline did not write, which may be negative: their low 8 bits. */
function bucketOf(chunkId: number): number {
  return chunkId & (BUCKET_COUNT - 1);
}

/** Collects pages into one. */
export interface RowCollector {
  add(page: RowPage & Partial<TableRowPage>): void;
  /** All rows so far; `places` are 0 where the pages had none. */
  rows(): TableRowPage;
}

/** @param capacity - Rows that are expected; there may be more. */
export function createRowCollector(capacity: number): RowCollector {
  let columns = emptyColumns(capacity);
  let rowCount = 0;
  const upTo = (count: number): TableRowPage => ({
    chunkIds: columns.chunkIds.subarray(0, count),
    documentIds: columns.documentIds.subarray(0, count),
    fingerprints: columns.fingerprints.subarray(0, count * 2),
    places: columns.places.subarray(0, count),
  });
  return {
    add(page) {
      const added = page.chunkIds.length;
      if (rowCount + added > columns.chunkIds.length) {
        const before = upTo(rowCount);
        columns = emptyColumns((rowCount + added) * 2);
        setColumns(columns, before, 0);
      }
      setColumns(columns, page, rowCount);
      rowCount += added;
    },
    rows: () => upTo(rowCount),
  };
}

function emptyColumns(rowCount: number) {
  return {
    chunkIds: new Float64Array(rowCount),
    documentIds: new Float64Array(rowCount),
    fingerprints: new Uint32Array(rowCount * 2),
    places: new BigUint64Array(rowCount),
  };
}

function setColumns(
  columns: ReturnType<typeof emptyColumns>,
  page: RowPage & Partial<TableRowPage>,
  start: number,
): void {
  columns.chunkIds.set(page.chunkIds, start);
  columns.documentIds.set(page.documentIds, start);
  columns.fingerprints.set(page.fingerprints, start * 2);
  if (page.places !== undefined) columns.places.set(page.places, start);
}

/** The numbers of the rows of each bucket. A generator, so that the event loop gets its turn. */
export function* rowsByBucket(
  { chunkIds }: RowPage,
  rowsPerSlice: number,
): Generator<void, readonly Uint32Array[]> {
  const counts = new Uint32Array(BUCKET_COUNT);
  for (let row = 0; row < chunkIds.length; row += 1) {
    const bucket = bucketOf(chunkIds[row] ?? 0);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    if (row % rowsPerSlice === 0) yield;
  }
  const buckets = Array.from(counts, (count) => new Uint32Array(count));
  const filled = new Uint32Array(BUCKET_COUNT);
  for (let row = 0; row < chunkIds.length; row += 1) {
    const bucket = bucketOf(chunkIds[row] ?? 0);
    const place = filled[bucket] ?? 0;
    const rows = buckets[bucket];
    if (rows !== undefined) rows[place] = row;
    filled[bucket] = place + 1;
    if (row % rowsPerSlice === 0) yield;
  }
  return buckets;
}
