import { throwIfAborted } from '../domain/errors.ts';

/** Lets a bounded number of tasks run at the same time, in the order in which they were asked for. */
export interface Gate {
  /**
   * An abort ends the waiting, and gives the place of a task that runs to the next one, however long it takes to end.
   *
   * @throws SynclineError `ABORTED` when `signal` is aborted before the task has begun; whatever the task throws.
   */
  run<Result>(task: () => Promise<Result>, signal: AbortSignal): Promise<Result>;
}

export function createGate(atOnceMax: number): Gate {
  let inside = 0;
  const waiting = new Set<() => void>();
  const leave = (): void => {
    inside -= 1;
    admit();
  };
  const admit = (): void => {
    for (const enter of waiting) {
      if (inside >= atOnceMax) return;
      waiting.delete(enter);
      inside += 1;
      enter();
    }
  };
  return {
    async run(task, signal) {
      throwIfAborted(signal);
      const turn = Promise.withResolvers<void>();
      const enter = turn.resolve;
      let isOver = false;
      const end = (): void => {
        if (isOver) return;
        isOver = true;
        // Whoever still waits has no place to give back.
        if (!waiting.delete(enter)) leave();
        enter();
      };
      waiting.add(enter);
      admit();
      signal.addEventListener('abort', end, { once: true });
      try {
        await turn.promise;
        throwIfAborted(signal);
        return await task();
      } finally {
        signal.removeEventListener('abort', end);
        end();
      }
    },
  };
}
