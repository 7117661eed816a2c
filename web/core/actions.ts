import { signal } from '@preact/signals';
import { ask, client } from './api.ts';
import { onLive } from './live.ts';
import { toastDone, toastFailed } from './toasts.ts';
import type { Task } from './types.ts';

/** A question that is asked before something costs money or is gone. */
export interface Question {
  readonly title: string;
  readonly text: string;
  /** On the button that does it. */
  readonly action: string;
  readonly isDanger?: boolean;
}

/** The question that is on the screen, with what is to happen on an answer. */
export const openQuestion = signal<(Question & { readonly answer: (yes: boolean) => void }) | undefined>(
  undefined,
);

/** Asks, and waits for the answer. */
export function confirm(question: Question): Promise<boolean> {
  openQuestion.value?.answer(false);
  return new Promise((resolve) => {
    openQuestion.value = {
      ...question,
      answer(yes) {
        openQuestion.value = undefined;
        resolve(yes);
      },
    };
  });
}

/**
 * Does something that the reader asked for, and says what came of it.
 *
 * @param what - What fails, where it does: `Pausing docs/website`.
 * @returns Whether it went well.
 */
export async function attempt(what: string, run: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await run();
    if (done !== undefined) toastDone(done);
    return true;
  } catch (error) {
    toastFailed(what, error);
    return false;
  }
}

/** Tasks that were begun here, with what they are called. */
const begun = new Map<number, string>();

/** How many tasks are being begun, and those that ended meanwhile: a short one ends before the answer with its number is here. */
let beginning = 0;
const endedEarly = new Set<number>();

/** Begins long work; its end is told when it comes: by `tell` when it has come with the answer. */
export async function beginTask<Begun extends Task>(
  what: string,
  begin: () => Promise<Begun>,
  tell: (what: string, task: Begun) => void = tellEnd,
): Promise<Begun | undefined> {
  beginning += 1;
  try {
    const task = await begin();
    if (task.state !== 'running') tell(what, task);
    else if (endedEarly.has(task.id)) void tellHow(what, task.id);
    else begun.set(task.id, what);
    return task;
  } catch (error) {
    toastFailed(what, error);
    return undefined;
  } finally {
    beginning -= 1;
    if (beginning === 0) endedEarly.clear();
  }
}

/** Tells the ends of tasks that were begun here. */
export function startTelling(): void {
  onLive(({ type, data }) => {
    if (type !== 'task' || data.type !== 'task.ended') return;
    const id = Number(data.taskId);
    const what = begun.get(id);
    if (what === undefined) {
      if (beginning > 0) endedEarly.add(id);
      return;
    }
    begun.delete(id);
    if (data.state === 'succeeded') toastDone(`${what}: done`);
    else void tellHow(what, id);
  });
}

async function tellHow(what: string, id: number): Promise<void> {
  await attempt(what, async () =>
    tellEnd(what, await ask(client.value.v1.tasks[':id'].$get({ param: { id: String(id) }, query: {} }))),
  );
}

export function tellEnd(what: string, { state, failure }: Task): void {
  if (state === 'succeeded') toastDone(`${what}: done`);
  else if (state === 'cancelled') toastDone(`${what}: cancelled`);
  else toastFailed(what, new Error(failure?.detail ?? 'It failed.'));
}
