const FRONT_MATTER = /^---[ \t]*\r?\n([\s\S]*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/;
const TITLE_LINE = /^title:[ \t]+(.+?)[ \t]*$/m;
const HEADING = /^ {0,3}#[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$/;
const FENCE = /^[ \t]*(`{3,}|~{3,})/;

/** How far into a file its title is looked for, in UTF-16 units. */
const HEAD_LENGTH_MAX = 20_000;
const TITLE_LENGTH_MAX = 300;

/** The title of a Markdown file: `title:` of its YAML front matter, else its first H1; `undefined` without either. */
export function markdownTitle(content: string): string | undefined {
  const head = content.slice(0, HEAD_LENGTH_MAX);
  const frontMatter = FRONT_MATTER.exec(head);
  const named = unquote(TITLE_LINE.exec(frontMatter?.[1] ?? '')?.[1] ?? '');
  const title = named === '' ? firstHeading(head.slice(frontMatter?.[0].length ?? 0)) : named;
  return title === undefined ? undefined : title.slice(0, TITLE_LENGTH_MAX).toWellFormed();
}

function unquote(value: string): string {
  const quoted = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)')/.exec(value);
  if (quoted?.[1] !== undefined) return quoted[1].replace(/\\(["\\])/g, '$1');
  if (quoted?.[2] !== undefined) return quoted[2].replaceAll("''", "'");
  // A block scalar (| or >) goes on in the next lines: no title that we could read.
  return /^[|>][+-]?$/.test(value) ? '' : value.replace(/[ \t]+#.*$/, '');
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
