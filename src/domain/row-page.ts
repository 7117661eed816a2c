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

/** Pages put one after the other into one. */
export function joinPages(pages: readonly TableRowPage[]): TableRowPage;
export function joinPages(pages: readonly RowPage[]): RowPage;
export function joinPages(pages: readonly (RowPage & Partial<TableRowPage>)[]): RowPage | TableRowPage {
  const rowCount = pages.reduce((sum, page) => sum + page.chunkIds.length, 0);
  const joined = {
    chunkIds: new Float64Array(rowCount),
    documentIds: new Float64Array(rowCount),
    fingerprints: new Uint32Array(rowCount * 2),
    places: new BigUint64Array(rowCount),
  };
  let start = 0;
  for (const { chunkIds, documentIds, fingerprints, places } of pages) {
    joined.chunkIds.set(chunkIds, start);
    joined.documentIds.set(documentIds, start);
    joined.fingerprints.set(fingerprints, start * 2);
    if (places !== undefined) joined.places.set(places, start);
    start += chunkIds.length;
  }
  return joined;
}
