import { SynclineError, throwIfAborted } from '../domain/errors.ts';
import type { DatasetWork } from './work.ts';

/**
 * Repairs the serving table in place, after the check that found out what is wrong with it: the documents concerned are
 * queued, so that the write stage replaces all their rows from stored embeddings; rows too many go in one commit. The
 * catalog comes first, and has the table recorded as under repair until the end: a repair that is cut short is found by the
 * next check, and finished.
 *
 * @throws SynclineError `TABLE_CONFLICT` when somebody else has written to the table since the check; it is checked again.
 */
export function repairTable(work: DatasetWork, reason: string, signal: AbortSignal): Promise<void> {
  return work.writing.run(async () => {
    throwIfAborted(signal);
    const damage = work.damage.current;
    work.damage.current = undefined;
    if (damage === undefined) throw new SynclineError('INTERNAL', 'A repair needs the check before it.');
    const { open, documentIds, places, generationId, version } = damage;
    await work.writer.beginRepair(generationId, version, documentIds);
    await work.writer.assertLease();
    const state = await open.table.deleteRows(places, { onto: version });
    await work.writer.recordTable(generationId, state);
    open.recorded = state;
    work.serving.current = open;
    work.report({ type: 'repaired', reason, documents: documentIds.length, rowsRemoved: places.length });
  });
}
