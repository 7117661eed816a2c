import type { DatasetAddress } from '../domain/address.ts';
import type { ChunkingSettings } from '../domain/chunk.ts';
import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import type { SynclineError } from '../domain/errors.ts';
import type { FieldTypes, FieldValue } from '../domain/fields.ts';
import type { Filter } from '../domain/filter.ts';
import type { TableRowPage } from '../domain/row-page.ts';

/** What a table is made of, beyond the columns that every table has. */
export interface TableSpec {
  readonly dimensions: number;
  /** Declared filterable fields: one typed, nullable column each, named `field_<name>`. */
  readonly fields: FieldTypes;
  /** What a table that is created says about itself; without meaning for one that is opened. */
  readonly origin?: TableOrigin;
}

/** What a table says about itself, for life: whose it is, and all that a catalog has to know to be made again from it. */
export interface TableOrigin {
  /** Id of the catalog that it belongs to. */
  readonly catalogId: string;
  /** Of several tables of one dataset the one with the largest is the newest. */
  readonly generationId: number;
  readonly address: DatasetAddress;
  readonly profile: EmbeddingProfile;
  readonly chunking: ChunkingSettings;
}

/** One row: a chunk with all that a search result shows. Its vector travels beside it in a flat array. */
export interface TableRow {
  readonly chunkId: number;
  readonly documentId: number;
  readonly source: string;
  readonly key: string;
  readonly title: string;
  readonly ordinal: number;
  /** Start and end (exclusive) in the document's content, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** Tokens of {@link embeddedText}. */
  readonly tokenCount: number;
  /** Context and chunk text as they were embedded; the text index is on this column. */
  readonly embeddedText: string;
  /** Where the chunk's own text starts in {@link embeddedText}, in UTF-16 units. */
  readonly textStart: number;
  /** Canonical JSON of the document's metadata. */
  readonly metadataJson: string;
  readonly fingerprint: bigint;
  /** `contentFingerprint` of the document's content hash: what makes a document whole that is put together from rows. */
  readonly contentFingerprint: bigint;
  /** One value per declared field. */
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** Rows with their vectors: `vectors` has `rows.length * dimensions` numbers, row after row. */
export interface TableRows {
  readonly rows: readonly TableRow[];
  readonly vectors: Float32Array;
}

/**
 * What one call of `append` or `replaceDocuments` best carries, in bytes: 4 per vector number plus the length of the embedded
 * texts. Encoding a call is one stretch on the main thread; at 3 MiB (1,000 rows of 384 dimensions and 1,500
 * characters) the event loop's lag while writing stays at p99 10 ms on 2 cores in Bun and Deno, at 15 MB it is 50 to 100 ms.
 * Half of it costs a quarter more CPU per row.
 */
export const COMMIT_BYTES_TARGET = 3 * 1024 * 1024;

/** A row as it is read back. */
export type StoredRow = Omit<TableRow, 'fields'>;

/** Rows with their vectors, as they are read back; the vectors as in {@link TableRows}. */
export interface StoredRows {
  readonly rows: readonly StoredRow[];
  readonly vectors: Float32Array;
}

/** Which documents a table holds rows of: 12 bytes per document. */
export interface TableContents {
  /** Ascending. */
  readonly documentIds: Float64Array;
  /** Rows of each of them. */
  readonly rowCounts: Uint32Array;
  /** The largest chunk id; 0 in an empty table. */
  readonly chunkIdMax: number;
}

/** What can be told of a table that nothing is known about but its name. */
export interface TableInspection {
  readonly name: string;
  /** `ours`: it has the columns of a Syncline table. `unreadable`: it cannot be opened, see {@link problem}. */
  readonly kind: 'ours' | 'other' | 'unreadable';
  /** `undefined` when it does not say. */
  readonly origin: TableOrigin | undefined;
  /** Its declared fields; with an {@link origin} only. */
  readonly fields: FieldTypes | undefined;
  /** When it was last switched to, in Unix milliseconds; `undefined` when it never was, or that cannot be told (an object store). */
  readonly servedAtMs: number | undefined;
  readonly problem: SynclineError | undefined;
}

/**
 * Size of a table's vectors, in bytes, from which on a vector index pays: 20,480 rows of 384 dimensions, 5,120 of 1,536. Below,
 * comparing with all rows takes less than 20 ms, and misses nothing.
 */
export const VECTOR_INDEX_BYTES_MIN = 30 * 1024 * 1024;

/** The table after a commit. */
export interface TableState {
  /** LanceDB's version number: +1 (at least) with each commit. */
  readonly version: number;
  readonly rowCount: number;
}

/** What maintenance decides by. */
export interface TableStatistics extends TableState {
  readonly smallFragmentCount: number;
  readonly fragmentCount: number;
  /** Rows that some index does not cover yet; searches find them all the same, slower. */
  readonly unindexedRowCount: number;
  /** Files of the newest version, indexes included. */
  readonly totalBytes: number;
  /** Files of older versions, and of none: what clean-up can free by and by. 0 where files cannot be looked at (an object store). */
  readonly reclaimableBytes: number;
  readonly hasVectorIndex: boolean;
  /** The next maintenance builds the vector index, for the first time or anew. */
  readonly vectorIndexDue: boolean;
}

/** What a write builds on. */
export interface WriteOptions {
  /**
   * The version that the table is at, as far as the caller knows. If anybody else has committed since, or does while the
   * write is under way, it fails with `TABLE_CONFLICT` and the table is to be put back ({@link VectorTable.restore}):
   * LanceDB lets a writer that lost its lease commit on top of whatever is there. Default: any version.
   */
  readonly onto?: number;
}

export interface MaintenanceOptions {
  /** Nothing that belongs to this version or a later one is removed: it is the one the catalog has recorded. */
  readonly recordedVersion: number;
  /** Read all rows and indexes first, to find damage. Takes as long as reading them. Default `false`. */
  readonly readAll?: boolean;
  /**
   * Files of no version are removed if they were last changed at this time (Unix milliseconds) or earlier: when the caller's
   * lease began, since a later worker may write at the same moment, should the lease have been lost. Default: now.
   */
  readonly leftBeforeMs?: number;
}

interface TableQuery {
  /** At least 1. */
  readonly limit: number;
  readonly filter?: Filter;
  /** Search the table as it was at this version, whatever was committed since. Default: as it is now. */
  readonly version?: number;
}

/** Cosine search; `vector` has the table's dimensions. */
export interface VectorQuery extends TableQuery {
  readonly vector: Float32Array;
  /** Compare with every row instead of asking the vector index, which may miss some. Default `false`. */
  readonly exact?: boolean;
}

/** Full-text (BM25) search in the embedded text; any user input is allowed. */
export interface TextQuery extends TableQuery {
  readonly text: string;
}

/** A found row. */
export interface TableHit {
  readonly chunkId: number;
  readonly documentId: number;
  readonly source: string;
  readonly key: string;
  readonly title: string;
  readonly ordinal: number;
  readonly start: number;
  readonly end: number;
  readonly embeddedText: string;
  readonly textStart: number;
  readonly metadataJson: string;
  /** Vector search: cosine similarity, -1 to 1. Text search: BM25 score, above 0. Higher is better. */
  readonly score: number;
}

/** Some rows with their vectors, as they are read back. */
export interface VectorPage {
  readonly chunkIds: Float64Array;
  readonly documentIds: Float64Array;
  /** The table's dimensions in numbers per row, row after row. */
  readonly vectors: Float32Array;
  /** Rows of this page, from 0, whose vector or one of whose numbers is null. */
  readonly incompleteRows: ReadonlySet<number>;
}

/** All rows of a table as it was at one version, in no particular order, page by page. */
export interface TableScan extends TableState {
  /** All rows, or those of the buckets with these numbers (`rowBucket`). */
  rows(buckets?: readonly number[]): AsyncIterable<TableRowPage>;
  vectors(): AsyncIterable<VectorPage>;
}

/**
 * One LanceDB table: a generation of a dataset. Writes are serialised by the table itself (two concurrent merges of the
 * same new ids would both insert); each write is one commit that readers see whole or not at all, and each returns only
 * when its files are on disk (fsync), unless the store was opened without that.
 *
 * Errors: SynclineError `TABLE_MISSING`, `TABLE_DAMAGED`, `TABLE_SCHEMA_DIFFERS`, `TABLE_CONFLICT`, `DISK_FULL`, `TABLE_FAILED`.
 */
export interface VectorTable {
  readonly name: string;
  /** Version and row count; touches no data file. */
  state(): Promise<TableState>;
  statistics(): Promise<TableStatistics>;
  /** Adds rows whose ids are in no row yet. The caller knows that; {@link replaceDocuments} does not need it. */
  append(rows: TableRows, options?: WriteOptions): Promise<TableState>;
  /**
   * Makes the given rows the only ones of the given documents, in one commit: rows are inserted or updated by chunk id,
   * every other row of these documents goes. With no rows it deletes the documents' rows.
   */
  replaceDocuments(
    documentIds: readonly number[],
    rows: TableRows,
    options?: WriteOptions,
  ): Promise<TableState>;
  /**
   * Reads all of the table as it was at a version, whatever is committed meanwhile.
   *
   * @throws SynclineError `TABLE_DAMAGED` also when that version is not there (any more).
   */
  scan<Result>(version: number, read: (scan: TableScan) => Promise<Result>): Promise<Result>;
  /** Deletes single rows by the places that a scan told; places are of one version, hence the one to build on. */
  deleteRows(places: readonly bigint[], options: Required<WriteOptions>): Promise<TableState>;
  /** Puts the table back to an earlier version, as a new commit. */
  restore(version: number, options?: WriteOptions): Promise<TableState>;
  /**
   * Compacts, refreshes the indexes (a table that is large enough gets a vector index), and removes what is left of
   * versions older than the recorded one and of commits that never were. Nobody else may be writing. An index that cannot be
   * read is made anew. What it replaces itself can only be removed by a later call. Changes the version if there was
   * anything to do.
   *
   * @throws SynclineError `DISK_FULL` before anything is done, when the disk could fill up over it; `TABLE_DAMAGED` when rows cannot be read.
   */
  maintain(options: MaintenanceOptions): Promise<TableState>;
  /** Removes files that writers left half-written that were killed before (see `leftBeforeMs`), and returns how many. */
  sweepLeftovers(beforeMs?: number): Promise<number>;
  /** Reads two columns of every row. */
  listDocuments(): Promise<TableContents>;
  /** All rows of the documents from `firstId` to `lastId`, in no order. */
  readDocuments(range: { readonly firstId: number; readonly lastId: number }): Promise<StoredRows>;
  /** How many rows have a larger chunk id. */
  countRowsAfter(chunkId: number): Promise<number>;
  /** How many rows are of up to 10,000 chunks. */
  countRowsOf(chunkIds: readonly number[]): Promise<number>;
  searchVector(query: VectorQuery): Promise<TableHit[]>;
  searchText(query: TextQuery): Promise<TableHit[]>;
}

/** The tables of one folder (or bucket). */
export interface VectorStore {
  /**
   * Opens an existing table and checks that its columns are those of `spec`.
   *
   * @throws SynclineError `TABLE_MISSING`, `TABLE_DAMAGED`, `TABLE_SCHEMA_DIFFERS`.
   */
  openTable(name: string, spec: TableSpec): Promise<VectorTable>;
  /** Creates an empty table with its indexes. A table of that name must not exist: names are never used twice. */
  createTable(name: string, spec: TableSpec): Promise<VectorTable>;
  /** Drops a table; no error when it is not there. Finishes a drop that was interrupted. */
  dropTable(name: string): Promise<void>;
  /** Names of all tables, valid or not, in order. Creates nothing. */
  tableNames(): Promise<string[]>;
  /** The newest version that a table has, sound or not; opens nothing in a local folder. `undefined` when there is none. */
  newestVersion(name: string): Promise<number | undefined>;
  /** Looks at a table, whatever it is. What is wrong with it is told, not thrown. */
  inspectTable(name: string): Promise<TableInspection>;
  /** Notes beside the table that it serves from now on; see {@link TableInspection.servedAtMs}. Not in an object store. */
  markServed(name: string, nowMs: number): Promise<void>;
  /** Waits for the writes in flight and closes every handle. */
  close(): Promise<void>;
}
