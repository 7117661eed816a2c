import { randomUUID } from 'node:crypto';
import type { Clock } from '../domain/clock.ts';

/** The clock of this computer. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
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
