import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { TableOrigin, VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { noFields, row, rowsOf, spec } from '../vectors/table-fixtures.ts';
import type { VectorStorePlace } from './vector-store-suite.ts';

const ORIGIN: TableOrigin = {
  catalogId: 'c1',
  generationId: 7,
  address: { project: 'docs', dataset: 'site' },
  profile: { provider: 'local', model: 'hash', dimensions: 3, templateVersion: 1 },
  chunking: { tokensPerChunkMax: 128 },
};

/** What every implementation of `VectorStore` can tell of tables that nobody knows any more. */
export function describeTableContents(name: string, make: () => Promise<VectorStorePlace>): void {
  describe(`${name}, what a table tells of itself`, () => {
    let place: VectorStorePlace;
    let store: VectorStore;
    let table: VectorTable;

    beforeEach(async () => {
      place = await make();
      store = place.open();
      table = await store.createTable('t', { ...spec, origin: ORIGIN });
    });

    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    test('its origin and its declared fields are there after every kind of commit', async () => {
      await table.append(rowsOf([row(1, 1), row(2, 2)]));
      await table.replaceDocuments([1], rowsOf([row(3, 1)]));
      const { version } = await table.replaceDocuments([2], rowsOf([]));
      await table.maintain({ recordedVersion: version });
      await table.restore(version);
      const other = place.open();
      expect(await other.inspectTable('t')).toEqual({
        name: 't',
        kind: 'ours',
        origin: ORIGIN,
        fields: spec.fields,
        servedAtMs: undefined,
        problem: undefined,
      });
      await store.markServed('t', 1_234);
      expect(await other.inspectTable('t')).toMatchObject({ servedAtMs: 1_234 });
      await other.close();
    });

    test('one without an origin is known as ours by its columns', async () => {
      await store.createTable('u', spec);
      expect(await store.inspectTable('u')).toMatchObject({ kind: 'ours', origin: undefined });
    });

    test('one that is not there is told as such', async () => {
      expect(await store.inspectTable('u')).toMatchObject({
        kind: 'unreadable',
        problem: { code: 'TABLE_MISSING' },
      });
    });

    test('its documents are listed by id with the number of their rows, and the largest chunk id', async () => {
      expect(await table.listDocuments()).toMatchObject({ chunkIdMax: 0, documentIds: new Float64Array(0) });
      await table.append(rowsOf([row(5, 2), row(1, 1), row(9, 3)]));
      await table.append(rowsOf([row(4, 1), row(2 ** 40, 1)]));
      const { documentIds, rowCounts, chunkIdMax } = await table.listDocuments();
      expect([...documentIds]).toEqual([1, 2, 3]);
      expect([...rowCounts]).toEqual([3, 1, 1]);
      expect(chunkIdMax).toBe(2 ** 40);
      expect(await table.countRowsAfter(4)).toBe(3);
      expect(await table.countRowsOf([4, 9, 10])).toBe(2);
    });

    test('its newest version is told without opening it', async () => {
      const { version } = await table.append(rowsOf([row(1, 1)]));
      const other = place.open();
      expect(await other.newestVersion('t')).toBe(version);
      expect(await other.newestVersion('u')).toBeUndefined();
      await other.close();
    });

    test('its rows are read back by document as they were written, with their vectors', async () => {
      const written = Array.from({ length: 700 }, (_, index) =>
        row(index + 1, Math.floor(index / 100) + 1, {
          ordinal: index % 100,
          metadataJson: `{"n":${index}}`,
          fields: { ...noFields, year: index },
        }),
      );
      const vectors = written.map(({ chunkId }) => [chunkId, 1, -chunkId]);
      await table.append(rowsOf(written.slice(0, 450), vectors.slice(0, 450)));
      await table.append(rowsOf(written.slice(450), vectors.slice(450)));
      const read = await table.readDocuments({ firstId: 3, lastId: 6 });
      const places = read.rows.map((one, index) => ({ ...one, vector: vectorAt(read.vectors, index) }));
      expect(places.sort((a, b) => a.chunkId - b.chunkId)).toEqual(
        written.slice(200, 600).map(({ fields: _, ...one }) => ({
          ...one,
          vector: [one.chunkId, 1, -one.chunkId],
        })),
      );
    });
  });
}

function vectorAt(vectors: Float32Array, index: number): number[] {
  return [...vectors.subarray(index * 3, index * 3 + 3)];
}
