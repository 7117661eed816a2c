import type { DatasetRecord } from '../../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../../domain/address.ts';
import { SynclineError } from '../../domain/errors.ts';
import { askProviderAgain, type RuntimeCore, requireDataset, withActor, withSession } from '../core.ts';
import { requireEmbedder } from '../dataset-documents.ts';
import { reconcileDeclared } from '../declared-datasets.ts';
import { keepSaving } from '../keep-saving.ts';
import { endScheduleErrors } from '../schedules/dataset-schedules.ts';
import { duringRun } from '../spend-runs.ts';
import { runTask } from '../task.ts';
import { waitUntilIndexed, waitUntilNothingWaits } from '../wait-until-indexed.ts';
import { tablesOf } from './apply-delta.ts';
import { checkIndexOptions, type IndexOptions, type IndexResult } from './index-options.ts';
import { countsOf, type IndexRun, noteCounts, saveCounts } from './index-run.ts';
import { type OpenedSource, openSources } from './open-sources.ts';
import { endsRun, readSources } from './read-sources.ts';

/** See {@link Dataset.index}. */
export function indexDataset(
  core: RuntimeCore,
  address: DatasetAddress,
  options: IndexOptions = {},
): Promise<IndexResult> {
  const startMs = core.clock.monotonicMs();
  return withSession(core, options.signal, async ({ writer }, sessionSignal) => {
    checkIndexOptions(options);
    await reconcileDeclared(core, writer);
    const dataset = await requireDataset(core, address);
    const sources = await openSources(core, dataset, options.source);
    requireSources(dataset, sources, options);
    if (sources.length > 0) requireEmbedder(core, dataset);
    const { datasetId } = dataset;
    const retriedCount = options.retryFailed ? await writer.retryFailedChunks(datasetId) : 0;
    const spec = { kind: 'index', datasetId, signal: sessionSignal, onTask: options.onTask };
    const run = await core.sourceUses.during(
      sources.map(({ source }) => source),
      () =>
        runTask(core, writer, spec, async (task) => {
          const done = await indexWithActor({ core, dataset, sources, options, task, retriedCount });
          if (sources.length > 0 && options.source === undefined && options.changedIds === undefined)
            await endScheduleErrors(core, writer, datasetId, options);
          return done;
        }),
    );
    return { ...countsOf(run), refused: run.task.refused, durationMs: core.clock.monotonicMs() - startMs };
  });
}

/** @throws SynclineError `SOURCE_NOT_FOUND` where nothing can be read, `INVALID_SOURCE` for a table that no source has. */
function requireSources(
  { address }: DatasetRecord,
  sources: readonly OpenedSource[],
  { changedIds, full = false }: IndexOptions,
): void {
  if (sources.length === 0 && (full || changedIds !== undefined)) {
    throw new SynclineError(
      'SOURCE_NOT_FOUND',
      `The dataset "${formatAddress(address)}" has no source to read. Give it one: setSources(), "syncline source add", or the configuration file.`,
      { details: { address: formatAddress(address) } },
    );
  }
  if (changedIds !== undefined) tablesOf(sources, changedIds);
}

interface IndexParts extends Pick<IndexRun, 'core' | 'dataset' | 'options' | 'task'> {
  readonly sources: readonly OpenedSource[];
  readonly retriedCount: number;
}

function indexWithActor({
  core,
  dataset,
  sources,
  options,
  task,
  retriedCount,
}: IndexParts): Promise<IndexRun> {
  const address = formatAddress(dataset.address);
  return withActor(core, dataset, task.signal, async (work, attended) => {
    const account = work.accounts.open({ takesRest: options.changedIds === undefined });
    const counts = {
      readCount: 0,
      addedCount: 0,
      changedCount: 0,
      unchangedCount: 0,
      removedCount: 0,
      unknownCount: 0,
      refusedCount: 0,
      retriedCount,
    };
    const parts = { core, dataset, address, options, work, attended, account, counts };
    // The work is not to go on when there will be nobody who does it.
    const run: IndexRun = { ...parts, task: { ...task, signal: attended.signal } };
    let endedWell = false;
    try {
      await duringRun(core, work, options.usdMax, async () => {
        const failure = await readSources(run, sources);
        core.hub.emit({ type: 'sources.read', address });
        await untilDone(run).catch((error: unknown) => {
          // What waits is tried again anyhow; what failed of a source is told only here.
          if (failure === undefined || endsRun(run, error)) throw error;
        });
        if (failure !== undefined) throw failure;
      });
      endedWell = true;
    } finally {
      work.accounts.close(account, { endedWell });
      noteCounts(run);
    }
    return run;
  });
}

/** Waits until what was taken in is searchable; without a delta, until nothing of the dataset waits. */
async function untilDone(run: IndexRun): Promise<void> {
  const { core, work, address, attended, options } = run;
  const { datasetId } = run.dataset;
  const parts = { catalog: await core.catalog(), actors: core.actors, ...attended };
  askProviderAgain(core, run.dataset, true);
  if (core.supervision !== undefined) {
    // Whoever asks for it now does not want to wait for a backoff to end, nor to hear why it was parked.
    work.checkAsked.level ??= 'quick';
    core.supervision.tell(datasetId, address, { type: 'dataset.check' });
    // Until a call from before the start has ended, the work is its actor's.
    core.actors.send(datasetId, { type: 'dataset.check' });
  }
  const end = keepSaving(core.clock, () => saveCounts(run));
  try {
    if (options.changedIds === undefined) await waitUntilNothingWaits(work, address, parts);
    else await waitUntilIndexed(datasetId, address, parts);
  } finally {
    await end();
  }
}
