import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dir, '../..');
const MAIN = join(ROOT, 'src/cli/main.ts');

/** How the program ended, and what it wrote. */
export interface CliEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program while it runs. */
export interface RunningCli {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves when the output of both streams so far contains the text; rejects when the program ends without it. */
  untilSaid(text: string): Promise<void>;
  readonly ended: Promise<CliEnd>;
}

/** Where and with what the program is started. */
export interface CliOptions {
  readonly cwd: string;
  readonly stdin?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts the real program in a pipe, with nothing of this machine's configuration; standard input stays open. */
export function startCli(args: readonly string[], { cwd, environment = {} }: CliOptions): RunningCli {
  const env = { PATH: process.env.PATH ?? '', HOME: cwd, ...environment };
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env });
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<CliEnd>((resolveEnd, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolveEnd({ code, ...output }));
  });
  return {
    child,
    ended,
    untilSaid: (text) =>
      new Promise((said, reject) => {
        const look = (): void => {
          if (!`${output.stdout}\n${output.stderr}`.includes(text)) return;
          listeners.delete(look);
          said();
        };
        listeners.add(look);
        look();
        const notSaid = (): void =>
          reject(new Error(`It ended without saying "${text}": ${JSON.stringify(output)}`));
        ended.then(notSaid, reject);
      }),
  };
}

/** Runs the real program to its end. */
export function runCli(args: readonly string[], options: CliOptions): Promise<CliEnd> {
  const { child, ended } = startCli(args, options);
  child.stdin.end(options.stdin ?? '');
  return ended;
}
