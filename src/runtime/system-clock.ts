import { randomUUID } from 'node:crypto';
import type { Clock } from '../domain/clock.ts';

/** Longer waits than `setTimeout` knows, about 25 days, would end at once: they are waited for in parts. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** The clock of this computer. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (leftMs: number): void => {
      timer =
        leftMs > TIMEOUT_MS_MAX
          ? setTimeout(() => wait(leftMs - TIMEOUT_MS_MAX), TIMEOUT_MS_MAX)
          : setTimeout(callback, leftMs);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  newId: () => randomUUID(),
};

/** A clock in the form in which XState wants it: a timer is known by the function that calls it off. */
export function machineClock(clock: Clock): {
  setTimeout: (callback: () => void, delayMs: number) => () => void;
  clearTimeout: (cancel: () => void) => void;
} {
  return {
    setTimeout: (callback, delayMs) => clock.setTimer(delayMs, callback),
    // XState calls off what was called off before, too.
    clearTimeout: (cancel) => cancel?.(),
  };
}
