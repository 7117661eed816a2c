import process from 'node:process';

/** What one measured run cost. */
export interface Measurement {
  readonly wallMs: number;
  /** User and system time of the whole process, all threads. */
  readonly cpuMs: number;
  readonly peakRssMb: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
}

const LAG_TICK_MS = 2;

/** Runs `task` and measures it: time, CPU, memory, and how late timers fire in this thread. */
export async function measure<Result>(
  task: () => Promise<Result>,
): Promise<{ result: Result; measurement: Measurement }> {
  const lags: number[] = [];
  let peakRssBytes = process.memoryUsage.rss();
  let dueMs = performance.now() + LAG_TICK_MS;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    lags.push(Math.max(0, nowMs - dueMs));
    dueMs = nowMs + LAG_TICK_MS;
    if (lags.length % 10 === 0) peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss());
  }, LAG_TICK_MS);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  try {
    const result = await task();
    const wallMs = performance.now() - startMs;
    const { user, system } = process.cpuUsage(cpu);
    lags.sort((a, b) => a - b);
    return {
      result,
      measurement: {
        wallMs,
        cpuMs: (user + system) / 1_000,
        peakRssMb: peakRssBytes / 2 ** 20,
        lagP99Ms: lags[Math.floor(lags.length * 0.99)] ?? 0,
        lagMaxMs: lags.at(-1) ?? 0,
      },
    };
  } finally {
    clearInterval(timer);
  }
}
