import { setImmediate } from 'node:timers/promises';
import { Parser } from 'htmlparser2';
import { createMarkdownFlow } from './markdown-flow.ts';

/** What an HTML page says: its text with headings, lists and code as Markdown. */
export interface HtmlText {
  /** Of the `<title>` element; `undefined` when there is none. */
  readonly title: string | undefined;
  readonly content: string;
}

/** How much is parsed before the event loop gets a turn, in UTF-16 units: about a millisecond. */
const STEP_LENGTH = 32_768;

const DROPPED = new Set([
  'script',
  'style',
  'noscript',
  'template',
  'svg',
  'iframe',
  'object',
  'canvas',
  'head',
]);
const PARAGRAPHS = new Set(['p', 'ul', 'ol', 'dl', 'table', 'blockquote', 'figure', 'form', 'hr', 'pre']);
const LINES = new Set(
  'br div section article main header footer nav aside li dt dd tr caption figcaption summary details address option'.split(
    ' ',
  ),
);
const HEADING = /^h[1-6]$/;

/**
 * Strips HTML to Markdown text, so that the chunker sees headings and code: `<h2>` becomes `## `, `<li>` `- `, `<pre>` a
 * fence, table cells are put on one line. Scripts, styles and everything else that is not shown are dropped. Never
 * throws on broken HTML.
 */
export async function htmlToMarkdown(html: string): Promise<HtmlText> {
  const writer = createWriter();
  const parser = new Parser({
    onopentag: (name, attributes) => writer.open(name, attributes),
    onclosetag: (name) => writer.close(name),
    ontext: (text) => writer.text(text),
  });
  for (let start = 0; start < html.length; start += STEP_LENGTH) {
    parser.write(html.slice(start, start + STEP_LENGTH));
    if (start + STEP_LENGTH < html.length) await setImmediate();
  }
  parser.end();
  return writer.result();
}

interface Writer {
  readonly open: (name: string, attributes: Readonly<Record<string, string>>) => void;
  readonly close: (name: string) => void;
  readonly text: (text: string) => void;
  readonly result: () => HtmlText;
}

/** Follows the elements and writes what is shown. */
function createWriter(): Writer {
  const flow = createMarkdownFlow();
  let droppedDepth = 0;
  let title: string | undefined;
  let isInTitle = false;
  let code: string[] | undefined;

  function breakAround(name: string): void {
    if (HEADING.test(name) || PARAGRAPHS.has(name)) flow.startLine(2);
    else if (LINES.has(name)) flow.startLine(1);
  }

  function openShown(name: string, alternative: string): void {
    // A paragraph that opens a list item stays behind its marker.
    if (!flow.hasPrefix()) breakAround(name);
    if (HEADING.test(name)) flow.setPrefix(`${'#'.repeat(Number(name.slice(1)))} `);
    else if (name === 'li') flow.setPrefix('- ');
    else if (name === 'pre') code ??= [];
    else if (name === 'img') flow.putWords(` ${alternative} `);
  }

  function closeShown(name: string): void {
    if (name === 'pre' && code !== undefined) {
      flow.putCode(code.join(''));
      code = undefined;
    }
    if (name === 'td' || name === 'th') flow.putWords(' | ');
    if (HEADING.test(name) || name === 'li') flow.setPrefix('');
    if (name !== 'br') breakAround(name);
  }

  return {
    open(name, attributes) {
      // Not the `<title>` of a drawing.
      if (name === 'title' && title === undefined && droppedDepth <= 1) {
        isInTitle = true;
        title = '';
      }
      // `body` ends a `head` that was never closed.
      if (name === 'body') droppedDepth = 0;
      if (DROPPED.has(name)) droppedDepth += 1;
      if (droppedDepth === 0) openShown(name, attributes.alt ?? '');
    },
    close(name) {
      if (name === 'title') isInTitle = false;
      if (droppedDepth === 0) closeShown(name);
      else if (DROPPED.has(name)) droppedDepth -= 1;
    },
    text(text) {
      if (isInTitle) title = `${title ?? ''}${text}`;
      else if (droppedDepth > 0) return;
      else if (code === undefined) flow.putWords(text);
      else code.push(text);
    },
    result() {
      if (code !== undefined) flow.putCode(code.join(''));
      const shown = title?.replace(/\s+/g, ' ').trim();
      return { title: shown === '' ? undefined : shown, content: flow.result() };
    },
  };
}
