import type { RemoteJob } from '../../batch/batch-api.ts';
import type { BatchJobRecord } from '../../catalog/catalog.ts';
import {
  type BatchWork,
  batchApiUnlessLeft,
  endJob,
  isOver,
  noteRemote,
  requireJob,
  type StepEnd,
} from './batch-work.ts';

/** Asks the provider how a job stands; has it ended there where that was asked for, or where it is long overdue. */
export async function lookAtJob(work: BatchWork, batchJobId: number, signal: AbortSignal): Promise<StepEnd> {
  const job = await requireJob(work, batchJobId);
  const api = await batchApiUnlessLeft(work, job);
  if (api === undefined) return 'on';
  const externalId = job.externalId ?? '';
  const remote = await api.look(externalId, { signal });
  if (remote === undefined) {
    const error =
      'BATCH_RESULTS_LOST: The provider does not know the job any more; what is missing is sent again.';
    await endJob(work, job, { status: 'failed', error });
    return 'on';
  }
  await noteRemote(work, job, remote);
  if (isOver(remote)) return 'on';
  const overdueMs = work.clock.nowMs() - (endMs(job, remote, api.windowMs) + work.settings.overdueGraceMs);
  if (overdueMs > work.settings.overdueGraceMs) {
    const error = 'BATCH_OVERDUE' as const;
    await endJob(work, job, {
      status: 'expired',
      error: `${error}: The provider did not end the job, nor when asked to.`,
    });
    return 'on';
  }
  if ((job.asked !== undefined || overdueMs > 0) && !remote.isCancelling)
    await api.cancel(externalId, { signal });
  return 'wait';
}

/** When a job should be over. */
function endMs(job: BatchJobRecord, remote: RemoteJob, windowMs: number): number {
  return remote.expiresAtMs ?? (job.submittedAtMs ?? job.createdAtMs) + windowMs;
}
