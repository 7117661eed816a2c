import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type Table } from '@lancedb/lancedb';
import type { LanceVectorStoreOptions } from '../../src/vectors/lance-settings.ts';
import { createLanceVectorStore } from '../../src/vectors/lance-vector-store.ts';
import type { TableRows, TableSpec, VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { rejectionOf } from '../support/test-runtime.ts';
import { noFields, row } from './table-fixtures.ts';

/* Maintenance of real LanceDB tables: what it removes, what it leaves, and what it mends. */

const spec: TableSpec = { dimensions: 16, fields: { lang: 'string' } };
let folder: string;
let store: VectorStore;

async function open(options: Partial<LanceVectorStoreOptions> = {}): Promise<VectorTable> {
  store = createLanceVectorStore({ uri: folder, durable: false, cleanupGraceMs: 0, ...options });
  const names = await store.tableNames();
  return names.includes('t') ? store.openTable('t', spec) : store.createTable('t', spec);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'syncline-maintenance-'));
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** LanceDB itself, beside the store. */
async function rawTable(): Promise<Table> {
  return (await connect(folder, { readConsistencyInterval: 0 })).openTable('t');
}

/** Rows of one document each, with vectors in all directions that are the same each time. */
function rowsFrom(firstId: number, count: number, lang = 'en'): TableRows {
  const rows = Array.from({ length: count }, (_, index) =>
    row(firstId + index, firstId + index, { fields: { ...noFields, lang } }),
  );
  return { rows, vectors: Float32Array.from(rows.flatMap(({ chunkId }) => directionOf(chunkId))) };
}

function directionOf(id: number): number[] {
  return Array.from({ length: spec.dimensions }, (_, axis) => Math.sin(id * (axis + 1) * 12.9898));
}

async function fill(table: VectorTable, count: number): Promise<number> {
  return (await table.append(rowsFrom(1, count))).version;
}

const pathOf = (...parts: string[]): string => join(folder, 't.lance', ...parts);

async function filesIn(...parts: string[]): Promise<string[]> {
  return (await readdir(pathOf(...parts))).sort();
}

describe('leftovers', () => {
  async function plant(): Promise<void> {
    await writeFile(pathOf('data', '.tmpAbCdEf'), 'half a data file');
    await writeFile(pathOf('_transactions', '.tmpXyZ123'), 'half a transaction');
    await writeFile(pathOf('_versions', '18446744073709551000.manifest#1'), 'half a manifest');
  }

  test('that killed writers left half-written are swept, and nothing else', async () => {
    const table = await open();
    await fill(table, 5);
    const before = [await filesIn('data'), await filesIn('_transactions'), await filesIn('_versions')];
    await plant();
    expect(await table.sweepLeftovers()).toBe(3);
    expect([await filesIn('data'), await filesIn('_transactions'), await filesIn('_versions')]).toEqual(
      before,
    );
    expect(await table.sweepLeftovers()).toBe(0);
    expect(
      (await table.searchVector({ vector: new Float32Array(directionOf(3)), limit: 1 }))[0]?.chunkId,
    ).toBe(3);
  });

  test('are swept by maintenance, with files of commits that never happened', async () => {
    const table = await open();
    const recordedVersion = await fill(table, 5);
    await plant();
    const committed = (await filesIn('data')).find((name) => name.endsWith('.lance')) ?? '';
    // LanceDB names data files like this: 24 binary digits and 26 hexadecimal ones.
    await copyFile(pathOf('data', committed), pathOf('data', `${committed.slice(0, -13)}abcdef0.lance`));
    await mkdir(pathOf('_indices', '11111111-2222-4333-8444-555555555555'));
    await writeFile(
      pathOf('_indices', '11111111-2222-4333-8444-555555555555', 'page_data.lance'),
      'part of an index',
    );
    const { version } = await table.maintain({ recordedVersion });
    await table.maintain({ recordedVersion: version });
    expect(await filesIn('data')).toHaveLength(1);
    expect(await filesIn('_indices')).toHaveLength(3);
    expect((await table.statistics()).reclaimableBytes).toBeLessThan(5_000);
    expect((await table.state()).rowCount).toBe(5);
  });
});

describe('old versions', () => {
  test('that were replaced are removed by the next maintenance, so that little more than the table is left', async () => {
    const table = await open();
    let recordedVersion = await fill(table, 2_000);
    for (let round = 0; round < 5; round += 1) {
      for (let id = 1; id <= 20; id += 1) {
        const change = rowsFrom(10_000 * (round + 1) + id, 1);
        const rows = { ...change, rows: change.rows.map((changed) => ({ ...changed, documentId: id })) };
        recordedVersion = (await table.replaceDocuments([id], rows)).version;
      }
      recordedVersion = (await table.maintain({ recordedVersion })).version;
      const { reclaimableBytes, totalBytes } = await table.statistics();
      expect(reclaimableBytes).toBeLessThan(2 * totalBytes);
    }
    recordedVersion = (await table.maintain({ recordedVersion })).version;
    recordedVersion = (await table.maintain({ recordedVersion })).version;
    const { reclaimableBytes, totalBytes, fragmentCount } = await table.statistics();
    expect(reclaimableBytes).toBeLessThan(totalBytes / 10);
    expect(fragmentCount).toBe(1);
  }, 120_000);

  test('that somebody has tagged stay, with all that came after', async () => {
    const table = await open();
    const pinned = await fill(table, 5);
    const tags = await (await rawTable()).tags();
    await tags.create('mine', pinned);
    let recordedVersion = (await table.replaceDocuments([1], { rows: [], vectors: new Float32Array() }))
      .version;
    for (let round = 0; round < 3; round += 1) {
      recordedVersion = (await table.maintain({ recordedVersion })).version;
    }
    expect((await table.statistics()).unindexedRowCount).toBe(0);
    expect((await table.restore(pinned)).rowCount).toBe(5);
    await tags.delete('mine');
  });

  test('that a search of this process reads stay until it is done', async () => {
    const table = await open();
    const read = await fill(table, 5);
    let recordedVersion = (await table.append(rowsFrom(6, 1))).version;
    const searches: Promise<unknown>[] = [];
    for (let round = 0; round < 20; round += 1) {
      searches.push(
        table.searchVector({ vector: new Float32Array(directionOf(1)), limit: 9, version: read }),
      );
    }
    recordedVersion = (await table.maintain({ recordedVersion })).version;
    for (const hits of await Promise.all(searches)) expect(hits).toHaveLength(5);
    await table.maintain({ recordedVersion });
    const late = table.searchVector({ vector: new Float32Array(directionOf(1)), limit: 9, version: read });
    expect(await rejectionOf(late)).toMatchObject({ code: 'TABLE_DAMAGED' });
  });

  test('stay within the grace', async () => {
    const table = await open({ cleanupGraceMs: 3_600_000 });
    const first = await fill(table, 5);
    const recordedVersion = (await table.append(rowsFrom(6, 1))).version;
    await table.maintain({ recordedVersion });
    expect((await table.restore(first)).rowCount).toBe(5);
  });
});

describe('the vector index', () => {
  const ROWS = 6_000;
  const LARGE = { vectorIndexBytesMin: ROWS * spec.dimensions * 4 };
  const nearest = (
    table: VectorTable,
    id: number,
    options: { exact?: boolean; lang?: string; limit?: number } = {},
  ) => {
    const { lang, limit = 10, ...query } = options;
    const filter = lang === undefined ? {} : { filter: { op: 'eq', field: 'lang', value: lang } as const };
    return table.searchVector({
      vector: new Float32Array(directionOf(id + 0.25)),
      limit,
      ...filter,
      ...query,
    });
  };

  test('is built when the table is large enough, and not before', async () => {
    const table = await open(LARGE);
    let recordedVersion = await fill(table, ROWS - 1);
    expect(await table.statistics()).toMatchObject({ hasVectorIndex: false, vectorIndexDue: false });
    recordedVersion = (await table.maintain({ recordedVersion })).version;
    expect((await table.statistics()).hasVectorIndex).toBe(false);
    recordedVersion = (await table.append(rowsFrom(ROWS, 1))).version;
    expect((await table.statistics()).vectorIndexDue).toBe(true);
    recordedVersion = (await table.maintain({ recordedVersion })).version;
    expect(await table.statistics()).toMatchObject({
      hasVectorIndex: true,
      vectorIndexDue: false,
      unindexedRowCount: 0,
    });
    const plan = await (await rawTable())
      .query()
      .nearestTo(directionOf(1))
      .distanceType('cosine')
      .limit(3)
      .explainPlan();
    expect(plan).toContain('ANN');
  });

  test('finds what an exact search finds, new and changed rows among it', async () => {
    const table = await open(LARGE);
    let recordedVersion = await fill(table, ROWS);
    recordedVersion = (await table.maintain({ recordedVersion })).version;
    await table.append(rowsFrom(ROWS + 1, 50));
    await table.replaceDocuments([7, 8], { rows: [], vectors: new Float32Array() });
    let found = 0;
    for (let id = 1; id <= 50; id += 1) {
      const exact = (await nearest(table, id, { exact: true })).map((hit) => hit.chunkId);
      const indexed = new Set((await nearest(table, id)).map((hit) => hit.chunkId));
      found += exact.filter((chunkId) => indexed.has(chunkId)).length;
      expect(indexed.has(7) || indexed.has(8)).toBe(false);
    }
    expect(found / 500).toBeGreaterThanOrEqual(0.95);
    const fresh = await table.searchVector({ vector: new Float32Array(directionOf(ROWS + 9)), limit: 1 });
    expect(fresh[0]?.chunkId).toBe(ROWS + 9);
  });

  test('finds as many rows as were asked for, however few a filter leaves', async () => {
    const table = await open({ vectorIndexBytesMin: 0 });
    await fill(table, ROWS);
    const { version } = await table.append(rowsFrom(ROWS + 1, 15, 'rare'));
    await table.maintain({ recordedVersion: version });
    expect(await nearest(table, 1, { lang: 'rare', limit: 15 })).toHaveLength(15);
  });

  test('is built anew when refreshes have cut it into many parts, so that fragments can be compacted again', async () => {
    const table = await open(LARGE);
    let recordedVersion = (await table.maintain({ recordedVersion: await fill(table, ROWS) })).version;
    const fragmentCounts: number[] = [];
    for (let round = 0; round < 40; round += 1) {
      await table.append(rowsFrom(ROWS + 1 + round * 2, 1));
      recordedVersion = (await table.append(rowsFrom(ROWS + 2 + round * 2, 1))).version;
      recordedVersion = (await table.maintain({ recordedVersion })).version;
      fragmentCounts.push((await table.statistics()).fragmentCount);
    }
    expect(Math.max(...fragmentCounts)).toBeLessThan(30);
    expect((await table.state()).rowCount).toBe(ROWS + 80);
  }, 120_000);

  /** Cuts off all files of an index. */
  async function damage(indexName: string): Promise<void> {
    await store.close();
    const index = (await (await rawTable()).listIndices()).find(({ name }) => name === indexName);
    const uuid = index?.indexUuid ?? '';
    for (const file of await filesIn('_indices', uuid)) await truncate(pathOf('_indices', uuid, file), 10);
  }

  test('that is damaged fails a search, not an exact one, and is made anew by maintenance', async () => {
    let table = await open(LARGE);
    let recordedVersion = (await table.maintain({ recordedVersion: await fill(table, ROWS) })).version;
    await damage('vector_idx');
    table = await open(LARGE);
    expect(await rejectionOf(nearest(table, 3))).toMatchObject({ code: 'TABLE_DAMAGED' });
    expect(await nearest(table, 3, { exact: true })).toHaveLength(10);
    recordedVersion = (await table.maintain({ recordedVersion, readAll: true })).version;
    expect(await nearest(table, 3)).toHaveLength(10);
    expect((await table.statistics()).hasVectorIndex).toBe(true);
    expect((await table.restore(recordedVersion)).rowCount).toBe(ROWS);
  });

  test('or a text index that is damaged is made anew when indexes are read', async () => {
    let table = await open();
    const { version } = await table.maintain({ recordedVersion: await fill(table, 10) });
    await damage('embedded_text_idx');
    table = await open();
    expect(await rejectionOf(table.searchText({ text: 'chunk', limit: 3 }))).toMatchObject({
      code: 'TABLE_DAMAGED',
    });
    await table.maintain({ recordedVersion: version, readAll: true });
    expect(await table.searchText({ text: 'chunk', limit: 30 })).toHaveLength(10);
  });

  test.each(['chunk_id_idx', 'vector_idx'])(
    'or another one (%s) that is damaged is made anew by the refresh that stumbles over it',
    async (indexName) => {
      let table = await open(LARGE);
      const { version } = await table.maintain({ recordedVersion: await fill(table, ROWS) });
      await damage(indexName);
      table = await open(LARGE);
      await table.append(rowsFrom(ROWS + 1, 10)).catch(() => undefined);
      const recordedVersion = (await table.state()).version;
      expect(recordedVersion).toBe(version + 1);
      await table.maintain({ recordedVersion });
      expect(await table.searchText({ text: `${ROWS + 3}`, limit: 3 })).toHaveLength(1);
      expect(await nearest(table, 3)).toHaveLength(10);
      expect((await table.statistics()).unindexedRowCount).toBe(0);
    },
  );

  test('does not hide that rows cannot be read', async () => {
    let table = await open();
    await table.append(rowsFrom(1, 10));
    const { version } = await table.append(rowsFrom(11, 10));
    await store.close();
    const [file = ''] = await filesIn('data');
    await truncate(pathOf('data', file), 40);
    table = await open();
    expect(await rejectionOf(table.maintain({ recordedVersion: version }))).toMatchObject({
      code: 'TABLE_DAMAGED',
    });
    expect(await readFile(pathOf('data', file))).toHaveLength(40);
  });
});
