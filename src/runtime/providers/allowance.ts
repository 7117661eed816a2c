import type { RateAllowance } from '../../embedders/embedder.ts';

const MINUTE_MS = 60_000;
/** What a provider says it has left is not believed for longer: a wait that it implies is tried after this. */
const WAIT_MS_MAX = 60_000;

/** What the provider itself last said that we have left, carried on to the present. */
export interface Allowance {
  note(report: RateAllowance, nowMs: number): void;
  /** Milliseconds until `amount` is left, beside `underWay` that it may not have counted yet; 0 where it never said anything. */
  waitMs(amount: number, underWay: number, nowMs: number): number;
  /** By how much it refills in a minute, as far as it can be told. */
  perMinute(): number | undefined;
}

export function createAllowance(): Allowance {
  let last:
    | { readonly remaining: number; readonly limit: number | undefined; readonly atMs: number }
    | undefined;
  /** How much comes back in a millisecond, and when everything does. */
  let refillPerMs: number | undefined;
  let resetAtMs: number | undefined;
  return {
    note({ limit, remaining, resetMs }, nowMs) {
      // A bucket that was full says nothing about how fast it fills, and what was learned before still holds.
      if (
        limit !== undefined &&
        remaining !== undefined &&
        remaining < limit &&
        resetMs !== undefined &&
        resetMs > 0
      ) {
        refillPerMs = (limit - remaining) / resetMs;
      } else if (limit !== undefined) refillPerMs ??= limit / MINUTE_MS;
      if (remaining === undefined) return;
      last = { remaining, limit, atMs: nowMs };
      resetAtMs = resetMs === undefined ? undefined : nowMs + resetMs;
    },
    waitMs(amount, underWay, nowMs) {
      if (last === undefined || (resetAtMs !== undefined && nowMs >= resetAtMs)) return 0;
      const { remaining, limit, atMs } = last;
      const wanted = Math.min(amount, limit ?? amount);
      const left = remaining + (refillPerMs ?? 0) * (nowMs - atMs) - underWay;
      if (left >= wanted) return 0;
      const byRefill =
        refillPerMs === undefined || refillPerMs <= 0 ? undefined : (wanted - left) / refillPerMs;
      const byReset = resetAtMs === undefined ? undefined : resetAtMs - nowMs;
      const waitMs = byRefill === undefined ? byReset : Math.min(byRefill, byReset ?? byRefill);
      // Nothing left, and no word about when there will be: it is asked, and says so itself.
      return Math.min(WAIT_MS_MAX, Math.ceil(waitMs ?? 0));
    },
    perMinute: () => (refillPerMs === undefined ? undefined : Math.round(refillPerMs * MINUTE_MS)),
  };
}
