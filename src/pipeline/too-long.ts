import type { PendingChunk } from '../catalog/catalog.ts';
import { type CutText, cutText } from '../chunking/cut-text.ts';
import { loadTokenizer } from '../chunking/token-counter.ts';
import { SynclineError } from '../domain/errors.ts';
import { toHex } from '../domain/hash.ts';
import type { Embedder } from '../embedders/embedder.ts';

/**
 * What becomes of a text that is longer than its model takes: its beginning is embedded and its vector is marked, or it is given
 * up. Its whole text is stored and found by words either way.
 */
export type TooLongTexts = 'truncate' | 'fail';

/** Less than this is not worth a vector. */
const TOKENS_MIN = 8;
/** Of what a server says that it takes: it counts by a tokenizer of its own. */
const SHARE_KEPT = 0.95;

/** What of each text is sent, in one run of the embed stage. */
export interface TextCutter {
  /** Whether the text is not to be sent at all. */
  isHopeless(chunk: PendingChunk): boolean;
  /** The text as it is sent, cut where it is known to be too long. */
  textOf(chunk: PendingChunk): string;
  /** Tokens that the text was cut to; `undefined` where it is whole. */
  tokensSent(chunk: PendingChunk): number | undefined;
  /** Whether a text that was refused alone will be sent again, shorter. */
  shorten(chunk: PendingChunk, error: SynclineError): boolean;
}

export async function createTextCutter(
  policy: TooLongTexts,
  { limits }: Pick<Embedder, 'limits'>,
): Promise<TextCutter> {
  await loadTokenizer();
  /** By hash (hex), of texts that were refused. */
  const cuts = new Map<string, CutText>();
  const cutOf = (chunk: PendingChunk): CutText | undefined => {
    const known = cuts.get(toHex(chunk.textHash));
    if (known !== undefined || !isTooLong(chunk, { limits })) return known;
    return policy === 'truncate' ? cutText(chunk.embeddedText, limits.tokensPerItemMax) : undefined;
  };
  return {
    isHopeless: (chunk) => policy === 'fail' && isTooLong(chunk, { limits }),
    textOf: (chunk) => cutOf(chunk)?.text ?? chunk.embeddedText,
    tokensSent: (chunk) => cutOf(chunk)?.tokenCount,
    shorten(chunk, error) {
      if (policy !== 'truncate' || !isAboutLength(error)) return false;
      const sent = cutOf(chunk)?.tokenCount ?? chunk.tokenCount;
      const tokensMax = Math.floor(sent * shareTaken(error.message));
      if (tokensMax < TOKENS_MIN) return false;
      cuts.set(toHex(chunk.textHash), cutText(chunk.embeddedText, tokensMax));
      return true;
    },
  };
}

/** Whether a text has more tokens than its model is known to take. */
export function isTooLong(
  { tokenCount }: Pick<PendingChunk, 'tokenCount'>,
  { limits }: Pick<Embedder, 'limits'>,
): boolean {
  return tokenCount > limits.tokensPerItemMax;
}

/** The error of a text that is not sent, since its model does not take it. */
export function tooLongError(chunk: PendingChunk, { provider, model, limits }: Embedder): SynclineError {
  return new SynclineError(
    'EMBEDDING_REQUEST_REFUSED',
    `The text has ${chunk.tokenCount} tokens, and "${model}" of ${provider} takes ${limits.tokensPerItemMax}. Create the dataset with a smaller tokensPerChunkMax, or set tooLongTexts to "truncate".`,
    // As a server would answer.
    { details: { status: 400, provider } },
  );
}

/** Servers have no common code for it, but all of them say what it is that there is too much of. */
function isAboutLength({ code, message, details }: SynclineError): boolean {
  if (code !== 'EMBEDDING_REQUEST_REFUSED' || details.status === undefined) return false;
  return (
    details.status === 413 || /\btokens?\b|context (?:length|size|window)|too (?:long|large)/i.test(message)
  );
}

/** By the two numbers in "maximum context length is 512 tokens, however you requested 785 tokens"; else the half. */
function shareTaken(message: string): number {
  const numbers = [...message.matchAll(/\b(\d{2,7})\b(?!\.\d)/g)]
    .map(([, digits]) => Number(digits))
    // HTTP statuses and ports stand in the same message.
    .filter((number) => number >= 16);
  const near = [...message.matchAll(/\b(\d{2,7}) tokens?\b|(?:given|requested|got)\D{0,12}(\d{2,7})/gi)]
    .map(([, before, after]) => Number(before ?? after))
    .filter((number) => numbers.includes(number));
  const [least, most] = [Math.min(...near), Math.max(...near)];
  return near.length >= 2 && least < most ? (least / most) * SHARE_KEPT : 0.5;
}
