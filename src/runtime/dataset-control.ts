import type { DatasetEvent } from '../actors/dataset-machine.ts';
import type { CatalogWriter, DatasetRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { TEMPLATE_VERSION } from '../domain/embedded-text.ts';
import { profileKey } from '../domain/embedding-profile.ts';
import { SynclineError } from '../domain/errors.ts';
import { parseFieldTypes } from '../domain/fields.ts';
import { keptForRollback } from '../pipeline/collect-generations.ts';
import { readBatchPolicy, requireBatchApi } from './batch/batch-policy.ts';
import { summarize } from './configuration-summary.ts';
import { type RuntimeCore, requireDataset, servingGeneration, withActor, withSession } from './core.ts';
import type { CreateDatasetOptions, DatasetStatus, EarlierTable } from './dataset.ts';
import { readMaintenance } from './dataset-maintenance.ts';
import { indexingStanding } from './schedules/dataset-schedules.ts';
import { noteResume } from './spend-runs.ts';
import { waitUntilDeleted } from './wait-until-indexed.ts';

/** Least and most of `tokensPerChunkMax`: below, headings leave no room for text; above, no provider takes it. */
const TOKENS_PER_CHUNK_RANGE = [32, 8_191] as const;

/** @throws SynclineError `INVALID_OPTION`. */
export function checkTokensPerChunk(wanted: number): number {
  const [least, most] = TOKENS_PER_CHUNK_RANGE;
  if (Number.isInteger(wanted) && wanted >= least && wanted <= most) return wanted;
  throw new SynclineError(
    'INVALID_OPTION',
    `tokensPerChunkMax is ${wanted}; give a whole number from ${least} to ${most}.`,
  );
}

/** See {@link Dataset.create}. */
export async function makeDataset(
  core: RuntimeCore,
  writer: CatalogWriter,
  address: DatasetAddress,
  options: CreateDatasetOptions = {},
): Promise<DatasetRecord> {
  const { provider, model, dimensions, limits } = core.chosen.embedder;
  const wanted = checkTokensPerChunk(options.tokensPerChunkMax ?? core.options.tokensPerChunkMax);
  if (options.batch !== undefined && readBatchPolicy(options.batch).mode !== 'never')
    requireBatchApi(core.chosen.embedder, formatAddress(address));
  const dataset = await writer.createDataset({
    address,
    profile: { provider, model, dimensions, templateVersion: TEMPLATE_VERSION },
    fields: parseFieldTypes(options.fields ?? {}),
    chunking: { tokensPerChunkMax: Math.min(wanted, limits.tokensPerItemMax) },
  });
  if (options.batch !== undefined) {
    const before = await (await core.catalog()).batchPolicy(dataset.datasetId);
    await writer.setBatchPolicy(dataset.datasetId, readBatchPolicy(options.batch, before));
  }
  core.hub.emit({ type: 'dataset.created', address: formatAddress(address) });
  core.supervision?.actor.send({ type: 'datasets.changed' });
  return dataset;
}

/** See {@link Dataset.status}. */
export async function datasetStatus(core: RuntimeCore, address: DatasetAddress): Promise<DatasetStatus> {
  return statusOf(core, await requireDataset(core, address));
}

/** How a dataset is doing. */
export async function statusOf(core: RuntimeCore, dataset: DatasetRecord): Promise<DatasetStatus> {
  const address = formatAddress(dataset.address);
  const counts = await (await core.catalog()).datasetCounts(dataset.datasetId);
  const generation = await servingGeneration(core, dataset.datasetId);
  const standing = core.actors.standing(dataset.datasetId);
  const { chunks, incomingDocuments, queuedDocuments } = counts;
  return {
    address,
    actorId: `dataset:${dataset.datasetId}`,
    phase: standing?.phase ?? 'notRunning',
    failure: standing?.failure,
    counts,
    isUpToDate: incomingDocuments + queuedDocuments + chunks.pending === 0,
    profile: profileKey(dataset.profile),
    fields: dataset.fields,
    lastCheck: core.checks.last(address),
    table: generation && {
      name: generation.tableName,
      version: generation.recorded.version,
      // Unknown (below zero) while the table is repaired.
      rowCount: Math.max(0, generation.recorded.rowCount),
    },
    tokensPerChunkMax: dataset.chunking.tokensPerChunkMax,
    batch: await (await core.catalog()).batchPolicy(dataset.datasetId),
    reconfiguringTo: dataset.target && summarize(dataset.target),
    earlierTables: await earlierTables(core, dataset.datasetId),
    maintenance: await readMaintenance(await core.catalog(), dataset.datasetId),
    ...(await indexingStanding(core, dataset)),
  };
}

async function earlierTables(core: RuntimeCore, datasetId: number): Promise<EarlierTable[]> {
  const generations = await (await core.catalog()).listGenerations(datasetId);
  return keptForRollback({ settings: core.options, clock: core.clock }, generations).map(
    ({ tableName, recorded, retiredAtMs }) => ({
      name: tableName,
      rowCount: recorded?.rowCount ?? 0,
      servedUntilMs: retiredAtMs ?? 0,
    }),
  );
}

/** Passes an event to the actor that a started runtime has for the dataset. */
export async function tellDataset(
  core: RuntimeCore,
  address: DatasetAddress,
  event: DatasetEvent,
): Promise<void> {
  const { supervision } = core;
  if (supervision === undefined) {
    throw new SynclineError(
      'RUNTIME_STOPPED',
      'Only a started runtime works in the background; call start() first.',
    );
  }
  const { datasetId } = await requireDataset(core, address);
  await noteResume(core, datasetId, event);
  supervision.tell(datasetId, formatAddress(address), event);
}

/** See {@link Dataset.delete}. */
export function deleteDataset(core: RuntimeCore, address: DatasetAddress): Promise<void> {
  return withSession(core, undefined, async ({ writer }, signal) => {
    const dataset = await (await core.catalog()).findDataset(address);
    if (dataset === undefined) await requireDataset(core, address);
    else {
      const { datasetId } = dataset;
      await writer.requestDatasetDeletion(datasetId);
      await withActor(core, dataset, signal, async (_, attended) => {
        const event: DatasetEvent = { type: 'dataset.delete' };
        if (core.supervision) core.supervision.tell(datasetId, formatAddress(address), event);
        else core.actors.send(datasetId, event);
        await waitUntilDeleted(datasetId, formatAddress(address), { actors: core.actors, ...attended });
      });
    }
  });
}
