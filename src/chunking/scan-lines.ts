import type { DocumentFormat } from '../domain/document.ts';
import { createMarkdownState, type LineRole, type MarkdownState } from './markdown-state.ts';
import { countShortText } from './token-counter.ts';
import type { WorkMeter } from './work-meter.ts';

/**
 * A line with the blank lines after it. Its end is always a boundary between pre-tokens, so that the tokens of
 * consecutive lines add up exactly.
 */
export interface Line {
  readonly start: number;
  end: number;
  /** Exact tokens of the text from start to end; `Infinity` when the line is too long to be counted in one go. */
  tokens: number;
  /** Level of the heading (1 to 6), 0 for any other line. */
  headingLevel: number;
  /** The heading as written, without its marks. */
  headingText: string;
  /** Whether a paragraph, fence, table or section starts here. */
  startsBlock: boolean;
  readonly role: LineRole;
  /** Whether a blank line stands before it. */
  readonly afterGap: boolean;
  readonly indented: boolean;
}

/** Longer lines (in UTF-16 units) are counted piece by piece, where they are split. */
const LINE_LENGTH_MAX = 2_048;
/** How much of a line is looked at to tell what it is, in UTF-16 units. */
const HEAD_LENGTH_MAX = 1_000;
/** Work of a line beside its characters. */
const WORK_PER_LINE = 20;

/** Cuts content into {@link Line}s and finds the structure of Markdown. White space only gives no lines. */
export function* scanLines(
  content: string,
  format: DocumentFormat,
  meter: WorkMeter,
): Generator<void, Line[]> {
  const lines: Line[] = [];
  const nextLineEnd = createLineEnds(content);
  const markdown = format === 'markdown' ? createMarkdownState(content) : undefined;
  let start = 0;
  let afterGap = true;
  let position = 0;
  while (position < content.length) {
    const rowStart = position;
    const rowEnd = nextLineEnd(rowStart);
    const textStart = yield* skipSpace(content, rowStart, rowEnd, meter);
    position = rowEnd;
    if (meter.spend(WORK_PER_LINE)) yield;
    const last = lines.at(-1);
    if (textStart === rowEnd) {
      // A blank line belongs to the line before it; those at the very start belong to the first line.
      if (last !== undefined) {
        last.end = rowEnd;
        start = rowEnd;
      }
      afterGap = true;
      continue;
    }
    const head = content.slice(rowStart, Math.min(rowEnd, rowStart + HEAD_LENGTH_MAX));
    const mayUnderline = !afterGap && isOneLineParagraph(last, lines.at(-2));
    if (
      mayUnderline &&
      markdown !== undefined &&
      last !== undefined &&
      takesUnderline(markdown, last, head)
    ) {
      last.end = rowEnd;
    } else {
      const indented = textStart > rowStart;
      lines.push(toLine({ start, end: rowEnd, head, rowStart, afterGap, indented }, markdown, last));
    }
    start = rowEnd;
    afterGap = false;
  }
  yield* countLines(content, lines, meter);
  return lines;
}

interface Row {
  readonly start: number;
  readonly end: number;
  readonly rowStart: number;
  readonly head: string;
  readonly afterGap: boolean;
  readonly indented: boolean;
}

function toLine(row: Row, markdown: MarkdownState | undefined, last: Line | undefined): Line {
  const { start, end, head, afterGap, indented } = row;
  const seen = markdown?.read(head, row.rowStart) ?? { role: 'text', headingLevel: 0, headingText: '' };
  const startsTable = seen.role === 'table' && last?.role !== 'table';
  const startsPart =
    seen.role === 'text' || seen.role === 'table'
      ? afterGap || startsTable || last?.role === 'fenceEnd' || last?.role === 'frontMatter'
      : seen.role === 'fenceStart';
  // What follows a heading stays with it.
  const startsBlock = seen.headingLevel > 0 || (startsPart && last?.headingLevel === 0) || last === undefined;
  return { start, end, tokens: 0, startsBlock, afterGap, indented, ...seen };
}

/** Whether `head` underlines the one-line paragraph `last` (a setext heading), which it then turns into a heading. */
function takesUnderline(markdown: MarkdownState, last: Line, head: string): boolean {
  const level = markdown.underlineLevel(head);
  if (level === 0) return false;
  const text = markdown.paragraphText(last.start, last.end);
  if (text === undefined) return false;
  last.headingLevel = level;
  last.headingText = text;
  last.startsBlock = true;
  return true;
}

function isOneLineParagraph(last: Line | undefined, beforeLast: Line | undefined): boolean {
  if (last?.role !== 'text' || last.headingLevel > 0) return false;
  return last.startsBlock || (beforeLast?.headingLevel ?? 0) > 0;
}

function* countLines(content: string, lines: readonly Line[], meter: WorkMeter): Generator<void, void> {
  for (const line of lines) {
    const length = line.end - line.start;
    line.tokens =
      length > LINE_LENGTH_MAX
        ? Number.POSITIVE_INFINITY
        : countShortText(content.slice(line.start, line.end), meter);
    if (meter.spend(Math.min(length, LINE_LENGTH_MAX))) yield;
  }
}

/** The ends of the lines (behind LF, CRLF or CR), each found once: call it with growing positions. */
function createLineEnds(content: string): (from: number) => number {
  const find = (sign: string, from: number): number => {
    const found = content.indexOf(sign, from);
    return found === -1 ? content.length : found;
  };
  let lineFeed = find('\n', 0);
  let carriageReturn = find('\r', 0);
  return (from) => {
    if (lineFeed < from) lineFeed = find('\n', from);
    if (carriageReturn < from) carriageReturn = find('\r', from);
    if (carriageReturn < lineFeed - 1) return carriageReturn + 1;
    return Math.min(lineFeed + 1, content.length);
  };
}

/** Position of the first character from `start` that is no white space, or `end`. */
function* skipSpace(content: string, start: number, end: number, meter: WorkMeter): Generator<void, number> {
  let position = start;
  while (position < end && isSpace(content.charCodeAt(position))) {
    position += 1;
    if ((position - start) % HEAD_LENGTH_MAX === 0 && meter.spend(HEAD_LENGTH_MAX / 10)) yield;
  }
  return position;
}

function isSpace(code: number): boolean {
  if (code < 128) return code === 32 || (code >= 9 && code <= 13);
  return /\s/.test(String.fromCharCode(code));
}
