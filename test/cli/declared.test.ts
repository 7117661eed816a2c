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
    const { code, stdout } = await runCli(args, { cwd: dir.path });
    expect(code).toBe(0);
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
