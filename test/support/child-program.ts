import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';

/** A program of the tests, running in a process of its own. */
export interface ChildProgram {
  readonly child: ChildProcess;
  /** Resolves with how it ended: its exit code or the signal. */
  readonly ended: Promise<string>;
  /** Resolves when a line that starts so was printed, or the process has ended. */
  said(line: string): Promise<void>;
  /** All that it printed. */
  readonly output: () => string;
}

export function startProgram(file: URL, args: readonly string[]): ChildProgram {
  const child = spawn(process.execPath, [file.pathname, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  // One that is stopped would outlive a test that fails.
  const endWithTest = (): boolean => child.kill('SIGKILL');
  process.on('exit', endWithTest);
  child.once('close', () => process.off('exit', endWithTest));
  let output = '';
  const waiting = new Set<() => void>();
  const keep = (data: Buffer): void => {
    output += data.toString();
    for (const look of waiting) look();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? String(code)));
  });
  return {
    child,
    ended,
    output: () => output,
    said: (line) =>
      Promise.race([
        ended.then(() => undefined),
        new Promise<void>((resolve) => {
          const look = (): void => {
            if (!`\n${output}`.includes(`\n${line}`)) return;
            waiting.delete(look);
            resolve();
          };
          waiting.add(look);
          look();
        }),
      ]),
  };
}

/** For tests in which the moment itself is what is tried: when a process is killed, stopped or let go on. */
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
