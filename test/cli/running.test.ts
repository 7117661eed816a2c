import { expect, setDefaultTimeout, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { type RunningCli, runCli, startCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

const LINES =
  '{"key":"1","content":"a lease lets one worker write"}\n{"key":"2","content":"a heartbeat renews it"}\n';

function makeQueued(dir: TempDir) {
  return runCli(['add', '-', '--mode', 'async', '-d', 'site/docs'], { cwd: dir.path, stdin: LINES });
}

/** Ends the program even when an expectation failed before. */
function ending(running: RunningCli): Disposable {
  return { [Symbol.dispose]: () => running.child.kill('SIGKILL') };
}

test('serve does what waits, others look beside it and cannot write, and SIGTERM ends it with 0', async () => {
  using dir = makeTempDir();
  await makeQueued(dir);
  const serving = startCli(['serve'], { cwd: dir.path });
  using _ = ending(serving);
  await serving.untilSaid('site/docs: up to date: 2 documents changed, 2 chunks embedded, 2 rows written');
  const [found, status, added] = await Promise.all([
    runCli(['search', 'heartbeat', '--limit', '1', '--json'], { cwd: dir.path }),
    runCli(['status', '--json'], { cwd: dir.path }),
    runCli(['add', '-', '--json'], { cwd: dir.path, stdin: LINES }),
  ]);
  expect(JSON.parse(found.stdout)).toMatchObject({ results: [{ key: '2' }] });
  expect(JSON.parse(status.stdout)).toMatchObject({ worker: { pid: serving.child.pid } });
  expect(JSON.parse(added.stdout)).toMatchObject({
    error: { code: 'LEASE_HELD', details: { pid: serving.child.pid } },
  });
  expect([found.code, status.code, added.code]).toEqual([0, 0, 3]);
  serving.child.kill('SIGTERM');
  const { code, stdout } = await serving.ended;
  expect(stdout).toContain(`as process ${serving.child.pid}. Ctrl-C stops.`);
  expect(stdout).toMatch(/ Dashboard: http:\/\/127\.0\.0\.1:\d+\/\n/);
  expect(stdout).toContain('Embedder of new datasets: local hashed n-grams (384 dimensions), because');
  expect(stdout).toEndWith('Stopped.\n');
  expect(code).toBe(0);
});

test('serve --json writes every event as a line of JSON', async () => {
  using dir = makeTempDir();
  await makeQueued(dir);
  const serving = startCli(['serve', '--json'], { cwd: dir.path });
  using _ = ending(serving);
  await serving.untilSaid('"phase":"idle"');
  serving.child.kill('SIGINT');
  const { code, stdout } = await serving.ended;
  const types = stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { type: string }).type);
  expect(types).toEqual(
    expect.arrayContaining(['lease.acquired', 'serving', 'table.written', 'lease.released']),
  );
  expect(code).toBe(0);
});

test('a second Ctrl-C ends serve at once with 130', async () => {
  using dir = makeTempDir();
  await makeQueued(dir);
  // A provider that never answers: the work under way does not end by itself.
  const silent = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Promise<Response>(() => undefined),
  });
  const base = ['--base-url', `http://127.0.0.1:${silent.port}/v1`, '--model', 'm', '--dimensions', '8'];
  try {
    await runCli(['add', '-', '--mode', 'async', '-d', 'slow/docs', ...base], {
      cwd: dir.path,
      stdin: LINES,
    });
    const serving = startCli(['serve', ...base], { cwd: dir.path });
    using _ = ending(serving);
    await serving.untilSaid('Serving');
    await serving.untilSaid('slow/docs: new table');
    serving.child.kill('SIGINT');
    await serving.untilSaid('Ctrl-C again stops at once');
    serving.child.kill('SIGINT');
    expect((await serving.ended).code).toBe(130);
  } finally {
    await silent.stop(true);
  }
});

test('Ctrl-C ends an add that waits for its input with 130', async () => {
  using dir = makeTempDir();
  const adding = startCli(['add', '-'], { cwd: dir.path });
  using _ = ending(adding);
  adding.child.stdin.write(LINES);
  await adding.untilSaid('Embedder:');
  adding.child.kill('SIGINT');
  const { code, stderr } = await adding.ended;
  expect(stderr).toContain('syncline: ABORTED: Stopped by SIGINT');
  expect(code).toBe(130);
});

test('status --watch writes a line per change in a pipe and ends with 0 on Ctrl-C', async () => {
  using dir = makeTempDir();
  await makeQueued(dir);
  const watching = startCli(['status', '--watch', '0.2'], { cwd: dir.path });
  using _ = ending(watching);
  await watching.untilSaid('site/docs: 0 documents, 0 chunks (0 indexed), waiting: 2 documents to chunk');
  await runCli(['index'], { cwd: dir.path });
  await watching.untilSaid('site/docs: 2 documents, 2 chunks (2 indexed), up to date');
  watching.child.kill('SIGINT');
  const { code, stdout, stderr } = await watching.ended;
  const lines = stdout.trimEnd().split('\n');
  expect(lines.every((line, index) => line !== lines[index - 1])).toBe(true);
  expect([code, stderr]).toEqual([0, '']);
});

test('a reader that goes away ends a search quietly', async () => {
  using dir = makeTempDir();
  writeFileSync(dir.join('one.md'), 'words to find');
  await runCli(['add', 'one.md'], { cwd: dir.path });
  const main = resolve(import.meta.dir, '../../src/cli/main.ts');
  const child = spawn(process.execPath, [main, 'search', 'words'], {
    cwd: dir.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise((ended) => child.once('close', ended));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('everything works in Deno, too', async () => {
  using dir = makeTempDir();
  writeFileSync(dir.join('one.md'), 'A zebra has stripes.');
  const root = resolve(import.meta.dir, '../..');
  const run = (...args: string[]) => {
    const deno = [
      'run',
      '--allow-all',
      '--quiet',
      '--config',
      `${root}/deno.json`,
      `${root}/src/cli/main.ts`,
    ];
    return new Promise<{ code: number | null; stdout: string }>((ended, failed) => {
      const child = spawn(`${root}/node_modules/.bin/deno`, [...deno, ...args], { cwd: dir.path });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.once('error', failed).once('close', (code) => ended({ code, stdout }));
    });
  };
  const added = await run('add', 'one.md', '--embedder', 'local');
  const found = await run('search', 'zebra', '--json');
  const wrong = await run('search', '--nope');
  expect(added.stdout).toContain('1 added');
  expect(JSON.parse(found.stdout)).toMatchObject({ results: [{ key: 'one.md' }] });
  expect([added.code, found.code, wrong.code]).toEqual([0, 0, 2]);
});
