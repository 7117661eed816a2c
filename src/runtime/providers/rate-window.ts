const WINDOW_MS = 60_000;
/** Amounts are kept by second: sixty-odd numbers, however many requests there are. */
const SLOT_MS = 1_000;

/** What was spent within the last minute, against a limit per minute. Never lets more than the limit into any 60 seconds. */
export interface RateWindow {
  /** Milliseconds until `amount` fits beside what was spent lately; 0 when it fits now. More than the limit fits when nothing was. */
  waitMs(amount: number, limit: number, nowMs: number): number;
  spend(amount: number, nowMs: number): void;
  /** Replaces an estimate by what it was; `spentAtMs` is when the estimate was spent. */
  correct(difference: number, spentAtMs: number): void;
  /** Spent within the last minute. */
  spent(nowMs: number): number;
}

export function createRateWindow(): RateWindow {
  /** By the number of the second, ascending. */
  let slots: { readonly second: number; amount: number }[] = [];
  /** A slot counts until all of it is a minute old. */
  const endMs = (second: number): number => (second + 1) * SLOT_MS + WINDOW_MS;
  const forget = (nowMs: number): void => {
    const kept = slots.findIndex(({ second }) => endMs(second) > nowMs);
    slots = kept === -1 ? [] : slots.slice(kept);
  };
  const sum = (): number => slots.reduce((total, { amount }) => total + amount, 0);
  return {
    waitMs(amount, limit, nowMs) {
      forget(nowMs);
      let excess = sum() + Math.min(amount, limit) - limit;
      if (excess <= 0) return 0;
      for (const slot of slots) {
        excess -= slot.amount;
        if (excess <= 0) return endMs(slot.second) - nowMs;
      }
      return WINDOW_MS;
    },
    spend(amount, nowMs) {
      forget(nowMs);
      const second = Math.floor(nowMs / SLOT_MS);
      const last = slots.at(-1);
      if (last?.second === second) last.amount += amount;
      else slots.push({ second, amount });
    },
    correct(difference, spentAtMs) {
      const slot = slots.find(({ second }) => second === Math.floor(spentAtMs / SLOT_MS));
      if (slot !== undefined) slot.amount = Math.max(0, slot.amount + difference);
    },
    spent(nowMs) {
      forget(nowMs);
      return sum();
    },
  };
}
