import type { TableStatistics } from '../vectors/vector-store.ts';

/** When a table is maintained; options of the runtime. */
export interface MaintenanceSettings {
  /**
   * Small fragments, about one per commit, that are left alone. Default 100: without compaction manifests grow with the
   * square of the commits, to 4 GB and 16 ms a commit at 10,000 of them; every 100 commits it costs 1 ms a commit.
   */
  readonly smallFragmentsMax: number;
  /** Rows that searches may scan beside the indexes. Default 1,000: about 1.5 MB, 60 ms of a text search. */
  readonly unindexedRowsMax: number;
  /** How long replaced versions are kept for readers in other processes, in milliseconds. Default 10,000. */
  readonly versionsKeptMs: number;
}

export const DEFAULT_MAINTENANCE: MaintenanceSettings = {
  smallFragmentsMax: 100,
  unindexedRowsMax: 1_000,
  versionsKeptMs: 10_000,
};

/** Why a table is maintained. */
export type MaintenanceNeed =
  | 'smallFragments'
  | 'unindexedRows'
  | 'vectorIndex'
  /** Replaced files take much space. */
  | 'reclaimable';

/** What the last maintenance left over: no reason for another one, which would leave it over again. */
export interface LeftOver {
  readonly smallFragmentCount: number;
  readonly unindexedRowCount: number;
  readonly reclaimableBytes: number;
}

export const NOTHING_LEFT_OVER: LeftOver = {
  smallFragmentCount: 0,
  unindexedRowCount: 0,
  reclaimableBytes: 0,
};

/** Replaced files are removed when they are half the size of the table, and more than this. */
const RECLAIMABLE_BYTES_MIN = 16 * 1024 * 1024;
const RECLAIMABLE_SHARE = 0.5;

/** While a run goes on the indexes are refreshed each time the table has grown by this share: the cost of all refreshes then grows with the rows. */
const UNINDEXED_SHARE_IN_RUN = 0.25;

/**
 * Whether a table needs maintenance, and why.
 *
 * @param isMidRun - More commits are about to follow: an index that is refreshed now is out of date at once.
 */
export function maintenanceNeed(
  statistics: TableStatistics,
  left: LeftOver,
  settings: MaintenanceSettings,
  isMidRun: boolean,
): MaintenanceNeed | undefined {
  const { smallFragmentCount, unindexedRowCount, reclaimableBytes, rowCount, totalBytes } = statistics;
  if (smallFragmentCount - left.smallFragmentCount > settings.smallFragmentsMax) return 'smallFragments';
  const rowsMax = Math.max(settings.unindexedRowsMax, isMidRun ? rowCount * UNINDEXED_SHARE_IN_RUN : 0);
  if (unindexedRowCount - left.unindexedRowCount > rowsMax) return 'unindexedRows';
  if (statistics.vectorIndexDue) return 'vectorIndex';
  const bytesMax = Math.max(RECLAIMABLE_BYTES_MIN, totalBytes * RECLAIMABLE_SHARE);
  return reclaimableBytes - left.reclaimableBytes > bytesMax ? 'reclaimable' : undefined;
}
