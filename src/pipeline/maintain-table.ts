import { isSynclineError, SynclineError, toSynclineError } from '../domain/errors.ts';
import { createRowFold, differingBuckets, foldRows, type RowFold } from '../domain/row-page.ts';
import type { TableStatistics, VectorTable } from '../vectors/vector-store.ts';
import {
  type LeftOver,
  type MaintenanceNeed,
  maintenanceNeed,
  NOTHING_LEFT_OVER,
} from './maintenance-need.ts';
import { changeSettled } from './settle-table.ts';
import type { DatasetWork, OpenGeneration } from './work.ts';

/*
 * The caretaker: compaction, indexes and clean-up, when the table's own statistics ask for them. It is no part of the order of
 * writes: a table that it fails on holds the same rows as before, searches and writes go on, and it tries again later,
 * after longer and longer waits.
 */

/** What the caretaker of a dataset's table remembers. */
export interface TableCare {
  /** The table that the rest is about. */
  tableName: string;
  left: LeftOver;
  /** Why its indexes may be damaged: what a search or a commit ran into. Taken up by the next check. */
  doubt: string | undefined;
  /** Why its rows cannot be read, if that is so: it has to be built anew. Taken up by the next check. */
  damage: string | undefined;
  /** Failures in a row. */
  failureCount: number;
  /** When the next try is due after a failure; by the monotonic clock. */
  retryAtMs: number;
  /** When old versions can be removed that the last maintenance left; by the monotonic clock. */
  reclaimAtMs: number;
}

export function createTableCare(): TableCare {
  return {
    tableName: '',
    left: NOTHING_LEFT_OVER,
    doubt: undefined,
    damage: undefined,
    failureCount: 0,
    retryAtMs: 0,
    reclaimAtMs: 0,
  };
}

export interface MaintenanceRequest {
  /** Whether or not the statistics ask for it. */
  readonly force?: boolean;
  /** Rows and indexes are read first, to find damage. */
  readonly readAll?: boolean;
  /** More commits are about to follow. */
  readonly isMidRun?: boolean;
}

/** What became of it. */
export interface MaintenanceOutcome {
  readonly failure: SynclineError | undefined;
  /** When another round would free more, in milliseconds; `undefined` when none would. */
  readonly moreInMs: number | undefined;
}

const NOTHING_DONE: MaintenanceOutcome = { failure: undefined, moreInMs: undefined };

/** Failures that are the caretaker's own; any other, such as a lost lease, is that of the dataset's work. */
const OWN_FAILURES = ['TABLE_FAILED', 'TABLE_CONFLICT', 'DISK_FULL'] as const;

const RETRY_FIRST_MS = 10_000;
const RETRY_MAX_MS = 3_600_000;
/** Beyond the time that versions are kept: clocks of files and of this process are not the same. */
const RECLAIM_MARGIN_MS = 1_000;

/**
 * Maintains the table if it needs it. A failure is reported, recorded and tried again later; it does not throw.
 *
 * @throws SynclineError `TABLE_DAMAGED` when rows cannot be read: the table has to be built anew; `LEASE_LOST`, `CATALOG_…`.
 */
export async function maintainTable(
  work: DatasetWork,
  request: MaintenanceRequest = {},
): Promise<MaintenanceOutcome> {
  const open = work.serving.current;
  if (open === undefined || (work.hold.active && !request.force)) return NOTHING_DONE;
  work.unmaintained.commits = 0;
  return work.writing.run(() => careFor(work, open, request));
}

/** The same with the write mutex held. */
export async function careFor(
  work: DatasetWork,
  open: OpenGeneration,
  { force = false, readAll = false, isMidRun = false }: MaintenanceRequest = {},
): Promise<MaintenanceOutcome> {
  const { care, clock } = work;
  if (care.tableName !== open.table.name) {
    Object.assign(care, createTableCare(), { doubt: care.doubt, tableName: open.table.name });
  }
  const startMs = clock.monotonicMs();
  if (!force && startMs < care.retryAtMs) return later(work, care.retryAtMs - startMs);
  const statistics = await open.table.statistics();
  const need = maintenanceNeed(statistics, care.left, work.settings.maintenance, isMidRun);
  if (!force && care.doubt === undefined) {
    if (need === undefined) return NOTHING_DONE;
    if (need === 'reclaimable' && startMs < care.reclaimAtMs) return later(work, care.reclaimAtMs - startMs);
  }
  const taskId = await work.writer.startTask({ kind: 'maintain', datasetId: work.dataset.datasetId });
  try {
    const after = await change(work, open, readAll || care.doubt !== undefined);
    return await succeed(work, taskId, { need, force, before: statistics, after });
  } catch (error) {
    return await fail(work, taskId, toSynclineError(error), statistics);
  }
}

function later(work: DatasetWork, delayMs: number): MaintenanceOutcome {
  work.scheduleMaintenance(delayMs);
  return { failure: undefined, moreInMs: delayMs };
}

async function change(work: DatasetWork, open: OpenGeneration, readAll: boolean): Promise<TableStatistics> {
  await changeSettled(work, open, async () => {
    const { version } = open.recorded;
    const before = await foldOf(open.table, version);
    const state = await open.table.maintain({
      recordedVersion: version,
      readAll,
      leftBeforeMs: work.leaseSinceMs,
    });
    const after = await foldOf(open.table, state.version);
    if (differingBuckets(before, after).length > 0) throw foreignRows(open);
    await work.writer.recordTable(open.generation.generationId, state);
    open.recorded = { version: state.version, rowCount: state.rowCount };
  });
  return open.table.statistics();
}

interface Success {
  readonly need: MaintenanceNeed | undefined;
  readonly force: boolean;
  readonly before: TableStatistics;
  readonly after: TableStatistics;
}

/** Whoever asks for maintenance wants all of the space back that is more than this, and than this share of the table. */
const LEFT_BYTES_MAX = 1024 * 1024;
const LEFT_SHARE_MAX = 0.1;

async function succeed(
  work: DatasetWork,
  taskId: number,
  { need, force, before, after }: Success,
): Promise<MaintenanceOutcome> {
  const { care, clock } = work;
  // What cannot be removed (somebody pins a version) is not tried again and again. What was replaced just now can be, later.
  const isFutile = need === 'reclaimable' && after.reclaimableBytes >= before.reclaimableBytes;
  care.left = { ...after, reclaimableBytes: isFutile ? after.reclaimableBytes : 0 };
  care.doubt = undefined;
  care.failureCount = 0;
  care.retryAtMs = 0;
  const keptMs = work.settings.maintenance.versionsKeptMs + RECLAIM_MARGIN_MS;
  care.reclaimAtMs = clock.monotonicMs() + keptMs;
  const next = maintenanceNeed(after, care.left, work.settings.maintenance, false);
  work.scheduleMaintenance(next === undefined ? undefined : keptMs);
  const leftMax = Math.max(LEFT_BYTES_MAX, after.totalBytes * LEFT_SHARE_MAX);
  const isMoreWorth = force ? after.reclaimableBytes > leftMax : next !== undefined;
  await work.writer.finishTask(taskId, {
    state: 'succeeded',
    progress: countsOf(after, 0),
    isLatestOnly: true,
  });
  work.report({ type: 'maintained', statistics: after });
  return { failure: undefined, moreInMs: isMoreWorth ? keptMs : undefined };
}

async function fail(
  work: DatasetWork,
  taskId: number,
  error: SynclineError,
  statistics: TableStatistics,
): Promise<MaintenanceOutcome> {
  const { care, clock } = work;
  if (error.code === 'TABLE_DAMAGED') care.damage = error.message;
  care.failureCount += 1;
  const retryInMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (care.failureCount - 1));
  care.retryAtMs = clock.monotonicMs() + retryInMs;
  // Whoever took the lease has closed the task already.
  if (error.code !== 'LEASE_LOST') {
    await work.writer.finishTask(taskId, {
      state: 'failed',
      progress: countsOf(statistics, care.failureCount),
      error: `${error.code}: ${error.message}`,
      isLatestOnly: true,
    });
  }
  if (!isSynclineError(error, ...OWN_FAILURES)) throw error;
  work.scheduleMaintenance(retryInMs);
  work.report({ type: 'maintenanceFailed', error, failureCount: care.failureCount, retryInMs });
  return { failure: error, moreInMs: undefined };
}

function countsOf(statistics: TableStatistics, failureCount: number): Record<string, number> {
  const { rowCount, fragmentCount, unindexedRowCount, totalBytes, reclaimableBytes } = statistics;
  return {
    failureCount,
    rowCount,
    fragmentCount,
    unindexedRowCount,
    totalBytes,
    reclaimableBytes,
    vectorIndexCount: statistics.hasVectorIndex ? 1 : 0,
  };
}

/** What all rows add up to. How many commits maintenance makes is not known beforehand; that it changes no row is. */
function foldOf(table: VectorTable, version: number): Promise<RowFold> {
  return table.scan(version, async (scan) => {
    const fold = createRowFold();
    for await (const page of scan.rows()) foldRows(fold, page);
    return fold;
  });
}

function foreignRows(open: OpenGeneration): SynclineError {
  return new SynclineError(
    'TABLE_CONFLICT',
    `The table "${open.table.name}" has other rows after maintenance than before: somebody else writes to it. It is put back.`,
    { retryable: true, details: { table: open.table.name } },
  );
}
