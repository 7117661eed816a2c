import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { TableHit, VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { noRows, row, rowsOf, spec } from '../vectors/table-fixtures.ts';
import { refused } from './refused.ts';

/** One empty place for tables, which several stores can open at once. */
export interface VectorStorePlace {
  open(): VectorStore;
  /** Removes the place; all stores are closed by then. */
  remove(): Promise<void>;
}

/** What every implementation of `VectorStore` keeps. */
export function describeVectorStore(name: string, make: () => Promise<VectorStorePlace>): void {
  describe(name, () => {
    let place: VectorStorePlace;
    let store: VectorStore;
    let opened: VectorStore[];

    function open(): VectorStore {
      const next = place.open();
      opened.push(next);
      return next;
    }

    beforeEach(async () => {
      place = await make();
      opened = [];
      store = open();
    });

    afterEach(async () => {
      for (const each of opened) await each.close();
      await place.remove();
    });

    const create = (): Promise<VectorTable> => store.createTable('t', spec);

    describe('tables', () => {
      test('a new table is empty, is listed and can be opened', async () => {
        const table = await create();
        expect((await table.state()).rowCount).toBe(0);
        expect(await store.tableNames()).toEqual(['t']);
        expect(await (await open().openTable('t', spec)).state()).toEqual(await table.state());
      });

      test('searches of an empty table find nothing', async () => {
        const table = await create();
        expect(await table.searchVector({ vector: new Float32Array([1, 0, 0]), limit: 5 })).toEqual([]);
        expect(await table.searchText({ text: 'anything', limit: 5 })).toEqual([]);
        const filter = { op: 'eq', field: 'lang', value: 'en' } as const;
        expect(await table.searchText({ text: 'anything', limit: 5, filter })).toEqual([]);
      });

      test('a name is never used twice', async () => {
        await create();
        await refused(() => store.createTable('t', spec), 'TABLE_CONFLICT');
        await refused(() => open().createTable('t', spec), 'TABLE_CONFLICT');
      });

      test('of several creators of one name in a process exactly one succeeds', async () => {
        const attempts = await Promise.allSettled([create(), create(), create(), create()]);
        expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      });

      test('a table that is not there is missing', async () => {
        await refused(() => store.openTable('t', spec), 'TABLE_MISSING');
      });

      test('a name that could leave the folder is refused', async () => {
        await refused(() => store.openTable('../t', spec), 'TABLE_FAILED');
        await refused(() => store.dropTable('..'), 'TABLE_FAILED');
        await refused(() => store.createTable('a/b', spec), 'TABLE_FAILED');
      });

      test('another dimension or other fields are a schema that differs', async () => {
        await create();
        const others = [
          { ...spec, dimensions: 4 },
          { ...spec, fields: {} },
          { ...spec, fields: { ...spec.fields, more: 'string' } },
          { ...spec, fields: { ...spec.fields, year: 'string' } },
        ] as const;
        for (const other of others) await refused(() => open().openTable('t', other), 'TABLE_SCHEMA_DIFFERS');
      });

      test('dropping is idempotent and ends all handles of the table', async () => {
        const table = await create();
        await table.append(rowsOf([row(1, 1)]));
        await store.dropTable('t');
        await store.dropTable('t');
        expect(await store.tableNames()).toEqual([]);
        await refused(() => table.append(rowsOf([row(2, 2)])), 'TABLE_MISSING');
        await refused(() => table.replaceDocuments([2], rowsOf([row(2, 2)])), 'TABLE_MISSING');
        await refused(() => table.state(), 'TABLE_MISSING');
        expect(await store.tableNames()).toEqual([]);
      });

      test('a handle of a dropped table does not write into a later one of the same name', async () => {
        const stale = await create();
        await store.dropTable('t');
        const later = await create();
        await refused(() => stale.append(rowsOf([row(1, 1)])), 'TABLE_MISSING');
        await refused(() => stale.searchText({ text: 'a', limit: 1 }), 'TABLE_MISSING');
        expect((await later.append(rowsOf([row(2, 2)]))).rowCount).toBe(1);
      });

      test('a write at the same time as the drop does not bring the table back', async () => {
        const table = await create();
        const writes = [1, 2, 3].map((id) => table.append(rowsOf([row(id, id)])));
        const [dropping] = await Promise.allSettled([store.dropTable('t'), ...writes]);
        expect(dropping.status).toBe('fulfilled');
        await refused(() => table.append(rowsOf([row(4, 4)])), 'TABLE_MISSING');
        expect(await store.tableNames()).toEqual([]);
      });

      test('a handle of another store does not bring a dropped table back', async () => {
        await create();
        const stale = await open().openTable('t', spec);
        await store.dropTable('t');
        await refused(() => stale.append(rowsOf([row(1, 1)])), 'TABLE_MISSING');
        await refused(() => stale.replaceDocuments([1], rowsOf([row(1, 1)])), 'TABLE_MISSING');
        await refused(() => stale.maintain({ recordedVersion: 1 }), 'TABLE_MISSING');
        expect(await store.tableNames()).toEqual([]);
      });
    });

    describe('writes', () => {
      test('appended rows come back with all their values, before any index covers them', async () => {
        const table = await create();
        const wanted = row(2 ** 40 + 7, 2 ** 35, {
          source: "so'urce",
          key: 'schlüssel\n日本',
          title: '😀 "title"',
          ordinal: 3,
          start: 100,
          end: 250,
          textStart: 12,
          embeddedText: 'heading\n\nthe elephant sleeps',
          metadataJson: '{"a":[1,{"b":null}]}',
          fingerprint: -(2n ** 63n),
        });
        const state = await table.append(
          rowsOf(
            [row(1, 1), wanted],
            [
              [1, 0, 0],
              [0, 1, 0],
            ],
          ),
        );
        expect(state.rowCount).toBe(2);
        expect((await table.statistics()).unindexedRowCount).toBe(2);
        const { fingerprint: _, fields: __, tokenCount: ___, contentFingerprint: ____, ...shown } = wanted;
        const quoted = await table.searchText({ text: '"elephants"', limit: 5 });
        const [byText] = await table.searchText({ text: 'elephants', limit: 5 });
        expect(quoted[0]?.chunkId).toBe(byText?.chunkId ?? 0);
        expect(byText).toEqual({ ...shown, score: expect.any(Number) });
        const [byVector] = await table.searchVector({ vector: new Float32Array([0, 2, 0]), limit: 1 });
        expect(byVector).toEqual({ ...shown, score: expect.closeTo(1, 5) });
      });

      test('each write is one more version', async () => {
        const table = await create();
        const first = await table.append(rowsOf([row(1, 1)]));
        const second = await table.append(rowsOf([row(2, 2)]));
        expect(second).toEqual({ version: first.version + 1, rowCount: 2 });
        expect(await table.state()).toEqual(second);
      });

      test('replacing a document updates, inserts and removes rows of that document only', async () => {
        const table = await create();
        await table.append(rowsOf([row(1, 1), row(2, 1), row(3, 1), row(4, 2), row(5, 3)]));
        await table.replaceDocuments(
          [1, 3],
          rowsOf(
            [row(2, 1, { title: 'moved' }), row(6, 1)],
            [
              [0, 1, 0],
              [0, 0, 1],
            ],
          ),
        );
        const hits = await all(table);
        expect(hits.map((hit) => hit.chunkId)).toEqual([2, 4, 6]);
        expect(hits[0]?.title).toBe('moved');
        expect(await nearest(table, [0, 1, 0])).toBe(2);
      });

      test('replacing twice with the same rows changes nothing', async () => {
        const table = await create();
        const rows = rowsOf([row(1, 1), row(2, 1)]);
        await table.replaceDocuments([1], rows);
        await table.replaceDocuments([1], rows);
        expect((await all(table)).map((hit) => hit.chunkId)).toEqual([1, 2]);
      });

      test('replacing without rows deletes, however many documents are named', async () => {
        const table = await create();
        await table.append(rowsOf([row(1, 1), row(2, 25_000), row(3, 30_000)]));
        const ids = Array.from({ length: 25_000 }, (_, index) => index + 1);
        expect((await table.replaceDocuments(ids, noRows)).rowCount).toBe(1);
        expect((await table.replaceDocuments([], noRows)).rowCount).toBe(1);
      });

      test('rows for some of very many documents delete the rows of the others', async () => {
        const table = await create();
        await table.append(rowsOf([row(1, 1), row(2, 11_000), row(3, 30_000)]));
        const ids = Array.from({ length: 12_000 }, (_, index) => index + 1);
        await table.replaceDocuments(ids, rowsOf([row(4, 1)]));
        expect((await all(table)).map((hit) => hit.chunkId)).toEqual([3, 4]);
      });

      test('a row of a document that is not named is refused', async () => {
        const table = await create();
        await refused(() => table.replaceDocuments([1], rowsOf([row(1, 2)])), 'TABLE_FAILED');
        expect((await table.state()).rowCount).toBe(0);
      });

      test('merges of the same new rows at the same time insert them once', async () => {
        const table = await create();
        const again = await store.openTable('t', spec);
        const ids = Array.from({ length: 50 }, (_, index) => index + 1);
        const rows = rowsOf(ids.map((id) => row(id, id)));
        await Promise.all([table, again, table, again].map((each) => each.replaceDocuments(ids, rows)));
        expect((await table.state()).rowCount).toBe(50);
      });

      test('a row given twice is written once', async () => {
        const table = await create();
        const twice = rowsOf(
          [row(1, 1), row(2, 1), row(1, 1)],
          [
            [1, 0, 0],
            [0, 1, 0],
            [1, 0, 0],
          ],
        );
        expect((await table.append(twice)).rowCount).toBe(2);
        expect((await table.replaceDocuments([1], twice)).rowCount).toBe(2);
        expect(await nearest(table, [0, 1, 0])).toBe(2);
      });

      test('two different rows of one chunk are refused', async () => {
        const table = await create();
        const titles = rowsOf([row(1, 1), row(1, 1, { title: 'other' })]);
        const vectors = rowsOf(
          [row(1, 1), row(1, 1)],
          [
            [1, 0, 0],
            [0, 1, 0],
          ],
        );
        for (const rows of [titles, vectors]) {
          await refused(() => table.append(rows), 'TABLE_FAILED');
          await refused(() => table.replaceDocuments([1], rows), 'TABLE_FAILED');
        }
        expect((await table.state()).rowCount).toBe(0);
      });

      test('vectors of another dimension are refused', async () => {
        const table = await create();
        const rows = { rows: [row(1, 1)], vectors: new Float32Array(4) };
        await refused(() => table.append(rows), 'TABLE_SCHEMA_DIFFERS');
        await refused(() => table.replaceDocuments([1], rows), 'TABLE_SCHEMA_DIFFERS');
      });

      test.each([Number.NaN, Number.POSITIVE_INFINITY])(
        'a vector with %p in it is refused',
        async (number) => {
          const table = await create();
          const rows = rowsOf(
            [row(1, 1), row(2, 2)],
            [
              [1, 0, 0],
              [0, number, 0],
            ],
          );
          await refused(() => table.append(rows), 'TABLE_FAILED', /chunk 2/);
          await refused(() => table.replaceDocuments([1, 2], rows), 'TABLE_FAILED', /chunk 2/);
          expect((await table.state()).rowCount).toBe(0);
        },
      );

      test('appends of two stores at the same time are all kept', async () => {
        const table = await create();
        const other = await open().openTable('t', spec);
        const ids = Array.from({ length: 12 }, (_, index) => index + 1);
        await Promise.all(ids.map((id) => (id % 2 === 0 ? table : other).append(rowsOf([row(id, id)]))));
        expect((await all(table)).map((hit) => hit.chunkId)).toEqual(ids);
      });

      test('a failed write does not stop the next one', async () => {
        const table = await create();
        const failing = table.replaceDocuments([1], rowsOf([row(1, 2)]));
        const following = table.append(rowsOf([row(1, 1)]));
        await refused(() => failing, 'TABLE_FAILED');
        expect((await following).rowCount).toBe(1);
      });

      test('a search sees a document before or after its replacement, never in between', async () => {
        const table = await create();
        await table.append(rowsOf([row(1, 1, { title: 'v0' }), row(2, 1, { title: 'v0' })]));
        let writing = true;
        const writer = (async () => {
          for (let round = 1; round <= 15; round += 1) {
            const title = `v${round}`;
            await table.replaceDocuments(
              [1],
              rowsOf([row(round * 2 + 1, 1, { title }), row(round * 2 + 2, 1, { title })]),
            );
          }
          writing = false;
        })();
        let reads = 0;
        for (; writing; reads += 1) {
          const hits = await all(table);
          expect(hits).toHaveLength(2);
          expect(hits[0]?.title).toBe(hits[1]?.title as string);
        }
        await writer;
        expect(reads).toBeGreaterThan(0);
      });
    });

    describe('versions', () => {
      test('restoring puts the rows back as a new version, and writes go on', async () => {
        const table = await create();
        const good = await table.append(rowsOf([row(1, 1), row(2, 2)]));
        const bad = await table.replaceDocuments([1, 2, 3], rowsOf([row(3, 3)]));
        const restored = await table.restore(good.version);
        expect(restored).toEqual({ version: bad.version + 1, rowCount: 2 });
        expect((await all(table)).map((hit) => hit.chunkId)).toEqual([1, 2]);
        expect((await table.append(rowsOf([row(3, 3)]))).rowCount).toBe(3);
      });

      test('a version that is not there cannot be restored', async () => {
        const table = await create();
        await refused(() => table.restore(999), 'TABLE_DAMAGED', /999/);
        expect((await table.append(rowsOf([row(1, 1)]))).rowCount).toBe(1);
      });

      test('handles of other stores follow commits and restores', async () => {
        const table = await create();
        const good = await table.append(rowsOf([row(1, 1)]));
        const other = await open().openTable('t', spec);
        await table.append(rowsOf([row(2, 2)]));
        expect((await all(other)).map((hit) => hit.chunkId)).toEqual([1, 2]);
        await table.restore(good.version);
        expect((await all(other)).map((hit) => hit.chunkId)).toEqual([1]);
        expect((await other.append(rowsOf([row(3, 3)]))).rowCount).toBe(2);
        expect((await all(table)).map((hit) => hit.chunkId)).toEqual([1, 3]);
      });

      test('maintenance indexes and compacts, and keeps the recorded version', async () => {
        const table = await create();
        for (let id = 1; id <= 5; id += 1)
          await table.append(rowsOf([row(id, id, { embeddedText: `word${id}` })]));
        const recorded = await table.append(rowsOf([row(6, 6)]));
        await table.append(rowsOf([row(7, 7)]));
        const after = await table.maintain({ recordedVersion: recorded.version });
        expect(after.version).toBeGreaterThan(recorded.version + 1);
        expect(after.rowCount).toBe(7);
        expect(await table.statistics()).toMatchObject({ ...after, unindexedRowCount: 0, fragmentCount: 1 });
        expect((await table.searchText({ text: 'word3', limit: 3 })).map((hit) => hit.chunkId)).toEqual([3]);
        expect((await table.restore(recorded.version)).rowCount).toBe(6);
        await refused(() => table.restore(recorded.version - 1), 'TABLE_DAMAGED');
      });
    });

    describe('closing', () => {
      test('waits for what is in flight, then refuses', async () => {
        const table = await create();
        const writes = [table.append(rowsOf([row(1, 1)])), table.append(rowsOf([row(2, 2)]))];
        const search = table.searchText({ text: 'chunk', limit: 5 });
        await store.close();
        await search;
        expect((await writes[1])?.rowCount).toBe(2);
        await refused(() => table.append(rowsOf([row(3, 3)])), 'RUNTIME_STOPPED');
        await refused(() => store.tableNames(), 'RUNTIME_STOPPED');
        expect((await (await open().openTable('t', spec)).state()).rowCount).toBe(2);
      });

      test('twice or before any use is no error', async () => {
        const unused = open();
        await Promise.all([unused.close(), unused.close()]);
      });
    });
  });
}

/** All rows, in the order of their chunk ids. */
async function all(table: VectorTable): Promise<TableHit[]> {
  const hits = await table.searchVector({ vector: new Float32Array([1, 1, 1]), limit: 1_000 });
  return hits.sort((a, b) => a.chunkId - b.chunkId);
}

async function nearest(table: VectorTable, vector: readonly number[]): Promise<number | undefined> {
  const hits = await table.searchVector({ vector: Float32Array.from(vector), limit: 1 });
  return hits[0]?.chunkId;
}
