import type { RowPage } from '../domain/row-page.ts';

/* The part of the catalog that sync checks and repairs ask; `Catalog` and `CatalogWriter` include it. */

/** Recorded in place of a table's row count while it is repaired: no table has as many. */
export const ROW_COUNT_UNKNOWN = -1;

/** Where a page of {@link SyncReads.listIndexedRows} ends. */
export interface IndexedRowsCursor {
  readonly documentId: number;
  readonly chunkId: number;
}

export interface IndexedRowsPage {
  /** From the beginning where it is not given. */
  readonly after?: IndexedRowsCursor;
  /** Only rows of these buckets (`rowBucket`). */
  readonly buckets?: readonly number[];
}

/** What a sync check compares a table with. Every answer is bounded; many of them are not of one moment. */
export interface SyncReads {
  /** Rows that a generation's table should hold, by document and chunk: one page, and where to go on. */
  listIndexedRows(
    generationId: number,
    page: IndexedRowsPage,
  ): Promise<{ readonly rows: RowPage; readonly next: IndexedRowsCursor | undefined }>;
  /** The stored vectors of up to 10,000 chunks, by chunk id; chunks that are gone or have none are absent. */
  findVectors(generationId: number, chunkIds: readonly number[]): Promise<Map<number, Float32Array>>;
  /** Chunks that count as embedded without an embedding being stored, by id: one page, and where to go on. */
  listUnembeddedChunks(
    generationId: number,
    afterChunkId: number,
  ): Promise<{ readonly chunkIds: readonly number[]; readonly nextAfterChunkId: number | undefined }>;
}

/** What a repair changes in the catalog before the table is touched. */
export interface SyncWrites {
  /**
   * Queues documents whose rows are to be replaced, and records the table as one that is under repair at this version
   * ({@link ROW_COUNT_UNKNOWN}): searches go on reading it, and no check takes it for sound until `recordTable` is called at
   * the end. Chunks of these documents without a stored embedding become pending.
   */
  beginRepair(generationId: number, version: number, documentIds: readonly number[]): Promise<void>;
  /** Makes chunks that count as embedded without an embedding being stored pending again, and queues their documents. */
  requeueUnembedded(generationId: number, chunkIds: readonly number[]): Promise<void>;
}
