import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { TableState, VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { noRows, row, rowsOf, spec } from '../vectors/table-fixtures.ts';
import type { VectorStorePlace } from './vector-store-suite.ts';

/** What every implementation of `VectorStore` keeps when another writer, which has lost its lease, commits all the same. */
export function describeForeignCommits(name: string, make: () => Promise<VectorStorePlace>): void {
  describe(name, () => {
    let place: VectorStorePlace;
    let stores: VectorStore[];
    let table: VectorTable;
    let foreign: VectorTable;
    let recorded: TableState;

    beforeEach(async () => {
      place = await make();
      stores = [place.open(), place.open()];
      const [own, other] = stores as [VectorStore, VectorStore];
      table = await own.createTable('t', spec);
      foreign = await other.openTable('t', spec);
      recorded = await table.append(rowsOf([row(1, 1), row(2, 2)]));
    });

    afterEach(async () => {
      for (const store of stores) await store.close();
      await place.remove();
    });

    const writes: [string, (onto: number) => Promise<TableState>][] = [
      ['append', (onto) => table.append(rowsOf([row(3, 3)]), { onto })],
      ['replaceDocuments', (onto) => table.replaceDocuments([1], rowsOf([row(4, 1)]), { onto })],
      ['replaceDocuments without rows', (onto) => table.replaceDocuments([1], noRows, { onto })],
      ['restore', (onto) => table.restore(recorded.version, { onto })],
    ];

    test.each(writes)('%s onto the version that the table is at goes through', async (_, write) => {
      const state = await write(recorded.version);
      expect(state.version).toBeGreaterThan(recorded.version);
      expect(await table.state()).toEqual(state);
    });

    test.each(writes)('%s onto another version than the table is at changes nothing', async (_, write) => {
      const found = await foreign.append(rowsOf([row(9, 9)]));
      const error = await rejection(write(recorded.version));
      expect(error).toMatchObject({ code: 'TABLE_CONFLICT', retryable: true });
      expect(await table.state()).toEqual(found);
    });

    test('a search of a version sees that one, whatever came since', async () => {
      await foreign.replaceDocuments([1], rowsOf([row(5, 1)]));
      await foreign.append(rowsOf([row(9, 9)]));
      const { version } = recorded;
      const vector = new Float32Array([1, 0, 0]);
      for (const hits of [
        await table.searchVector({ vector, limit: 10, version }),
        await table.searchText({ text: 'chunk', limit: 10, version }),
      ]) {
        expect(hits.map((hit) => hit.chunkId).sort()).toEqual([1, 2]);
      }
      const now = await table.searchVector({ vector, limit: 10 });
      expect(now.map((hit) => hit.chunkId).sort()).toEqual([2, 5, 9]);
    });

    test('a search of a version that is gone says so, and is not answered from another one', async () => {
      const query = { vector: new Float32Array([1, 0, 0]), limit: 10, version: recorded.version };
      const later = await table.replaceDocuments([1, 2], rowsOf([row(5, 1)]));
      await table.maintain({ recordedVersion: later.version });
      expect(await rejection(table.searchVector(query))).toMatchObject({ code: 'TABLE_DAMAGED' });
      expect(await rejection(table.searchText({ ...query, text: 'chunk' }))).toMatchObject({
        code: 'TABLE_DAMAGED',
      });
    });
  });
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
