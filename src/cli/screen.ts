import { stripVTControlCharacters } from 'node:util';
import { truncate } from './display-width.ts';

/** A part of the terminal that is drawn over and over. */
export interface Screen {
  draw(lines: readonly string[]): void;
}

const ROWS_DEFAULT = 24;
const COLUMNS_DEFAULT = 80;

/** Draws on stdout, each time over what was drawn before; cut to the size of the terminal, so that nothing scrolls. */
export function createScreen(): Screen {
  let drawnRows = 0;
  return {
    draw(lines) {
      const rows = (process.stdout.rows || ROWS_DEFAULT) - 1;
      const columns = process.stdout.columns || COLUMNS_DEFAULT;
      const shown = lines.slice(0, rows).map((line) => fit(line, columns));
      const back = drawnRows === 0 ? '' : `\u001b[${drawnRows}A`;
      process.stdout.write(`${back}\r\u001b[J${shown.join('\n')}\n`);
      drawnRows = shown.length;
    },
  };
}

/** A line that would wrap is cut, without its colours. */
function fit(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  const cut = truncate(plain, columns);
  return cut === plain ? line : cut;
}
