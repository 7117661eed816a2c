import {
  countPreToken,
  countShortText,
  isOverlong,
  preTokensOf,
  RUN_LENGTH_MAX,
  SPACE_RUN_LENGTH_MAX,
} from './token-counter.ts';
import { Strength, type Unit } from './unit.ts';
import type { WorkMeter } from './work-meter.ts';

/** How much of a line is tokenized at once, in UTF-16 units. */
const WINDOW_LENGTH = 2_048;
/** Words without a space (Chinese text, minified code) are ended at the next pre-token behind this many UTF-16 units. */
const WORD_LENGTH_MAX = 128;

/** The end of a sentence, with closing quotes and brackets. */
const SENTENCE_END = /[.!?…。！？｡][\p{Pe}\p{Pf}"'’”]*$/u;
/** White space, or the sign that ends a sentence in scripts without spaces (which the tokenizer puts before the next word). */
const LEAD = /^(?:\s+|[。！？｡；]+\s*)/;

/**
 * Cuts a line that is too long for one chunk into words, in order and without a gap. Runs that are too long or have more
 * than `tokensMax` tokens are cut hard, never inside a surrogate pair. `undefined` between two units: time to yield.
 */
export function* splitLine(
  content: string,
  start: number,
  end: number,
  tokensMax: number,
  meter: WorkMeter,
): Generator<Unit | undefined> {
  const word = createWordBuilder(content, start, tokensMax);
  let position = start;
  while (position < end) {
    const windowEnd = endOfWindow(content, position, end);
    const preTokens = preTokensOf(content.slice(position, windowEnd));
    // The last one may go on behind the window, unless it is the only one.
    const count = windowEnd < end && preTokens.length > 1 ? preTokens.length - 1 : preTokens.length;
    for (const preToken of preTokens.slice(0, count)) {
      const touchesWindow = windowEnd < end && count === preTokens.length;
      const tokens =
        touchesWindow || isOverlong(preToken) ? Number.POSITIVE_INFINITY : countPreToken(preToken);
      if (tokens > tokensMax) {
        yield* word.takeHard(cutHard(preToken, tokensMax, meter));
        position = word.end();
        break;
      }
      yield* word.take(preToken, tokens);
      position += preToken.length;
      meter.charge(preToken.length > RUN_LENGTH_MAX / 4 ? preToken.length * 10 : preToken.length);
    }
    if (meter.spend(preTokens.length)) yield;
  }
  yield* word.finish();
}

/** The longest start of `run` that may be tokenized and has at most `tokensMax` tokens; at least one character. */
function cutHard(
  run: string,
  tokensMax: number,
  meter: WorkMeter,
): { readonly length: number; readonly tokens: number } {
  const isSpace = run.slice(0, SPACE_RUN_LENGTH_MAX).trim() === '';
  // White space before a word is not cut off alone: it would merge with white space before it, and count differently.
  const atLeast = !isSpace && run.trimStart() !== run ? 2 : 1;
  const lengthMin = splitsPair(run, atLeast) ? atLeast + 1 : atLeast;
  let length = Math.min(run.length, isSpace ? SPACE_RUN_LENGTH_MAX : RUN_LENGTH_MAX);
  for (;;) {
    if (splitsPair(run, length)) length -= 1;
    if (length < lengthMin) length = Math.min(run.length, lengthMin);
    const tokens = countShortText(run.slice(0, length), meter);
    if (tokens <= tokensMax || length <= lengthMin) return { length, tokens };
    length = Math.min(length - 1, Math.floor((length * tokensMax) / tokens));
  }
}

function endOfWindow(content: string, start: number, end: number): number {
  const windowEnd = start + WINDOW_LENGTH;
  if (windowEnd >= end) return end;
  return splitsPair(content, windowEnd) ? windowEnd - 1 : windowEnd;
}

function splitsPair(text: string, index: number): boolean {
  const before = text.charCodeAt(index - 1);
  const after = text.charCodeAt(index);
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}

interface WordBuilder {
  readonly take: (preToken: string, tokens: number) => Generator<Unit>;
  readonly takeHard: (cut: { readonly length: number; readonly tokens: number }) => Generator<Unit>;
  readonly finish: () => Generator<Unit>;
  /** Where what was taken ends. */
  readonly end: () => number;
}

/**
 * Joins pre-tokens to words: a word has its white space before it, as the tokenizer has it. White space alone is only a unit
 * at the end of the line or when it is overlong, because the tokens of a run of white space depend on where it ends.
 */
function createWordBuilder(content: string, lineStart: number, tokensMax: number): WordBuilder {
  let start = lineStart;
  let end = lineStart;
  let tokens = 0;
  let lead = 0;
  let isSpaceSoFar = true;
  let strength: number = Strength.Line;
  let isForced = false;

  function* finish(): Generator<Unit> {
    if (end === start) return;
    yield { start, end, tokens, lead, strength, isForced };
    const isSentence = SENTENCE_END.test(content.slice(Math.max(start, end - 20), end));
    strength = isSentence ? Strength.Sentence : Strength.Word;
    start = end;
    tokens = 0;
    lead = 0;
    isSpaceSoFar = true;
    isForced = false;
  }

  function* take(preToken: string, preTokenTokens: number): Generator<Unit> {
    const leadLength = LEAD.exec(preToken)?.[0].length ?? 0;
    const isTooMuch = end - start + preToken.length > WORD_LENGTH_MAX || tokens + preTokenTokens > tokensMax;
    const startsWord = leadLength > 0 && !isSpaceSoFar;
    if (startsWord) {
      yield* finish();
      if (preToken.charCodeAt(0) > 127 && preToken.trimStart() === preToken) strength = Strength.Sentence;
    } else if (isTooMuch && !isSpaceSoFar) {
      yield* finish();
      strength = Strength.None;
    }
    if (isSpaceSoFar) lead += leadLength;
    isSpaceSoFar &&= leadLength === preToken.length;
    end += preToken.length;
    tokens += preTokenTokens;
  }

  return {
    take,
    *takeHard(cut) {
      const run = content.slice(end, end + cut.length);
      const leadLength = run.length - run.trimStart().length;
      const isSpace = leadLength === cut.length;
      // White space stays in one unit with what follows it, unless that is more white space, which would merge with it.
      if (!isSpaceSoFar || isSpace) {
        const mustEnd = isSpaceSoFar && end > start;
        yield* finish();
        isForced ||= mustEnd;
      }
      lead = isSpace ? 0 : lead + leadLength;
      end += cut.length;
      tokens += cut.tokens;
      yield* finish();
      strength = Strength.None;
      isForced = true;
    },
    finish,
    end: () => end,
  };
}
