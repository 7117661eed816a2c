import type { RateAllowance, RateLimitReport } from './embedder.ts';

/** A reset further away is none that anybody waits for; bounds what a confused server can make us believe. */
const RESET_MS_MAX = 86_400_000;
/** Numbers above this are a time and no wait: seconds since 1970, or milliseconds. */
const UNIX_SECONDS_MIN = 1_000_000_000;
const UNIX_MS_MIN = 1_000_000_000_000;

/**
 * What the headers of an answer say of rate limits, in the forms in which providers send them, or `undefined` when they say
 * nothing:
 * - `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`: OpenAI, Azure, Groq, Fireworks. The reset is a duration such as `6m0s`
 *   or `12ms` (OpenAI, Groq), or seconds (Azure, which also sends -1 for "unknown");
 * - `x-ratelimit-{limit,remaining,reset}` and `ratelimit-{limit,remaining,reset}` without a unit: requests. The reset is
 *   seconds, a time in seconds or milliseconds, or a date;
 * - `x-tokenlimit-{limit,remaining}`: tokens (Together).
 * What makes no sense is left out.
 */
export function readRateLimits(headers: Headers, nowMs: number): RateLimitReport | undefined {
  const requests =
    readAllowance(headers, (what) => `x-ratelimit-${what}-requests`, nowMs) ??
    readAllowance(headers, (what) => `x-ratelimit-${what}`, nowMs) ??
    readAllowance(headers, (what) => `ratelimit-${what}`, nowMs);
  const tokens =
    readAllowance(headers, (what) => `x-ratelimit-${what}-tokens`, nowMs) ??
    readAllowance(headers, (what) => `x-tokenlimit-${what}`, nowMs);
  if (requests === undefined && tokens === undefined) return undefined;
  return { ...(requests && { requests }), ...(tokens && { tokens }) };
}

function readAllowance(
  headers: Headers,
  nameOf: (what: 'limit' | 'remaining' | 'reset') => string,
  nowMs: number,
): RateAllowance | undefined {
  const limit = readCount(headers.get(nameOf('limit')));
  const remaining = readCount(headers.get(nameOf('remaining')));
  const resetMs = readReset(headers.get(nameOf('reset')), nowMs);
  if (limit === undefined && remaining === undefined) return undefined;
  return {
    // A limit of nothing would be an account that can do nothing, which is told by errors.
    ...(limit !== undefined && limit > 0 && { limit }),
    ...(remaining !== undefined && { remaining }),
    ...(resetMs !== undefined && { resetMs }),
  };
}

/** `3000`, and `100, 100;w=60` of an earlier draft of the standard. */
function readCount(value: string | null): number | undefined {
  const digits = /^\s*(\d{1,15})\s*(?:[,;].*)?$/.exec(value ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function readReset(value: string | null, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  const resetMs = readDuration(text) ?? readTime(text, nowMs);
  return resetMs === undefined || Number.isNaN(resetMs)
    ? undefined
    : Math.min(RESET_MS_MAX, Math.max(0, Math.ceil(resetMs)));
}

const UNIT_MS = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 0.000_001,
};

/** A duration such as `1h2m3.5s`, `6m0s` or `120ms`. */
export function readDuration(text: string): number | undefined {
  if (!/^(?:\d{1,12}(?:\.\d+)?(?:ms|us|µs|ns|d|h|m|s))+$/.test(text)) return undefined;
  let sumMs = 0;
  for (const [, number = '0', unit = 's'] of text.matchAll(/(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)/g))
    sumMs += Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return sumMs;
}

function readTime(text: string, nowMs: number): number | undefined {
  if (/^\d{1,15}(?:\.\d+)?$/.test(text)) {
    const number = Number(text);
    if (number >= UNIX_MS_MIN) return number - nowMs;
    return number >= UNIX_SECONDS_MIN ? number * 1_000 - nowMs : number * 1_000;
  }
  return /[a-z]{3}|\d{4}-\d{2}-\d{2}/i.test(text) ? Date.parse(text) - nowMs : undefined;
}
