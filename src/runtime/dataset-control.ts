import type { DatasetEvent } from '../actors/dataset-machine.ts';
import type { CatalogWriter, DatasetRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { TEMPLATE_VERSION } from '../domain/embedded-text.ts';
import { SynclineError } from '../domain/errors.ts';
import { parseFieldTypes } from '../domain/fields.ts';
import { readBatchPolicy, requireBatchApi } from './batch/batch-policy.ts';
import { type RuntimeCore, requireDataset, withActor, withSession } from './core.ts';
import type { CreateDatasetOptions } from './dataset.ts';
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
