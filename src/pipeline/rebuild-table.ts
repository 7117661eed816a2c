import { SynclineError, throwIfAborted } from '../domain/errors.ts';
import { removeGeneration, tableSpec } from './check-table.ts';
import type { DatasetWork, OpenGeneration } from './work.ts';
import { writeBatch } from './write-ready.ts';

/**
 * Builds a new generation from the catalog's embeddings, with no call to any provider, and switches to it in one catalog
 * transaction. Readers search the old one until then. Also how a dataset gets its first table. Documents whose vectors
 * are not there yet stay queued and follow later.
 */
export async function rebuildTable(work: DatasetWork, reason: string, signal: AbortSignal): Promise<void> {
  const open = await createGenerationTable(work, signal);
  while ((await writeBatch(work, open, signal)).length > 0);
  await work.writing.run(async () => {
    throwIfAborted(signal);
    await verify(open);
    const { generation } = open;
    await work.writer.switchGeneration(generation.generationId);
    work.serving.current = open;
    for (const other of await work.catalog.listGenerations(work.dataset.datasetId)) {
      if (other.generationId !== generation.generationId) await removeGeneration(work, other);
    }
  });
  work.report({ type: 'rebuilt', reason, rows: open.recorded.rowCount });
}

function createGenerationTable(work: DatasetWork, signal: AbortSignal): Promise<OpenGeneration> {
  return work.writing.run(async () => {
    throwIfAborted(signal);
    const generation = await work.writer.createGeneration(work.dataset.datasetId);
    const table = await work.store.createTable(generation.tableName, tableSpec(work));
    const recorded = await table.state();
    await work.writer.recordTable(generation.generationId, recorded);
    return { generation, table, recorded };
  });
}

async function verify(open: OpenGeneration): Promise<void> {
  const state = await open.table.state();
  if (state.version === open.recorded.version && state.rowCount === open.recorded.rowCount) return;
  throw new SynclineError(
    'TABLE_DAMAGED',
    `The new table "${open.table.name}" holds ${state.rowCount} rows at version ${state.version}, but ${open.recorded.rowCount} rows at version ${open.recorded.version} were written. It is not switched to.`,
  );
}
