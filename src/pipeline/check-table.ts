import type { GenerationRecord } from '../catalog/catalog.ts';
import { isSynclineError } from '../domain/errors.ts';
import type { VectorTable } from '../vectors/vector-store.ts';
import { settleTable } from './settle-table.ts';
import type { DatasetWork, OpenGeneration } from './work.ts';

/** What the check found: a sound table, or why one has to be built. */
export type TableVerdict = { readonly sound: true } | { readonly sound: false; readonly reason: string };

/**
 * The sync check of level 1, at constant cost: the serving table opens, has the declared columns, and version and row
 * count are those of the last mark. A table that is ahead is put back. Leftovers of generations that no longer serve
 * (an interrupted rebuild or drop) are removed.
 */
export function checkTable(work: DatasetWork): Promise<TableVerdict> {
  return work.writing.run(async () => {
    work.serving.current = undefined;
    const generations = await work.catalog.listGenerations(work.dataset.datasetId);
    for (const generation of generations) {
      if (generation.state !== 'serving') await removeGeneration(work, generation);
    }
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

async function openGeneration(
  work: DatasetWork,
  generation: GenerationRecord,
): Promise<OpenGeneration | undefined> {
  if (generation.recorded === undefined) return undefined;
  const table: VectorTable = await work.store.openTable(generation.tableName, tableSpec(work));
  return { generation, table, recorded: { ...generation.recorded } };
}

/** What a dataset's tables are made of. */
export function tableSpec(work: DatasetWork): {
  dimensions: number;
  fields: DatasetWork['dataset']['fields'];
} {
  return { dimensions: work.dataset.profile.dimensions, fields: work.dataset.fields };
}

/** Drops a generation's table and forgets it. The intent is recorded first: dropping is not atomic, and is finished at the next check. */
export async function removeGeneration(work: DatasetWork, generation: GenerationRecord): Promise<void> {
  await work.writer.requestGenerationDrop(generation.generationId);
  await work.writer.assertLease();
  await work.store.dropTable(generation.tableName);
  await work.writer.forgetGeneration(generation.generationId);
}
