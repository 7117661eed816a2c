import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileSync } from '../../src/vectors/sync-files.ts';
import { rejectionOf } from '../support/test-runtime.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'syncline-sync-'));
  await mkdir(join(folder, 'data'));
  await mkdir(join(folder, '_versions'));
});

afterEach(() => rm(folder, { recursive: true }));

const add = async (...names: readonly string[]): Promise<void> => {
  for (const name of names) await writeFile(join(folder, name), name);
};
const paths = (...names: readonly string[]): string[] => names.map((name) => join(folder, name)).sort();
const sorted = (files: readonly string[]): string[] => [...files].sort();

test('without a stock everything is flushed', async () => {
  await add('data/a.lance', '_versions/9.manifest');
  expect(sorted(await createFileSync(folder).flushNew())).toEqual(
    paths('_versions/9.manifest', 'data/a.lance'),
  );
});

test('only files that came since the last look are flushed, and the newest manifest', async () => {
  await add('data/a.lance', '_versions/9.manifest', '_versions/8.manifest');
  const files = createFileSync(folder);
  await files.takeStock();
  await add('data/b.lance', '_versions/7.manifest');
  expect(sorted(await files.flushNew())).toEqual(paths('_versions/7.manifest', 'data/b.lance'));
  expect(await files.flushNew()).toEqual(paths('_versions/7.manifest'));
});

test('new folders and what is in them are flushed', async () => {
  const files = createFileSync(folder);
  await files.takeStock();
  await mkdir(join(folder, '_indices', 'uuid'), { recursive: true });
  await add('_indices/uuid/page.lance');
  expect(await files.flushNew()).toEqual(paths('_indices/uuid/page.lance'));
});

test('half-written files of a commit that never was are left alone', async () => {
  const files = createFileSync(folder);
  await files.takeStock();
  await add('data/.tmpAbC', '_versions/6.manifest#1');
  expect(await files.flushNew()).toEqual([]);
});

test('files that go away while they are flushed are no error, a table that goes away is one', async () => {
  const files = createFileSync(folder);
  await add(...Array.from({ length: 300 }, (_, index) => `data/${index}.lance`));
  const flushing = files.flushNew();
  await rm(join(folder, 'data'), { recursive: true });
  await flushing;
  await rm(folder, { recursive: true });
  expect(await rejectionOf(files.flushNew())).toMatchObject({ code: 'ENOENT' });
  await mkdir(folder);
});
