/** About how much is read at once, in bytes or characters. */
const PAGE_BYTES = 4_000_000;
const FIRST_ROWS = 8;
const GROWTH_MAX = 4;

/** How many rows are read at once: few at first, then as many as have a bounded size together. */
export interface PageSize {
  /** For the next page. */
  readonly rows: number;
  /** Learns from a page of that many rows and bytes (or characters). */
  learn(rowCount: number, bytes: number): void;
  /** Makes pages smaller; `false` when they hold one row already. */
  shrink(): boolean;
}

/** A size that has learned nothing yet. */
export function createPageSize(rowsMax: number): PageSize {
  let rows = Math.min(FIRST_ROWS, rowsMax);
  return {
    get rows() {
      return rows;
    },
    learn(rowCount, bytes) {
      if (rowCount === 0) return;
      const fitting = Math.floor(PAGE_BYTES / Math.max(1, bytes / rowCount));
      rows = Math.max(1, Math.min(fitting, rows * GROWTH_MAX, rowsMax));
    },
    shrink() {
      if (rows === 1) return false;
      rows = Math.max(1, rows >> 2);
      return true;
    },
  };
}
