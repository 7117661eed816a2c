import type { BatchApi } from '../../batch/batch-api.ts';
import type { BatchPolicy, ConfigurationRecord, PendingSpan } from '../../catalog/catalog.ts';
import { SynclineError, throwIfAborted } from '../../domain/errors.ts';
import type { Embedder, EmbedderLimits } from '../../embedders/embedder.ts';
import type { DatasetWork } from '../work.ts';
import { isFruitless } from './batch-work.ts';
import { gatherJob } from './gather-job.ts';

/** What goes the direct way. */
export interface TextRoute {
  /** Everything that is pending, or only what was pulled back from jobs, and what is too long for its model: cut there, or given up. */
  readonly texts: 'all' | 'pulledBack';
  /** Why the other texts can go no way at the moment; to be thrown once these were embedded. */
  readonly refusal?: SynclineError;
}

const ALL: TextRoute = { texts: 'all' };
const PULLED_BACK: TextRoute = { texts: 'pulledBack' };

/** Jobs looked at to tell how many in a row brought nothing. */
const FRUITLESS_SEEN_MAX = 10;
const FRUITLESS_WAIT_FIRST_MS = 60_000;
const FRUITLESS_WAIT_MAX_MS = 3_600_000;

/**
 * Decides where the pending texts of a configuration go, by the dataset's policy, and puts those into jobs that go there.
 *
 * Texts wait for others until there are enough for a job or the oldest has waited for long enough; nobody waits while somebody
 * waits for the dataset (`index()`, `ingest` with mode `sync`): then what is there is sent at once, by the same policy.
 */
export async function routeTexts(
  work: DatasetWork,
  configuration: ConfigurationRecord,
  embedder: Pick<Embedder, 'batch' | 'limits'>,
  signal: AbortSignal,
): Promise<TextRoute> {
  const { batch: api, limits } = embedder;
  // What is to be embedded up to a number is to be embedded now.
  if (api === undefined || work.quota.current !== undefined) return ALL;
  const policy = await work.catalog.batchPolicy(work.dataset.datasetId);
  const isForced = work.batching.gathering > 0;
  if (policy.mode === 'never' && !isForced) return ALL;
  for (;;) {
    throwIfAborted(signal);
    const changed = work.changed.next();
    if (work.hold.active) return PULLED_BACK;
    const { inputsPerJobMax } = api.limits;
    const span = await work.catalog.pendingSpan(configuration.configurationId, inputsPerJobMax);
    const decision = decide(work, { policy, span, isForced, inputsPerJobMax });
    if (decision === 'nothing') return PULLED_BACK;
    if (decision === 'direct') return ALL;
    if (decision === 'later') {
      work.batching.scheduleLook((span.oldestAtMs ?? 0) + policy.maxWaitMs - work.clock.nowMs());
      return PULLED_BACK;
    }
    if (decision === 'more') {
      await untilChanged(changed, signal);
      continue;
    }
    const refusal = await refusalAfterFruitless(work, configuration.profileId);
    if (refusal !== undefined)
      return policy.mode === 'auto' && !isForced ? ALL : { texts: 'pulledBack', refusal };
    if (!(await gather(work, configuration, api, limits))) return PULLED_BACK;
  }
}

interface Standing {
  readonly policy: BatchPolicy;
  readonly span: PendingSpan;
  readonly isForced: boolean;
  readonly inputsPerJobMax: number;
}

type Decision = 'nothing' | 'direct' | 'later' | 'more' | 'job';

/** `more`: texts are on their way; `later`: there are too few, and time is left. */
function decide(work: DatasetWork, { policy, span, isForced, inputsPerJobMax }: Standing): Decision {
  const { count, oldestAtMs } = span;
  const { producers, batching, clock } = work;
  if (count === 0) return 'nothing';
  if (count >= inputsPerJobMax) return 'job';
  const isOverdue = oldestAtMs !== undefined && clock.nowMs() - oldestAtMs >= policy.maxWaitMs;
  const isHurried = batching.waiters > 0 || isForced;
  const isFed = producers.ingesting > 0 || producers.chunking > 0;
  if (isFed && (isHurried || !isOverdue)) return 'more';
  if (count >= policy.minBatchSize || isForced) return 'job';
  if (!isOverdue && !isHurried) return 'later';
  return policy.mode === 'auto' ? 'direct' : 'job';
}

async function untilChanged(changed: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([changed, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Whether texts were put into a job; not when all of them are under way elsewhere. */
async function gather(
  work: DatasetWork,
  configuration: ConfigurationRecord,
  api: BatchApi,
  limits: Pick<EmbedderLimits, 'tokensPerItemMax'>,
): Promise<boolean> {
  let batchJobId: number | undefined;
  try {
    batchJobId = await gatherJob(work, configuration, api, limits);
  } catch (error) {
    // It may be there all the same, with texts in it.
    work.batching.onJob(undefined);
    throw error;
  }
  if (batchJobId === undefined) return false;
  work.batching.onJob(batchJobId);
  work.report({ type: 'batched', batchJobId });
  return true;
}

/** Jobs that end without any result are not made one after the other: the next waits, longer each time, and says why. */
async function refusalAfterFruitless(
  work: DatasetWork,
  profileId: number,
): Promise<SynclineError | undefined> {
  const ended = await work.catalog.listEndedBatchJobs(profileId, FRUITLESS_SEEN_MAX);
  const firstFruitful = ended.findIndex((job) => !isFruitless(job));
  const inARow = firstFruitful === -1 ? ended.length : firstFruitful;
  const [newest] = ended;
  if (inARow === 0 || newest?.finishedAtMs === undefined) return undefined;
  const waitMs = Math.min(FRUITLESS_WAIT_FIRST_MS * 2 ** (inARow - 1), FRUITLESS_WAIT_MAX_MS);
  const leftMs = newest.finishedAtMs + waitMs - work.clock.nowMs();
  if (leftMs <= 0) return undefined;
  const message = `The last ${inARow === 1 ? 'batch job' : `${inARow} batch jobs`} of this model brought nothing (${newest.error ?? newest.status}); the next is made in ${Math.ceil(leftMs / 1_000)} s. Who does not want to wait embeds its texts directly: "syncline backfill", or backfill().`;
  return new SynclineError('BATCH_REFUSED', message, {
    retryable: true,
    details: { retryAfterMs: leftMs, batchJobId: newest.batchJobId },
  });
}
