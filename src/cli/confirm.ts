import { createInterface } from 'node:readline/promises';
import { SynclineError } from '../domain/errors.ts';
import type { Output } from './output.ts';

/** Whether somebody sits at the terminal who can be asked. */
export function canAsk(output: Output): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true && !output.json;
}

/** @throws SynclineError `INVALID_OPTION` when nobody can be asked and `--yes` is not given. */
export function requireYes(yes: boolean, output: Output, what: string): void {
  if (yes || canAsk(output)) return;
  throw new SynclineError('INVALID_OPTION', `${what}; give --yes to do it.`);
}

/** Asks a question on the terminal; only `y` and `yes` are a yes. Ctrl-C and Ctrl-D are a no. */
export async function isConfirmed(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // The terminal takes Ctrl-C and Ctrl-D for itself while it asks.
  const left = new AbortController();
  terminal.on('SIGINT', () => left.abort());
  terminal.on('close', () => left.abort());
  try {
    const answer = await terminal.question(`${question} [y/N] `, {
      signal: AbortSignal.any([signal, left.signal]),
    });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (!left.signal.aborted) throw error;
    process.stderr.write('\n');
    return false;
  } finally {
    terminal.close();
  }
}
