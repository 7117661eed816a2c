import { displayWidth } from './display-width.ts';
import { wrapText } from './wrap-text.ts';

/** A command or variable, and after two spaces or more what it does. */
const EXPLAINED = /^( +\S.*? {2,})(\S.*)$/;
/** Explanations that would be narrower than this stay as they are. */
const EXPLANATION_COLUMNS_MIN = 24;

/**
 * Help text broken to fit. Several lines without indentation in a row are one paragraph; of an indented line (an option, an
 * example) the explanation is broken, if it has one.
 */
export function wrapHelp(help: string, columnsMax: number): string {
  const lines: string[] = [];
  let paragraph: string[] = [];
  const endParagraph = (): void => {
    lines.push(...wrapText(paragraph.join(' '), columnsMax));
    paragraph = [];
  };
  for (const line of help.split('\n')) {
    if (line !== '' && !line.startsWith(' ')) paragraph.push(line);
    else {
      endParagraph();
      lines.push(...wrapExplained(line, columnsMax));
    }
  }
  endParagraph();
  return lines.join('\n');
}

function wrapExplained(line: string, columnsMax: number): string[] {
  const [, what, explanation] = EXPLAINED.exec(line) ?? [];
  if (displayWidth(line) <= columnsMax || what === undefined || explanation === undefined) return [line];
  const indent = displayWidth(what);
  if (columnsMax - indent < EXPLANATION_COLUMNS_MIN) return [line];
  const [first = '', ...rest] = wrapText(explanation, columnsMax - indent);
  return [`${what}${first}`, ...rest.map((text) => ' '.repeat(indent) + text)];
}
