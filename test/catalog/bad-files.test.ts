import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'libsql';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { rejectionOf } from '../support/test-runtime.ts';
import { documentOf, put, setStage } from './catalog-fixtures.ts';

describe('a place that holds no usable catalog', () => {
  let dir: TempDir;
  let path: string;

  beforeEach(() => {
    dir = makeTempDir();
    path = dir.join('catalog.db');
  });
  afterEach(() => dir.remove());

  async function migrateFails(access: 'readWrite' | 'readOnly' = 'readWrite'): Promise<unknown> {
    const catalog = await openCatalog({ url: path, access, timeoutMs: 200 });
    const error = await catalog.migrate().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    await catalog.close();
    return error;
  }

  /** A good catalog with some content, checkpointed and closed. */
  async function makeCatalog(): Promise<void> {
    const catalog = await openCatalog({ url: path, access: 'readWrite' });
    const stage = await setStage(catalog);
    await put(stage, ...Array.from({ length: 200 }, (_, index) => documentOf(`k${index}`, 'x'.repeat(500))));
    await catalog.close();
  }

  /** What must not happen to a file that is not ours. */
  function digest(): string {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  }

  test('is refused and left alone when it is some other file', async () => {
    writeFileSync(path, 'These are my notes, not a database.\n'.repeat(500));
    const before = digest();
    expect(await migrateFails()).toMatchObject({ code: 'CATALOG_CORRUPT' });
    expect(digest()).toBe(before);
  });

  test('is refused and left alone when it is the database of another program', async () => {
    const other = new Database(path);
    other.exec('create table notes (text); insert into notes values (1)');
    other.close();
    const before = digest();
    expect(await migrateFails()).toMatchObject({ code: 'CATALOG_FOREIGN' });
    expect(digest()).toBe(before);
  });

  test('is refused when the file was cut off, at whatever length', async () => {
    await makeCatalog();
    copyFileSync(path, dir.join('good'));
    for (const length of [100, 8_192, 100_000]) {
      copyFileSync(dir.join('good'), path);
      truncateSync(path, length);
      const before = digest();
      expect(await migrateFails()).toMatchObject({ code: 'CATALOG_CORRUPT' });
      expect(digest()).toBe(before);
    }
  });

  test('is refused when its first page is damaged', async () => {
    await makeCatalog();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xaa, 100, 2_000));
    expect(await migrateFails()).toMatchObject({ code: 'CATALOG_CORRUPT' });
  });

  test('gives an error, not the end of the process, when damage turns text into other bytes', async () => {
    const catalog = await openCatalog({ url: path, access: 'readWrite' });
    const stage = await setStage(catalog);
    await put(stage, documentOf('a', 'x'.repeat(100)));
    const { datasetId } = stage.dataset;
    await catalog.close();
    const bytes = readFileSync(path);
    const at = bytes.indexOf('x'.repeat(100));
    writeFileSync(path, bytes.fill(0xff, at, at + 100));
    const damaged = await openCatalog({ url: path, access: 'readWrite' });
    const reading = damaged.listPendingChunks(datasetId, {
      afterChunkId: 0,
      limit: 10,
      textLengthMax: 1_000,
    });
    expect(await rejectionOf(reading)).toMatchObject({ code: 'CATALOG_CORRUPT' });
    await damaged.close();
  });

  test('is refused when the file is empty but its log is not', async () => {
    writeFileSync(path, '');
    writeFileSync(`${path}-wal`, 'something');
    expect(await migrateFails()).toMatchObject({ code: 'CATALOG_CORRUPT' });
  });

  test('is created when the file is empty and nothing lies beside it', async () => {
    writeFileSync(path, '');
    expect(await migrateFails()).toBeUndefined();
  });

  test('is reported when it is a folder, or below a file', async () => {
    mkdirSync(path);
    expect(await migrateFails()).toMatchObject({ code: 'CATALOG_UNREADABLE' });
    path = dir.join('file', 'catalog.db');
    writeFileSync(dir.join('file'), '');
    expect(await migrateFails()).toMatchObject({ code: 'CATALOG_UNREADABLE' });
  });

  test('is missing, and is not made, when it is only to be looked at', async () => {
    expect(await migrateFails('readOnly')).toMatchObject({ code: 'CATALOG_MISSING' });
    path = dir.join('no-folder', 'catalog.db');
    expect(await migrateFails('readOnly')).toMatchObject({ code: 'CATALOG_MISSING' });
  });

  test('is found under names that mean something in a URL', async () => {
    path = dir.join('100% a?b#c ü.db');
    expect(await migrateFails()).toBeUndefined();
    const reader = await openCatalog({ url: path, access: 'readOnly' });
    expect(await reader.listDatasets({ limit: 1 })).toEqual([]);
    await reader.close();
    const byUrl = await openCatalog({
      url: `file:${encodeURI(path).replace('?', '%3F')}`,
      access: 'readOnly',
    });
    expect(byUrl.location).toContain('100%');
    await byUrl.close();
  });

  test('is refused by its URL when that is of no known kind', async () => {
    for (const url of ['', 'postgres://h/d', 'http://', 'a\0b', 'file:x?mode=ro']) {
      expect(await rejectionOf(openCatalog({ url, access: 'readWrite' }))).toMatchObject({
        code: 'INVALID_OPTION',
      });
    }
  });
});
