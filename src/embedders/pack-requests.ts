import { Buffer } from 'node:buffer';
import type { EmbedderLimits } from './embedder.ts';

/** What is known of a text that waits to be embedded. */
export interface Packable {
  /** Tokens by our own count. */
  readonly tokenCount: number;
  /** The text, where at hand: its bytes guard against providers that count more tokens than we do. */
  readonly embeddedText?: string;
}

/**
 * UTF-8 bytes that make a token in the most careful estimate: prose has about 4, code and style sheets were seen near 3
 * when OpenAI refused requests that a tokenizer had counted as small enough.
 */
const BYTES_PER_TOKEN_MIN = 3;

/** Tokens to budget for one text: our count, or a third of its bytes, whichever is more. */
export function budgetedTokens(item: Packable): number {
  const byteCount = Buffer.byteLength(item.embeddedText ?? '', 'utf8');
  return Math.max(item.tokenCount, Math.ceil(byteCount / BYTES_PER_TOKEN_MIN));
}

/**
 * Packs `items`, in their order, into as few requests as fit `limits` by items and by budgeted tokens.
 *
 * Every item is in exactly one request and no request is empty. An item that alone is over the token limit gets a
 * request of its own: whether it is too long is for the provider to say.
 */
export function packRequests<T extends Packable>(
  items: Iterable<T>,
  limits: Pick<EmbedderLimits, 'itemsPerRequestMax' | 'tokensPerRequestMax'>,
): T[][] {
  const requests: T[][] = [];
  let request: T[] = [];
  let tokens = 0;
  for (const item of items) {
    const cost = budgetedTokens(item);
    const full = request.length >= limits.itemsPerRequestMax || tokens + cost > limits.tokensPerRequestMax;
    if (request.length > 0 && full) {
      requests.push(request);
      request = [];
      tokens = 0;
    }
    request.push(item);
    tokens += cost;
  }
  if (request.length > 0) requests.push(request);
  return requests;
}

/** The two halves of a refused request, in order, or `undefined` when the guilty item stands alone. */
export function splitRequest<T>(request: readonly T[]): readonly [T[], T[]] | undefined {
  if (request.length < 2) return undefined;
  const middle = Math.ceil(request.length / 2);
  return [request.slice(0, middle), request.slice(middle)];
}
