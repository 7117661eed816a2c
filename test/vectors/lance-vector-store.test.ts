import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LanceVectorStoreOptions } from '../../src/vectors/lance-settings.ts';
import { createLanceVectorStore } from '../../src/vectors/lance-vector-store.ts';
import type { VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { describeTableContents } from '../conformance/table-contents-suite.ts';
import { describeTableScan } from '../conformance/table-scan-suite.ts';
import { describeVectorSearch } from '../conformance/vector-search-suite.ts';
import { describeForeignCommits } from '../conformance/vector-store-foreign-suite.ts';
import { describeVectorStore, type VectorStorePlace } from '../conformance/vector-store-suite.ts';
import { rejectionOf } from '../support/test-runtime.ts';
import { row, rowsOf, spec } from './table-fixtures.ts';

async function makePlace(options: Partial<LanceVectorStoreOptions>): Promise<VectorStorePlace> {
  const uri = await mkdtemp(join(tmpdir(), 'syncline-vectors-'));
  return {
    open: () => createLanceVectorStore({ uri, cleanupGraceMs: 0, ...options }),
    remove: () => rm(uri, { recursive: true }),
  };
}

describeVectorStore('LanceDB, documents replaced in one commit', () => makePlace({}));
describeVectorStore('LanceDB, documents replaced through the indexes, not durable', () =>
  makePlace({ oneCommitBytesMax: 0, durable: false }),
);

describeVectorSearch('LanceDB', () => makePlace({ durable: false }));
describeTableContents('LanceDB', () => makePlace({ durable: false }));
describeTableScan('LanceDB', () => makePlace({ durable: false }));
describeForeignCommits('LanceDB and a foreign writer', () => makePlace({}));
describeForeignCommits('LanceDB and a foreign writer, through the indexes', () =>
  makePlace({ oneCommitBytesMax: 0, durable: false }),
);

describe('a damaged LanceDB table', () => {
  let folder: string;
  let store: VectorStore;
  let table: VectorTable;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'syncline-vectors-'));
    store = createLanceVectorStore({ uri: folder });
    table = await store.createTable('t', spec);
    await table.append(rowsOf([row(1, 1)]));
    await table.append(rowsOf([row(2, 2)]));
    await store.close();
    store = createLanceVectorStore({ uri: folder });
  });

  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const search = async (): Promise<unknown> =>
    (await store.openTable('t', spec)).searchVector({ vector: new Float32Array([1, 0, 0]), limit: 9 });

  async function filesIn(part: string): Promise<string[]> {
    const path = join(folder, 't.lance', part);
    return (await readdir(path)).sort().map((name) => join(path, name));
  }

  async function newestManifest(): Promise<string> {
    const manifests = (await filesIn('_versions')).filter((path) => path.endsWith('.manifest'));
    return manifests[0] as string;
  }

  test('is told by a newest manifest full of zeros, which LanceDB opens as an empty version 0', async () => {
    await writeFile(await newestManifest(), new Uint8Array(4_096));
    expect(await rejectionOf(search())).toMatchObject({ code: 'TABLE_DAMAGED' });
  });

  test('is told by a newest manifest that was cut off', async () => {
    await truncate(await newestManifest(), 10);
    expect(await rejectionOf(search())).toMatchObject({ code: 'TABLE_DAMAGED' });
  });

  test('shows a lower version than recorded when the newest manifest is gone', async () => {
    const before = await (await store.openTable('t', spec)).state();
    await store.close();
    await rm(await newestManifest());
    await rm(join(folder, 't.lance', '_versions', 'latest_version_hint.json'), { force: true });
    store = createLanceVectorStore({ uri: folder });
    const after = await (await store.openTable('t', spec)).state();
    expect(after).toEqual({ version: before.version - 1, rowCount: before.rowCount - 1 });
  });

  test('is told by a search when a data file is gone, which the state does not notice', async () => {
    await rm((await filesIn('data'))[0] as string);
    expect((await (await store.openTable('t', spec)).state()).rowCount).toBe(2);
    expect(await rejectionOf(search())).toMatchObject({ code: 'TABLE_DAMAGED', details: { table: 't' } });
  });

  test.each([0, 40])('is told by a search when a data file is cut off at %p bytes', async (length) => {
    await truncate((await filesIn('data'))[0] as string, length);
    expect(await rejectionOf(search())).toMatchObject({ code: 'TABLE_DAMAGED' });
  });

  test('is missing without its manifests, and what is left of it can be dropped', async () => {
    await rm(join(folder, 't.lance', '_versions'), { recursive: true });
    expect(await rejectionOf(search())).toMatchObject({ code: 'TABLE_MISSING' });
    expect(await rejectionOf(store.createTable('t', spec))).toMatchObject({ code: 'TABLE_CONFLICT' });
    await store.dropTable('t');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the options of the LanceDB store', () => {
  test('creating a store touches nothing', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'syncline-vectors-'));
    const store = createLanceVectorStore({ uri: join(parent, 'a', 'b') });
    expect(await readdir(parent)).toEqual([]);
    await store.close();
    expect(await readdir(parent)).toEqual([]);
    await rm(parent, { recursive: true });
  });

  test('a file URL names a folder, which is created', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'syncline-vectors-'));
    const store = createLanceVectorStore({ uri: pathToFileURL(join(parent, 'a b')).href });
    await store.createTable('t', spec);
    expect(await readdir(join(parent, 'a b'))).toEqual(['t.lance']);
    await store.close();
    await rm(parent, { recursive: true });
  });

  test('a folder that cannot be created is an error that names it', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'syncline-vectors-'));
    await writeFile(join(parent, 'file'), '');
    const store = createLanceVectorStore({ uri: join(parent, 'file', 'tables') });
    expect(await rejectionOf(store.createTable('t', spec))).toMatchObject({
      code: 'TABLE_FAILED',
      message: expect.stringContaining(join(parent, 'file', 'tables')),
    });
    await store.close();
    await rm(parent, { recursive: true });
  });

  test('values that make no sense are refused at once', () => {
    const bad = [{ uri: '' }, { uri: 'a', cacheBytes: 0 }, { uri: 'a', cleanupGraceMs: -1 }];
    for (const options of bad) {
      expect(() => createLanceVectorStore(options)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      );
    }
  });
});
