import type { CatalogWriter, TaskRefusal } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import { isSynclineError, SynclineError, toSynclineError } from '../domain/errors.ts';

/** Counts of a task, by name; written to the catalog now and then, and when the task ends. */
export type TaskProgress = Record<string, number>;

/** Options of every call that the catalog lists as a task. */
export interface TaskOptions {
  readonly signal?: AbortSignal;
  /** Called with the id of the task as soon as the catalog lists it; the call goes on. See `Runtime.tasks`. */
  readonly onTask?: (taskId: number) => void;
}

/** The tasks that this runtime runs now. */
export interface RunningTasks {
  /** Aborted when the task is cancelled. */
  begin(taskId: number): { readonly signal: AbortSignal; readonly end: () => void };
  /** Asks a task to end; `false` when this runtime does not run it. */
  cancel(taskId: number): boolean;
  /** When a task ends that this runtime runs; `undefined` for any other. */
  ended(taskId: number): Promise<void> | undefined;
}

/** How often a running task's counts are written, in milliseconds. */
const PROGRESS_INTERVAL_MS = 1_000;

export function createRunningTasks(): RunningTasks {
  const running = new Map<number, { readonly abort: AbortController; readonly ended: Promise<void> }>();
  return {
    begin(taskId) {
      const abort = new AbortController();
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      running.set(taskId, { abort, ended });
      const end = (): void => {
        running.delete(taskId);
        resolve();
      };
      return { signal: abort.signal, end };
    },
    cancel(taskId) {
      const task = running.get(taskId);
      task?.abort.abort(
        new SynclineError('ABORTED', 'The task was cancelled; what it had done by then is kept.'),
      );
      return task !== undefined;
    },
    ended: (taskId) => running.get(taskId)?.ended,
  };
}

/** What runs a task. */
export interface TaskParts {
  readonly clock: Clock;
  readonly running: RunningTasks;
}

/** A piece of work as it is listed, and what ends it early. */
export interface TaskSpec {
  readonly kind: string;
  /** Absent for work on several. */
  readonly datasetId?: number | undefined;
  /** Ends it early, as cancelling does. */
  readonly signal: AbortSignal;
  readonly onTask?: ((taskId: number) => void) | undefined;
}

/** What a running task is given. */
export interface TaskHandle {
  /** Aborted with the call's own signal, and when the task is cancelled. */
  readonly signal: AbortSignal;
  /** Counts that are listed with the task. */
  readonly progress: TaskProgress;
  /** The first records that it did not take in; kept when it ends. */
  readonly refused: TaskRefusal[];
  /** Writes the counts, unless that was done a moment ago. */
  readonly save: () => Promise<void>;
}

/**
 * Runs a piece of work as a task that the catalog lists: what it is, how far it is, and how it ended, also when the
 * process dies over it.
 */
export async function runTask<Result>(
  { clock, running }: TaskParts,
  writer: CatalogWriter,
  { kind, datasetId, signal, onTask }: TaskSpec,
  run: (task: TaskHandle) => Promise<Result>,
): Promise<Result> {
  const taskId = await writer.startTask({ kind, ...(datasetId !== undefined && { datasetId }) });
  const task = running.begin(taskId);
  const progress: TaskProgress = {};
  const refused: TaskRefusal[] = [];
  let savedAtMs = clock.monotonicMs();
  const save = async (): Promise<void> => {
    if (clock.monotonicMs() - savedAtMs < PROGRESS_INTERVAL_MS) return;
    savedAtMs = clock.monotonicMs();
    await writer.updateTask(taskId, progress);
  };
  try {
    onTask?.(taskId);
    const result = await run({ signal: AbortSignal.any([signal, task.signal]), progress, refused, save });
    await writer.finishTask(taskId, { state: 'succeeded', progress, refused });
    return result;
  } catch (error) {
    // Whoever took the lease has closed the task already.
    if (!isSynclineError(error, 'LEASE_LOST'))
      await finishFailed(writer, taskId, { progress, refused }, error);
    throw error;
  } finally {
    task.end();
  }
}

async function finishFailed(
  writer: CatalogWriter,
  taskId: number,
  done: Pick<TaskHandle, 'progress' | 'refused'>,
  cause: unknown,
): Promise<void> {
  const { code, message } = toSynclineError(cause);
  const state = code === 'ABORTED' ? 'cancelled' : 'failed';
  try {
    await writer.finishTask(taskId, { state, ...done, error: `${code}: ${message}` });
  } catch (error) {
    // The error of the task itself is the one to tell; this one only says that the catalog cannot be written either.
    if (!isSynclineError(error)) throw error;
  }
}
