import type { RemoteJob } from '../../batch/batch-api.ts';
import { type BatchWork, isOver, knownBatchApi, requireJob, type StepEnd } from './batch-work.ts';

/** How long something may be left at a provider to which nobody here can speak, before it is left there for good. */
const LEFT_MS_MAX = 30 * 86_400_000;

/**
 * Removes what a job that is over has left at its provider: files, and a second submission that turned up after all. Both are
 * found by the job's name, whether or not anybody knows of them.
 */
export async function tidyJob(work: BatchWork, batchJobId: number, signal: AbortSignal): Promise<StepEnd> {
  const job = await requireJob(work, batchJobId);
  const { writer, clock, settings } = work;
  // Also where the wake-up at the end of the job failed: that step is not taken again, and its texts would wait for nobody.
  await work.wake(job.profileId);
  const api = knownBatchApi(work, job.profile);
  const isLeftForGood = api === undefined && clock.nowMs() - (job.finishedAtMs ?? 0) > LEFT_MS_MAX;
  if (isLeftForGood || (job.uploadCount === 0 && job.submissionCount === 0 && job.files.length === 0)) {
    await writer.forgetBatchFiles(batchJobId, [], { tidied: true });
    return 'on';
  }
  if (api === undefined) return 'wait';
  const files = new Set(job.files);
  const since = { signal, sinceMs: job.createdAtMs };
  const jobs = job.submissionCount > 0 ? await api.findJobs(job.name, since) : [];
  const strays = jobs.filter((remote) => !isOver(remote));
  for (const { externalId, isCancelling } of strays)
    if (!isCancelling) await api.cancel(externalId, { signal });
  // The files of a job at work are its own until it is over, or should have been for long.
  const lateMs = api.windowMs + settings.overdueGraceMs;
  const isLate = ({ createdAtMs = job.createdAtMs }: RemoteJob): boolean =>
    clock.nowMs() - createdAtMs > lateMs;
  if (!strays.every(isLate)) return 'wait';
  for (const { fileIds } of jobs) for (const fileId of fileIds) files.add(fileId);
  if (job.uploadCount > 1 || (job.uploadCount > 0 && job.fileId === undefined)) {
    for (const { fileId } of await api.findFiles(job.name, since)) files.add(fileId);
  }
  for (const fileId of files) await api.removeFile(fileId, { signal });
  await writer.forgetBatchFiles(batchJobId, [...files], { tidied: true });
  return 'on';
}
