const HEADING = /^ {0,3}#[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$/;
const FENCE = /^[ \t]*(`{3,}|~{3,})/;

/** How far into a text its title is looked for, in UTF-16 units. */
const HEAD_LENGTH_MAX = 20_000;
const TITLE_LENGTH_MAX = 300;

/** The first H1 of Markdown without its front matter; `undefined` without one. */
export function markdownTitle(content: string): string | undefined {
  return cutTitle(firstHeading(content.slice(0, HEAD_LENGTH_MAX)));
}

/** A title as documents have it: in one line and not overlong; `undefined` for one that says nothing. */
export function cutTitle(title: string | undefined): string | undefined {
  const line = title?.replace(/[\s\0]+/g, ' ').trim();
  return line === undefined || line === '' ? undefined : line.slice(0, TITLE_LENGTH_MAX).toWellFormed();
}

function firstHeading(text: string): string | undefined {
  let fence: string | undefined;
  let before = '';
  for (const line of text.split(/\r\n|\r|\n/)) {
    const marks = FENCE.exec(line)?.[1];
    if (fence === undefined) {
      const heading = HEADING.exec(line.slice(0, TITLE_LENGTH_MAX * 2))?.[1];
      if (heading !== undefined) return heading;
      if (/^ {0,3}=+[ \t]*$/.test(line) && before.trim() !== '') return before.trim();
      fence = marks;
    } else if (marks?.startsWith(fence)) {
      fence = undefined;
    }
    before = line;
  }
  return undefined;
}
