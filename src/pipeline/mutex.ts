/** Runs one task at a time, in the order they were asked for. */
export interface Mutex {
  run<Result>(task: () => Promise<Result>): Promise<Result>;
}

export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(task) {
      const result = last.then(task);
      // The next one waits for the end of this one, whichever it is; its error belongs to its own caller.
      last = result.catch(() => undefined);
      return result;
    },
  };
}
