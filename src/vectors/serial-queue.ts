/** Runs tasks one after the other, in the order of the calls. */
export interface SerialQueue {
  /** Runs `task` when all earlier ones are over, whatever became of them; settles as the task does. */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Settles when all tasks given so far are over; never rejects. */
  drained(): Promise<void>;
}

/** A promise-chain mutex. */
export function createSerialQueue(): SerialQueue {
  let tail: Promise<void> = Promise.resolve();
  return {
    run(task) {
      const result = tail.then(task);
      // The caller sees the failure through `result`; the chain only needs to know that the task is over.
      tail = result.then(ignore, ignore);
      return result;
    },
    drained: () => tail,
  };
}

function ignore(): void {}
