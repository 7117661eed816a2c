/** Collects words, lines and code as Markdown. */
export interface MarkdownFlow {
  /** The next text starts a line, behind at least `count` line ends. */
  readonly startLine: (count: 1 | 2) => void;
  /** What stands before the next text: the marks of a heading or list item. */
  readonly setPrefix: (prefix: string) => void;
  readonly hasPrefix: () => boolean;
  /** Adds text whose white space counts as one space. */
  readonly putWords: (text: string) => void;
  /** Adds text as it is, in a fence. */
  readonly putCode: (text: string) => void;
  readonly result: () => string;
}

/** Starts of a line that Markdown would take for a heading or a fence. */
const MARKDOWN_START = /^(?:#{1,6}(?:\s|$)|```|~~~)/;

/** An empty {@link MarkdownFlow}. */
export function createMarkdownFlow(): MarkdownFlow {
  const out: string[] = [];
  let breaks = 0;
  let prefix = '';
  let isSpaceDue = false;

  function startLine(count: 1 | 2): void {
    breaks = Math.max(breaks, count);
    isSpaceDue = false;
  }

  function put(text: string): void {
    const startsLine = breaks > 0 || out.length === 0;
    if (breaks > 0 && out.length > 0) out.push('\n'.repeat(breaks));
    const backslash = startsLine && prefix === '' && MARKDOWN_START.test(text) ? '\\' : '';
    const space = isSpaceDue && !startsLine ? ' ' : '';
    out.push(space, prefix, backslash, text);
    breaks = 0;
    prefix = '';
    isSpaceDue = false;
  }

  return {
    startLine,
    setPrefix(next) {
      prefix = next;
    },
    hasPrefix: () => prefix !== '',
    putWords(text) {
      const words = text.replace(/[ \t\r\n\f]+/g, ' ');
      // Not trim(), which would also take non-breaking spaces.
      const trimmed = words.replace(/^ | $/g, '');
      if (words.startsWith(' ')) isSpaceDue = true;
      if (trimmed === '') return;
      put(trimmed);
      isSpaceDue = words.endsWith(' ');
    },
    putCode(text) {
      if (text.trim() === '') return;
      const fence = fenceFor(text);
      startLine(2);
      prefix = `${fence}\n`;
      put(`${text.replace(/^\r?\n/, '').trimEnd()}\n${fence}`);
      startLine(2);
    },
    result: () => (out.length === 0 ? '' : `${out.join('')}\n`),
  };
}

/** A fence longer than any in `text`. */
function fenceFor(text: string): string {
  const longest = text.match(/`{3,}/g)?.reduce((length, run) => Math.max(length, run.length), 0) ?? 2;
  return '`'.repeat(longest + 1);
}
