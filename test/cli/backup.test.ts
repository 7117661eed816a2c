import { expect, setDefaultTimeout, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import { makeTempDir } from '../support/temp-dir.ts';
import { runCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

test('backup and restore say what they did, and refuse what would cost something', async () => {
  using dir = makeTempDir();
  const cli = (...args: string[]) => runCli(args, { cwd: dir.path });
  writeFileSync(dir.join('notes.md'), '# Leases\n\nA lease lets one worker write.\n');
  await cli('add', 'notes.md');
  const first = await cli('backup', 'one.db');
  expect(first.stdout).toMatch(
    /^Backed up to .+\/one\.db: 1 dataset, 1 document, 1 chunk, 1 embedding, \d+ kB, .+\.\n$/,
  );
  // Progress may be told of what takes long.
  expect([first.code, first.stderr.includes('syncline:')]).toEqual([0, false]);
  expect(await cli('backup', 'one.db')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('syncline: FILE_EXISTS:'),
  });
  const refused = await cli('restore', 'one.db');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('FILE_EXISTS') });
  const restored = await cli('restore', 'one.db', '--force', '--json');
  expect(JSON.parse(restored.stdout)).toMatchObject({
    path: dir.join('.syncline/catalog.db'),
    keptAs: expect.stringContaining('catalog.db.replaced-'),
    documents: 1,
  });
  const elsewhere = await cli('restore', 'one.db', '--data-dir', 'elsewhere');
  expect(elsewhere.stdout).toMatch(/^Restored .+\/elsewhere\/catalog\.db: 1 dataset, 1 document, /);
  expect(elsewhere.stderr).toContain('syncline index');
  const indexed = await cli('index', '--data-dir', 'elsewhere');
  expect(indexed.stdout).toContain('up to date, 1 chunk indexed');
  const missing = await cli('restore', 'none.db', '--data-dir', 'third', '--json');
  expect(missing.code).toBe(1);
  expect(JSON.parse(missing.stdout)).toMatchObject({ error: { code: 'BACKUP_UNUSABLE' } });
});

test('a lost catalog is told with its remedies, and made again from the tables', async () => {
  using dir = makeTempDir();
  const cli = (...args: string[]) => runCli(args, { cwd: dir.path });
  writeFileSync(dir.join('notes.md'), '# Leases\n\nA lease lets one worker write.\n');
  await cli('add', 'notes.md', '--dataset', 'site/notes');
  const sound = await cli('catalog', 'check');
  expect(sound.stdout).toMatch(/^The catalog .+ is sound: 1 dataset, 1 document, /);
  expect(sound.code).toBe(0);
  for (const ending of ['', '-wal', '-shm'])
    rmSync(dir.join(`.syncline/catalog.db${ending}`), { force: true });
  const lost = await cli('status');
  expect(lost.code).toBe(1);
  for (const remedy of ['syncline: CATALOG_LOST:', 'syncline restore', 'syncline catalog recover', 'dataDir'])
    expect(lost.stderr).toContain(remedy);
  const recovered = await cli('catalog', 'recover');
  expect(recovered.stdout).toMatch(
    /^site\/notes: 1 document, 1 chunk with vectors\.\nRecovered .+catalog\.db in /,
  );
  expect(recovered.stderr).toContain('syncline add');
  expect(recovered.code).toBe(0);
  const found = await cli('search', 'one worker');
  expect(found.stdout).toContain('notes.md');
  expect(await cli('catalog', 'recover', '--json')).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('FILE_EXISTS'),
  });
});
