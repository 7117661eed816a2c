/** Ways to set text off on a terminal; each leaves the text as it is where there are no colours. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly mark: (text: string) => string;
  readonly warn: (text: string) => string;
}

const ESCAPE = '\u001b[';

/** Styles for a stream: none in a pipe, under `NO_COLOR` (https://no-color.org), or on a terminal that knows none. */
export function createStyle(isTerminal: boolean, environment: NodeJS.ProcessEnv): Style {
  const hasColors = isTerminal && !environment.NO_COLOR && environment.TERM !== 'dumb';
  const wrap =
    (on: number, off: number) =>
    (text: string): string =>
      hasColors && text !== '' ? `${ESCAPE}${on}m${text}${ESCAPE}${off}m` : text;
  return { bold: wrap(1, 22), dim: wrap(2, 22), mark: wrap(33, 39), warn: wrap(31, 39) };
}
