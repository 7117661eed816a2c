import { statfs } from 'node:fs/promises';
import type { Table } from '@lancedb/lancedb';
import { SynclineError } from '../domain/errors.ts';
import type { Lance } from './lance-library.ts';
import { sweepLeftovers } from './sweep-leftovers.ts';
import { sweepUncommitted } from './sweep-uncommitted.ts';
import { isDamage } from './table-error.ts';
import { createIndexes, scalarIndexNames, textIndexName } from './table-indexes.ts';
import { hasVectorIndex, readStatistics, type StatisticsParts } from './table-statistics.ts';
import { createVectorIndex, vectorIndexName } from './vector-index.ts';
import type { MaintenanceOptions, TableStatistics } from './vector-store.ts';

/** What maintenance works on. Called with the table's queue held: nothing else of this process writes to it. */
export interface LanceMaintenance extends StatisticsParts {
  readonly name: string;
  readonly lance: Lance;
  readonly handle: Table;
  /** See `LanceVectorStoreOptions`. */
  readonly cleanupGraceMs: number;
  /** Versions that this process reads at the moment. */
  readonly versionsRead: () => Iterable<number>;
  commit(work: () => Promise<unknown>): Promise<void>;
}

/** As `VectorTable.maintain` promises. */
export async function maintainLanceTable(
  parts: LanceMaintenance,
  { recordedVersion, readAll = false, leftBeforeMs = Date.now() }: MaintenanceOptions,
): Promise<void> {
  const { folder, handle, lance, commit } = parts;
  if (folder !== undefined) {
    await sweepLeftovers(folder, leftBeforeMs);
    await sweepUncommitted(folder, leftBeforeMs);
  }
  if (readAll) await mendIndexes(parts);
  const before = await readStatistics(handle, parts);
  await requireSpace(parts, before);
  const optimize = async (): Promise<void> => {
    const cleanupOlderThan = await cleanupCutoff(parts, recordedVersion);
    await commit(() => handle.optimize({ cleanupOlderThan }));
  };
  try {
    await optimize();
  } catch (error) {
    // Either an index cannot be read, which is made anew from the rows, or the rows cannot: then this fails again.
    if (!isDamage(error)) throw error;
    await createAllIndexes(parts);
    await optimize();
  }
  // After compaction: what that replaced can be removed before the next one, and the two peaks of disk use do not meet.
  if (before.vectorIndexDue) await commit(() => createVectorIndex(lance, handle));
}

/**
 * The time before which versions may go: at least the grace ago, and none of those that are recorded, pinned by a tag, or
 * being read. When the recorded version is not among them nothing is removed (LanceDB's own default would remove what is
 * older than a week).
 */
async function cleanupCutoff(parts: LanceMaintenance, recordedVersion: number): Promise<Date> {
  const { handle } = parts;
  const versions = await handle.listVersions();
  if (!versions.some(({ version }) => version === recordedVersion)) return new Date(0);
  const tags = await (await handle.tags()).list();
  // A tagged version among those to go makes LanceDB give up the clean-up, and the refresh of the indexes after it.
  const kept = new Set([recordedVersion, ...parts.versionsRead(), ...Object.values(tags).map(versionOf)]);
  const times = versions.filter(({ version }) => kept.has(version)).map(({ timestamp }) => +timestamp);
  return new Date(Math.min(Date.now() - parts.cleanupGraceMs, ...times));
}

function versionOf({ version }: { readonly version: number }): number {
  return version;
}

/** Reads all rows, and then all indexes as searches would, and makes those anew that cannot be read. */
async function mendIndexes(parts: LanceMaintenance): Promise<void> {
  const { handle } = parts;
  for await (const _ of handle.query());
  const names = [...scalarIndexNames, textIndexName];
  if (await hasVectorIndex(handle)) names.push(vectorIndexName);
  try {
    for (const name of names) await handle.prewarmIndex(name);
  } catch (error) {
    if (!isDamage(error)) throw error;
    await createAllIndexes(parts);
  }
}

async function createAllIndexes({ lance, handle, commit }: LanceMaintenance): Promise<void> {
  await commit(() => createIndexes(lance, handle));
  if (await hasVectorIndex(handle)) await commit(() => createVectorIndex(lance, handle));
}

/** Beside the table itself, for small tables. */
const SPACE_BYTES_MIN = 16 * 1024 * 1024;

/**
 * Refuses to begin when the disk could fill up over it: that would stop the catalog, too. LanceDB writes the compacted rows
 * before it removes anything, and has no way to remove only. Once a table has a vector index the rows that it covers are not
 * written again, only the newer ones.
 */
async function requireSpace(
  { name, folder }: LanceMaintenance,
  { totalBytes, ...index }: TableStatistics,
): Promise<void> {
  if (folder === undefined) return;
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  const share = index.hasVectorIndex && !index.vectorIndexDue ? 0.25 : 1;
  const neededBytes = Math.ceil(totalBytes * share) + SPACE_BYTES_MIN;
  if (freeBytes >= neededBytes) return;
  throw new SynclineError(
    'DISK_FULL',
    `The table "${name}" is not maintained, because the disk could fill up: that needs ${megabytes(neededBytes)} MB of free space, and there are ${megabytes(freeBytes)} MB. Free some space, or move the tables; until then the table grows with every change.`,
    { retryable: true, details: { table: name, neededBytes, freeBytes } },
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(0);
}
