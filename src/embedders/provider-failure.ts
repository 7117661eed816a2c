import { type ErrorCode, SynclineError } from '../domain/errors.ts';
import { readRateLimits } from './rate-limit-headers.ts';
import { retryAfterMs, retryAfterMsInBody } from './retry-after.ts';

/** A failure as the provider answered it. */
export interface ProviderAnswer {
  readonly status: number;
  readonly headers: Headers | undefined;
  /** The `error` object of the body, or whatever was there instead. */
  readonly error: unknown;
}

/** What may be said about the request in a message, and what must not. */
export interface FailureContext {
  /** Who answered, for messages: `openai` or the server's host. */
  readonly provider: string;
  readonly model: string;
  /** Words that must never appear in a message: the key, the texts. */
  readonly secrets: readonly string[];
}

interface Verdict {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly what: string;
  readonly remedy: string;
}

/** Codes and types of OpenAI's error body that mean "pay first"; waiting does not help. */
const QUOTA_WORDS: ReadonlySet<string> = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'account_deactivated',
]);
/** Parameters that are ours, the same in every request: a refusal of them is not the fault of any text. */
const SETTING_PARAMS: ReadonlySet<string> = new Set(['model', 'dimensions', 'encoding_format']);
/** Characters of the provider's own words in a message. */
const QUOTE_LENGTH_MAX = 200;
/** Characters of them that are looked at; bounds the search for secrets. */
const MESSAGE_LENGTH_READ = 100_000;
/** Shorter texts are ordinary words, and removing them would make the rest unreadable. */
const SECRET_LENGTH_MIN = 8;

/**
 * The error for an answer that is not a success; see `Embedder.embed` for the codes and their scopes. Its details hold
 * `status`, the provider's `providerCode`, `providerParam` and `requestId`, and `retryAfterMs` where the server says so.
 */
export function providerFailure(answer: ProviderAnswer, context: FailureContext): SynclineError {
  const error = innerError(answer.error);
  const words = readErrorWords(error);
  const verdict = judge(answer.status, words, context);
  const quote = quoteSafely(words.message, context.secrets);
  const said = [`HTTP ${answer.status}`, words.code ?? words.type].filter(Boolean).join(' ');
  const message = `${verdict.what} (${said}${quote === '' ? '' : `: "${quote}"`}). ${verdict.remedy}`;
  const details: Record<string, unknown> = { provider: context.provider, status: answer.status };
  const providerCode = words.code ?? words.type;
  if (providerCode !== undefined) details.providerCode = providerCode;
  if (words.param !== undefined) details.providerParam = words.param;
  const requestId = readWord(answer.headers?.get('x-request-id'));
  if (requestId !== undefined) details.requestId = requestId;
  const nowMs = Date.now();
  const waitMs =
    retryAfterMs(answer.headers, nowMs) ?? (answer.status === 429 ? retryAfterMsInBody(error) : undefined);
  if (waitMs !== undefined) details.retryAfterMs = waitMs;
  const rateLimits = answer.headers && readRateLimits(answer.headers, nowMs);
  if (rateLimits !== undefined) details.rateLimits = rateLimits;
  return new SynclineError(verdict.code, message, { retryable: verdict.retryable, details });
}

function judge(status: number, words: ErrorWords, { provider, model }: FailureContext): Verdict {
  if (
    status === 402 ||
    [words.code, words.type].some((word) => word !== undefined && QUOTA_WORDS.has(word))
  ) {
    const remedy = 'Add credit or raise the limit at the provider, then resume.';
    return { code: 'PROVIDER_QUOTA', retryable: false, what: `The quota at ${provider} is used up`, remedy };
  }
  if (words.code === 'model_not_found') return unknownSetting(provider, model);
  if (status === 401 || status === 403) {
    const remedy =
      'Check the API key (SYNCLINE_EMBEDDING_API_KEY or OPENAI_API_KEY) and what it is allowed to do.';
    return { code: 'PROVIDER_AUTH', retryable: false, what: `${provider} refused our credentials`, remedy };
  }
  // OpenAI calls it a rate limit when one request alone is more than a minute may hold: waiting does not make it smaller.
  if (status === 413 || (status === 429 && /request too large/i.test(words.message)))
    return refused(provider);
  if (status === 429) {
    const remedy = 'Wait, then send fewer requests at a time.';
    return { code: 'PROVIDER_RATE_LIMITED', retryable: true, what: `${provider} limits our rate`, remedy };
  }
  if (status === 404 || isAboutSettings(words)) return unknownSetting(provider, model);
  if (status === 400 || status === 422) return refused(provider);
  const retryable = status >= 500 || status === 408 || status === 409 || status === 425;
  const remedy = retryable ? 'Try again later.' : 'Check the base URL.';
  return { code: 'PROVIDER_FAILED', retryable, what: `${provider} failed`, remedy };
}

function unknownSetting(provider: string, model: string): Verdict {
  const what = `${provider} does not know the model "${model}", the address or a setting of ours`;
  const remedy = 'Check the model, its dimensions, and that the base URL is right (it often ends in /v1).';
  return { code: 'PROVIDER_FAILED', retryable: false, what, remedy };
}

function refused(provider: string): Verdict {
  const remedy =
    'Send its texts in smaller requests; a text that is refused alone cannot be embedded by this model.';
  return {
    code: 'EMBEDDING_REQUEST_REFUSED',
    retryable: false,
    what: `${provider} refused the request`,
    remedy,
  };
}

function isAboutSettings(words: ErrorWords): boolean {
  return words.param !== undefined && SETTING_PARAMS.has(words.param);
}

/** Google's compatible endpoint wraps the error once more, in a list. */
function innerError(error: unknown): unknown {
  const [first] = Array.isArray(error) ? error : [error];
  return isRecord(first) && isRecord(first.error) ? first.error : first;
}

interface ErrorWords {
  readonly message: string;
  readonly code: string | undefined;
  readonly type: string | undefined;
  readonly param: string | undefined;
}

function readErrorWords(error: unknown): ErrorWords {
  const body: Record<string, unknown> = isRecord(error) ? error : { message: error };
  const message = typeof body.message === 'string' ? body.message : '';
  return { message, code: readWord(body.code), type: readWord(body.type), param: readWord(body.param) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An identifier as it is, anything else not at all: it goes into messages and logs. */
function readWord(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,64}$/.test(value) ? value : undefined;
}

/** The start of the provider's words, on one line, without the key (also where shortened with stars) or our texts. */
function quoteSafely(message: string, secrets: readonly string[]): string {
  let quote = message.slice(0, MESSAGE_LENGTH_READ);
  for (const secret of secrets) {
    if (secret.length >= SECRET_LENGTH_MIN) quote = quote.replaceAll(secret, '[removed]');
  }
  quote = quote
    .replaceAll(/\bsk-[\w*.-]+/g, '[removed]')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\s]+/gu, ' ')
    .trim();
  return quote.length > QUOTE_LENGTH_MAX ? `${quote.slice(0, QUOTE_LENGTH_MAX)}…` : quote;
}
