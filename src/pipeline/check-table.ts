import { isSynclineError } from '../domain/errors.ts';
import { collectGenerations } from './collect-generations.ts';
import { refreshDataset } from './due-rebuild.ts';
import { openGeneration } from './open-generation.ts';
import { settleTable } from './settle-table.ts';
import type { DatasetWork } from './work.ts';

/** What the check found: a sound table, or why one has to be built. */
export type TableVerdict = { readonly sound: true } | { readonly sound: false; readonly reason: string };

/**
 * The sync check of level 1, at constant cost: the serving table opens, has the declared columns, and version and row
 * count are those of the last mark. A table that is ahead is put back. Generations that nobody needs any more are
 * removed, and an interrupted drop is finished.
 */
export function checkTable(work: DatasetWork): Promise<TableVerdict> {
  return work.writing.run(async () => {
    work.serving.current = undefined;
    await refreshDataset(work);
    await collectGenerations(work);
    const generations = await work.catalog.listGenerations(work.dataset.datasetId);
    const serving = generations.find((generation) => generation.state === 'serving');
    if (serving === undefined) return { sound: false, reason: 'there is no table yet' };
    try {
      const open = await openGeneration(work, serving);
      if (open === undefined) return { sound: false, reason: 'its table was never finished' };
      await settleTable(work, open);
      work.serving.current = open;
      return { sound: true };
    } catch (error) {
      if (!isSynclineError(error, 'TABLE_MISSING', 'TABLE_DAMAGED', 'TABLE_SCHEMA_DIFFERS')) throw error;
      return { sound: false, reason: error.message };
    }
  });
}
