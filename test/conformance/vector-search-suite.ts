import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { noFields, row, rowsOf, spec } from '../vectors/table-fixtures.ts';
import { refused } from './refused.ts';
import type { VectorStorePlace } from './vector-store-suite.ts';

/** What searches find in the tables of every implementation of `VectorStore`. */
export function describeVectorSearch(name: string, make: () => Promise<VectorStorePlace>): void {
  describe(`${name}, searches`, () => {
    let place: VectorStorePlace;
    let store: VectorStore;
    let table: VectorTable;

    beforeEach(async () => {
      place = await make();
      store = place.open();
      table = await store.createTable('t', spec);
    });

    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    test('vector search orders by cosine similarity', async () => {
      await table.append(
        rowsOf(
          [row(1, 1), row(2, 2), row(3, 3), row(4, 4)],
          [
            [-1, 0, 0],
            [0, 5, 0],
            [3, 4, 0],
            [9, 0, 0],
          ],
        ),
      );
      const hits = await table.searchVector({ vector: new Float32Array([1, 0, 0]), limit: 4 });
      expect(hits.map((hit) => hit.chunkId)).toEqual([4, 3, 2, 1]);
      const scores = hits.map((hit) => Number(hit.score.toFixed(3)));
      expect(scores).toEqual([1, 0.6, 0, -1]);
    });

    test('text search finds words of many languages, whatever their case and accents', async () => {
      const texts = [
        'The runners were running through naïve cafés',
        '日本語の全文検索エンジンを使う',
        '我们使用中文搜索引擎',
        'полнотекстовый поиск работает',
        'createIndex({ uri }) foo_bar v2 C',
        'Übergrößenträger fährt schnell',
      ];
      await table.append(rowsOf(texts.map((embeddedText, index) => row(index, index, { embeddedText }))));
      const first = async (text: string): Promise<number | undefined> =>
        (await table.searchText({ text, limit: 1 }))[0]?.chunkId;
      expect(await first('RUN cafe')).toBe(0);
      expect(await first('検索')).toBe(1);
      expect(await first('搜索')).toBe(2);
      expect(await first('ПОИСК')).toBe(3);
      expect(await first('bar')).toBe(4);
      expect(await first('C')).toBe(4);
      expect(await first('ubergrossentrager')).toBe(5);
    });

    test('a filter is applied before the limit', async () => {
      const rows = Array.from({ length: 40 }, (_, index) =>
        row(index, index, {
          embeddedText: index === 39 ? 'fox and more words besides' : 'fox',
          fields: { ...noFields, lang: index === 39 ? "d'e" : 'en' },
        }),
      );
      await table.append(rowsOf(rows, [...rows.slice(1).map(() => [1, 0, 0]), [0, 1, 0]]));
      const filter = { op: 'eq', field: 'lang', value: "d'e" } as const;
      const byVector = await table.searchVector({ vector: new Float32Array([1, 0, 0]), limit: 3, filter });
      expect(byVector.map((hit) => hit.chunkId)).toEqual([39]);
      const byText = await table.searchText({ text: 'fox', limit: 3, filter });
      expect(byText.map((hit) => hit.chunkId)).toEqual([39]);
    });

    test('any text may be searched for', async () => {
      await table.append(rowsOf([row(1, 1, { embeddedText: 'plain words' })]));
      const texts = [
        '',
        ' ',
        '"',
        "'; DROP",
        'a AND (b',
        '+-*/\\',
        '😀',
        '\u0000',
        '\ud800',
        'x'.repeat(50_000),
      ];
      for (const text of texts) expect(await table.searchText({ text, limit: 3 })).toEqual([]);
      expect(await table.searchText({ text: '"plain" OR +zebra', limit: 3 })).toHaveLength(1);
    });

    test('a query that cannot be meant is refused', async () => {
      const vector = new Float32Array([1, 0, 0]);
      await refused(() => table.searchVector({ vector, limit: 0 }), 'INVALID_QUERY');
      await refused(() => table.searchText({ text: 'a', limit: 1.5 }), 'INVALID_QUERY');
      await refused(() => table.searchVector({ vector: new Float32Array(2), limit: 1 }), 'INVALID_QUERY');
      await refused(
        () => table.searchVector({ vector: new Float32Array([1, Number.NaN, 0]), limit: 1 }),
        'INVALID_QUERY',
      );
      const filter = { op: 'eq', field: 'absent', value: 1 } as const;
      await refused(() => table.searchVector({ vector, limit: 1, filter }), 'INVALID_FILTER');
    });
  });
}
