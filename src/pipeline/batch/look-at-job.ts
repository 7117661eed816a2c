import type { BatchApi, RemoteJob } from '../../batch/batch-api.ts';
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

/** How long after a submission that was not the first one each look is also one for others. */
const STRAY_LOOKS_MS = 3_600_000;

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
  await cancelStrays(work, job, api, signal);
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

/**
 * A submission whose answer was lost, and that was made anew, may turn up after that: as long as that may be, what is not ours is
 * cancelled before it has worked on much. What turns up later is cancelled when the job is tidied up.
 */
async function cancelStrays(
  { clock }: BatchWork,
  job: BatchJobRecord,
  api: BatchApi,
  signal: AbortSignal,
): Promise<void> {
  const { externalId, submissionCount, submissionBegunAtMs = 0 } = job;
  if (submissionCount < 2 || clock.nowMs() - submissionBegunAtMs > STRAY_LOOKS_MS) return;
  for (const remote of await api.findJobs(job.name, { signal, sinceMs: job.createdAtMs })) {
    if (remote.externalId !== externalId && !isOver(remote) && !remote.isCancelling)
      await api.cancel(remote.externalId, { signal });
  }
}

/** When a job should be over. */
function endMs(job: BatchJobRecord, remote: RemoteJob, windowMs: number): number {
  return remote.expiresAtMs ?? (job.submittedAtMs ?? job.createdAtMs) + windowMs;
}
