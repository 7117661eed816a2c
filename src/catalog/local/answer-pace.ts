import { setImmediate } from 'node:timers';

/** How long one turn of the event loop may be used for what follows from answers, in milliseconds. */
const TURN_MS = 4;

/**
 * Calls back in the order in which it is asked to, never at once, and hands the event loop back (to I/O and timers) whenever
 * the calls of a turn, with what followed from each at once, have taken about 4 ms. Hundreds of answers that come together
 * would otherwise be taken in one turn.
 */
export function createAnswerPace(): (call: () => void) => void {
  const waiting: (() => void)[] = [];
  let turnStartedAt: number | undefined;
  const next = (): void => {
    if (turnStartedAt === undefined) {
      turnStartedAt = performance.now();
      // Runs in the next turn, before whatever is put off to it.
      setImmediate(() => {
        turnStartedAt = undefined;
      });
    } else if (performance.now() - turnStartedAt >= TURN_MS) {
      setImmediate(next);
      return;
    }
    waiting.shift()?.();
  };
  return (call) => {
    waiting.push(call);
    setImmediate(next);
  };
}
