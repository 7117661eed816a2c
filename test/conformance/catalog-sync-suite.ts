import { describe, expect, test } from 'bun:test';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { rowFingerprint } from '../../src/domain/fingerprint.ts';
import { createRowCollector, type RowPage } from '../../src/domain/row-page.ts';
import {
  documentOf,
  embedAll,
  put,
  remove,
  setStage,
  vectorOf,
  writeAll,
} from '../catalog/catalog-fixtures.ts';
import { rejectionOf } from '../support/test-runtime.ts';

/** Rows as objects, for comparing; the fingerprint as the signed integer that it is. */
function rowsOf({ chunkIds, documentIds, fingerprints }: RowPage) {
  const whole = new BigInt64Array(fingerprints.buffer, fingerprints.byteOffset, chunkIds.length);
  return Array.from(chunkIds, (chunkId, row) => ({
    chunkId,
    documentId: documentIds[row],
    fingerprint: whole[row],
  }));
}

async function readAll(catalog: SqlCatalog, generationId: number, buckets?: readonly number[]) {
  const collector = createRowCollector(1);
  let pageCount = 1;
  const chosen = buckets === undefined ? {} : { buckets };
  let page = await catalog.listIndexedRows(generationId, chosen);
  collector.add(page.rows);
  while (page.next !== undefined) {
    page = await catalog.listIndexedRows(generationId, { after: page.next, ...chosen });
    collector.add(page.rows);
    pageCount += 1;
  }
  return { pageCount, rows: rowsOf(collector.rows()) };
}

/** The part of `describeCatalog` about sync checks and repairs. `catalog()` is a new one in each test. */
export function describeCatalogSync(catalog: () => SqlCatalog): void {
  describe('of what a table should hold', () => {
    test('lists nothing where nothing is marked', async () => {
      const { generationId } = await setStage(catalog());
      expect(await readAll(catalog(), generationId)).toEqual({ pageCount: 1, rows: [] });
    });

    test('lists every row as it was marked, to the last bit', async () => {
      const { writer, generationId } = await setStage(catalog());
      const rows = [0n, -1n, 1n, -(2n ** 63n), 2n ** 63n - 1n, 0x12_34_56_78_9a_bc_de_f0n].map(
        (fingerprint, index) => ({ chunkId: 2 ** 32 * index + 7, fingerprint }),
      );
      const documentId = 2 ** 40 + 3;
      await writer.markIndexed({
        generationId,
        version: 1,
        rowCount: rows.length,
        documents: [{ documentId, revision: 1, rows }],
      });
      const listed = await readAll(catalog(), generationId);
      expect(listed.rows).toEqual(rows.map((row) => ({ ...row, documentId })));
    });

    test('lists many rows page by page, each once, and only those of some buckets', async () => {
      const { writer, generationId } = await setStage(catalog());
      const documents = Array.from({ length: 100 }, (_, document) => ({
        documentId: document + 1,
        revision: 1,
        rows: Array.from({ length: 100 }, (__, row) => {
          const chunkId = document * 100 + row + 1;
          return { chunkId, fingerprint: BigInt(chunkId) * 999_999_999_989n };
        }),
      }));
      await writer.markIndexed({ generationId, version: 1, rowCount: 10_000, documents });
      const all = await readAll(catalog(), generationId);
      expect(all.pageCount).toBe(2);
      expect(all.rows.map(({ chunkId }) => chunkId)).toEqual(
        Array.from({ length: 10_000 }, (_, row) => row + 1),
      );
      const some = await readAll(catalog(), generationId, [0, 255]);
      expect(some.rows).toEqual(all.rows.filter(({ chunkId }) => [0, 255].includes(chunkId % 256)));
    }, 120_000);

    test('marks what the write stage marks', async () => {
      const stage = await setStage(catalog());
      const document = documentOf('a', 'one|two|');
      await put(stage, document);
      await embedAll(stage);
      await writeAll(stage);
      const [stored] = await catalog().findDocuments(stage.dataset.datasetId, [document]);
      const chunks =
        (await catalog().listChunks(stage.dataset.configurationId, [stored?.documentId ?? 0])).get(
          stored?.documentId ?? 0,
        ) ?? [];
      const { rows } = await readAll(catalog(), stage.generationId);
      expect(rows).toEqual(
        chunks.map(({ chunkId, textHash }) => ({
          chunkId,
          documentId: stored?.documentId,
          fingerprint: rowFingerprint(chunkId, textHash, document.metadataHash),
        })),
      );
    });

    test('finds the vectors of chunks, and leaves out those that are gone or have none', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|two|'), documentOf('gone', 'three|'));
      await embedAll(stage);
      await put(stage, documentOf('b', 'new|'));
      await remove(stage, 'gone');
      const chunks = [...(await catalog().listChunks(stage.dataset.configurationId, [1])).values()].flat();
      const vectors = await catalog().findVectors(stage.generationId, [1, 2, 3, 4, 99]);
      expect([...vectors.keys()].sort()).toEqual(chunks.map(({ chunkId }) => chunkId));
      for (const { chunkId, textHash } of chunks) expect(vectors.get(chunkId)).toEqual(vectorOf(textHash));
      const { chunkIds, nextAfterChunkId } = await catalog().listUnembeddedChunks(stage.generationId, 0);
      expect({ chunkIds, nextAfterChunkId }).toEqual({ chunkIds: [], nextAfterChunkId: undefined });
    });
  });

  describe('a repair', () => {
    test('queues documents as they are, and no check takes the table for sound until it is recorded again', async () => {
      const stage = await setStage(catalog());
      const { writer, generationId, dataset } = stage;
      await put(stage, documentOf('a', 'one|'), documentOf('b', 'two|'), documentOf('c', 'three|'));
      await embedAll(stage);
      await writeAll(stage);
      await remove(stage, 'c');
      await writer.beginRepair(generationId, 5, [1, 3, 77]);
      const recorded = async () => (await catalog().listGenerations(dataset.datasetId))[0]?.recorded;
      expect(await recorded()).toEqual({ version: 5, rowCount: -1 });
      const queued = await catalog().listWritableDocuments(generationId, { chunkCountMax: 100 });
      expect(queued.map(({ key, hasRows, chunks }) => [key, hasRows, chunks.length])).toEqual([
        ['a', true, 1],
        ['c', true, 0],
      ]);
      await writeAll(stage);
      expect((await readAll(catalog(), generationId)).rows.map(({ documentId }) => documentId)).toEqual([
        1, 2,
      ]);
      await writer.recordTable(generationId, { version: 6, rowCount: 2 });
      expect(await recorded()).toEqual({ version: 6, rowCount: 2 });
    });

    test('of rows alone queues nothing, and can be begun twice', async () => {
      const stage = await setStage(catalog());
      await stage.writer.beginRepair(stage.generationId, 5, []);
      await stage.writer.beginRepair(stage.generationId, 5, []);
      expect(await catalog().datasetBacklog(stage.dataset.datasetId)).toMatchObject({ queuedDocuments: 0 });
    });

    test('leaves a document that waits for its vectors waiting', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|'));
      await embedAll(stage);
      await writeAll(stage);
      await put(stage, documentOf('a', 'new|'));
      await stage.writer.beginRepair(stage.generationId, 5, [1]);
      expect(await catalog().listWritableDocuments(stage.generationId, { chunkCountMax: 9 })).toEqual([]);
      await embedAll(stage);
      expect(await catalog().listWritableDocuments(stage.generationId, { chunkCountMax: 9 })).toHaveLength(1);
    });

    test('of a generation that is gone is refused', async () => {
      const { writer } = await setStage(catalog());
      expect(await rejectionOf(writer.beginRepair(99, 1, [1]))).toMatchObject({ code: 'DATASET_NOT_FOUND' });
    });
  });
}
