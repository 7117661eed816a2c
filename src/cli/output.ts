import { once } from 'node:events';
import { truncate } from './display-width.ts';
import { createStyle, type Style } from './style.ts';

/** Where a command writes. Answers go to stdout, everything else to stderr; with `--json` stdout holds JSON alone. */
export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** For text on stdout. */
  readonly style: Style;
  /** Width for text on stdout, in columns. */
  readonly columns: number;
  /** Whether stdout can be redrawn. */
  readonly isTerminal: boolean;
  /** Whether stderr can be redrawn. */
  readonly isNoteTerminal: boolean;
  /** A line of the answer for people; nothing with `--json`. */
  answer(line: string): void;
  /** A value on one line of stdout with `--json`, else nothing. */
  value(value: unknown): void;
  /** A line of an answer that is a stream, with or without `--json`; settles when there is room for the next. */
  streamLine(line: string): Promise<void>;
  /** A line on stderr for people; nothing with `--quiet`. */
  note(line: string): void;
  /** A line on stderr about something that went wrong. */
  problem(line: string): void;
  /** Keeps a line at the foot of the terminal, redrawn below everything else; `undefined` takes it away. */
  setFootLine(line: string | undefined): void;
}

/** Settings of {@link createOutput}. */
export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly environment: NodeJS.ProcessEnv;
  /** Called once when stdout cannot be written any more: `EPIPE` after `| head`, `ENOSPC` on a full disk. */
  readonly onStdoutLost: (error: NodeJS.ErrnoException) => void;
}

const COLUMNS_DEFAULT = 80;
/** Longer lines are hard to read. */
const COLUMNS_MAX = 110;
const CLEAR_LINE = '\r\u001b[2K';

/** Writes to this process's stdout and stderr. */
export function createOutput(options: OutputOptions): Output {
  const { json, quiet, environment } = options;
  const canRedraw = environment.TERM !== 'dumb';
  const isTerminal = process.stdout.isTTY === true && canRedraw;
  const isNoteTerminal = process.stderr.isTTY === true && canRedraw;
  const write = createWriters(options.onStdoutLost);
  const footStyle = createStyle(isNoteTerminal, environment);
  let footLine: string | undefined;

  const hideFootLine = (): void => {
    if (footLine !== undefined) write.stderr(CLEAR_LINE);
  };
  const showFootLine = (): void => {
    if (footLine !== undefined) write.stderr(footLine);
  };
  const writeAbove = (stream: keyof typeof write, line: string): void => {
    hideFootLine();
    write[stream](`${line}\n`);
    showFootLine();
  };
  return {
    json,
    quiet,
    style: createStyle(isTerminal, environment),
    columns: Math.min(process.stdout.columns || COLUMNS_DEFAULT, COLUMNS_MAX),
    isTerminal,
    isNoteTerminal,
    answer: (line) => {
      if (!json) writeAbove('stdout', line);
    },
    value: (value) => {
      if (json) writeAbove('stdout', JSON.stringify(value));
    },
    async streamLine(line) {
      writeAbove('stdout', line);
      if (!process.stdout.writableNeedDrain) return;
      // A reader that is gone is told to whoever watches stdout; here it only ends the wait.
      await once(process.stdout, 'drain').catch(() => undefined);
    },
    note: (line) => {
      if (!quiet) writeAbove('stderr', line);
    },
    problem: (line) => writeAbove('stderr', line),
    setFootLine(line) {
      if (!isNoteTerminal) return;
      hideFootLine();
      // A line that wraps could not be taken away again.
      const columns = (process.stderr.columns || COLUMNS_DEFAULT) - 1;
      footLine = line && footStyle.dim(truncate(line, columns));
      showFootLine();
    },
  };
}

function createWriters(
  onStdoutLost: OutputOptions['onStdoutLost'],
): Record<'stdout' | 'stderr', (text: string) => void> {
  const write = (name: 'stdout' | 'stderr', onLost: (error: NodeJS.ErrnoException) => void) => {
    let isLost = false;
    const lose = (error: NodeJS.ErrnoException): void => {
      if (isLost) return;
      isLost = true;
      onLost(error);
    };
    process[name].on('error', lose);
    return (text: string): void => {
      if (isLost) return;
      try {
        process[name].write(text);
      } catch (error) {
        // Deno throws what others emit.
        lose(error as NodeJS.ErrnoException);
      }
    };
  };
  // Work goes on when only the messages are not read any more.
  return { stdout: write('stdout', onStdoutLost), stderr: write('stderr', () => undefined) };
}
