/** How often each caller may ask. */
export interface RateLimit {
  /** Takes one request of a caller; otherwise how long until there is one again, in milliseconds. */
  take(id: string): number;
}

/**
 * One bucket per caller, filled at a steady rate. Ids are of keys, so there are only few.
 *
 * @param perSecond - 0 is no limit.
 * @param burst - What a full bucket holds.
 */
export function createRateLimit(
  perSecond: number,
  burst: number,
  nowMs: () => number = () => performance.now(),
): RateLimit {
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return {
    take(id) {
      if (perSecond === 0) return 0;
      const now = nowMs();
      const { tokens, atMs } = buckets.get(id) ?? { tokens: burst, atMs: now };
      const filled = Math.min(burst, tokens + ((now - atMs) / 1_000) * perSecond);
      const isFree = filled >= 1;
      buckets.set(id, { tokens: isFree ? filled - 1 : filled, atMs: now });
      return isFree ? 0 : ((1 - filled) / perSecond) * 1_000;
    },
  };
}
