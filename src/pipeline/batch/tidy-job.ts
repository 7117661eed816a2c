import { type BatchWork, batchApiOf, isOver, requireJob, type StepEnd } from './batch-work.ts';

/** How long a job of ours that nobody waits for may take to be cancelled, before it is left to itself. */
const STRAY_WAIT_MS = 1_800_000;

/**
 * Removes what a job that is over has left at its provider: files, and a second submission that turned up after all. Both are
 * found by the job's name, whether or not anybody knows of them.
 */
export async function tidyJob(work: BatchWork, batchJobId: number, signal: AbortSignal): Promise<StepEnd> {
  const job = await requireJob(work, batchJobId);
  const { writer, clock } = work;
  if (job.uploadCount === 0 && job.submissionCount === 0 && job.files.length === 0) {
    await writer.forgetBatchFiles(batchJobId, [], { tidied: true });
    return 'on';
  }
  const api = batchApiOf(work, job.profile);
  const files = new Set(job.files);
  const since = { signal, sinceMs: job.createdAtMs };
  const jobs = job.submissionCount > 0 ? await api.findJobs(job.name, since) : [];
  const strays = jobs.filter((remote) => !isOver(remote));
  for (const { externalId, isCancelling } of strays)
    if (!isCancelling) await api.cancel(externalId, { signal });
  const isLate = clock.nowMs() - (job.finishedAtMs ?? 0) > STRAY_WAIT_MS;
  // The files of a job at work are its own until it is over.
  if (strays.length > 0 && !isLate) return 'wait';
  for (const { fileIds } of jobs) for (const fileId of fileIds) files.add(fileId);
  if (job.uploadCount > 1 || (job.uploadCount > 0 && job.fileId === undefined)) {
    for (const { fileId } of await api.findFiles(job.name, since)) files.add(fileId);
  }
  for (const fileId of files) await api.removeFile(fileId, { signal });
  await writer.forgetBatchFiles(batchJobId, [...files], { tidied: true });
  return 'on';
}
