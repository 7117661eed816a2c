import { countPreToken, isOverlong, preTokensOf, RUN_LENGTH_MAX } from './token-counter.ts';

/** A beginning of a text. */
export interface CutText {
  readonly text: string;
  readonly tokenCount: number;
}

/** The longest beginning of `text` of at most `tokensMax` tokens (cl100k_base) that ends between two words, where there is one. */
export function cutText(text: string, tokensMax: number): CutText {
  let length = 0;
  let tokenCount = 0;
  for (const preToken of preTokensOf(text)) {
    for (const part of isOverlong(preToken) ? piecesOf(preToken) : [preToken]) {
      const tokens = countPreToken(part);
      if (tokenCount + tokens > tokensMax) return { text: text.slice(0, length), tokenCount };
      tokenCount += tokens;
      length += part.length;
    }
  }
  return { text, tokenCount };
}

/** Pieces that are short enough to be counted, none ending within a surrogate pair. */
function piecesOf(run: string): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < run.length; ) {
    let end = Math.min(run.length, start + RUN_LENGTH_MAX);
    if (end < run.length && /[\uD800-\uDBFF]/.test(run[end - 1] ?? '')) end -= 1;
    pieces.push(run.slice(start, end));
    start = end;
  }
  return pieces;
}
