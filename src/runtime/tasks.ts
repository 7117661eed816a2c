import type { TaskRecord, TaskRefusal, TaskState } from '../catalog/catalog.ts';
import { parseAddress } from '../domain/address.ts';
import { isSynclineError, SynclineError, throwIfAborted } from '../domain/errors.ts';
import { type RuntimeCore, requireDataset } from './core.ts';
import { isCertainlyDead } from './host-identity.ts';
import { type Page, type PageOptions, readPage } from './page.ts';

export type { TaskRecord, TaskRefusal, TaskState };

/** A task of a dataset that has ended. */
export interface EndedRun {
  readonly taskId: number;
  /** `ingest`, `index`, `backfill`, … */
  readonly kind: string;
  readonly state: TaskState;
  /** Unix milliseconds. */
  readonly finishedAtMs: number;
  /** Why it failed, as `CODE: message`. */
  readonly error: string | undefined;
}

export interface ListTasksOptions extends PageOptions {
  /** `project/dataset`. */
  readonly dataset?: string;
  /** `ingest`, `index`, `rebuild`, … */
  readonly kind?: string;
  readonly state?: TaskState;
}

export interface WaitTaskOptions {
  /** Longest wait in milliseconds. Default: until the task has ended. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Long pieces of work that somebody asked for: running ones, and the newest 1,000 of those that ended. */
export interface Tasks {
  /** Newest first. */
  list(options?: ListTasksOptions): Promise<Page<TaskRecord>>;
  /** With the first records that it refused. @throws SynclineError `TASK_NOT_FOUND`. */
  get(taskId: number): Promise<TaskRecord>;
  /**
   * Asks a running task of this runtime to end; it does so at the next place where nothing is left half done.
   *
   * @throws SynclineError `TASK_NOT_FOUND`, `TASK_NOT_RUNNING` when it has ended, or another process runs it.
   */
  cancel(taskId: number): Promise<TaskRecord>;
  /** Returns the task when it has ended, or as it is when the time is over. @throws SynclineError `TASK_NOT_FOUND`, `ABORTED`. */
  wait(taskId: number, options?: WaitTaskOptions): Promise<TaskRecord>;
}

/** How often a task that another process runs is looked at. */
const LOOK_INTERVAL_MS = 250;

export function createTasks(core: RuntimeCore): Tasks {
  const get = (taskId: number): Promise<TaskRecord> => requireTask(core, taskId);
  return {
    list: (options = {}) => listTasks(core, options),
    get,
    async cancel(taskId) {
      if (!core.running.cancel(taskId)) throw notRunning(await get(taskId));
      return get(taskId);
    },
    wait: (taskId, options = {}) => waitForTask(core, taskId, options),
  };
}

async function listTasks(
  core: RuntimeCore,
  { dataset, kind, state, ...page }: ListTasksOptions,
): Promise<Page<TaskRecord>> {
  checkKind(kind);
  const of = dataset === undefined ? undefined : await requireDataset(core, parseAddress(dataset));
  const only = { ...(of && { datasetId: of.datasetId }), ...(kind && { kind }), ...(state && { state }) };
  const { items, next } = await readPage(
    page,
    async (before, limit) => {
      try {
        const after = before === undefined ? {} : { beforeTaskId: before };
        return await (await core.catalog()).listTasks({ ...only, ...after, limit });
      } catch (error) {
        if (isSynclineError(error, 'CATALOG_MISSING')) return [];
        throw error;
      }
    },
    ({ taskId }) => taskId,
  );
  return { items: await asTheyAre(core, items), next };
}

/** @throws SynclineError `INVALID_OPTION`: a database takes no text with U+0000, for one. */
function checkKind(kind: string | undefined): void {
  if (kind === undefined || /^[a-z]{1,64}$/i.test(kind)) return;
  throw new SynclineError('INVALID_OPTION', 'The kind of a task is a word of letters, such as "rebuild".');
}

async function requireTask(core: RuntimeCore, taskId: number): Promise<TaskRecord> {
  const catalog = await core.catalog();
  const [task] = await catalog.listTasks({ beforeTaskId: taskId + 1, limit: 1, withRefused: true });
  if (task?.taskId !== taskId) {
    throw new SynclineError(
      'TASK_NOT_FOUND',
      `There is no task ${taskId}: it never was, or it ended long ago.`,
      { details: { taskId } },
    );
  }
  return (await asTheyAre(core, [task]))[0] ?? task;
}

async function waitForTask(
  core: RuntimeCore,
  taskId: number,
  { timeoutMs = Number.POSITIVE_INFINITY, signal }: WaitTaskOptions,
): Promise<TaskRecord> {
  const endMs = core.clock.monotonicMs() + timeoutMs;
  for (;;) {
    throwIfAborted(signal);
    // Taken before looking: what ends meanwhile is not missed.
    const ended = core.running.ended(taskId);
    const task = await requireTask(core, taskId);
    const leftMs = endMs - core.clock.monotonicMs();
    if (task.state !== 'running' || leftMs <= 0) return task;
    const lookMs = ended === undefined ? LOOK_INTERVAL_MS : leftMs;
    await untilAny(core, Math.min(leftMs, lookMs), ended, signal);
  }
}

async function untilAny(
  core: RuntimeCore,
  delayMs: number,
  ended: Promise<void> | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const over = Promise.withResolvers<void>();
  const end = (): void => over.resolve();
  const callOff = Number.isFinite(delayMs) ? core.clock.setTimer(delayMs, end) : undefined;
  signal?.addEventListener('abort', end, { once: true });
  void ended?.then(end);
  await over.promise;
  callOff?.();
  signal?.removeEventListener('abort', end);
}

/** Tasks that still read as running although nobody works: their worker died over them. The next one records that. */
export async function asTheyAre(
  core: RuntimeCore,
  tasks: readonly TaskRecord[],
): Promise<readonly TaskRecord[]> {
  if (!tasks.some(({ state }) => state === 'running')) return tasks;
  const worker = await (await core.catalog()).readLease();
  if (worker !== undefined && !isCertainlyDead(worker, core.identity)) return tasks;
  return tasks.map((task) =>
    task.state === 'running'
      ? {
          ...task,
          state: 'failed',
          error: 'Cut short: the process that ran it ended. Work that was done is kept.',
        }
      : task,
  );
}

function notRunning({ taskId, state }: TaskRecord): SynclineError {
  const why = state === 'running' ? 'another process runs it' : `it has ${state}`;
  return new SynclineError('TASK_NOT_RUNNING', `The task ${taskId} cannot be cancelled here: ${why}.`, {
    details: { taskId, state },
  });
}
