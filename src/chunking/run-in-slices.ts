import { setImmediate } from 'node:timers';
import { throwIfAborted } from '../domain/errors.ts';

/** How long one turn of the event loop may be used for sliced work, in milliseconds. */
const SLICE_MS = 4;

/** When sliced work began in this turn of the event loop; `undefined` when there was none yet. */
let turnStartedAt: number | undefined;

/**
 * Drives a generator to its end and gives its result, handing the event loop back (to I/O and timers) whenever sliced
 * work has taken about 4 ms of the current turn. The 4 ms are shared by all calls, so that a thousand small generators
 * one after another let go as well as a large one.
 *
 * @throws SynclineError `ABORTED` when `signal` is aborted; whatever the generator throws.
 */
export async function runInSlices<Result>(
  generator: Generator<void, Result>,
  signal?: AbortSignal,
): Promise<Result> {
  try {
    for (;;) {
      throwIfAborted(signal);
      markTurn();
      const step = generator.next();
      if (isTurnUsedUp()) await nextTurn();
      if (step.done === true) return step.value;
    }
  } finally {
    // Lets the generator clean up when it did not reach its end; does nothing when it did.
    generator.return(undefined as never);
  }
}

function markTurn(): void {
  if (turnStartedAt !== undefined) return;
  turnStartedAt = performance.now();
  setImmediate(() => {
    turnStartedAt = undefined;
  });
}

function isTurnUsedUp(): boolean {
  return turnStartedAt !== undefined && performance.now() - turnStartedAt >= SLICE_MS;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}
