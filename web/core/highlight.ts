/** A part of a text, and whether it is one of the words that were searched for. */
export interface TextPart {
  readonly text: string;
  readonly isHit: boolean;
}

/** Letters that a word has at least, to be marked: shorter ones are everywhere. */
const LETTERS_MIN = 2;
/** Words of a query that are marked. */
const WORDS_MAX = 30;

/** Cuts a text at the words of a query; words that go on (`tent`, `tents`) are hits, too. */
export function highlight(text: string, query: string): TextPart[] {
  const words = [...new Set(query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])]
    .filter((word) => word.length >= LETTERS_MIN)
    .slice(0, WORDS_MAX)
    // A longer word first, where one is the beginning of another.
    .sort((a, b) => b.length - a.length);
  if (words.length === 0) return [{ text, isHit: false }];
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.join('|')})[\\p{L}\\p{N}]*`, 'giu');
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) parts.push({ text: text.slice(from, match.index), isHit: false });
    parts.push({ text: match[0], isHit: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), isHit: false });
  return parts;
}
