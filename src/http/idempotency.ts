import { createMiddleware } from 'hono/factory';
import { sha256, toHex } from '../domain/hash.ts';
import type { HttpEnv } from './environment.ts';
import { HttpError } from './http-error.ts';
import { isLineStream } from './take-in.ts';

/** Answers that are kept, at most; the oldest go first. */
const KEPT_MAX = 1_000;
const KEPT_MS = 86_400_000;
/** Bytes of an answer that is kept; none of a route that changes something comes near it. */
const ANSWER_BYTES_MAX = 262_144;
const KEY = /^[\x21-\x7e]{1,255}$/;

interface KeptAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | null;
}

interface Kept {
  /** Of the request: another one with the same key is a mistake. */
  readonly fingerprint: string;
  readonly untilMs: number;
  /** `undefined` when the request failed in a way that is worth another try. */
  readonly answer: Promise<KeptAnswer | undefined>;
}

/**
 * Carries a request with an `Idempotency-Key` out once: sent again, also while the first is still under way, it gets the first
 * one's answer. For as long as the process lives and up to a day; callers with different keys of the API do not meet.
 */
export function idempotency() {
  const kept = new Map<string, Kept>();
  return createMiddleware<HttpEnv>(async (context, next) => {
    const key = context.req.header('Idempotency-Key');
    const isWrite = context.req.method === 'POST' || context.req.method === 'DELETE';
    if (key === undefined || !isWrite) return next();
    if (!KEY.test(key)) {
      const faults = [{ path: 'header.idempotency-key', detail: '1 to 255 printable characters' }];
      throw new HttpError(
        'INVALID_REQUEST',
        'The header Idempotency-Key needs 1 to 255 printable characters.',
        { faults },
      );
    }
    const caller = context.req.header('Authorization') ?? context.req.header('X-API-Key') ?? '';
    const place = toHex(sha256(`${caller}\0${key}`));
    // A stream is not read twice: its address is all that is compared.
    const body = isLineStream(context) ? '' : await context.req.text();
    const fingerprint = toHex(sha256(`${context.req.method} ${context.req.url}\0${body}`));
    for (;;) {
      const before = kept.get(place);
      if (before === undefined || before.untilMs < Date.now()) break;
      if (before.fingerprint !== fingerprint) {
        throw new HttpError(
          'IDEMPOTENCY_KEY_REUSED',
          'This Idempotency-Key was sent with another request. Give each request a key of its own.',
        );
      }
      const answer = await before.answer;
      if (answer !== undefined) return replay(answer);
      // The first failed: one of those who waited is the next to try.
      if (kept.get(place) === before) kept.delete(place);
    }
    const first = Promise.withResolvers<KeptAnswer | undefined>();
    kept.set(place, { fingerprint, untilMs: Date.now() + KEPT_MS, answer: first.promise });
    forgetOldest(kept);
    let answer: KeptAnswer | undefined;
    try {
      await next();
      answer = await keep(context.res);
    } finally {
      if (answer === undefined) kept.delete(place);
      first.resolve(answer);
    }
    return undefined;
  });
}

function forgetOldest(kept: Map<string, Kept>): void {
  for (const place of kept.keys()) {
    if (kept.size <= KEPT_MAX) return;
    kept.delete(place);
  }
}

async function keep(response: Response): Promise<KeptAnswer | undefined> {
  // What may be otherwise a moment later is not held on to.
  if (response.status >= 500 || [401, 403, 409, 429].includes(response.status)) return undefined;
  const body = response.body === null ? null : await response.clone().text();
  if (body !== null && body.length > ANSWER_BYTES_MAX) return undefined;
  const headers = [...response.headers].filter(([name]) => name !== 'x-request-id');
  return { status: response.status, headers, body };
}

function replay({ status, headers, body }: KeptAnswer): Response {
  const response = new Response(body, { status });
  for (const [name, value] of headers) response.headers.set(name, value);
  response.headers.set('Idempotent-Replayed', 'true');
  return response;
}
