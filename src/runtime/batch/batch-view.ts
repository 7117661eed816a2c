import type { BatchAsk, BatchJobRecord, BatchJobStatus } from '../../catalog/catalog.ts';
import { type Price, priceIn, usdOf } from '../../domain/cost.ts';
import { profileKey } from '../../domain/embedding-profile.ts';
import { isOver, remoteOf } from '../../pipeline/batch/batch-work.ts';
import { type BatchStep, stepOf } from '../../pipeline/batch/next-step.ts';

const DAY_MS = 86_400_000;

/** A batch job as it is shown. Counts are of texts unless the name says otherwise. */
export interface BatchJob {
  readonly batchJobId: number;
  readonly type: string;
  readonly status: BatchJobStatus;
  /** What is done, or waited for, next. */
  readonly nextStep: BatchStep;
  /** `project/dataset` whose texts were gathered; `undefined` when it is gone. */
  readonly address: string | undefined;
  /** `provider/model@dimensions tN`. */
  readonly profile: string;
  /** What it is called at the provider. */
  readonly name: string;
  readonly externalId: string | undefined;
  /** What somebody wants of it. */
  readonly asked: BatchAsk | undefined;
  readonly textCount: number;
  readonly requestCount: number;
  readonly tokenCount: number;
  /** By the provider's count of requests, as last seen. */
  readonly progress:
    | { readonly state: string; readonly total: number; readonly completed: number; readonly failed: number }
    | undefined;
  readonly storedCount: number;
  readonly refusedCount: number;
  readonly releasedCount: number;
  /** Lines that named no request of the job, or nothing. */
  readonly strangeLineCount: number;
  readonly tokensCharged: number;
  /** `undefined` where the price is not known. */
  readonly costUsd: number | undefined;
  /** Against the direct way. */
  readonly savedUsd: number | undefined;
  readonly createdAtMs: number;
  readonly submittedAtMs: number | undefined;
  readonly processingAtMs: number | undefined;
  readonly finishedAtMs: number | undefined;
  readonly lookedAtMs: number | undefined;
  /** Since it was made, or as long as it took. */
  readonly ageMs: number;
  /** When the provider is to be done at the latest; `undefined` when it has not got it yet, or is over. */
  readonly expectedAtMs: number | undefined;
  readonly error: string | undefined;
}

export function viewBatchJob(
  job: BatchJobRecord,
  { nowMs, price }: { readonly nowMs: number; readonly price: Price | undefined },
): BatchJob {
  const remote = remoteOf(job);
  const { stats } = job;
  const costs = costsOf(stats.tokensCharged, price);
  const isLive = job.finishedAtMs === undefined;
  return {
    batchJobId: job.batchJobId,
    type: job.type,
    status: job.status,
    nextStep: stepOf(job),
    address: job.address,
    profile: profileKey(job.profile),
    name: job.name,
    externalId: job.externalId,
    asked: job.asked,
    textCount: job.textCount,
    requestCount: job.requestCount,
    tokenCount: job.tokenCount,
    progress: remote && {
      state: remote.remoteState,
      total: remote.counts?.total ?? job.requestCount,
      completed: remote.counts?.completed ?? 0,
      failed: remote.counts?.failed ?? 0,
    },
    storedCount: stats.stored,
    refusedCount: stats.refused,
    releasedCount: stats.released,
    strangeLineCount: stats.strangeLines,
    tokensCharged: stats.tokensCharged,
    ...costs,
    createdAtMs: job.createdAtMs,
    submittedAtMs: job.submittedAtMs,
    processingAtMs: job.processingAtMs,
    finishedAtMs: job.finishedAtMs,
    lookedAtMs: job.lookedAtMs,
    ageMs: Math.max(0, (job.finishedAtMs ?? nowMs) - job.createdAtMs),
    expectedAtMs:
      isLive && remote !== undefined && !isOver(remote) && job.submittedAtMs !== undefined
        ? (remote.expiresAtMs ?? job.submittedAtMs + DAY_MS)
        : undefined,
    error: job.error,
  };
}

function costsOf(tokens: number, price: Price | undefined): Pick<BatchJob, 'costUsd' | 'savedUsd'> {
  const batchPrice = priceIn('batch', price);
  const directPrice = priceIn('direct', price);
  if (batchPrice === undefined || directPrice === undefined)
    return { costUsd: undefined, savedUsd: undefined };
  return { costUsd: usdOf(tokens, batchPrice), savedUsd: usdOf(tokens, directPrice - batchPrice) };
}
