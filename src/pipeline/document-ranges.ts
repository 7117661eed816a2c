import type { TableContents } from '../vectors/vector-store.ts';

/** Rows that are read at once: about 16 MB with 1,536 dimensions and 1,500 characters each. */
const ROWS_PER_RANGE = 2_000;

/** A stretch of document ids, ends included. */
export interface DocumentRange {
  readonly firstId: number;
  readonly lastId: number;
}

/** Cuts a table's documents into stretches of a bounded number of rows, at least one document each, the newest documents first. */
export function* documentRanges(
  { documentIds, rowCounts }: TableContents,
  rowsMax: number = ROWS_PER_RANGE,
): Generator<DocumentRange> {
  let lastId: number | undefined;
  let firstId = 0;
  let rows = 0;
  for (let index = documentIds.length - 1; index >= 0; index -= 1) {
    const documentId = documentIds[index] ?? 0;
    const rowCount = rowCounts[index] ?? 0;
    if (lastId !== undefined && rows + rowCount > rowsMax) {
      yield { firstId, lastId };
      lastId = undefined;
      rows = 0;
    }
    lastId ??= documentId;
    firstId = documentId;
    rows += rowCount;
  }
  if (lastId !== undefined) yield { firstId, lastId };
}
