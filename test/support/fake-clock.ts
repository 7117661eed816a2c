import type { Clock } from '../../src/domain/clock.ts';

/** A clock that stands still until it is put forward. */
export interface FakeClock extends Clock {
  /** Puts the clock forward, and calls what is due on the way, each at its time. */
  advance(ms: number): void;
}

export function createFakeClock(startMs: number): FakeClock {
  let nowMs = startMs;
  let ids = 0;
  const timers = new Set<{ readonly atMs: number; readonly call: () => void }>();
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    setTimer(delayMs, callback) {
      const timer = { atMs: nowMs + delayMs, call: callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    random: () => 0.5,
    newId() {
      ids += 1;
      return `id-${ids}`;
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.call();
      }
      nowMs = endMs;
    },
  };
}
