/** What a line is part of. Headings are `text` with a level. */
export type LineRole = 'text' | 'table' | 'fenceStart' | 'fence' | 'fenceEnd' | 'frontMatter';

/** What {@link MarkdownState} says about a line. */
export interface MarkdownLine {
  readonly role: LineRole;
  /** 1 to 6, or 0 when the line is no ATX heading. */
  readonly headingLevel: number;
  readonly headingText: string;
}

/** Reads Markdown line by line and remembers whether it is inside a fence or the front matter. */
export interface MarkdownState {
  /** Reads the next line; `head` is its start without blank lines before it. */
  readonly read: (head: string, rowStart: number) => MarkdownLine;
  /** 1 for a line of `=`, 2 for a line of `-`, else 0. */
  readonly underlineLevel: (head: string) => number;
  /** The text of a line that may be a setext heading; `undefined` for list items, quotes, code and the like. */
  readonly paragraphText: (start: number, end: number) => string | undefined;
}

const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+([^\r\n]*))?[ \t\r\n]*$/;
const CLOSING_MARKS = /(?:^|[ \t]+)#+[ \t]*$/;
// Fences may stand in list items, behind the marker of the item or indented by any width.
const FENCE_START = /^[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}|~{3,})([^\r\n]*)/;
const FENCE_END = /^[ \t]*(`{3,}|~{3,})[ \t\r\n]*$/;
const UNDERLINE = /^ {0,3}(=+|-+)[ \t\r\n]*$/;
const NO_PARAGRAPH = /^(?:\t| {4}| {0,3}(?:[-*+>|#<]|\d{1,9}[.)]))/;
const HEADING_LENGTH_MAX = 300;

/** A fresh {@link MarkdownState} for `content`. */
export function createMarkdownState(content: string): MarkdownState {
  const frontMatterEnd = findFrontMatterEnd(content);
  let fence: { readonly sign: string; readonly length: number } | undefined;
  const plain = (role: LineRole): MarkdownLine => ({ role, headingLevel: 0, headingText: '' });

  function read(head: string, rowStart: number): MarkdownLine {
    if (rowStart < frontMatterEnd) return plain('frontMatter');
    if (fence !== undefined) {
      const marks = FENCE_END.exec(head)?.[1];
      if (marks === undefined || marks[0] !== fence.sign || marks.length < fence.length)
        return plain('fence');
      fence = undefined;
      return plain('fenceEnd');
    }
    const opening = head.includes('```') || head.includes('~~~') ? FENCE_START.exec(head) : null;
    const marks = opening?.[1];
    if (marks !== undefined && !(marks.startsWith('`') && opening?.[2]?.includes('`'))) {
      fence = { sign: marks.charAt(0), length: marks.length };
      return plain('fenceStart');
    }
    const heading = head.includes('#') ? HEADING.exec(head) : null;
    const level = heading?.[1]?.length ?? 0;
    if (level === 0) return plain(head.trimStart().startsWith('|') ? 'table' : 'text');
    const headingText = (heading?.[2] ?? '').trim().slice(0, HEADING_LENGTH_MAX).replace(CLOSING_MARKS, '');
    return { role: 'text', headingLevel: level, headingText };
  }

  return {
    read,
    underlineLevel(head) {
      const sign = fence === undefined ? UNDERLINE.exec(head)?.[1]?.[0] : undefined;
      if (sign === undefined) return 0;
      return sign === '=' ? 1 : 2;
    },
    paragraphText(start, end) {
      // Blank lines before the first line of a document belong to that line.
      const text = withoutBlankStart(content.slice(start, Math.min(end, start + HEADING_LENGTH_MAX)));
      return text.trim() === '' || NO_PARAGRAPH.test(text) ? undefined : text.trim();
    },
  };
}

/** Without the blank lines at the very start of a document, which belong to its first line. */
function withoutBlankStart(text: string): string {
  return text.replace(/^\s*[\r\n]/, '');
}

/** End of the block between `---` (YAML) or `+++` (TOML) lines at the very start; 0 when there is none. */
function findFrontMatterEnd(content: string): number {
  const opening = /^(---|\+\+\+)[ \t]*\r?\n/.exec(content.slice(0, 100));
  if (opening === null) return 0;
  const closing = opening[1] === '---' ? /\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/g : /\n\+\+\+[ \t]*(?:\r?\n|$)/g;
  const head = content.slice(0, FRONT_MATTER_LENGTH_MAX);
  closing.lastIndex = opening[0].length - 1;
  const found = closing.exec(head);
  return found === null ? 0 : found.index + found[0].length;
}

/** Longest front matter that is recognized, in UTF-16 units. */
const FRONT_MATTER_LENGTH_MAX = 65_536;
