import { printable } from './printable.ts';
import { type QueryWords, queryWords } from './query-words.ts';
import { wrapText } from './wrap-text.ts';

/** How a passage is shown. */
export interface SnippetOptions {
  readonly query: string;
  readonly columns: number;
  readonly linesMax: number;
  /** Sets a word of the query off. */
  readonly mark: (word: string) => string;
}

/** Room for the marks at both ends. */
const MARKS_WIDTH = 4;

/**
 * The lines of a passage in which most words of the query stand, wrapped, with these words set off; `…` stands where the
 * passage goes on.
 */
export function snippetLines(text: string, options: SnippetOptions): string[] {
  const { query, columns, linesMax, mark } = options;
  const words = queryWords(query);
  const lines = wrapText(printable(text), columns - MARKS_WIDTH);
  const start = bestWindow(lines, linesMax, words);
  const shown = lines.slice(start, start + linesMax);
  return shown.map((line, index) => {
    const marked = words === undefined ? line : line.replace(words.any, (word) => mark(word));
    const before = index === 0 && start > 0 ? '… ' : '';
    const after = index === shown.length - 1 && start + linesMax < lines.length ? ' …' : '';
    return `${before}${marked}${after}`;
  });
}

/** The first line of the window of `length` lines that holds most words of the query, counted once, then with repeats. */
function bestWindow(lines: readonly string[], length: number, words: QueryWords | undefined): number {
  if (words === undefined || lines.length <= length) return 0;
  const found = lines.map((line) => words.each.map((pattern) => pattern.test(line)));
  let best = 0;
  let bestScore = -1;
  for (let start = 0; start <= lines.length - length; start += 1) {
    const window = found.slice(start, start + length);
    const distinct = words.each.filter((_, word) => window.some((line) => line[word])).length;
    const score = distinct * (length * words.each.length + 1) + window.flat().filter(Boolean).length;
    if (score <= bestScore) continue;
    best = start;
    bestScore = score;
  }
  return best;
}
