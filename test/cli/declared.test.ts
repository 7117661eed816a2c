import { expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { runCli, startCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

function declare(dir: TempDir, more = ''): void {
  mkdirSync(dir.join('docs'), { recursive: true });
  writeFileSync(dir.join('docs/a.md'), 'About lamps.\n');
  const sources = "[{ kind: 'folder', name: 'pages', path: 'docs' }]";
  const dataset = `{ sources: ${sources}${more} }`;
  writeFileSync(
    dir.join('syncline.config.ts'),
    `export default { datasets: { 'site/docs': ${dataset} } };\n`,
  );
}

test('index makes what the configuration declares, also where there is no catalog yet', async () => {
  for (const args of [['index'], ['index', 'site/docs', '--full']]) {
    using dir = makeTempDir();
    declare(dir);
    const { code, stdout, stderr } = await runCli(args, { cwd: dir.path });
    expect(code).toBe(0);
    expect(stderr).toContain('Embedder of site/docs, which is new: ');
    expect(stdout).toContain('site/docs: 1 record read: 1 added');
  }
});

test('serve reads a declared source that was never read at once', async () => {
  using dir = makeTempDir();
  declare(dir);
  const serving = startCli(['serve', '--no-http'], { cwd: dir.path });
  try {
    await serving.untilSaid('site/docs: up to date: 1 document changed, 1 chunk embedded');
  } finally {
    serving.child.kill('SIGINT');
    await serving.ended;
  }
});

test('a first run that fails is told by serve and by status, which does not call the dataset up to date', async () => {
  using dir = makeTempDir();
  declare(dir);
  rmSync(dir.join('docs'), { recursive: true });
  const serving = startCli(['serve', '--no-http'], { cwd: dir.path });
  try {
    await serving.untilSaid(
      'site/docs: scheduled run (full) failed: SOURCE_UNREADABLE: The dataset "site/docs"',
    );
  } finally {
    serving.child.kill('SIGINT');
    await serving.ended;
  }
  const told = await runCli(['status'], { cwd: dir.path });
  expect(told.stdout).toContain('never read: pages');
  expect(told.stdout).toContain('The source "pages" cannot be read');
  const { stdout } = await runCli(['status', '--json'], { cwd: dir.path });
  expect(JSON.parse(stdout).datasets).toMatchObject([
    { unreadSources: ['pages'], lastRunError: expect.stringContaining('SOURCE_UNREADABLE') },
  ]);
});

test('serve reads nothing of a source whose schedule is off, and status says so', async () => {
  using dir = makeTempDir();
  declare(dir, ", schedules: { full: 'off' }");
  const serving = startCli(['serve', '--no-http'], { cwd: dir.path });
  await serving.untilSaid('site/docs: created');
  await serving.untilSaid('site/docs: new table');
  serving.child.kill('SIGINT');
  await serving.ended;
  expect((await runCli(['status'], { cwd: dir.path })).stdout).toContain('never read: pages');
});

test('what the configuration declares no more is still read, which its failure and the list of sources say', async () => {
  using dir = makeTempDir();
  declare(dir, ", schedules: { full: 'off' }");
  const run = (...args: string[]) => runCli(args, { cwd: dir.path });
  const old = '{"kind":"jsonl","name":"old","path":"old.jsonl"}';
  expect((await run('source', 'add', 'site/docs', old)).code).toBe(0);
  const indexed = await run('index');
  expect(indexed.code).toBe(1);
  expect(indexed.stderr).toContain(
    'The source "old" is stored, but not (or not any more) in your configuration.',
  );
  expect(indexed.stderr).toContain('"syncline source remove site/docs old"');
  const status = (await run('status')).stdout;
  expect(status).toContain('last run failed');
  expect(status).toMatch(
    /Warning: the last run of site\/docs \(index, \S+\) failed: SOURCE_UNREADABLE: .*"old"/,
  );
  const listed = await run('source', 'list', 'site/docs');
  expect(listed.stdout).toMatch(
    /^old \(jsonl\): .*, not in the configuration\npages \(folder\): 1 document, read \S+\n$/,
  );
  expect(listed.stderr).toContain('"syncline source remove site/docs old"');
  expect((await run('source', 'remove', 'site/docs', 'old')).code).toBe(0);
  expect((await run('index')).code).toBe(0);
  const detail = (await run('status', 'site/docs')).stdout;
  expect(detail).not.toContain('failed:');
  expect(detail).toMatch(
    /Embedder: local\/.*\nTable: .*, 1 row\nSource: pages \(folder\): 1 document, read /,
  );
  expect(detail).toMatch(/Last run: index, succeeded .*\nNext run: none by itself\n/);
});

test('what the configuration declares is not set by commands, as it would be put back', async () => {
  using dir = makeTempDir();
  declare(dir, ", schedules: { full: 'off' }, batch: { mode: 'never' }");
  const run = (...args: string[]) => runCli(args, { cwd: dir.path });
  expect((await run('index')).code).toBe(0);
  const pages = '{"kind":"folder","name":"pages","path":"."}';
  for (const [what, args] of [
    ['The schedule "full"', ['schedule', 'set', 'site/docs', '0 3 * * 6']],
    ['The schedule "full"', ['schedule', 'off', 'site/docs']],
    ['The source "pages"', ['source', 'add', 'site/docs', pages]],
    ['The source "pages"', ['source', 'remove', 'site/docs', 'pages']],
    ['The batch policy', ['batch', 'policy', 'site/docs', 'always']],
  ] as const) {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(`INVALID_OPTION: ${what} of "site/docs" is declared in your configuration`);
    expect(stderr).toContain(
      'syncline.config.ts), which puts it back whenever work begins. Change it there.',
    );
  }
  expect((await run('schedule', 'set', 'site/docs', '0 * * * *', '--run', 'index')).code).toBe(0);
});
