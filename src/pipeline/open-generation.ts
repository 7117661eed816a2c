import type { GenerationRecord } from '../catalog/catalog.ts';
import { SynclineError } from '../domain/errors.ts';
import type { TableSpec } from '../vectors/vector-store.ts';
import type { DatasetWork, OpenGeneration } from './work.ts';

/** Opens a generation's table; `undefined` when it was never finished. Throws as `VectorStore.openTable`. */
export async function openGeneration(
  work: DatasetWork,
  generation: GenerationRecord,
): Promise<OpenGeneration | undefined> {
  if (generation.recorded === undefined) return undefined;
  const table = await work.store.openTable(generation.tableName, await tableSpec(work, generation));
  return { generation, table, recorded: { ...generation.recorded } };
}

/** What a generation's table is made of. */
export async function tableSpec(
  { catalog, dataset }: Pick<DatasetWork, 'catalog' | 'dataset'>,
  generation: GenerationRecord,
): Promise<TableSpec> {
  const configuration = await catalog.findConfiguration(generation.configurationId);
  if (configuration === undefined) {
    throw new SynclineError('INTERNAL', `The generation ${generation.tableName} has no configuration.`);
  }
  return { dimensions: configuration.profile.dimensions, fields: dataset.fields };
}
