import type { DatasetRecord } from '../catalog/catalog.ts';
import { formatAddress } from '../domain/address.ts';
import type { DatasetWork } from '../pipeline/work.ts';
import type { RuntimeCore } from './core.ts';

/** What a task needs of the actor that its dataset has. */
export interface Attended {
  /** Makes the actor look for work. */
  readonly wake: () => void;
  /** Aborted with the caller's, and when there will be no actor any more: nothing is to be waited for then. */
  readonly signal: AbortSignal;
}

/** Runs a task while the dataset has an actor: the supervisor's when one runs, else one that lives as long as the task. */
export async function withActor<Result>(
  core: RuntimeCore,
  dataset: DatasetRecord,
  signal: AbortSignal,
  task: (work: DatasetWork, attended: Attended) => Promise<Result>,
): Promise<Result> {
  const { datasetId } = dataset;
  const address = formatAddress(dataset.address);
  const work = await core.work().workFor(datasetId);
  const { supervision } = core;
  // Somebody waits: no text is held back for a batch job that could be larger later.
  work.batching.waiters += 1;
  try {
    if (supervision !== undefined) {
      const wake = (): void => {
        supervision.tell(datasetId, address, { type: 'dataset.changed' });
        // Until a call from before the start has ended, the work is its actor's.
        core.actors.send(datasetId, { type: 'dataset.changed' });
      };
      wake();
      return await task(work, { wake, signal: AbortSignal.any([signal, supervision.over]) });
    }
    const wake = (): void => core.actors.send(datasetId, { type: 'dataset.changed' });
    askProviderAgain(core, dataset);
    return await core.actors.during({ datasetId, address }, () => task(work, { wake, signal }));
  } finally {
    work.batching.waiters -= 1;
  }
}

/** Whoever asks for work now does not want to hear of a failure that may be over. */
export function askProviderAgain(
  core: RuntimeCore,
  { profile, target }: DatasetRecord,
  isUrgent = false,
): void {
  for (const one of target === undefined ? [profile] : [profile, target.profile]) {
    try {
      core.fleet.tryAgain(core.embedderFor(one), isUrgent);
    } catch {
      // This runtime has no embedder for it, which is told where one is needed.
    }
  }
}
