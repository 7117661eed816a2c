import { expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { makeTempDir } from '../support/temp-dir.ts';
import { runCli, startCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

test('watch indexes a folder and what changes in it, and Ctrl-C ends it with 0', async () => {
  using dir = makeTempDir();
  mkdirSync(dir.join('my notes/drafts'), { recursive: true });
  writeFileSync(dir.join('my notes/a.md'), 'About lamps.\n');
  writeFileSync(dir.join('my notes/drafts/d.md'), 'About drafts.\n');
  const args = ['watch', 'my notes', '--exclude', 'drafts', '-d', 'site/docs'];
  const watching = startCli(args, { cwd: dir.path });
  try {
    await watching.untilSaid('site/docs: watching my-notes');
    await watching.untilSaid('site/docs: up to date: 1 document changed, 1 chunk embedded');
    rmSync(dir.join('my notes/a.md'));
    writeFileSync(dir.join('my notes/b.md'), 'About elephants.\n');
    await watching.untilSaid('site/docs: up to date: 2 documents changed, 1 chunk embedded');
    watching.child.kill('SIGINT');
    const { code, stdout } = await watching.ended;
    expect(stdout).toEndWith('Stopped.\n');
    expect(code).toBe(0);
  } finally {
    watching.child.kill('SIGKILL');
  }
  const found = await runCli(['search', 'about', '-d', 'site/docs', '--json'], { cwd: dir.path });
  const { results } = JSON.parse(found.stdout) as { results: { key: string; source: string }[] };
  expect(results.map(({ key, source }) => [key, source])).toEqual([['b.md', 'my-notes']]);
});

test('watch ends with 1 where there is no such folder, before anything is made', async () => {
  using dir = makeTempDir();
  writeFileSync(dir.join('file.md'), 'About lamps.\n');
  for (const name of ['nofolder', 'file.md']) {
    const { code, stderr } = await runCli(['watch', name], { cwd: dir.path });
    expect(code).toBe(1);
    expect(stderr).toContain(`SOURCE_UNREADABLE: The folder "${name}" cannot be watched`);
  }
  expect(readdirSync(dir.path)).not.toContain('.syncline');
});

test('add takes of a folder what its patterns and .gitignore files let it', async () => {
  using dir = makeTempDir();
  mkdirSync(dir.join('docs/drafts'), { recursive: true });
  const files = { 'a.md': 'a', 'b.txt': 'b', 'c.xyz': 'c', 'private.md': 'p', 'drafts/d.md': 'd' };
  for (const [path, text] of Object.entries(files)) writeFileSync(dir.join('docs', path), text);
  writeFileSync(dir.join('docs/.gitignore'), 'private.md\n');
  writeFileSync(dir.join('docs/bad.md'), '---\ntitle: [1\n---\n# Bad\n');
  const add = async (...options: string[]) => {
    const { code, stdout, stderr } = await runCli(['add', 'docs', '--json', ...options], { cwd: dir.path });
    return { code, stderr, counts: JSON.parse(stdout) as object };
  };
  const first = await add('--exclude', 'drafts', '--exclude', '*.txt');
  expect(first).toMatchObject({ code: 0, counts: { readCount: 2, skippedFiles: { count: 2 } } });
  expect(first.stderr).toContain('"docs/bad.md": its front matter is not valid YAML');
  const second = await add('--include', '*.{md,xyz}', '--no-gitignore');
  expect(second).toMatchObject({ code: 0, counts: { readCount: 5, addedCount: 3, unchangedCount: 2 } });
  expect((await add('--include', '!x')).counts).toMatchObject({ error: { code: 'INVALID_OPTION' } });
});
