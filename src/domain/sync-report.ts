/**
 * How closely a table is looked at:
 * - `quick`: it opens, and columns, version and row count are those of the last mark; the same cost for any size;
 * - `rows`: also every row, by its fingerprint;
 * - `deep`: also every vector, and that the catalog has one for every chunk that needs it.
 */
export type SyncLevel = 'quick' | 'rows' | 'deep';

/** From the least to the most. */
export const SYNC_LEVELS = ['quick', 'rows', 'deep'] as const satisfies readonly SyncLevel[];

/** Whether `level` looks at least as closely as `wanted`. */
export function isAtLeast(level: SyncLevel, wanted: SyncLevel): boolean {
  return SYNC_LEVELS.indexOf(level) >= SYNC_LEVELS.indexOf(wanted);
}

/** How many of one kind were found, and the chunk ids of the first of them, ascending, at most 20. */
export interface SyncFinding {
  readonly count: number;
  readonly firstChunkIds: readonly number[];
}

/**
 * What would put a table right:
 * - `putBack`: it is ahead of the last mark and goes back to that version;
 * - `repair`: rows go, and whole documents are written again (after a quick check: or a new table, as its rows will show);
 * - `rebuild`: a new table is filled from the catalog.
 */
export type SyncProposal = 'none' | 'putBack' | 'repair' | 'rebuild';

/** What a sync check found. `catalogRowCount - missing + extra + duplicate` is `tableRowCount` where rows were compared. */
export interface SyncReport {
  /** `project/dataset`. */
  readonly address: string;
  readonly level: SyncLevel;
  readonly inSync: boolean;
  /** The serving table, as recorded at its last mark; `undefined` when the dataset has none yet. */
  readonly table: { readonly name: string; readonly version: number } | undefined;
  /** Rows that the table should have, by the catalog's own list. */
  readonly catalogRowCount: number;
  /** Rows that it has; 0 where it cannot be read. */
  readonly tableRowCount: number;
  /** Chunks that the catalog has as indexed, without a row. */
  readonly missing: SyncFinding;
  /** Rows of chunks that the catalog does not have in this table. */
  readonly extra: SyncFinding;
  /** Second and further rows of one chunk. */
  readonly duplicate: SyncFinding;
  /** Chunks whose row is of another text, metadata or document. */
  readonly stale: SyncFinding;
  /** Chunks whose row has no usable vector: it, or one of its numbers, is null, NaN or infinite. `deep` only. */
  readonly vectorless: SyncFinding;
  /** Rows of a table whose vectors have another dimension than the dataset's profile: all of them. */
  readonly wrongDimension: SyncFinding;
  /** Chunks whose row has another vector than the catalog. `deep` only. */
  readonly wrongVector: SyncFinding;
  /** Chunks that count as embedded, without an embedding in the catalog. `deep` only. */
  readonly unembedded: SyncFinding;
  readonly proposal: SyncProposal;
  /** What is wrong, in words; `undefined` when nothing is. */
  readonly reason: string | undefined;
  /** What was done about it, as far as that was asked for. After it, the same check finds nothing. */
  readonly repaired: SyncProposal;
  readonly durationMs: number;
}

/** What a dataset's table needs before anything is written to it. */
export type TableVerdict = { readonly kind: 'sound' } | TableMend;

/** The table is repaired in place, or a new one is built. */
export interface TableMend {
  readonly kind: 'repair' | 'rebuild';
  readonly reason: string;
}

/** The kinds of findings of a {@link SyncReport}. */
export const SYNC_KINDS = [
  'missing',
  'extra',
  'duplicate',
  'stale',
  'vectorless',
  'wrongDimension',
  'wrongVector',
  'unembedded',
] as const satisfies readonly (keyof SyncReport)[];

export type SyncKind = (typeof SYNC_KINDS)[number];

/** Chunk ids that a finding names. */
const FIRST_CHUNK_IDS_MAX = 20;

export const NOTHING_FOUND: SyncFinding = { count: 0, firstChunkIds: [] };

/** A finding that is still being counted. */
export interface FindingCounter {
  add(chunkId: number): void;
  finding(): SyncFinding;
}

/** Counts one kind of finding and keeps the smallest ids. */
export function createFindingCounter(): FindingCounter {
  let count = 0;
  let first: number[] = [];
  return {
    add(chunkId) {
      count += 1;
      const last = first.at(-1) ?? Number.POSITIVE_INFINITY;
      if ((first.length >= FIRST_CHUNK_IDS_MAX && chunkId >= last) || first.includes(chunkId)) return;
      first = [...first, chunkId].sort((a, b) => a - b).slice(0, FIRST_CHUNK_IDS_MAX);
    },
    finding: () => ({ count, firstChunkIds: first }),
  };
}
