import type { BatchJobRecord } from '../../catalog/catalog.ts';
import { ENDED_BATCH_STATUSES } from '../../catalog/catalog.ts';
import { type BatchWork, isOver, remoteOf } from './batch-work.ts';

/** What comes next for a job, as the catalog has it; nothing but the catalog decides. */
export type BatchStep = 'upload' | 'submit' | 'look' | 'harvest' | 'tidy' | 'done';

export async function nextBatchStep(
  { catalog }: Pick<BatchWork, 'catalog'>,
  batchJobId: number,
): Promise<BatchStep> {
  const job = await catalog.findBatchJob(batchJobId);
  return job === undefined ? 'done' : stepOf(job);
}

/** Pure: a job stands at exactly one step. */
export function stepOf(job: BatchJobRecord): BatchStep {
  if (hasEnded(job)) return job.tidied ? 'done' : 'tidy';
  const remote = remoteOf(job);
  if (job.externalId !== undefined && remote !== undefined) return isOver(remote) ? 'harvest' : 'look';
  // Whether a submission became of it is for the next step to find out; else it needs no file to be dropped.
  if (job.fileId === undefined && job.submissionBegunAtMs === undefined && job.asked === undefined)
    return 'upload';
  return 'submit';
}

export function hasEnded({ status }: Pick<BatchJobRecord, 'status'>): boolean {
  return (ENDED_BATCH_STATUSES as readonly string[]).includes(status);
}
