import { type Signal, signal } from '@preact/signals';
import type { DatasetStatus } from './types.ts';

/** What a dataset did in a moment, as `progress` events tell it. */
export interface Activity {
  readonly atMs: number;
  readonly documents: number;
  readonly texts: number;
  readonly rows: number;
}

/** A dataset as the pages know it; each has signals of its own, so that a change of one draws one. */
export interface DatasetEntry {
  readonly address: string;
  /** How it is, by the answer to the newest question. */
  readonly status: Signal<DatasetStatus>;
  /** When that was asked, on the page's clock: what happened later may be missing from it. */
  askedAtMs: number;
  /** The newest first moments of the last minutes in which it did something, oldest first. */
  readonly activity: Signal<readonly Activity[]>;
}

const ACTIVITIES_MAX = 600;
/** Over so long a rate is taken. */
const RATE_WINDOW_MS = 10_000;

export function createEntry(status: DatasetStatus, askedAtMs: number): DatasetEntry {
  return { address: status.address, status: signal(status), askedAtMs, activity: signal([]) };
}

export function addActivity({ activity }: DatasetEntry, moment: Activity): void {
  activity.value = [...activity.value.slice(1 - ACTIVITIES_MAX), moment];
}

/** Rows a second that were written in the last seconds; 0 while nothing happens. */
export function rowsPerSecond({ activity }: DatasetEntry, now: number): number {
  let rows = 0;
  let firstMs = now;
  for (const moment of activity.value) {
    if (now - moment.atMs > RATE_WINDOW_MS) continue;
    rows += moment.rows;
    firstMs = Math.min(firstMs, moment.atMs);
  }
  return rows === 0 ? 0 : rows / Math.max(1, (now - firstMs) / 1_000);
}

/**
 * Of the chunks that are known, how many are where. What is not cut yet is not among them. `earlier` are those of documents as
 * they were before, which the table has until their change is written: they are found, and no part of the total.
 */
export function chunksOf({ counts, table }: DatasetStatus) {
  const { pending, ready, failed } = counts.chunks;
  const indexed = Math.min(counts.indexedChunks, ready);
  const earlier = counts.queuedDocuments > 0 ? Math.max(0, (table?.rowCount ?? 0) - counts.indexedChunks) : 0;
  return { total: pending + ready + failed, pending, ready, failed, indexed, earlier };
}

/** Milliseconds until all is indexed, at the rate of now; `undefined` where nothing waits or nothing moves. */
export function timeLeftMs(entry: DatasetEntry, now: number): number | undefined {
  const { total, failed, indexed } = chunksOf(entry.status.value);
  const waiting = total - failed - indexed;
  const rate = rowsPerSecond(entry, now);
  return waiting > 0 && rate > 0 ? (waiting / rate) * 1_000 : undefined;
}
