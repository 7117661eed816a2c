import type { BatchApi, RemoteJob } from '../../batch/batch-api.ts';
import type { BatchJobRecord, Catalog, CatalogWriter, EndedBatchStatus } from '../../catalog/catalog.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Price } from '../../domain/cost.ts';
import type { EmbeddingProfile } from '../../domain/embedding-profile.ts';
import { isSynclineError, SynclineError } from '../../domain/errors.ts';
import type { Embedder } from '../../embedders/embedder.ts';

/** The bounds that the steps of a batch job keep to. */
export interface BatchSettings {
  /** Attempts charged to a text that its provider refuses, before it is given up. */
  readonly textAttemptsMax: number;
  /** How long a submission whose answer was lost may still turn up at the provider, before it is made anew. */
  readonly submissionSettleMs: number;
  /** How long after the end of its window a job may still end by itself, and again after it was cancelled for that. */
  readonly overdueGraceMs: number;
}

export const DEFAULT_BATCH_SETTINGS: BatchSettings = {
  textAttemptsMax: 3,
  submissionSettleMs: 600_000,
  overdueGraceMs: 3_600_000,
};

/** What the steps report; each becomes an event of the runtime. */
export type BatchReport =
  /** The job stands elsewhere, or further, than before. */
  | { readonly type: 'state'; readonly job: BatchJobRecord }
  | {
      readonly type: 'harvested';
      readonly job: BatchJobRecord;
      readonly texts: number;
      readonly tokensCharged: number;
    }
  | {
      readonly type: 'textFailed';
      readonly job: BatchJobRecord;
      readonly error: SynclineError;
      /** At once, as the refusal is final; `false` also where it was the last attempt. */
      readonly gaveUp: boolean;
    };

/** What the steps of batch jobs work on. */
export interface BatchWork {
  readonly catalog: Catalog;
  readonly writer: CatalogWriter;
  readonly clock: Clock;
  readonly settings: BatchSettings;
  readonly embedderFor: (profile: EmbeddingProfile) => Embedder;
  readonly priceOf: (model: Pick<EmbeddingProfile, 'provider' | 'model'>) => Price | undefined;
  readonly report: (report: BatchReport) => void;
  /** Wakes the datasets that have something to do under a profile by now; with `isRetry`, also those that back off. */
  readonly wake: (profileId: number, options?: { readonly isRetry: boolean }) => Promise<void>;
}

/** After a step: go on at once, or look again some time from now. */
export type StepEnd = 'on' | 'wait';

/** @throws SynclineError `BATCH_NOT_FOUND`. */
export async function requireJob(
  { catalog }: Pick<BatchWork, 'catalog'>,
  batchJobId: number,
): Promise<BatchJobRecord> {
  const job = await catalog.findBatchJob(batchJobId);
  if (job !== undefined) return job;
  throw new SynclineError('BATCH_NOT_FOUND', `There is no batch job ${batchJobId}, or it ended long ago.`, {
    details: { batchJobId },
  });
}

/** @throws SynclineError `PROFILE_MISMATCH`, `BATCH_UNSUPPORTED` when this runtime cannot speak to the job's provider. */
export function batchApiOf(
  { embedderFor }: Pick<BatchWork, 'embedderFor'>,
  profile: EmbeddingProfile,
): BatchApi {
  const { batch, provider } = embedderFor(profile);
  if (batch !== undefined) return batch;
  throw new SynclineError(
    'BATCH_UNSUPPORTED',
    `The embedder of ${provider} has no batch API here; give it the one with which the job was made, or use the direct way.`,
    { details: { provider } },
  );
}

/** The same; `undefined` where {@link batchApiOf} would throw. */
export function knownBatchApi(
  work: Pick<BatchWork, 'embedderFor'>,
  profile: EmbeddingProfile,
): BatchApi | undefined {
  try {
    return batchApiOf(work, profile);
  } catch (error) {
    if (isSynclineError(error, 'PROFILE_MISMATCH', 'BATCH_UNSUPPORTED')) return undefined;
    throw error;
  }
}

/**
 * What a step asks about a job; `undefined` when the job was ended instead: somebody wants it ended, and nobody here can tell
 * its provider. Its texts are free at once, and the step that tidies up ends it there when somebody can.
 */
export async function batchApiUnlessLeft(
  work: BatchWork,
  job: BatchJobRecord,
): Promise<BatchApi | undefined> {
  const api = job.asked === undefined ? batchApiOf(work, job.profile) : knownBatchApi(work, job.profile);
  if (api !== undefined) return api;
  const { provider } = job.profile;
  const what = job.externalId ?? `whatever was submitted as ${job.name}`;
  const code = 'BATCH_LEFT_BEHIND' as const;
  const error = `${code}: The job was ended here alone, since no embedder of it is configured. ${what} is left at ${provider}, which may finish and charge it; it is cancelled, and its files are removed, when the embedder is configured again.`;
  await endJob(work, job, { status: 'cancelled', error });
  return undefined;
}

/** A job as it was last seen at the provider. */
export function remoteOf({ remoteJson }: BatchJobRecord): RemoteJob | undefined {
  return remoteJson === undefined ? undefined : JSON.parse(remoteJson);
}

export function isOver({ state }: Pick<RemoteJob, 'state'>): boolean {
  return state === 'completed' || state === 'expired' || state === 'cancelled' || state === 'failed';
}

/** Writes down what the provider says of a job, and tells it where that is news. */
export async function noteRemote(work: BatchWork, job: BatchJobRecord, remote: RemoteJob): Promise<void> {
  await work.writer.noteBatchRemote(job.batchJobId, {
    externalId: remote.externalId,
    remoteJson: JSON.stringify(remote),
    status: remote.state === 'waiting' ? 'submitted' : 'processing',
    fileIds: remote.fileIds,
  });
  const before = remoteOf(job);
  const isNews =
    before?.remoteState !== remote.remoteState ||
    JSON.stringify(before?.counts) !== JSON.stringify(remote.counts);
  if (isNews) await tellState(work, job.batchJobId);
}

/** Ends a job, tells it, and lets those go on whose texts it had. */
export async function endJob(
  work: BatchWork,
  job: BatchJobRecord,
  end: { readonly status: EndedBatchStatus; readonly error?: string; readonly way?: 'again' | 'direct' },
): Promise<void> {
  await work.writer.finishBatchJob(job.batchJobId, { ...end, way: await wayOf(work, job, end) });
  await tellState(work, job.batchJobId);
  await work.wake(job.profileId, { isRetry: true });
}

/** Where the texts go that a job still has: not into a third one after two in a row that brought nothing. */
async function wayOf(
  { catalog }: BatchWork,
  job: BatchJobRecord,
  { status, way = 'again' }: { readonly status: EndedBatchStatus; readonly way?: 'again' | 'direct' },
): Promise<'again' | 'direct'> {
  if (job.asked === 'pullBack') return 'direct';
  if (way === 'direct' || !isFruitless({ ...job, status })) return way;
  const [before] = await catalog.listEndedBatchJobs(job.profileId, 1);
  return before !== undefined && isFruitless(before) ? 'direct' : 'again';
}

/** It ended by itself with nothing to show. */
export function isFruitless({
  asked,
  status,
  stats,
  textCount,
}: Pick<BatchJobRecord, 'asked' | 'status' | 'stats' | 'textCount'>): boolean {
  return asked === undefined && status !== 'cancelled' && textCount > 0 && stats.stored + stats.refused === 0;
}

/** Ends a job that its provider does not take as it is: what it holds goes the direct way, which finds out whose fault it is. */
export function endRefused(
  work: BatchWork,
  job: BatchJobRecord,
  { code, message }: SynclineError,
): Promise<void> {
  return endJob(work, job, { status: 'failed', error: `${code}: ${message}`, way: 'direct' });
}

export async function tellState(work: BatchWork, batchJobId: number): Promise<void> {
  const job = await work.catalog.findBatchJob(batchJobId);
  if (job !== undefined) work.report({ type: 'state', job });
}
