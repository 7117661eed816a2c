/** Longer waits are cut to this: a day. Bounds what a confused server can ask of us. */
const RETRY_AFTER_MS_MAX = 86_400_000;

/**
 * How long a server asks to be left alone, in milliseconds from `nowMs` (Unix time), or `undefined` when it does not say.
 * Understands `retry-after-ms` (used by OpenAI and Azure) and `retry-after` in seconds or as a date. 0 to one day.
 */
export function retryAfterMs(headers: Headers | undefined, nowMs: number): number | undefined {
  const milliseconds = readNumber(headers?.get('retry-after-ms'));
  if (milliseconds !== undefined) return clamp(milliseconds);
  const value = headers?.get('retry-after')?.trim();
  const seconds = readNumber(value);
  if (seconds !== undefined) return clamp(seconds * 1000);
  // Dates have a day or month name in them; `Date.parse` alone would take "-5" for a year.
  const dateMs = value !== undefined && /[a-z]{3}/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : clamp(dateMs - nowMs);
}

function readNumber(value: string | null | undefined): number | undefined {
  return value !== null && value !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(value)
    ? Number(value)
    : undefined;
}

function clamp(milliseconds: number): number {
  return Math.min(Math.max(0, Math.ceil(milliseconds)), RETRY_AFTER_MS_MAX);
}
