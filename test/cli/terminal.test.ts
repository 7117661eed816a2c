import { expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { startEmbeddingServer } from '../support/embedding-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { runCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

const MAIN = resolve(import.meta.dir, '../../src/cli/main.ts');
const ESCAPE = String.fromCharCode(27);
const CTRL_C = String.fromCharCode(3);
const CLEAR_LINE = `\r${ESCAPE}[2K`;

/** The real program on a pseudo-terminal of 80 × 24. */
function startOnTerminal(
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
) {
  let output = '';
  let look = (): void => undefined;
  const decoder = new TextDecoder();
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: cwd, TERM: 'xterm', ...environment },
    terminal: {
      cols: 80,
      rows: 24,
      data: (_, data) => {
        output += decoder.decode(data, { stream: true });
        look();
      },
    },
  });
  return {
    type: (text: string) => child.terminal?.write(text),
    untilShown: (text: string) =>
      new Promise<void>((shown, reject) => {
        look = () => {
          if (output.includes(text)) shown();
        };
        look();
        const notShown = (): void =>
          reject(new Error(`It ended without showing "${text}": ${JSON.stringify(output)}`));
        child.exited.then(notShown, reject);
      }),
    ended: async () => ({ code: await child.exited, output }),
    [Symbol.dispose]: () => child.kill('SIGKILL'),
  };
}

test('search sets the words of the query off, unless NO_COLOR asks for none', async () => {
  using dir = makeTempDir();
  writeFileSync(dir.join('one.md'), 'A zebra has stripes.');
  await runCli(['add', 'one.md'], { cwd: dir.path });
  using colored = startOnTerminal(['search', 'zebra'], dir.path);
  using plain = startOnTerminal(['search', 'zebra'], dir.path, { NO_COLOR: '1' });
  expect((await colored.ended()).output).toContain(`${ESCAPE}[33mzebra${ESCAPE}[39m has stripes`);
  const { code, output } = await plain.ended();
  expect(output).toContain('A zebra has stripes.');
  expect([code, output.includes(ESCAPE)]).toEqual([0, false]);
});

test('add redraws one line while it works, Ctrl-C ends it with 130, and the line is gone', async () => {
  await using server = await startEmbeddingServer({ dimensions: 8, latencyMs: 1_000 });
  using dir = makeTempDir();
  writeFileSync(dir.join('one.md'), 'A zebra has stripes.');
  const base = ['--base-url', server.url, '--model', 'm', '--dimensions', '8'];
  using adding = startOnTerminal(['add', 'one.md', ...base], dir.path);
  await adding.untilShown('1 document (');
  await adding.untilShown(CLEAR_LINE);
  adding.type(CTRL_C);
  const { code, output } = await adding.ended();
  expect(output.slice(output.lastIndexOf(CLEAR_LINE))).toMatch(
    /syncline: ABORTED: Stopped by SIGINT[^\r]*\r\n$/,
  );
  expect(code).toBe(130);
});

test('dataset delete asks, and deletes only on yes', async () => {
  using dir = makeTempDir();
  await runCli(['dataset', 'create', 'a/b'], { cwd: dir.path });
  for (const [answer, told, code] of [
    ['\r', 'Nothing was deleted.', 1],
    [CTRL_C, 'Nothing was deleted.', 1],
    ['yes\r', 'a/b is deleted.', 0],
  ] as const) {
    using deleting = startOnTerminal(['dataset', 'delete', 'a/b'], dir.path);
    await deleting.untilShown('Delete a/b with 0 documents? This cannot be undone. [y/N]');
    deleting.type(answer);
    const end = await deleting.ended();
    expect(end.output).toContain(told);
    expect(end.code).toBe(code);
  }
});

test('status --watch draws over what it drew before, and Ctrl-C ends it with 0', async () => {
  using dir = makeTempDir();
  await runCli(['dataset', 'create', 'a/b'], { cwd: dir.path });
  using watching = startOnTerminal(['status', '--watch', '0.2'], dir.path);
  await watching.untilShown('Worker:');
  // Table of two lines, an empty one, catalog and worker: five lines up.
  await watching.untilShown(`${ESCAPE}[5A`);
  watching.type(CTRL_C);
  const { code, output } = await watching.ended();
  expect(output).toContain('up to date');
  expect(code).toBe(0);
});
