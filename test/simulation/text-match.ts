/* How the simulated table finds words: far simpler than LanceDB's index, but enough for what the conformance suite asks. */

/** Least letters of a word that may be the beginning of another. */
const PREFIX_LENGTH_MIN = 3;
/** Scripts that put no space between words. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

/** How well a text answers a query: 0 when no word of it stands in there. */
export function matchScore(text: string, query: string): number {
  const words = wordsOf(text);
  let score = 0;
  for (const wanted of wordsOf(query)) {
    if (words.includes(wanted)) score += 1;
    else if (words.some((word) => isForm(word, wanted))) score += 0.5;
  }
  return score / Math.sqrt(Math.max(1, words.length));
}

function isForm(word: string, wanted: string): boolean {
  if (UNSPACED.test(wanted)) return word.includes(wanted);
  const stem = wanted.replace(/s$/, '');
  return stem.length >= PREFIX_LENGTH_MIN && word.startsWith(stem);
}

function wordsOf(text: string): string[] {
  const folded = text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase().replaceAll('ß', 'ss');
  return folded.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
}
