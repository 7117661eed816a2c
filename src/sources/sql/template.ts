/** A text with places for columns, as `{{title}}` is one. */
export interface Template {
  /** The columns that stand in it, each once. */
  readonly columns: readonly string[];
  /** The text, given the text of each column. */
  render(textOf: (column: string) => string): string;
}

/** Backslashes before a place, the place, or one that does not end. */
const PLACE = /(\\*)\{\{(?:((?:(?!\}\}|\{\{)[\s\S])*)\}\})?/g;

/**
 * Reads a template. `{{ name }}` is the column of that name. A backslash before `{{` makes it text: `\{{`; two backslashes before
 * it are one, and then comes the column. Nothing else is special.
 *
 * @returns The reason, a clause without a subject, when it cannot be read.
 */
export function parseTemplate(text: string): Template | { readonly reason: string } {
  const parts: (string | { readonly column: string })[] = [];
  let end = 0;
  for (const match of text.matchAll(PLACE)) {
    const [whole, backslashes = '', name] = match;
    const isText = backslashes.length % 2 === 1;
    parts.push(text.slice(end, match.index), '\\'.repeat(backslashes.length >> 1));
    if (isText) {
      parts.push('{{');
      // What follows is text, in which another place may begin.
      end = match.index + backslashes.length + 2;
      if (name === undefined) continue;
      parts.push(whole.slice(backslashes.length + 2));
      end = match.index + whole.length;
      continue;
    }
    const column = name?.trim() ?? '';
    if (name === undefined) return { reason: `has a "{{" without "}}" (write \\{{ for the characters)` };
    if (column === '') return { reason: 'has a "{{}}" without the name of a column' };
    parts.push({ column });
    end = match.index + whole.length;
  }
  parts.push(text.slice(end));
  return templateOf(parts);
}

function templateOf(parts: readonly (string | { readonly column: string })[]): Template {
  const columns = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.column]));
  return {
    columns: [...new Set(columns)],
    render: (textOf) => parts.map((part) => (typeof part === 'string' ? part : textOf(part.column))).join(''),
  };
}
