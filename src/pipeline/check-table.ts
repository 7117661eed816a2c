import { isSynclineError } from '../domain/errors.ts';
import type { SyncLevel, TableVerdict } from '../domain/sync-report.ts';
import { checkSync, UNREADABLE } from './check-sync.ts';
import { collectGenerations } from './collect-generations.ts';
import { refreshDataset } from './due-rebuild.ts';
import { careFor } from './maintain-table.ts';
import { openGeneration } from './open-generation.ts';
import { settleTable } from './settle-table.ts';
import type { DatasetWork, OpenGeneration } from './work.ts';

/** When a table is first looked at by its caretaker if nothing changes: not while many datasets are being checked. */
const LOOK_AFTER_CHECK_MS = 60_000;

const SOUND: TableVerdict = { kind: 'sound' };

/**
 * The sync check at the beginning of all work. Level 1, at constant cost: the serving table opens, has the declared columns,
 * and version and row count are those of the last mark. A table that is ahead is put back. Where that does not help, or a
 * closer look was asked for, its rows decide between a repair and a new table. Generations that nobody needs any more are
 * removed, an interrupted drop is finished, and files that killed writers left half-written are swept. Where a search or a
 * commit ran into damage, all is read: indexes that cannot be are made anew, and a table whose rows cannot be is unsound.
 */
export function checkTable(work: DatasetWork, signal?: AbortSignal): Promise<TableVerdict> {
  return work.writing.run(async () => {
    const asked = work.checkAsked.level;
    const level = asked ?? 'quick';
    work.serving.current = undefined;
    work.damage.current = undefined;
    await refreshDataset(work);
    await collectGenerations(work);
    const generations = await work.catalog.listGenerations(work.dataset.datasetId);
    const serving = generations.find((generation) => generation.state === 'serving');
    if (serving === undefined) return { kind: 'rebuild', reason: 'there is no table yet' };
    const { tableName, damage } = work.care;
    if (damage !== undefined && tableName === serving.tableName) return { kind: 'rebuild', reason: damage };
    try {
      const open = await openGeneration(work, serving);
      if (open === undefined) return { kind: 'rebuild', reason: 'its table was never finished' };
      const isSettled = await trySettle(work, open);
      if (!isSettled || level !== 'quick') {
        const verdict = await judgeRows(work, open, level === 'quick' ? 'rows' : level, signal);
        if (verdict.kind !== 'sound') return verdict;
      }
      await open.table.sweepLeftovers(work.leaseSinceMs);
      if (work.care.doubt !== undefined) await careFor(work, open);
      work.serving.current = open;
      work.scheduleMaintenance(LOOK_AFTER_CHECK_MS);
      if (work.checkAsked.level === asked) work.checkAsked.level = undefined;
      return SOUND;
    } catch (error) {
      if (!isSynclineError(error, ...UNREADABLE)) throw error;
      return { kind: 'rebuild', reason: error.message };
    }
  });
}

/** Puts a table back that is ahead of its mark; `false` when it is not the recorded one all the same. */
async function trySettle(work: DatasetWork, open: OpenGeneration): Promise<boolean> {
  try {
    await settleTable(work, open);
    return true;
  } catch (error) {
    if (!isSynclineError(error, 'TABLE_DAMAGED')) throw error;
    return false;
  }
}

/** Compares rows, and more where that is asked for. What needs no change of the table is put right at once. */
async function judgeRows(
  work: DatasetWork,
  open: OpenGeneration,
  level: SyncLevel,
  signal: AbortSignal | undefined,
): Promise<TableVerdict> {
  const subject = { ...work, repairShareMax: work.settings.repairShareMax };
  const { report, damage, unembeddedChunkIds } = await checkSync(subject, level, signal);
  work.report({ type: 'checked', report });
  const { generationId } = open.generation;
  // First of all: a document whose chunk has no embedding must not be written without it.
  if (unembeddedChunkIds.length > 0) await work.writer.requeueUnembedded(generationId, unembeddedChunkIds);
  const reason = report.reason ?? '';
  if (report.proposal === 'rebuild') return { kind: 'rebuild', reason };
  if (damage !== undefined && damage.documentIds.length + damage.places.length > 0) {
    work.damage.current = { ...damage, open };
    return { kind: 'repair', reason };
  }
  if (damage === undefined) return SOUND;
  const { version } = damage;
  const compared = { version, rowCount: report.tableRowCount };
  if (version === open.recorded.version && compared.rowCount === open.recorded.rowCount) return SOUND;
  // Another version than the recorded one, with the same rows: compacted by somebody else, or a repair that was cut short.
  // Recorded is what was compared, not what the table is by now.
  await work.writer.recordTable(generationId, compared);
  open.recorded = compared;
  return SOUND;
}
