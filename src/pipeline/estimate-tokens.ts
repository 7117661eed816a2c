import { countBoundedText } from '../chunking/token-counter.ts';

export { loadTokenizer } from '../chunking/token-counter.ts';

/** What is counted at once: some milliseconds at most, whatever is in it. */
const SLICE_LENGTH = 2_000;
const METER = { spend: () => false, charge: () => undefined };

/** Tokens of a text that is not cut into chunks, such as a query: exact but for where slices meet. Once the tokenizer is loaded. */
export function estimateTokens(text: string): number {
  let tokens = 0;
  for (let start = 0; start < text.length; start += SLICE_LENGTH)
    tokens += countBoundedText(text.slice(start, start + SLICE_LENGTH), METER);
  return tokens;
}
