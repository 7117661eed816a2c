const SEGMENTER = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** What terminals draw two columns wide. */
const WIDE =
  /^(?:\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}|[\u3000-\u303f\uff01-\uff60\uffe0-\uffe6])/u;
const PLAIN = /^[\x20-\x7e]*$/;

/** Columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of SEGMENTER.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** The text, cut to at most `columnsMax` columns; what was cut is marked with `…`. */
export function truncate(text: string, columnsMax: number): string {
  if (displayWidth(text) <= columnsMax) return text;
  return `${headOf(text, columnsMax - 1).trimEnd()}…`;
}

/** The longest beginning of a text that fits into `columnsMax` columns; never half a character. */
export function headOf(text: string, columnsMax: number): string {
  let width = 0;
  let head = '';
  for (const { segment } of SEGMENTER.segment(text)) {
    width += graphemeWidth(segment);
    if (width > columnsMax) return head;
    head += segment;
  }
  return head;
}

function graphemeWidth(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : 1;
}
