import { CL100K_TOKEN_SPLIT_REGEX } from 'gpt-tokenizer/encodingParams/constants';
import type { WorkMeter } from './work-meter.ts';

/**
 * The longest pre-token (a run of letters, of signs or of spaces that the byte-pair encoder works on at once) that is
 * handed to the tokenizer, in UTF-16 units: its time grows with the square of the length, 256 take up to 0.4 ms.
 */
export const RUN_LENGTH_MAX = 256;
/** The same for white space, which is cheaper per character and should not become chunks of its own: 2,000 take 4 ms. */
export const SPACE_RUN_LENGTH_MAX = 2_000;

const CACHED_LENGTH_MAX = 32;
const CACHED_PER_GENERATION_MAX = 16_384;
/** Encoding n characters at once is about n² / 20 units of work (256 CJK characters: 0.4 ms). */
const WORK_DIVISOR = 20;
const OPTIONS = { disallowedSpecial: new Set<string>() };

/** Tokens of a text, once the tokenizer is there. */
let tokensIn = (_text: string): number => {
  throw new Error('The tokenizer counts nothing before loadTokenizer() has ended.');
};
let loading: Promise<void> | undefined;

let recent = new Map<string, number>();
let older = new Map<string, number>();

/**
 * Loads the tokenizer, once; await it before anything is counted. Its table takes a third of a second to be made, which most
 * commands of the command line need not wait for.
 */
export function loadTokenizer(): Promise<void> {
  loading ??= import('gpt-tokenizer/encoding/cl100k_base').then(({ countTokens, setMergeCacheSize }) => {
    // The tokenizer's own cache holds 100,000 entries of any length, each keeping alive the text that it was sliced from.
    // The one here is bounded in bytes and holds copies.
    setMergeCacheSize(0);
    tokensIn = (text) => countTokens(text, OPTIONS);
  });
  return loading;
}

/** The pre-tokens of `text` in order: their concatenation is `text`, and the tokens of a text are those of its pre-tokens. */
export function preTokensOf(text: string): readonly string[] {
  return text.match(CL100K_TOKEN_SPLIT_REGEX) ?? [];
}

/** Tokens of one pre-token (cl100k_base). Never call it with one longer than the maxima above. */
export function countPreToken(preToken: string): number {
  const known = recent.get(preToken);
  if (known !== undefined) return known;
  return preToken.length > CACHED_LENGTH_MAX ? tokensIn(preToken) : countAndRemember(preToken);
}

function countAndRemember(preToken: string): number {
  // A copy: engines keep the whole document alive behind a slice of it. (A lone surrogate turns into U+FFFD here, which
  // has the same tokens.)
  const key = Buffer.from(preToken, 'utf8').toString('utf8');
  const count = older.get(preToken) ?? tokensIn(key);
  if (recent.size >= CACHED_PER_GENERATION_MAX) {
    older = recent;
    recent = new Map();
  }
  recent.set(key, count);
  return count;
}

/** Whether a pre-token is too long for {@link countPreToken}. */
export function isOverlong(preToken: string): boolean {
  if (preToken.length <= RUN_LENGTH_MAX) return false;
  return preToken.length > SPACE_RUN_LENGTH_MAX || preToken.trim() !== '';
}

/** Tokens of a short text (cl100k_base), exactly; `Infinity` when it holds a pre-token too long to be counted. */
export function countShortText(text: string, meter: WorkMeter): number {
  const preTokens = preTokensOf(text);
  return preTokens.some(isOverlong) ? Number.POSITIVE_INFINITY : countAll(preTokens, meter);
}

/** Tokens of a text that is known to be at most some 2,000 UTF-16 units long, whatever is in it. */
export function countBoundedText(text: string, meter: WorkMeter): number {
  return countAll(preTokensOf(text), meter);
}

function countAll(preTokens: readonly string[], meter: WorkMeter): number {
  let tokens = 0;
  for (const preToken of preTokens) {
    if (preToken.length > CACHED_LENGTH_MAX) meter.charge(preToken.length ** 2 / WORK_DIVISOR);
    tokens += countPreToken(preToken);
  }
  return tokens;
}
