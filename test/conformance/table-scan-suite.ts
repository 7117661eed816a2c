import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createRowCollector } from '../../src/domain/row-page.ts';
import type { TableScan, VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { row, rowsOf, spec } from '../vectors/table-fixtures.ts';
import type { VectorStorePlace } from './vector-store-suite.ts';

interface PlainRow {
  readonly chunkId: number;
  readonly documentId: number;
  readonly fingerprint: bigint;
  readonly place: bigint;
}

async function readRows(scan: TableScan, buckets?: readonly number[]): Promise<PlainRow[]> {
  const collector = createRowCollector(0);
  for await (const page of scan.rows(buckets)) collector.add(page);
  const { chunkIds, documentIds, fingerprints, places } = collector.rows();
  const whole = new BigInt64Array(fingerprints.buffer, fingerprints.byteOffset, chunkIds.length);
  const rows = Array.from(chunkIds, (chunkId, index) => ({
    chunkId,
    documentId: documentIds[index] ?? 0,
    fingerprint: whole[index] ?? 0n,
    place: places[index] ?? 0n,
  }));
  return rows.sort((a, b) => a.chunkId - b.chunkId || Number(a.place - b.place));
}

async function readVectors(scan: TableScan): Promise<Map<number, number[]>> {
  const vectors = new Map<number, number[]>();
  for await (const page of scan.vectors()) {
    expect(page.incompleteRows.size).toBe(0);
    for (const [index, chunkId] of page.chunkIds.entries()) {
      const { dimensions } = spec;
      const vector = page.vectors.subarray(index * dimensions, (index + 1) * dimensions);
      vectors.set(chunkId, [...vector, page.documentIds[index] ?? 0]);
    }
  }
  return vectors;
}

/** What every implementation of `VectorTable` keeps when all of a table is read, and rows are deleted one by one. */
export function describeTableScan(name: string, make: () => Promise<VectorStorePlace>): void {
  describe(`${name}: a scan`, () => {
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

    const scanned = (version: number, buckets?: readonly number[]): Promise<PlainRow[]> =>
      table.scan(version, (scan) => readRows(scan, buckets));

    test('of an empty table finds nothing', async () => {
      const { version } = await table.state();
      expect(await scanned(version)).toEqual([]);
      expect(await table.scan(version, readVectors)).toEqual(new Map());
    });

    test('gives every row to the last bit, also several of one id', async () => {
      const fingerprints = [0n, -1n, -(2n ** 63n), 2n ** 63n - 1n];
      const big = fingerprints.map((fingerprint, index) =>
        row(2 ** 33 * index + 5, 2 ** 40 + index, { fingerprint }),
      );
      await table.append(rowsOf(big));
      const { version, rowCount } = await table.append(rowsOf([row(5, 9, { fingerprint: 3n })]));
      expect(rowCount).toBe(5);
      const rows = await scanned(version);
      expect(rows.map(({ chunkId, documentId, fingerprint }) => [chunkId, documentId, fingerprint])).toEqual([
        [5, 2 ** 40, 0n],
        [5, 9, 3n],
        ...big.slice(1).map(({ chunkId, documentId, fingerprint }) => [chunkId, documentId, fingerprint]),
      ]);
      expect(new Set(rows.map((found) => found.place)).size).toBe(5);
    });

    test('of some buckets gives their rows alone, those of negative ids, too', async () => {
      const ids = [1, 2, 256, 257, 258, -255, -1];
      const { version } = await table.append(rowsOf(ids.map((id) => row(id, 1))));
      expect((await scanned(version, [1])).map(({ chunkId }) => chunkId)).toEqual([-255, 1, 257]);
      expect((await scanned(version, [0, 255])).map(({ chunkId }) => chunkId)).toEqual([-1, 256]);
    });

    test('gives the vectors, of the rows that are left', async () => {
      await table.append(
        rowsOf(
          [row(1, 1), row(2, 2)],
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
        ),
      );
      const { version } = await table.replaceDocuments([1], rowsOf([row(3, 1)], [[7, 8, 9]]));
      expect(await table.scan(version, readVectors)).toEqual(
        new Map([
          [2, [4, 5, 6, 2]],
          [3, [7, 8, 9, 1]],
        ]),
      );
    });

    test('sees one version, and says how many rows that has', async () => {
      const before = await table.append(rowsOf([row(1, 1)]));
      await table.append(rowsOf([row(2, 2)]));
      const seen = await table.scan(before.version, async (scan) => {
        await table.append(rowsOf([row(3, 3)]));
        return { version: scan.version, rowCount: scan.rowCount, rows: await readRows(scan) };
      });
      expect(seen).toMatchObject({ ...before, rows: [{ chunkId: 1 }] });
    });

    test('of a version that is not there says so', async () => {
      const missing = table.scan(999, readRows).catch((error: unknown) => error);
      expect(await missing).toMatchObject({ code: 'TABLE_DAMAGED' });
    });

    test('that its reader ends early leaves the table usable', async () => {
      const { version } = await table.append(rowsOf([row(1, 1), row(2, 2)]));
      const failed = table.scan(version, async (scan) => {
        for await (const _ of scan.rows()) throw new Error('enough');
      });
      expect(await failed.catch((error: unknown) => error)).toMatchObject({ code: 'TABLE_FAILED' });
      expect(await scanned(version)).toHaveLength(2);
    });

    test('tells places by which single rows are deleted: one of two of the same id', async () => {
      await table.append(rowsOf([row(1, 1), row(2, 2)]));
      const { version } = await table.append(rowsOf([row(1, 1, { title: 'again' }), row(3, 3)]));
      const [, second, , third] = await scanned(version);
      const state = await table.deleteRows([second?.place ?? 0n, third?.place ?? 0n], { onto: version });
      expect(state).toMatchObject({ rowCount: 2 });
      expect((await scanned(state.version)).map(({ chunkId }) => chunkId)).toEqual([1, 2]);
      const [hit] = await table.searchText({ text: 'chunk 1', limit: 1 });
      expect(hit).toMatchObject({ chunkId: 1, title: 'Document 1' });
    });

    test('tells places of its version alone: nothing is deleted on top of a newer one', async () => {
      const { version } = await table.append(rowsOf([row(1, 1)]));
      const [first] = await scanned(version);
      await table.append(rowsOf([row(2, 2)]));
      const refused = table.deleteRows([first?.place ?? 0n], { onto: version });
      expect(await refused.catch((error: unknown) => error)).toMatchObject({ code: 'TABLE_CONFLICT' });
      expect((await table.state()).rowCount).toBe(2);
    });

    test('without places nothing is deleted', async () => {
      const before = await table.append(rowsOf([row(1, 1)]));
      expect(await table.deleteRows([], { onto: before.version })).toEqual(before);
    });
  });
}
