import type { Context } from 'hono';
import type { TaskRecord } from '../runtime/tasks.ts';
import type { HttpEnv, HttpParts } from './environment.ts';
import { taskOf } from './schemas/tasks.ts';

/**
 * Begins a call of the library that is listed as a task, and returns the task once it has ended or `waitS` seconds are over. It
 * goes on whoever listens.
 *
 * @throws what the call throws by then; later, only the task tells.
 */
export async function beginTask(
  { runtime }: HttpParts,
  waitS: number,
  begin: (onTask: (taskId: number) => void) => Promise<unknown>,
): Promise<TaskRecord> {
  const listed = Promise.withResolvers<number>();
  const work = begin(listed.resolve);
  // An error before the task is listed is the caller's; the second handler keeps later ones from ending the process.
  work.catch(listed.reject);
  const taskId = await listed.promise;
  if (waitS > 0) await Promise.race([work, pause(waitS)]);
  return runtime.tasks.get(taskId);
}

/** A task as an answer: 200 when it has ended, else 202 with the address to watch it at. */
export function answerTask(context: Context<HttpEnv>, record: TaskRecord) {
  const location = taskLocation(context, record.taskId);
  const task = taskOf(record);
  return record.state === 'running'
    ? context.json(task, 202, { Location: location })
    : context.json(task, 200, { 'Content-Location': location });
}

export function taskLocation(context: Context<HttpEnv>, taskId: number): string {
  return `${context.get('prefix')}/v1/tasks/${taskId}`;
}

async function pause(seconds: number): Promise<void> {
  const over = Promise.withResolvers<void>();
  // A host that wants to end need not wait for it.
  setTimeout(over.resolve, seconds * 1_000).unref();
  await over.promise;
}
