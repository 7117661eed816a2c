import type { FailedChunk, FailureFilter } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { SynclineError } from '../domain/errors.ts';
import { askProviderAgain, type RuntimeCore, requireDataset, withActor, withSession } from './core.ts';
import { runTask, type TaskOptions } from './task.ts';
import { waitUntilNothingWaits } from './wait-until-indexed.ts';

/** Options of {@link Dataset.failures}: which failed chunks, and which of them. */
export interface ListFailuresOptions extends FailureFilter {
  readonly afterChunkId?: number;
  /** Default 100. */
  readonly limit?: number;
}

/** Options of {@link Dataset.retryFailures}: which failed chunks; all of them without a filter. */
export interface RetryFailuresOptions extends FailureFilter, TaskOptions {}

/** What {@link Dataset.retryFailures} has done. */
export interface RetryFailuresResult {
  /** Failed chunks that were given another round of attempts. */
  readonly retriedCount: number;
  /** Of the dataset's chunks, those that are given up now. */
  readonly failedCount: number;
}

const CHUNK_IDS_MAX = 1_000;

/** See {@link Dataset.failures}. */
export async function listFailures(
  core: RuntimeCore,
  address: DatasetAddress,
  { afterChunkId = 0, limit = 100, ...filter }: ListFailuresOptions = {},
): Promise<FailedChunk[]> {
  checkFilter(filter);
  const { datasetId } = await requireDataset(core, address);
  return (await core.catalog()).listFailedChunks(datasetId, { afterChunkId, limit }, filter);
}

/** See {@link Dataset.retryFailures}. */
export async function retryFailures(
  core: RuntimeCore,
  address: DatasetAddress,
  { signal, onTask, ...filter }: RetryFailuresOptions = {},
): Promise<RetryFailuresResult> {
  checkFilter(filter);
  return withSession(core, signal, async ({ writer }, sessionSignal) => {
    const dataset = await requireDataset(core, address);
    const { datasetId } = dataset;
    const spec = { kind: 'retryFailures', datasetId, signal: sessionSignal, onTask };
    return runTask(core, writer, spec, async (task) => {
      const retriedCount = await writer.retryFailedChunks(datasetId, filter);
      task.progress.retriedCount = retriedCount;
      if (retriedCount > 0) {
        // The actor is told of the change, and waited for.
        await withActor(core, dataset, task.signal, async (work, attended) => {
          askProviderAgain(core, dataset, true);
          core.supervision?.tell(datasetId, formatAddress(address), { type: 'dataset.check' });
          const catalog = await core.catalog();
          await waitUntilNothingWaits(work, formatAddress(address), {
            catalog,
            actors: core.actors,
            ...attended,
          });
        });
      }
      const { chunks } = await (await core.catalog()).datasetCounts(datasetId);
      return { retriedCount, failedCount: chunks.failed };
    });
  });
}

function checkFilter(filter: FailureFilter): void {
  const { chunkIds } = filter;
  if (chunkIds !== undefined && chunkIds.length > CHUNK_IDS_MAX)
    throw invalidFilter('chunkIds', `holds ${chunkIds.length} ids; give at most ${CHUNK_IDS_MAX}`);
  // A database takes no text with U+0000.
  for (const option of ['code', 'source', 'key', 'error'] as const) {
    if (filter[option]?.includes('\0'))
      throw invalidFilter(option, 'holds the character U+0000; leave it out');
  }
}

function invalidFilter(option: keyof FailureFilter, reason: string): SynclineError {
  return new SynclineError('INVALID_OPTION', `"${option}" ${reason}.`, { details: { option } });
}
