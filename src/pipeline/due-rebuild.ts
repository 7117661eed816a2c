import type { ConfigurationRecord } from '../catalog/catalog.ts';
import { profileKey } from '../domain/embedding-profile.ts';
import { SynclineError } from '../domain/errors.ts';
import type { DatasetWork } from './work.ts';

/** A generation that can be built, or finished, and then switched to while the present one serves. */
export interface DueRebuild {
  readonly configuration: ConfigurationRecord;
  readonly reason: string;
}

/**
 * What the catalog asks for besides a sound table: a rebuild or rollback that was begun, or a configuration under which
 * everything is cut and embedded by now.
 */
export async function dueRebuild(work: DatasetWork): Promise<DueRebuild | undefined> {
  await refreshDataset(work);
  const { dataset, catalog } = work;
  const building = (await catalog.listGenerations(dataset.datasetId)).find(
    ({ state, configurationId }) => state === 'building' && configurationId === dataset.configurationId,
  );
  if (building !== undefined) return { configuration: dataset, reason: 'it was asked for' };
  if (dataset.target === undefined) return undefined;
  const { target } = await catalog.datasetCounts(dataset.datasetId);
  if (target === undefined || target.uncutDocuments + target.chunks.pending > 0) return undefined;
  const { profile, chunking } = dataset.target;
  const reason = `everything is embedded by ${profileKey(profile)} in chunks of up to ${chunking.tokensPerChunkMax} tokens`;
  return { configuration: dataset.target, reason };
}

/** Reads what may have been changed since: the configurations of the dataset. */
export async function refreshDataset(work: DatasetWork): Promise<void> {
  const dataset = await work.catalog.findDataset(work.dataset.address);
  if (dataset?.datasetId !== work.dataset.datasetId) {
    throw new SynclineError(
      'DATASET_NOT_FOUND',
      `The dataset number ${work.dataset.datasetId} is not in the catalog any more.`,
    );
  }
  work.dataset = dataset;
}
