import { displayWidth, headOf } from './display-width.ts';

/** Breaks text into lines of at most `columnsMax` columns, at spaces where there are any. */
export function wrapText(text: string, columnsMax: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (word === '') continue;
    const longer = line === '' ? word : `${line} ${word}`;
    if (displayWidth(longer) <= columnsMax) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (displayWidth(line) > columnsMax) {
      // One character wider than the line still has to go somewhere.
      const head = headOf(line, columnsMax) || [...line].slice(0, 1).join('');
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}
