import type { BatchFile, BatchRequest, RemoteJob } from '../../batch/batch-api.ts';
import type { BatchInput, BatchJobRecord } from '../../catalog/catalog.ts';
import { isSynclineError, type SynclineError, throwIfAborted } from '../../domain/errors.ts';
import {
  type BatchWork,
  batchApiOf,
  batchApiUnlessLeft,
  endJob,
  endRefused,
  noteRemote,
  requireJob,
  type StepEnd,
  tellState,
} from './batch-work.ts';
import { requestId } from './request-id.ts';

/** Texts read at once for the upload. */
const INPUTS_PER_PAGE = 1_000;

/**
 * Uploads what a job sends. That it is about to is written down first: when the answer is lost, or the process dies over it, the
 * file is found again by its name.
 */
export async function uploadJob(work: BatchWork, batchJobId: number, signal: AbortSignal): Promise<StepEnd> {
  const { writer } = work;
  const job = await requireJob(work, batchJobId);
  const api = batchApiOf(work, job.profile);
  if (!job.sealed) await writer.sealBatchJob(batchJobId);
  if (job.uploadCount > 0) {
    const found = await api.findFiles(job.name, { signal, sinceMs: job.createdAtMs });
    if (found.length > 0) {
      const fileIds = found.map(({ fileId }) => fileId);
      await writer.noteBatchFiles(batchJobId, fileIds);
      return 'on';
    }
  }
  const requests = requestsOf(work, batchJobId, signal);
  const first = await requests.next();
  if (first.done) {
    // Its documents were removed or have changed: there is nothing to ask for.
    await endJob(work, job, { status: 'cancelled' });
    return 'on';
  }
  await writer.assertLease();
  await writer.beginBatchUpload(batchJobId, job.uploadCount + 1);
  let file: BatchFile;
  try {
    file = await api.upload(job.name, followedBy(first.value, requests), { signal });
  } catch (error) {
    return handleRefusal(work, job, error);
  }
  await writer.noteBatchFiles(batchJobId, [file.fileId]);
  return 'on';
}

async function* followedBy(
  first: BatchRequest,
  rest: AsyncGenerator<BatchRequest>,
): AsyncGenerator<BatchRequest> {
  yield first;
  yield* rest;
}

/** The requests of a job, read page by page; texts that are gone are left out. */
async function* requestsOf(
  { catalog }: BatchWork,
  batchJobId: number,
  signal: AbortSignal,
): AsyncGenerator<BatchRequest, undefined> {
  let begun: BatchInput[] = [];
  let after: { readonly requestNo: number; readonly place: number } | undefined;
  for (;;) {
    throwIfAborted(signal);
    const page = await catalog.listBatchInputs(batchJobId, {
      limit: INPUTS_PER_PAGE,
      ...(after && { after }),
    });
    for (const input of page.inputs) {
      if (begun[0] !== undefined && begun[0].requestNo !== input.requestNo) {
        yield toRequest(begun);
        begun = [];
      }
      begun.push(input);
    }
    after = page.next;
    if (after === undefined) break;
  }
  if (begun.length > 0) yield toRequest(begun);
  return undefined;
}

function toRequest(inputs: readonly BatchInput[]): BatchRequest {
  const places = inputs.map(({ place }) => place);
  return {
    id: requestId(inputs[0]?.requestNo ?? 0, places),
    texts: inputs.map(({ embeddedText }) => embeddedText),
  };
}

/**
 * Submits a job, once the provider has room for it by our count. A submission whose answer was lost is looked for by the job's
 * name, and made anew only when it has had time to turn up.
 */
export async function submitJob(work: BatchWork, batchJobId: number, signal: AbortSignal): Promise<StepEnd> {
  const job = await requireJob(work, batchJobId);
  const { writer, clock, settings } = work;
  // Also where this runtime has no embedder for it any more: its provider does not know of the job.
  if (job.asked !== undefined && job.submissionBegunAtMs === undefined) {
    await endJob(work, job, { status: 'cancelled' });
    return 'on';
  }
  const api = await batchApiUnlessLeft(work, job);
  if (api === undefined) return 'on';
  if (job.submissionBegunAtMs !== undefined) {
    const found = await api.findJobs(job.name, { signal, sinceMs: job.createdAtMs });
    const ours = newestOf(job, found);
    if (ours !== undefined) {
      await noteRemote(work, job, ours);
      return 'on';
    }
    if (clock.nowMs() - job.submissionBegunAtMs < settings.submissionSettleMs) return 'wait';
  }
  if (job.asked !== undefined) {
    await endJob(work, job, { status: 'cancelled' });
    return 'on';
  }
  if (job.fileId === undefined) return 'wait';
  const { enqueuedTokensMax, enqueuedRequestsMax, jobsMax } = api.limits;
  const room = { tokensMax: enqueuedTokensMax, requestsMax: enqueuedRequestsMax, jobsMax };
  if (!(await writer.reserveBatchJob(batchJobId, room))) return 'wait';
  const submission = job.submissionCount + 1;
  await writer.assertLease();
  await writer.beginBatchSubmission(batchJobId, submission);
  let remote: RemoteJob;
  try {
    remote = await api.submit({ name: job.name, submission, fileId: job.fileId }, { signal });
  } catch (error) {
    return handleRefusal(work, job, error);
  }
  await noteRemote(work, job, remote);
  return 'wait';
}

/** It was refused before it was read, or not sent at all: there is no submission to wait for. */
function hasMadeNothing(error: SynclineError): boolean {
  if (error.details.isCircuitOpen === true) return true;
  return isSynclineError(error, 'PROVIDER_AUTH', 'PROVIDER_QUOTA', 'PROVIDER_RATE_LIMITED');
}

/** The job of the newest submission, or of an earlier one that turned up after it was made anew. */
function newestOf({ submissionCount }: BatchJobRecord, found: readonly RemoteJob[]): RemoteJob | undefined {
  const newest = found.find(({ submission }) => submission === submissionCount);
  return newest ?? found.find(({ state, isCancelling }) => isOfUse(state) && !isCancelling);
}

function isOfUse(state: RemoteJob['state']): boolean {
  return state === 'waiting' || state === 'running' || state === 'completed';
}

/** What is certain not to have been taken waits, or ends; for all else it is found out later what became of it. */
async function handleRefusal(work: BatchWork, job: BatchJobRecord, error: unknown): Promise<StepEnd> {
  if (isSynclineError(error, 'BATCH_LIMIT_REACHED')) {
    await work.writer.resetBatchSubmission(job.batchJobId, error.message);
    await tellState(work, job.batchJobId);
    return 'wait';
  }
  if (isSynclineError(error, 'BATCH_REFUSED')) {
    await endRefused(work, job, error);
    return 'on';
  }
  if (isSynclineError(error) && hasMadeNothing(error))
    await work.writer.resetBatchSubmission(job.batchJobId, `${error.code}: ${error.message}`);
  throw error;
}
