import type { Misbehaviour } from './embedding-misbehaviour.ts';

/* Answers of providers in trouble, in their own words; for `misbehave` of the stand-in. */

/** Retry-After in every form that is sent, or with which it is got wrong. */
export const RETRY_AFTER_FORMS = {
  seconds: (): Record<string, string> => ({ 'retry-after': '2' }),
  fraction: (): Record<string, string> => ({ 'retry-after': '1.5' }),
  milliseconds: (): Record<string, string> => ({ 'retry-after-ms': '1500', 'retry-after': '2' }),
  date: (): Record<string, string> => ({ 'retry-after': new Date(Date.now() + 3_000).toUTCString() }),
  past: (): Record<string, string> => ({ 'retry-after': new Date(Date.now() - 60_000).toUTCString() }),
  absurd: (): Record<string, string> => ({ 'retry-after': '31536000' }),
  garbage: (): Record<string, string> => ({ 'retry-after': 'in a while' }),
  none: (): Record<string, string> => ({}),
} as const;

/** HTTP 429 as OpenAI has it. */
export function rateLimit(headers: Readonly<Record<string, string>> = {}): Misbehaviour {
  const error = {
    message: 'Rate limit reached for requests.',
    type: 'requests',
    param: null,
    code: 'rate_limit_exceeded',
  };
  return { kind: 'status', status: 429, body: { error }, headers };
}

/** The quota is used up: a 429 that no waiting mends. */
export const NO_QUOTA: Misbehaviour = {
  kind: 'status',
  status: 429,
  body: {
    error: {
      message: 'You exceeded your current quota, please check your plan and billing details.',
      type: 'insufficient_quota',
      param: null,
      code: 'insufficient_quota',
    },
  },
};

/** Gemini's 429 by its compatible endpoint: a list, with the wait in the body and nothing in the headers. */
export function geminiRateLimit(retryDelay: string): Misbehaviour {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }];
  const error = { code: 429, message: 'Resource has been exhausted.', status: 'RESOURCE_EXHAUSTED', details };
  return { kind: 'status', status: 429, body: [{ error }] };
}
