import { readDuration } from './rate-limit-headers.ts';

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

/**
 * The same as said in the body of an error, for those who send no header: `retryDelay` of Google's `RetryInfo`, and "Please try
 * again in 1.5s" of OpenAI's messages.
 */
export function retryAfterMsInBody(error: unknown): number | undefined {
  const { details, message } = asRecord(error);
  for (const detail of Array.isArray(details) ? details : []) {
    const { retryDelay } = asRecord(detail);
    const delayMs = typeof retryDelay === 'string' ? readDuration(retryDelay) : undefined;
    if (delayMs !== undefined) return clamp(delayMs);
  }
  if (typeof message !== 'string') return undefined;
  const said = /\b(?:try again|retry) in ((?:\d{1,9}(?:\.\d+)?(?:ms|h|m|s))+)/i.exec(
    message.slice(0, 2_000),
  )?.[1];
  const saidMs = said === undefined ? undefined : readDuration(said);
  return saidMs === undefined ? undefined : clamp(saidMs);
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function readNumber(value: string | null | undefined): number | undefined {
  return value !== null && value !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(value)
    ? Number(value)
    : undefined;
}

function clamp(milliseconds: number): number {
  return Math.min(Math.max(0, Math.ceil(milliseconds)), RETRY_AFTER_MS_MAX);
}
