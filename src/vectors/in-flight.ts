import { SynclineError } from '../domain/errors.ts';

/** Counts the calls into a store, so that nothing is closed under one of them. */
export interface InFlight {
  /** Runs `work` and counts it until it settles. @throws SynclineError `RUNTIME_STOPPED` after {@link drain} was called. */
  track<T>(work: () => Promise<T>): Promise<T>;
  /** Refuses new calls and settles when the running ones are over. */
  drain(): Promise<void>;
}

/** A counter of calls, open until it is drained. */
export function createInFlight(): InFlight {
  const running = new Set<Promise<unknown>>();
  let closed = false;
  return {
    async track(work) {
      if (closed) {
        throw new SynclineError(
          'RUNTIME_STOPPED',
          'The vector store is closed. Open a new one to go on working.',
        );
      }
      const call = work();
      running.add(call);
      try {
        return await call;
      } finally {
        running.delete(call);
      }
    },
    async drain() {
      closed = true;
      await Promise.allSettled(running);
    },
  };
}
