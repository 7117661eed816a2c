import type { Clock } from '../../src/domain/clock.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';

/** A clock that stands still until it is told to go on. */
export interface HandClock extends Clock {
  /** Lets so much time pass, with every timer at its moment and what follows from it before the next. */
  advance(milliseconds: number): Promise<void>;
}

/** What is done at once when a promise settles, however long the chain. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

export function createHandClock(random: () => number = () => 0.5): HandClock {
  const startMs = Date.UTC(2026, 10, 26);
  let nowMs = startMs;
  let ids = 0;
  const timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    setTimer(delayMs, callback) {
      const timer = { atMs: nowMs + Math.max(0, delayMs), callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    random,
    newId: () => `id-${++ids}`,
    async advance(milliseconds) {
      const endMs = nowMs + milliseconds;
      await settle();
      for (;;) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.callback();
        await settle();
      }
      nowMs = endMs;
      await settle();
    },
  };
}

/** The clock of this computer, running so many times as fast. */
export function createFastClock(factor: number): Clock {
  const startMs = systemClock.nowMs();
  const startMonotonicMs = systemClock.monotonicMs();
  const passedMs = (): number => (systemClock.monotonicMs() - startMonotonicMs) * factor;
  return {
    ...systemClock,
    nowMs: () => Math.floor(startMs + passedMs()),
    monotonicMs: () => startMonotonicMs + passedMs(),
    setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / factor, callback),
  };
}
