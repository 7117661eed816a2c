/** English words that a reader of an answer does not look for. */
const COMMON = new Set(
  'a an and are as at be by can do does for from how i if in is it its my not of on or that the this to was what when where which who why will with you your'.split(
    ' ',
  ),
);
const WORD = /[\p{L}\p{N}_]+/gu;
/** Scripts that put no spaces between words. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** Patterns that find the words of a query in a text. */
export interface QueryWords {
  /** One for each word. */
  readonly each: readonly RegExp[];
  /** Any of them; to replace with. */
  readonly any: RegExp;
}

/**
 * Patterns for the words of a query, whatever their case and ending (`validate` finds `Validated`); `undefined` when the
 * query has no words.
 */
export function queryWords(query: string): QueryWords | undefined {
  const words = [...new Set(query.toLowerCase().match(WORD) ?? [])];
  const telling = words.filter((word) => !COMMON.has(word));
  const patterns = (telling.length > 0 ? telling : words)
    // Of two words that begin alike the longer one has to be tried first.
    .sort((a, b) => b.length - a.length)
    .map((word) => (UNSPACED.test(word) ? word : `(?<![\\p{L}\\p{N}_])${stem(word)}[\\p{L}\\p{N}_]*`));
  if (patterns.length === 0) return undefined;
  return {
    each: patterns.map((pattern) => new RegExp(pattern, 'iu')),
    any: new RegExp(patterns.join('|'), 'giu'),
  };
}

/** The word without a common English ending, where enough is left: as the text index sees it, about. */
function stem(word: string): string {
  const bare = word.replace(/(?:ations?|ing|ed|es|e|s)$/u, '');
  return bare.length >= 4 ? bare : word;
}
