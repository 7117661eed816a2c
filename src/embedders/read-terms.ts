import { type CharacterTables, IGNORED, LETTER, UNSPACED } from './fold-characters.ts';
import { TERM_UNITS_MAX, type TermTable } from './term-table.ts';

/** Kind of a term that is a word. Kinds 1, 2 and 3: that many characters of a script without spaces. */
export const WORD = 0;

/**
 * Counts the terms of `text` from unit `from` to `to`: words in lower case without accents, the parts of words joined by
 * capitals as well, and one, two and three characters in a row of scripts without spaces. Words longer than 48 units are
 * cut. `units` is working memory of at least 48. Whenever the table is full, `onFull` has to empty it.
 */
export function readTerms(
  text: string,
  from: number,
  to: number,
  tables: CharacterTables,
  units: Uint16Array,
  table: TermTable,
  onFull: () => void,
): void {
  const { classes, folded } = tables;
  let length = 0;
  let partStart = 0;
  let run = 0;
  let lastIsSmall = false;
  const put = (start: number, end: number, kind: number): void => {
    if (table.full) onFull();
    table.add(units, start, end, kind);
  };
  const endWord = (): void => {
    put(0, length, WORD);
    if (partStart > 0) put(partStart, length, WORD);
    length = 0;
    partStart = 0;
    lastIsSmall = false;
  };
  for (let at = from; at < to; at += 1) {
    const unit = text.charCodeAt(at);
    const kind = classes[unit];
    if (kind === LETTER) {
      const plain = folded[unit] ?? unit;
      const isCapital = plain !== unit && unit < 0x5b;
      // `bodyLimit` is also `body` and `limit`: people ask for the words, code has them joined.
      if (isCapital && lastIsSmall) {
        put(partStart, length, WORD);
        partStart = length;
      }
      lastIsSmall = !isCapital;
      units[length] = plain;
      length += 1;
      run = 0;
      if (length === TERM_UNITS_MAX) endWord();
      continue;
    }
    if (kind === IGNORED) continue;
    if (length > 0) endWord();
    if (kind !== UNSPACED) {
      run = 0;
      continue;
    }
    // The last three characters slide through the start of the buffer.
    units[0] = units[1] ?? 0;
    units[1] = units[2] ?? 0;
    units[2] = folded[unit] ?? unit;
    run = Math.min(run + 1, 3);
    for (let size = 1; size <= run; size += 1) put(3 - size, 3, size);
  }
  if (length > 0) endWord();
}
