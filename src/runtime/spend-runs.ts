import { SPEND_PAUSE_REASON } from '../actors/dataset-machine.ts';
import type { DatasetEvent } from '../actors/dataset-messages.ts';
import { formatAddress } from '../domain/address.ts';
import type { DatasetWork } from '../pipeline/work.ts';
import type { RuntimeCore } from './core.ts';

/**
 * What somebody asks for that may spend: one run of its dataset. One that waits because a cap was reached tries again.
 *
 * @param usdMax - What it may cost, instead of `spend.usdPerRunMax`.
 */
export function duringRun<Result>(
  core: RuntimeCore,
  work: DatasetWork,
  usdMax: number | undefined,
  task: () => Promise<Result>,
): Promise<Result> {
  const { datasetId, address } = work.dataset;
  return core.spend.duringRun({ datasetId, writer: work.writer, usdMax }, () => {
    const event: DatasetEvent = { type: 'dataset.resume', reason: SPEND_PAUSE_REASON };
    core.supervision?.tell(datasetId, formatAddress(address), event);
    core.actors.send(datasetId, event);
    return task();
  });
}

/** To come before an event is passed on: whoever resumes a dataset that was paused for a cap begins another run. */
export async function noteResume(core: RuntimeCore, datasetId: number, event: DatasetEvent): Promise<void> {
  if (event.type !== 'dataset.resume' || event.reason !== SPEND_PAUSE_REASON) return;
  const work = await core.ownWork(datasetId);
  if (work !== undefined) await core.spend.letGoOn(datasetId, work.writer);
}
