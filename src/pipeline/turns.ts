import { throwIfAborted } from '../domain/errors.ts';
import { createMutex, type Mutex } from './mutex.ts';

/** Things that are done one after the other where they have the same name. */
export interface Turns {
  /** Waits for its turn; an abort ends the waiting at once. */
  take<Result>(name: string, signal: AbortSignal, task: () => Promise<Result>): Promise<Result>;
}

export function createTurns(): Turns {
  const mutexes = new Map<string, { readonly mutex: Mutex; users: number }>();
  return {
    async take(name, signal, task) {
      throwIfAborted(signal);
      const turn = mutexes.get(name) ?? { mutex: createMutex(), users: 0 };
      mutexes.set(name, turn);
      turn.users += 1;
      let hasBegun = false;
      const result = turn.mutex
        .run(async () => {
          throwIfAborted(signal);
          hasBegun = true;
          return task();
        })
        .finally(() => {
          turn.users -= 1;
          if (turn.users === 0) mutexes.delete(name);
        });
      const aborted = Promise.withResolvers<never>();
      const onAbort = (): void => {
        if (!hasBegun) aborted.reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await Promise.race([result, aborted.promise]);
      } finally {
        signal.removeEventListener('abort', onAbort);
        // Where the waiting was given up, its turn comes and goes; nobody hears of it.
        result.catch(() => undefined);
      }
    },
  };
}
