import {
  type BatchPolicy,
  type CatalogWriter,
  type DatasetRecord,
  DEFAULT_BATCH_POLICY,
} from '../../catalog/catalog.ts';
import type { DatasetAddress } from '../../domain/address.ts';
import { formatAddress } from '../../domain/address.ts';
import { isSynclineError, SynclineError } from '../../domain/errors.ts';
import type { Embedder } from '../../embedders/embedder.ts';
import { type RuntimeCore, requireDataset, withSession } from '../core.ts';

/** A policy, or the parts of one that are to change. */
export type BatchPolicyOptions = Partial<BatchPolicy>;

const MODES: readonly string[] = ['never', 'auto', 'always'];
const MIN_BATCH_SIZE_MAX = 50_000;
const MAX_WAIT_MS_MAX = 7 * 86_400_000;

/** @throws SynclineError `INVALID_OPTION`. */
export function readBatchPolicy(
  given: BatchPolicyOptions,
  before: BatchPolicy = DEFAULT_BATCH_POLICY,
): BatchPolicy {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(before, name));
  if (unknown !== undefined)
    throw new SynclineError(
      'INVALID_OPTION',
      `A batch policy has no "${unknown}"; it has mode, minBatchSize and maxWaitMs.`,
      { details: { option: `batch.${unknown}` } },
    );
  const { mode = before.mode, minBatchSize = before.minBatchSize, maxWaitMs = before.maxWaitMs } = given;
  if (!MODES.includes(mode)) throw invalid('mode', mode, '"never", "auto" or "always"');
  if (!isWhole(minBatchSize, 1, MIN_BATCH_SIZE_MAX)) {
    throw invalid('minBatchSize', minBatchSize, `a whole number from 1 to ${MIN_BATCH_SIZE_MAX}`);
  }
  if (!isWhole(maxWaitMs, 0, MAX_WAIT_MS_MAX)) {
    throw invalid('maxWaitMs', maxWaitMs, `a whole number from 0 to ${MAX_WAIT_MS_MAX}`);
  }
  return { mode, minBatchSize, maxWaitMs };
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function invalid(option: string, value: unknown, allowed: string): SynclineError {
  const message = `The batch policy's ${option} is ${JSON.stringify(value) ?? 'missing'}; give ${allowed}.`;
  return new SynclineError('INVALID_OPTION', message, { details: { option: `batch.${option}` } });
}

/**
 * Nobody is to wait for jobs that there will never be.
 *
 * @throws SynclineError `BATCH_UNSUPPORTED` when the embedder of a dataset has no batch API.
 */
export function requireBatchApi({ batch, provider, model }: Embedder, address: string): void {
  if (batch !== undefined) return;
  throw new SynclineError(
    'BATCH_UNSUPPORTED',
    `The embedder of "${address}" (${provider}/${model}) has no batch API; its texts can only go the direct way. Leave its batch policy at "never", or give the dataset an embedder that has one.`,
    { details: { address, provider, model } },
  );
}

/** Where the embedder is not known here, nobody can tell: the policy is taken. */
function requireBatchApiIfKnown(core: RuntimeCore, { profile, target, address }: DatasetRecord): void {
  try {
    requireBatchApi(core.embedderFor((target ?? { profile }).profile), formatAddress(address));
  } catch (error) {
    if (!isSynclineError(error, 'PROFILE_MISMATCH')) throw error;
  }
}

/** See `Dataset.batchPolicy`. */
export async function datasetBatchPolicy(core: RuntimeCore, address: DatasetAddress): Promise<BatchPolicy> {
  const { datasetId } = await requireDataset(core, address);
  return (await core.catalog()).batchPolicy(datasetId);
}

/** See `Dataset.setBatchPolicy`. */
export function setDatasetBatchPolicy(
  core: RuntimeCore,
  address: DatasetAddress,
  given: BatchPolicyOptions,
): Promise<BatchPolicy> {
  return withSession(core, undefined, async ({ writer }) =>
    storeBatchPolicy(core, writer, await requireDataset(core, address), given),
  );
}

/** @throws SynclineError `INVALID_OPTION`, `BATCH_UNSUPPORTED`. */
export async function storeBatchPolicy(
  core: RuntimeCore,
  writer: CatalogWriter,
  dataset: DatasetRecord,
  given: BatchPolicyOptions,
): Promise<BatchPolicy> {
  const { datasetId, address } = dataset;
  const policy = readBatchPolicy(given, await (await core.catalog()).batchPolicy(datasetId));
  if (policy.mode !== 'never') requireBatchApiIfKnown(core, dataset);
  await writer.setBatchPolicy(datasetId, policy);
  // What waits may have another way to go by now.
  core.supervision?.tell(datasetId, formatAddress(address), { type: 'dataset.changed' });
  return policy;
}
