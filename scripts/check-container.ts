/*
 * Builds the Dockerfile and runs the image: as another user than root, on a read-only root, without capabilities, stopped by
 * SIGTERM, started again on the same volume. Needs a tool that lies beside the repository, and root; where they are missing it
 * says so and checks nothing.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import process from 'node:process';

const PROJECT = resolve(import.meta.dirname, '..');
const TOOL = resolve(PROJECT, '../shared/tools/container-check.sh');
const IMAGE_MEGABYTES_MAX = 450;
const START_SECONDS_MAX = 90;

const missing = missingPart();
if (missing === undefined) process.exitCode = await check(await freePort());
else console.log(`Skipped: ${missing}, so the container was neither built nor run.`);

function missingPart(): string | undefined {
  if (!existsSync(TOOL)) return 'there is no ../shared/tools/container-check.sh';
  return process.getuid?.() === 0 ? undefined : 'this user is not root';
}

/** The tool prints one line for each check. */
function check(port: number): Promise<number> {
  const args = [
    PROJECT,
    ...['--port', String(port), '--env', `SYNCLINE_HTTP_PORT=${port}`],
    ...['--health', '/health', '--probe', '/openapi.json'],
    ...['--max-mb', String(IMAGE_MEGABYTES_MAX), '--wait', String(START_SECONDS_MAX)],
  ];
  return new Promise((ended, failed) => {
    const child = spawn(TOOL, args, { stdio: 'inherit' });
    child.once('error', failed).once('close', (code) => ended(code ?? 1));
  });
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => found(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
