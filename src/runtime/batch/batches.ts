import type { BatchAsk, BatchJobRecord, BatchJobStatus, DatasetRecord } from '../../catalog/catalog.ts';
import { formatAddress, parseAddress } from '../../domain/address.ts';
import { isSynclineError, SynclineError, throwIfAborted, toSynclineError } from '../../domain/errors.ts';
import { tellState } from '../../pipeline/batch/batch-work.ts';
import { hasEnded } from '../../pipeline/batch/next-step.ts';
import { type RuntimeCore, requireDataset, withActor, withSession } from '../core.ts';
import { type Page, type PageOptions, readPage } from '../page.ts';
import { runTask, type TaskHandle, type TaskOptions } from '../task.ts';
import { waitUntilNothingWaits } from '../wait-until-indexed.ts';
import { requireBatchApi } from './batch-policy.ts';
import { type BatchJob, viewBatchJob } from './batch-view.ts';

export interface ListBatchesOptions extends PageOptions {
  readonly status?: BatchJobStatus;
}

export interface FlushOptions extends TaskOptions {
  /**
   * Datasets (`project/dataset`) whose pending texts go to jobs, whatever their policy. Default: all whose policy is not
   * `never`.
   */
  readonly datasets?: readonly string[];
}

export interface SyncOptions extends TaskOptions {
  /** Whether to make searchable what came back. Default `true`; a started runtime does so in any case. */
  readonly index?: boolean;
}

/**
 * What could not be done for a job or a dataset; the others are not affected. It is tried again, but for a job that failed: its
 * texts go on.
 */
export interface BatchFailure {
  readonly batchJobId: number | undefined;
  readonly address: string | undefined;
  readonly code: string;
  readonly message: string;
}

export interface BatchRunResult {
  /** The jobs that were looked at, as they stand now. */
  readonly jobs: readonly BatchJob[];
  readonly failures: readonly BatchFailure[];
}

/** Batch jobs: handed to providers at half the price, answered within a day. */
export interface Batches {
  /** Newest first. */
  list(options?: ListBatchesOptions): Promise<Page<BatchJob>>;
  /** @throws SynclineError `BATCH_NOT_FOUND`. */
  get(batchJobId: number): Promise<BatchJob>;
  /**
   * Puts pending texts into jobs and submits those, without waiting for more texts or for results. A started runtime does so by
   * itself, by the policies of its datasets. Listed as a task of the kind `batchFlush`.
   *
   * @throws SynclineError `LEASE_HELD`, `BATCH_UNSUPPORTED` for a named dataset whose embedder has no batch API, `ABORTED`.
   */
  flush(options?: FlushOptions): Promise<BatchRunResult>;
  /**
   * Looks at every job once: stores what came back, submits what has room now, and makes it searchable. Listed as a task of the kind
   * `batchSync`.
   *
   * @throws as {@link flush}.
   */
  sync(options?: SyncOptions): Promise<BatchRunResult>;
  /**
   * Asks for the end of a job. What was done by then is stored; the other texts wait for another job, or for the direct way, as
   * their dataset's policy has it.
   *
   * @throws SynclineError `BATCH_NOT_FOUND`, `BATCH_NOT_ALLOWED` when it is over, `LEASE_HELD`.
   */
  cancel(batchJobId: number): Promise<BatchJob>;
  /**
   * The same, with the other texts embedded directly afterwards, whatever the policy. Nothing is paid twice: they go the direct way
   * only once the provider says that the job is over, which may take minutes.
   */
  pullBack(batchJobId: number): Promise<BatchJob>;
}

const JOBS_PER_PAGE = 200;

export function createBatches(core: RuntimeCore): Batches {
  return {
    list: (options = {}) => listBatches(core, options),
    get: async (batchJobId) => view(core, await requireBatch(core, batchJobId)),
    flush: (options = {}) => flush(core, options),
    sync: (options = {}) => sync(core, options),
    cancel: (batchJobId) => ask(core, batchJobId, 'cancel'),
    pullBack: (batchJobId) => ask(core, batchJobId, 'pullBack'),
  };
}

function view({ clock, prices }: RuntimeCore, job: BatchJobRecord): BatchJob {
  return viewBatchJob(job, { nowMs: clock.nowMs(), price: prices.priceOf(job.profile) });
}

async function listBatches(
  core: RuntimeCore,
  { status, ...page }: ListBatchesOptions,
): Promise<Page<BatchJob>> {
  const { items, next } = await readPage(
    page,
    async (before, limit) => {
      try {
        const after = before === undefined ? {} : { beforeBatchJobId: before };
        return await (await core.catalog()).listBatchJobs({ ...after, ...(status && { status }), limit });
      } catch (error) {
        if (isSynclineError(error, 'CATALOG_MISSING')) return [];
        throw error;
      }
    },
    ({ batchJobId }) => batchJobId,
  );
  return { items: items.map((job) => view(core, job)), next };
}

async function requireBatch(core: RuntimeCore, batchJobId: number): Promise<BatchJobRecord> {
  const job = await (await core.catalog()).findBatchJob(batchJobId);
  if (job !== undefined) return job;
  throw new SynclineError('BATCH_NOT_FOUND', `There is no batch job ${batchJobId}, or it ended long ago.`, {
    details: { batchJobId },
  });
}

function flush(
  core: RuntimeCore,
  { datasets, signal: given, onTask }: FlushOptions,
): Promise<BatchRunResult> {
  return withSession(core, given, async ({ writer }, signal) => {
    const chosen = datasets === undefined ? await batchDatasets(core) : await namedDatasets(core, datasets);
    const datasetId = datasets?.length === 1 ? chosen[0]?.datasetId : undefined;
    return runTask(core, writer, { kind: 'batchFlush', datasetId, signal, onTask }, async (task) => {
      const run = { task, failures: [] };
      const newestBefore = (await newestJobs(core, 1))[0]?.batchJobId ?? 0;
      Object.assign(task.progress, { datasetCount: chosen.length });
      for (const dataset of chosen) {
        throwIfAborted(task.signal);
        await attempt(run, { address: formatAddress(dataset.address) }, () =>
          gather(core, dataset, task.signal),
        );
        await task.save();
      }
      const waiting = (await unfinishedJobs(core)).filter(({ status }) => status === 'created');
      await visitAll(core, waiting, run);
      // Each has an actor from its beginning: it may be submitted by now, or refused.
      const made = (await newestJobs(core, JOBS_PER_PAGE)).filter(
        ({ batchJobId }) => batchJobId > newestBefore,
      );
      const ids = [...waiting, ...made].map(({ batchJobId }) => batchJobId).sort((one, other) => one - other);
      return tellOutcome(core, new Set(ids), new Set(), run);
    });
  });
}

/** A flush or sync under way. */
interface BatchRun {
  readonly task: TaskHandle;
  readonly failures: BatchFailure[];
}

function note({ task, failures }: BatchRun, failure: BatchFailure): void {
  failures.push(failure);
  task.progress.failureCount = failures.length;
}

/** Has everything that waits in a dataset put into jobs, and what is left embedded. */
function gather(core: RuntimeCore, dataset: DatasetRecord, signal: AbortSignal): Promise<void> {
  return withActor(core, dataset, signal, async (work, attended) => {
    work.batching.gathering += 1;
    try {
      attended.wake();
      const parts = { catalog: await core.catalog(), actors: core.actors, ...attended };
      await waitUntilNothingWaits(work, formatAddress(dataset.address), parts);
    } finally {
      work.batching.gathering -= 1;
    }
  });
}

async function batchDatasets(core: RuntimeCore): Promise<DatasetRecord[]> {
  const catalog = await core.catalog();
  const found: DatasetRecord[] = [];
  for (let afterDatasetId = 0; ; ) {
    const ids = await catalog.listBatchDatasets({ afterDatasetId, limit: JOBS_PER_PAGE });
    for (const datasetId of ids) found.push(...(await datasetOf(core, datasetId)));
    afterDatasetId = ids.at(-1) ?? 0;
    if (ids.length < JOBS_PER_PAGE) return found;
  }
}

async function namedDatasets(core: RuntimeCore, addresses: readonly string[]): Promise<DatasetRecord[]> {
  const found: DatasetRecord[] = [];
  for (const address of addresses) {
    const dataset = await requireDataset(core, parseAddress(address));
    requireBatchApi(core.embedderFor((dataset.target ?? dataset).profile), address);
    found.push(dataset);
  }
  return found;
}

/** The dataset in a list, or none when it is gone. */
export async function datasetOf(core: RuntimeCore, datasetId: number): Promise<DatasetRecord[]> {
  const page = { afterDatasetId: datasetId - 1, limit: 1 };
  const [dataset] = await (await core.catalog()).listDatasets(page);
  return dataset?.datasetId === datasetId && dataset.state === 'active' ? [dataset] : [];
}

function sync(
  core: RuntimeCore,
  { index = true, signal: given, onTask }: SyncOptions,
): Promise<BatchRunResult> {
  return withSession(core, given, ({ writer }, signal) =>
    runTask(core, writer, { kind: 'batchSync', signal, onTask }, async (task) => {
      const run = { task, failures: [] };
      const jobs = await unfinishedJobs(core);
      await visitAll(core, jobs, run);
      const endedBefore = new Set(jobs.filter(hasEnded).map(({ batchJobId }) => batchJobId));
      const ids = new Set(jobs.map(({ batchJobId }) => batchJobId));
      const result = await tellOutcome(core, ids, endedBefore, run);
      if (index && core.supervision === undefined) await writeHarvest(core, run);
      return result;
    }),
  );
}

/** What was harvested, also by a run that was cut short before, becomes searchable. */
async function writeHarvest(core: RuntimeCore, run: BatchRun): Promise<void> {
  const { signal } = run.task;
  const catalog = await core.catalog();
  const ended = await newestJobs(core, JOBS_PER_PAGE);
  const profiles = new Set(ended.map(({ profileId }) => profileId));
  const datasets = new Set<number>();
  for (const profileId of profiles) {
    for (const datasetId of await catalog.listDatasetsToWake(profileId)) datasets.add(datasetId);
  }
  for (const datasetId of datasets) {
    const [dataset] = await datasetOf(core, datasetId);
    if (dataset === undefined) continue;
    const address = formatAddress(dataset.address);
    await attempt(run, { address }, () =>
      withActor(core, dataset, signal, async (work, attended) => {
        const parts = { catalog, actors: core.actors, ...attended };
        await waitUntilNothingWaits(work, address, parts);
      }),
    );
  }
}

async function unfinishedJobs(core: RuntimeCore): Promise<BatchJobRecord[]> {
  const catalog = await core.catalog();
  const jobs: BatchJobRecord[] = [];
  for (let afterBatchJobId = 0; ; ) {
    const page = await catalog.listUntidiedBatchJobs({ afterBatchJobId, limit: JOBS_PER_PAGE });
    jobs.push(...page);
    afterBatchJobId = page.at(-1)?.batchJobId ?? 0;
    if (page.length < JOBS_PER_PAGE) return jobs;
  }
}

/** One after the other: those that end make room at the provider for those behind them. */
async function visitAll(core: RuntimeCore, jobs: readonly BatchJobRecord[], run: BatchRun): Promise<void> {
  const { task } = run;
  task.progress.jobCount = jobs.length;
  for (const [index, { batchJobId, address }] of jobs.entries()) {
    throwIfAborted(task.signal);
    const failure = await core.batches.visit(batchJobId, task.signal);
    if (failure !== undefined)
      note(run, { batchJobId, address, code: failure.code, message: failure.message });
    task.progress.visitedCount = index + 1;
    await task.save();
  }
}

/** How jobs stand now; one that has failed by now is a failure of the run. */
async function tellOutcome(
  core: RuntimeCore,
  batchJobIds: ReadonlySet<number>,
  endedBefore: ReadonlySet<number>,
  run: BatchRun,
): Promise<BatchRunResult> {
  const catalog = await core.catalog();
  const jobs: BatchJob[] = [];
  for (const batchJobId of batchJobIds) {
    const job = await catalog.findBatchJob(batchJobId);
    if (job === undefined) continue;
    jobs.push(view(core, job));
    if (job.status === 'failed' && !endedBefore.has(batchJobId)) note(run, failureOf(job));
  }
  run.task.progress.jobCount = jobs.length;
  return { jobs, failures: run.failures };
}

async function newestJobs(core: RuntimeCore, limit: number): Promise<readonly BatchJobRecord[]> {
  return (await core.catalog()).listBatchJobs({ limit });
}

/** Jobs keep `CODE: message`. */
function failureOf({ batchJobId, address, error = '' }: BatchJobRecord): BatchFailure {
  const [, code = 'BATCH_REFUSED', message = error] = /^([A-Z_]+): (.*)$/s.exec(error) ?? [];
  return { batchJobId, address, code, message };
}

async function attempt(
  run: BatchRun,
  { address }: { readonly address: string },
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    throwIfAborted(run.task.signal);
    if (isSynclineError(error, 'LEASE_LOST', 'RUNTIME_STOPPED')) throw error;
    const { code, message } = toSynclineError(error);
    note(run, { batchJobId: undefined, address, code, message });
  }
}

function ask(core: RuntimeCore, batchJobId: number, asked: BatchAsk): Promise<BatchJob> {
  return withSession(core, undefined, async ({ writer }, signal) => {
    const job = await requireBatch(core, batchJobId);
    if (hasEnded(job)) {
      const message = `The batch job ${batchJobId} is ${job.status}; what it did not answer is under way again.`;
      throw new SynclineError('BATCH_NOT_ALLOWED', message, { details: { batchJobId, status: job.status } });
    }
    await writer.askBatchJob(batchJobId, asked);
    await tellState(core.batchWork(await core.catalog()), batchJobId);
    // What keeps the provider from hearing of it is tried again; the wish is written down.
    await core.batches.visit(batchJobId, signal);
    return view(core, await requireBatch(core, batchJobId));
  });
}
