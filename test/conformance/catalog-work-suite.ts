import { expect, test } from 'bun:test';
import type { FailureFilter } from '../../src/catalog/catalog.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { sha256, toHex } from '../../src/domain/hash.ts';
import {
  changeTo,
  DIMENSIONS,
  documentOf,
  embedAll,
  pending,
  put,
  remove,
  SPEC,
  setStage,
  vectorOf,
  writeAll,
  writeOnce,
} from '../catalog/catalog-fixtures.ts';
import { rejectionOf } from '../support/test-runtime.ts';

/** The part of `describeCatalog` about the way from a change to rows of a table. `catalog()` is a new one in each test. */
export function describeCatalogWork(catalog: () => SqlCatalog): void {
  describeIncoming();
  describeEmbeddings();
  describeQueue();

  function describeIncoming() {
    test('lists waiting changes in order, the newest of each document only', async () => {
      const { writer, dataset } = await setStage(catalog());
      const id = dataset.datasetId;
      const b = documentOf('b', 'b', { title: 'B', metadata: { year: 1 } });
      await writer.enqueueIncoming(id, [
        { kind: 'upsert', document: documentOf('a', 'old') },
        { kind: 'upsert', document: b },
      ]);
      await writer.enqueueIncoming(id, [
        { kind: 'upsert', document: documentOf('a', 'new') },
        { kind: 'delete', key: { source: 's', key: 'c' } },
      ]);
      const records = await catalog().listIncoming(id, 10);
      expect(
        records.map(({ change }) => (change.kind === 'upsert' ? change.document.content : change.key)),
      ).toEqual(['b', 'new', { source: 's', key: 'c' }]);
      const document = records[0]?.change.kind === 'upsert' ? records[0].change.document : undefined;
      const comparable = (each: typeof document) => ({
        ...each,
        contentHash: toHex(each?.contentHash ?? new Uint8Array()),
        metadataHash: toHex(each?.metadataHash ?? new Uint8Array()),
      });
      expect(comparable(document)).toEqual(comparable(b));
      expect(await catalog().listIncoming(id, 1)).toHaveLength(1);
      expect(await catalog().datasetBacklog(id)).toMatchObject({
        incomingDocuments: 3,
        oldestChangeAtMs: expect.any(Number),
      });
    });

    test('takes applied and dropped changes off the list, and no others', async () => {
      const stage = await setStage(catalog());
      const { writer, dataset } = stage;
      const id = dataset.datasetId;
      const documents = ['a', 'b', 'c'].map((key) => documentOf(key, key));
      await writer.enqueueIncoming(
        id,
        documents.map((document) => ({ kind: 'upsert', document })),
      );
      const [first, second, third] = await catalog().listIncoming(id, 10);
      const change = await changeTo(catalog(), dataset, documents[0] ?? documentOf('a', ''));
      await writer.applyDocuments(id, dataset.configurationId, [change], {
        incomingIds: [first?.incomingId ?? 0],
      });
      await writer.dropIncoming(id, [second?.incomingId ?? 0]);
      expect((await catalog().listIncoming(id, 10)).map(({ incomingId }) => incomingId)).toEqual([
        third?.incomingId ?? 0,
      ]);
    });
  }

  function describeEmbeddings() {
    test('lists each pending text once, by id, within the bounds of the page', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'same|x|'), documentOf('b', 'same|y|'), documentOf('c', 'same|'));
      const texts = async (page: { afterChunkId?: number; limit?: number }) =>
        (await pending(stage, page)).map(({ chunkId, embeddedText }) => [chunkId, embeddedText]);
      expect(await texts({})).toEqual([
        [1, 'same|'],
        [2, 'x|'],
        [4, 'y|'],
      ]);
      expect(await texts({ limit: 2 })).toEqual([
        [1, 'same|'],
        [2, 'x|'],
      ]);
      expect(await texts({ afterChunkId: 2 })).toEqual([[4, 'y|']]);
      const tight = { afterChunkId: 0, limit: 10, textLengthMax: 6 };
      expect(await catalog().listPendingChunks(stage.dataset.configurationId, tight)).toHaveLength(1);
    });

    test('makes every chunk of an embedded text ready, in all datasets of the profile, now and later', async () => {
      const stage = await setStage(catalog());
      const other = await stage.writer.createDataset({
        ...SPEC,
        address: { project: 'docs', dataset: 'b' },
      });
      const elsewhere = { ...stage, dataset: other };
      await put(stage, documentOf('a', 'same|x|'));
      await put(elsewhere, documentOf('a', 'same|'));
      await embedAll(stage);
      await embedAll(stage);
      expect(await pending(elsewhere)).toEqual([]);
      await put(elsewhere, documentOf('b', 'x|'));
      expect(await catalog().datasetCounts(other.datasetId)).toMatchObject({
        chunks: { pending: 0, ready: 2, failed: 0 },
      });
    });

    test('keeps vectors bit by bit, also views into larger buffers, and the first one of a text', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'x'));
      const [chunk] = await pending(stage);
      const textHash = chunk?.textHash ?? new Uint8Array();
      const large = Float32Array.from([9, 1e-45, -0, 3.4e38, 0.1, 9, 9]);
      const { profileId } = stage.dataset;
      await stage.writer.storeEmbeddings(profileId, [
        { textHash, vector: large.subarray(1, 1 + DIMENSIONS) },
      ]);
      await stage.writer.storeEmbeddings(profileId, [{ textHash, vector: new Float32Array(DIMENSIONS) }]);
      const [document] = await catalog().listWritableDocuments(stage.generationId, { chunkCountMax: 10 });
      const vector = document?.chunks[0]?.vector;
      expect(vector).toBeInstanceOf(Float32Array);
      expect([...(vector ?? [])].map((value) => Object.is(value, -0) || value)).toEqual(
        [...large.subarray(1, 1 + DIMENSIONS)].map((value) => Object.is(value, -0) || value),
      );
    });

    test('refuses a vector of another length than its profile says', async () => {
      const { writer, dataset } = await setStage(catalog());
      expect(
        await rejectionOf(
          writer.storeEmbeddings(dataset.profileId, [{ textHash: sha256('x'), vector: new Float32Array(3) }]),
        ),
      ).toMatchObject({ code: 'EMBEDDING_ANSWER_INVALID' });
    });

    test('charges attempts, gives texts up, and lists and retries what failed', async () => {
      const stage = await setStage(catalog());
      const { writer, dataset } = stage;
      await put(stage, documentOf('a', 'bad|good|'), documentOf('b', 'bad|'));
      const [bad, good] = await pending(stage);
      const textHash = bad?.textHash ?? new Uint8Array();
      await writer.recordTextFailures(dataset.profileId, [{ textHash, error: 'slow\0', giveUp: false }]);
      expect((await pending(stage))[0]).toMatchObject({ chunkId: 1, attemptCount: 1 });
      await writer.recordTextFailures(dataset.profileId, [
        { textHash, error: 'TOO_LONG: It is too long.', giveUp: true },
      ]);
      expect((await pending(stage)).map(({ embeddedText }) => embeddedText)).toEqual(['good|']);
      const failed = await catalog().listFailedChunks(dataset.datasetId, { afterChunkId: 0, limit: 10 });
      expect(failed).toEqual([
        {
          chunkId: 1,
          key: { source: 'default', key: 'a' },
          ordinal: 0,
          attemptCount: 2,
          code: 'TOO_LONG',
          lastError: 'TOO_LONG: It is too long.',
        },
        {
          chunkId: 3,
          key: { source: 'default', key: 'b' },
          ordinal: 0,
          attemptCount: 2,
          code: 'TOO_LONG',
          lastError: 'TOO_LONG: It is too long.',
        },
      ]);
      await writer.storeEmbeddings(dataset.profileId, [
        { textHash: good?.textHash ?? textHash, vector: vectorOf(textHash) },
      ]);
      const written = await writeOnce(stage);
      expect(written.map(({ key, chunks }) => [key, chunks.map(({ embeddedText }) => embeddedText)])).toEqual(
        [
          ['a', ['good|']],
          ['b', []],
        ],
      );

      const fits = async (filter: FailureFilter): Promise<number[]> => {
        const page = { afterChunkId: 0, limit: 10 };
        const found = await catalog().listFailedChunks(dataset.datasetId, page, filter);
        return found.map(({ chunkId }) => chunkId);
      };
      expect(await fits({ code: 'TOO_LONG', error: 'IS TOO', attemptsMin: 2, source: 'default' })).toEqual([
        1, 3,
      ]);
      expect(await fits({ key: 'b', chunkIds: [1, 3] })).toEqual([3]);
      for (const none of [
        { code: 'TOO' },
        { error: '%' },
        { attemptsMin: 3 },
        { source: 'other' },
        { chunkIds: [] },
      ])
        expect(await fits(none)).toEqual([]);

      expect(await writer.retryFailedChunks(dataset.datasetId, { key: 'c' })).toBe(0);
      expect(await writer.retryFailedChunks(dataset.datasetId, { key: 'b', code: 'TOO_LONG' })).toBe(1);
      expect(await fits({})).toEqual([1]);
      expect(await writer.retryFailedChunks(dataset.datasetId)).toBe(1);
      expect(await writer.retryFailedChunks(dataset.datasetId)).toBe(0);
      expect(await pending(stage)).toMatchObject([{ chunkId: 1, attemptCount: 0 }]);
      expect(await writeOnce(stage)).toEqual([]);
      await embedAll(stage);
      const rewritten = [...(await writeOnce(stage)), ...(await writeOnce(stage))];
      // In the order in which they were tried again.
      expect(rewritten.map(({ key, hasRows, chunks }) => [key, hasRows, chunks.length])).toEqual([
        ['b', false, 1],
        ['a', true, 2],
      ]);
    });
  }

  function describeQueue() {
    test('offers a document for writing when none of its chunks is pending, with all its rows are made of', async () => {
      const stage = await setStage(catalog());
      const first = documentOf('a', 'one|two|', { title: 'T', metadata: { year: 2020 } });
      await put(stage, first, documentOf('b', 'three|'));
      const chunks = await pending(stage);
      const store = (indexes: number[]) =>
        stage.writer.storeEmbeddings(
          stage.dataset.profileId,
          indexes.map((index) => {
            const textHash = chunks[index]?.textHash ?? new Uint8Array();
            return { textHash, vector: vectorOf(textHash) };
          }),
        );
      const list = () => catalog().listWritableDocuments(stage.generationId, { chunkCountMax: 10 });
      await store([0]);
      expect(await list()).toEqual([]);
      await store([1]);
      const documents = await list();
      expect(documents).toHaveLength(1);
      expect(documents[0]).toMatchObject({
        queueSeq: 1,
        revision: 1,
        source: 'default',
        key: 'a',
        title: 'T',
        metadataJson: '{"year":2020}',
        hasRows: false,
      });
      expect(
        documents[0]?.chunks.map(({ vector, textHash, ...rest }) => ({ ...rest, vector: [...vector] })),
      ).toEqual(
        chunks.slice(0, 2).map(({ chunkId, embeddedText, textHash, tokenCount }, ordinal) => ({
          chunkId,
          ordinal,
          start: ordinal * 4,
          end: ordinal * 4 + 4,
          tokenCount,
          embeddedText,
          textStart: 3,
          vector: [...vectorOf(textHash)],
        })),
      );
      await store([2]);
      expect((await list()).map(({ key }) => key)).toEqual(['a', 'b']);
    });

    test('answers within the bound of chunks but always with one document, oldest change first', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', '1|2|3|'), documentOf('b', '4|5|'), documentOf('c', '6|'));
      await embedAll(stage);
      await put(stage, documentOf('a', '1|2|3|', { metadata: { year: 1 } }));
      const keys = async (chunkCountMax: number) =>
        (await catalog().listWritableDocuments(stage.generationId, { chunkCountMax })).map(({ key }) => key);
      expect(await keys(100)).toEqual(['b', 'c', 'a']);
      expect(await keys(5)).toEqual(['b', 'c']);
      expect(await keys(1)).toEqual(['b']);
    });

    test('records the mark: rows, version and count, and what is no longer queued', async () => {
      const stage = await setStage(catalog());
      const id = stage.dataset.datasetId;
      await put(stage, documentOf('a', 'one|two|'), documentOf('b', ''));
      await embedAll(stage);
      expect(await catalog().queueSpan(id)).toEqual({ lastGivenSeq: 2, firstWaitingSeq: 1 });
      await writeOnce(stage, 7);
      expect(await catalog().queueSpan(id)).toEqual({ lastGivenSeq: 2, firstWaitingSeq: undefined });
      expect(await catalog().datasetCounts(id)).toEqual({
        documents: 2,
        chunks: { pending: 0, ready: 2, failed: 0 },
        target: undefined,
        indexedChunks: 2,
        incomingDocuments: 0,
        queuedDocuments: 0,
        batchedChunks: 0,
      });
      expect(await catalog().listGenerations(id)).toMatchObject([{ recorded: { version: 7, rowCount: 70 } }]);
      expect(await catalog().datasetBacklog(id)).toMatchObject({ oldestChangeAtMs: undefined });
    });

    test('keeps a document queued that changed while it was written', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|'));
      await embedAll(stage);
      const [before] = await catalog().listWritableDocuments(stage.generationId, { chunkCountMax: 10 });
      await put(stage, documentOf('a', 'two|'));
      await stage.writer.markIndexed({
        generationId: stage.generationId,
        version: 1,
        rowCount: 1,
        documents: [
          {
            documentId: before?.documentId ?? 0,
            revision: 1,
            rows: [{ chunkId: 1, fingerprint: 2n ** 62n + 1n }],
          },
        ],
      });
      expect(await catalog().datasetCounts(stage.dataset.datasetId)).toMatchObject({
        queuedDocuments: 1,
        indexedChunks: 0,
      });
      await embedAll(stage);
      expect(await writeOnce(stage)).toMatchObject([{ key: 'a', revision: 2, hasRows: true }]);
      expect(await catalog().datasetCounts(stage.dataset.datasetId)).toMatchObject({ indexedChunks: 1 });
    });

    test('never mixes documents with and without rows in one answer', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|'), documentOf('b', 'two|'));
      await embedAll(stage);
      await writeAll(stage);
      await put(stage, documentOf('new1', 'one|'), documentOf('a', 'two|'), documentOf('new2', 'two|'));
      await put(stage, documentOf('b', 'one|'));
      const keys = async () => (await writeOnce(stage)).map(({ key, hasRows }) => [key, hasRows]);
      expect(await keys()).toEqual([
        ['new1', false],
        ['new2', false],
      ]);
      expect(await keys()).toEqual([
        ['a', true],
        ['b', true],
      ]);
      expect(await keys()).toEqual([]);
    });

    test('lets a deleted document go when its rows have left the table', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|'), documentOf('b', 'two|'));
      await embedAll(stage);
      await writeAll(stage);
      await remove(stage, 'a');
      const id = stage.dataset.datasetId;
      expect(await catalog().datasetCounts(id)).toMatchObject({
        documents: 1,
        queuedDocuments: 1,
        indexedChunks: 1,
      });
      expect(await writeOnce(stage)).toMatchObject([{ key: 'a', hasRows: true, chunks: [] }]);
      expect(await catalog().datasetCounts(id)).toMatchObject({
        documents: 1,
        queuedDocuments: 0,
        indexedChunks: 1,
      });
      await put(stage, documentOf('a', 'one|'));
      expect(await catalog().findDocuments(id, [{ source: 'default', key: 'a' }])).toMatchObject([
        { documentId: 3, revision: 1 },
      ]);
    });

    test('marks the same rows twice as once', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|'));
      await embedAll(stage);
      const [document] = await catalog().listWritableDocuments(stage.generationId, { chunkCountMax: 10 });
      const mark = {
        generationId: stage.generationId,
        version: 3,
        rowCount: 1,
        documents: [
          { documentId: document?.documentId ?? 0, revision: 1, rows: [{ chunkId: 1, fingerprint: -5n }] },
        ],
      };
      await stage.writer.markIndexed(mark);
      await stage.writer.markIndexed(mark);
      expect(await catalog().datasetCounts(stage.dataset.datasetId)).toMatchObject({
        indexedChunks: 1,
        queuedDocuments: 0,
      });
    });
  }
}
