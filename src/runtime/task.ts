import type { CatalogWriter } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import { isSynclineError, toSynclineError } from '../domain/errors.ts';

/** Counts of a task, by name; written to the catalog now and then, and when the task ends. */
export type TaskProgress = Record<string, number>;

/** How often a running task's counts are written, in milliseconds. */
const PROGRESS_INTERVAL_MS = 1_000;

/**
 * Runs a piece of work as a task that the catalog lists: what it is, how far it is, and how it ended, also when the
 * process dies over it.
 */
export async function runTask<Result>(
  { clock }: { readonly clock: Clock },
  writer: CatalogWriter,
  task: { readonly kind: string; readonly datasetId: number },
  run: (progress: TaskProgress, save: () => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const taskId = await writer.startTask(task);
  const progress: TaskProgress = {};
  let savedAtMs = clock.monotonicMs();
  const save = async (): Promise<void> => {
    if (clock.monotonicMs() - savedAtMs < PROGRESS_INTERVAL_MS) return;
    savedAtMs = clock.monotonicMs();
    await writer.updateTask(taskId, progress);
  };
  try {
    const result = await run(progress, save);
    await writer.finishTask(taskId, { state: 'succeeded', progress });
    return result;
  } catch (error) {
    const { code, message } = toSynclineError(error);
    // Whoever took the lease has closed the task already.
    if (code !== 'LEASE_LOST') await finishFailed(writer, taskId, progress, code, message);
    throw error;
  }
}

async function finishFailed(
  writer: CatalogWriter,
  taskId: number,
  progress: TaskProgress,
  code: string,
  message: string,
): Promise<void> {
  const state = code === 'ABORTED' ? 'cancelled' : 'failed';
  try {
    await writer.finishTask(taskId, { state, progress, error: `${code}: ${message}` });
  } catch (error) {
    // The error of the task itself is the one to tell; this one only says that the catalog cannot be written either.
    if (!isSynclineError(error)) throw error;
  }
}
