import type {
  Configuration,
  ConfigurationRecord,
  DatasetRecord,
  GenerationRecord,
} from '../catalog/catalog.ts';
import { SynclineError } from '../domain/errors.ts';
import type { TableOrigin, TableSpec } from '../vectors/vector-store.ts';
import type { DatasetWork, OpenGeneration } from './work.ts';

/** A new generation, whose table nobody has begun to create. Its name is never used again, not even after an older catalog was restored. */
export async function beginGeneration(
  { dataset, writer, clock, tableless }: DatasetWork,
  configurationId: number,
): Promise<GenerationRecord> {
  const nameSuffix = `__${Math.floor(clock.random() * 2 ** 32).toString(36)}`;
  const generation = await writer.createGeneration(dataset.datasetId, configurationId, { nameSuffix });
  tableless.add(generation.generationId);
  return generation;
}

/** Opens a generation's table; `undefined` when it was never finished. Throws as `VectorStore.openTable`. */
export async function openGeneration(
  work: DatasetWork,
  generation: GenerationRecord,
): Promise<OpenGeneration | undefined> {
  if (generation.recorded === undefined) return undefined;
  const configuration = await configurationOf(work, generation);
  const table = await work.store.openTable(generation.tableName, tableSpec(work.dataset, configuration));
  return { generation, configuration, table, recorded: { ...generation.recorded } };
}

/** What a table for a configuration is made of. */
export function tableSpec({ fields }: Pick<DatasetRecord, 'fields'>, { profile }: Configuration): TableSpec {
  return { dimensions: profile.dimensions, fields };
}

/** What a table says about itself that is made for a generation. */
export async function originOf(
  { catalog, dataset }: Pick<DatasetWork, 'catalog' | 'dataset'>,
  { generationId }: GenerationRecord,
  { profile, chunking }: Configuration,
): Promise<TableOrigin> {
  const catalogId = await catalog.identity();
  return { catalogId, generationId, address: dataset.address, profile, chunking };
}

/** What a generation is built for. */
export async function configurationOf(
  { catalog }: Pick<DatasetWork, 'catalog'>,
  { configurationId, tableName }: GenerationRecord,
): Promise<ConfigurationRecord> {
  const configuration = await catalog.findConfiguration(configurationId);
  if (configuration !== undefined) return configuration;
  throw new SynclineError('INTERNAL', `The generation ${tableName} has no configuration.`);
}
