import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { MIGRATIONS } from '../../src/catalog/migrations.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { sha256, toHex } from '../../src/domain/hash.ts';
import {
  changeTo,
  chunksOf,
  documentOf,
  embedAll,
  LEASE,
  pending,
  put,
  remove,
  SPEC,
  setStage,
  takeLease,
  vectorOf,
  writeAll,
} from '../catalog/catalog-fixtures.ts';
import { rejectionOf } from '../support/test-runtime.ts';
import { describeCatalogBatch } from './catalog-batch-suite.ts';
import { describeCatalogConfigurations } from './catalog-configurations-suite.ts';
import { describeCatalogCosts } from './catalog-costs-suite.ts';
import { describeCatalogGenerations } from './catalog-generations-suite.ts';
import { describeCatalogProviders } from './catalog-providers-suite.ts';
import { describeCatalogSources } from './catalog-sources-suite.ts';
import { describeCatalogSync } from './catalog-sync-suite.ts';
import { describeCatalogWork } from './catalog-work-suite.ts';

const NEWEST = MIGRATIONS.length;

/** A catalog to test, and how to open another connection to the same one. */
export interface CatalogUnderTest {
  open(): Promise<SqlCatalog>;
  /** Closes what was opened and removes what was stored. */
  dispose(): Promise<void>;
}

/** What every implementation of the catalog has to do, whatever it is stored in. */
export function describeCatalog(name: string, make: () => Promise<CatalogUnderTest>): void {
  describe(`${name} catalog`, () => {
    let place: CatalogUnderTest;
    let catalog: SqlCatalog;

    beforeEach(async () => {
      place = await make();
      catalog = await place.open();
    });
    afterEach(() => place.dispose());

    describeSchema();
    describeLease();
    describeDatasets();
    describeDocuments();
    describeCatalogWork(() => catalog);
    describeCatalogGenerations(() => catalog);
    describeCatalogConfigurations(() => catalog);
    describeCatalogCosts(() => catalog);
    describeCatalogProviders(() => catalog);
    describeCatalogSync(() => catalog);
    describeCatalogSources(() => catalog);
    describeCatalogBatch(() => catalog);

    function describeSchema() {
      test('is created by a migration, and a second one changes nothing', async () => {
        expect(await catalog.migrate()).toEqual({ fromVersion: 0, toVersion: NEWEST });
        expect(await catalog.migrate()).toEqual({ fromVersion: NEWEST, toVersion: NEWEST });
      });

      test('is migrated once when several connections do it at the same time', async () => {
        const others = await Promise.all([place.open(), place.open(), place.open()]);
        const changes = await Promise.all([catalog, ...others].map((each) => each.migrate()));
        expect(changes.every(({ toVersion }) => toVersion === NEWEST)).toBe(true);
        expect(await catalog.listDatasets({ limit: 10 })).toEqual([]);
      });

      test('says that it is missing before it was migrated', async () => {
        expect(await rejectionOf(catalog.listDatasets({ limit: 10 }))).toMatchObject({
          code: 'CATALOG_MISSING',
        });
        await takeLease(catalog);
        expect(await rejectionOf(catalog.listDatasets({ limit: 10 }))).toMatchObject({
          code: 'CATALOG_OUTDATED',
        });
      });

      test('can be taken back step by step and created again', async () => {
        await setStage(catalog);
        for (let version = NEWEST; version > 0; version -= 1)
          expect(await catalog.revertMigration()).toEqual({ fromVersion: version, toVersion: version - 1 });
        expect(await catalog.revertMigration()).toEqual({ fromVersion: 0, toVersion: 0 });
        expect(await catalog.migrate()).toEqual({ fromVersion: 0, toVersion: NEWEST });
        expect(await catalog.listDatasets({ limit: 10 })).toEqual([]);
      });

      test('is not taken back while somebody else works on it', async () => {
        await setStage(catalog);
        const other = await place.open();
        expect(await rejectionOf(other.revertMigration())).toMatchObject({ code: 'LEASE_HELD' });
      });
    }

    function describeLease() {
      test('gives the lease to one holder and names it to others', async () => {
        const answer = await catalog.acquireLease(LEASE);
        expect(answer).toEqual({ granted: true, token: 1 });
        const other = await catalog.acquireLease({ ...LEASE, holderId: 'two' });
        expect(other).toMatchObject({
          granted: false,
          holder: { holderId: 'one', pid: 11, host: 'host-a', startedAtMs: 1_000 },
        });
        expect(await catalog.readLease()).toMatchObject({ holderId: 'one', pid: 11 });
      });

      test('grants the lease again to its own holder, whose first answer may have been lost', async () => {
        expect(await catalog.acquireLease(LEASE)).toEqual({ granted: true, token: 1 });
        expect(await catalog.acquireLease(LEASE)).toEqual({ granted: true, token: 2 });
      });

      test('gives an expired lease, and that of a dead holder, to the next with a larger token', async () => {
        await catalog.acquireLease({ ...LEASE, ttlMs: -1 });
        expect(await catalog.readLease()).toBeUndefined();
        expect(await catalog.acquireLease({ ...LEASE, holderId: 'two' })).toEqual({
          granted: true,
          token: 2,
        });
        const takeover = { ...LEASE, holderId: 'three', deadHolderId: 'two' };
        expect(await catalog.acquireLease(takeover)).toEqual({ granted: true, token: 3 });
      });

      test('extends and releases only the current lease', async () => {
        const first = await takeLease(catalog, { ...LEASE, ttlMs: -1 });
        const second = await takeLease(catalog, { ...LEASE, holderId: 'two', ttlMs: -1 });
        expect(await catalog.renewLease(first, 60_000)).toBe(false);
        expect(await catalog.renewLease(second, 60_000)).toBe(true);
        await catalog.releaseLease(first);
        expect((await catalog.readLease())?.holderId).toBe('two');
        await catalog.releaseLease(second);
        expect(await catalog.readLease()).toBeUndefined();
        expect(await catalog.renewLease(second, 60_000)).toBe(false);
      });

      test('refuses every write of a former holder and keeps nothing of it', async () => {
        const stage = await setStage(catalog);
        await put(stage, documentOf('a', 'kept'));
        const thief = await place.open();
        await takeLease(thief, {
          ...LEASE,
          holderId: 'two',
          ttlMs: 60_000,
          deadHolderId: 'one',
        } as typeof LEASE);
        const { writer, dataset, generationId } = stage;
        const { datasetId: id, configurationId } = dataset;
        const textHash = sha256('x');
        const vector = vectorOf(textHash);
        const upsert = await changeTo(catalog, dataset, documentOf('a', 'lost'));
        if (upsert.kind !== 'upsert') throw new Error('It is one.');
        const attempts: (() => Promise<unknown>)[] = [
          () => writer.assertLease(),
          () => writer.createDataset({ ...SPEC, address: { project: 'docs', dataset: 'new' } }),
          () => writer.requestDatasetDeletion(id),
          () => writer.deleteDataset(99),
          () => writer.enqueueIncoming(id, [{ kind: 'delete', key: { source: 'default', key: 'a' } }]),
          () => writer.applyDocuments(id, configurationId, [upsert]),
          () => writer.dropIncoming(id, [1]),
          () => writer.storeEmbeddings(dataset.profileId, [{ textHash, vector }]),
          () => writer.recordTextFailures(dataset.profileId, [{ textHash, error: 'no', giveUp: true }]),
          () => writer.retryFailedChunks(id),
          () => writer.createGeneration(id, configurationId),
          () => writer.reopenGeneration(generationId),
          () => writer.setTarget(id, { profile: SPEC.profile, chunking: { tokensPerChunkMax: 64 } }),
          () => writer.cancelTarget(id),
          () =>
            writer.applyChunks(configurationId, [
              { document: { ...upsert.document, documentId: 1 }, diff: upsert.diff },
            ]),
          () => writer.recordTable(generationId, { version: 1, rowCount: 1 }),
          () => writer.markIndexed({ generationId, version: 1, rowCount: 1, documents: [] }),
          () => writer.switchGeneration(generationId),
          () => writer.requestGenerationDrop(generationId),
          () => writer.forgetGeneration(generationId),
          () => writer.startTask({ kind: 'index' }),
          () => writer.updateTask(1, {}),
          () => writer.finishTask(1, { state: 'failed', progress: {} }),
          () => writer.closeAbandonedTasks(),
        ];
        for (const attempt of attempts) {
          expect(await rejectionOf(attempt())).toMatchObject({ code: 'LEASE_LOST' });
        }
        expect(await catalog.listDatasets({ limit: 10 })).toEqual([dataset]);
        expect((await pending(stage)).map(({ embeddedText }) => embeddedText)).toEqual(['kept']);
        expect(await catalog.listTasks({ limit: 10 })).toEqual([]);
        expect((await catalog.listGenerations(id)).map(({ state }) => state)).toEqual(['serving']);
      });
    }

    function describeDatasets() {
      test('creates a dataset once and returns it when its settings are equal', async () => {
        const { writer, dataset } = await setStage(catalog);
        expect(dataset).toMatchObject({ ...SPEC, state: 'active' });
        expect(await writer.createDataset(SPEC)).toEqual(dataset);
        expect(await catalog.findDataset(SPEC.address)).toEqual(dataset);
        expect(await catalog.findDataset({ project: 'docs', dataset: 'other' })).toBeUndefined();
        expect(
          await rejectionOf(writer.createDataset({ ...SPEC, chunking: { tokensPerChunkMax: 64 } })),
        ).toMatchObject({
          code: 'DATASET_EXISTS',
          details: { differing: ['chunking'] },
        });
        expect(
          await rejectionOf(
            writer.createDataset({ ...SPEC, profile: { ...SPEC.profile, dimensions: 8 }, fields: {} }),
          ),
        ).toMatchObject({ details: { differing: ['embedding profile', 'fields'] } });
      });

      test('lists datasets by id, page by page and by project', async () => {
        const { writer, dataset } = await setStage(catalog);
        const second = await writer.createDataset({ ...SPEC, address: { project: 'docs', dataset: 'b' } });
        const third = await writer.createDataset({ ...SPEC, address: { project: 'wiki', dataset: 'a' } });
        expect(third.profileId).toBe(dataset.profileId);
        expect(await catalog.listDatasets({ limit: 2 })).toEqual([dataset, second]);
        expect(await catalog.listDatasets({ limit: 2, afterDatasetId: second.datasetId })).toEqual([third]);
        expect(await catalog.listDatasets({ limit: 9, project: 'docs' })).toEqual([dataset, second]);
      });

      test('deletes a dataset with everything in it but its embeddings', async () => {
        const stage = await setStage(catalog);
        const { writer, dataset } = stage;
        const other = await writer.createDataset({ ...SPEC, address: { project: 'docs', dataset: 'b' } });
        await put(stage, documentOf('a', 'one|two'), documentOf('b', 'three'));
        await embedAll(stage);
        await writeAll(stage);
        await put(stage, documentOf('a', 'one|four'));
        await writer.enqueueIncoming(dataset.datasetId, [
          { kind: 'upsert', document: documentOf('c', 'five') },
        ]);
        expect(await rejectionOf(writer.deleteDataset(dataset.datasetId))).toMatchObject({
          code: 'INTERNAL',
        });

        await writer.requestDatasetDeletion(dataset.datasetId);
        expect((await catalog.findDataset(SPEC.address))?.state).toBe('deleting');
        expect(await rejectionOf(writer.createDataset(SPEC))).toMatchObject({ code: 'DATASET_DELETING' });
        expect(await rejectionOf(put(stage, documentOf('d', 'late')))).toMatchObject({
          code: 'DATASET_DELETING',
        });

        await writer.deleteDataset(dataset.datasetId);
        await writer.deleteDataset(dataset.datasetId);
        expect(await catalog.listDatasets({ limit: 9 })).toEqual([other]);
        expect(await rejectionOf(put(stage, documentOf('d', 'late')))).toMatchObject({
          code: 'DATASET_NOT_FOUND',
        });
        expect(await catalog.datasetCounts(dataset.datasetId)).toMatchObject({
          documents: 0,
          incomingDocuments: 0,
        });

        const again = await writer.createDataset(SPEC);
        expect(again.datasetId).toBeGreaterThan(other.datasetId);
        await put({ ...stage, dataset: again }, documentOf('a', 'one|two'));
        expect(await catalog.datasetCounts(again.datasetId)).toMatchObject({
          chunks: { pending: 0, ready: 2, failed: 0 },
        });
      });
    }

    function describeDocuments() {
      test('stores documents and finds them by key', async () => {
        const stage = await setStage(catalog);
        const { datasetId } = stage.dataset;
        const first = documentOf('a/ü"|\u2028', 'one|two', { title: 'T', metadata: { year: 2020 } });
        await put(stage, first, documentOf('b', ''));
        const found = await catalog.findDocuments(datasetId, [
          { source: 'default', key: 'b' },
          { source: 'default', key: 'missing' },
          { source: 'other', key: 'b' },
          first,
        ]);
        expect(found.map(({ key }) => key).sort()).toEqual([first.key, 'b']);
        const stored = found.find(({ key }) => key === first.key);
        expect(stored).toMatchObject({ source: 'default', revision: 1 });
        expect(toHex(stored?.contentHash ?? new Uint8Array())).toBe(toHex(first.contentHash));
        expect(toHex(stored?.metadataHash ?? new Uint8Array())).toBe(toHex(first.metadataHash));
        const chunks = (
          await catalog.listChunks(
            stage.dataset.configurationId,
            found.map(({ documentId }) => documentId),
          )
        ).get(stored?.documentId ?? 0);
        expect(chunks?.map(({ textHash }) => toHex(textHash))).toEqual(
          chunksOf(first).map(({ textHash }) => toHex(textHash)),
        );
      });

      test('keeps ids of unchanged chunks, never gives an id twice, and counts revisions', async () => {
        const stage = await setStage(catalog);
        const idsOf = async () => {
          const [stored] = await catalog.findDocuments(stage.dataset.datasetId, [
            { source: 'default', key: 'a' },
          ]);
          const chunks = await catalog.listChunks(stage.dataset.configurationId, [stored?.documentId ?? 0]);
          return {
            revision: stored?.revision,
            ids: chunks.get(stored?.documentId ?? 0)?.map((c) => c.chunkId),
          };
        };
        await put(stage, documentOf('a', 'one|two|three|'));
        expect(await idsOf()).toEqual({ revision: 1, ids: [1, 2, 3] });
        await put(stage, documentOf('a', 'new|one|three|'));
        expect(await idsOf()).toEqual({ revision: 2, ids: [4, 1, 3] });
        await put(stage, documentOf('a', 'new|'));
        await put(stage, documentOf('a', 'new|one|'));
        expect(await idsOf()).toEqual({ revision: 4, ids: [4, 5] });
      });

      test('applies the same change twice as once, since its first answer may have been lost', async () => {
        const stage = await setStage(catalog);
        const { datasetId, configurationId } = stage.dataset;
        await put(stage, documentOf('a', 'one|two|'));
        const change = await changeTo(catalog, stage.dataset, documentOf('a', 'zero|two|three|'));
        await stage.writer.applyDocuments(datasetId, configurationId, [change]);
        await stage.writer.applyDocuments(datasetId, configurationId, [change]);
        expect((await pending(stage)).map(({ embeddedText }) => embeddedText)).toEqual([
          'two|',
          'zero|',
          'three|',
        ]);
        expect(await catalog.datasetCounts(datasetId)).toMatchObject({ documents: 1, queuedDocuments: 1 });
      });

      test('does not find a deleted document, and gives a new one under its key a later revision', async () => {
        const stage = await setStage(catalog);
        const key = { source: 'default', key: 'a' };
        await put(stage, documentOf('a', 'one'));
        await remove(stage, 'a', 'never-existed');
        expect(await catalog.findDocuments(stage.dataset.datasetId, [key])).toEqual([]);
        expect(await pending(stage)).toEqual([]);
        await put(stage, documentOf('a', 'one'));
        expect(await catalog.findDocuments(stage.dataset.datasetId, [key])).toMatchObject([{ revision: 3 }]);
      });

      test('returns text exactly: offsets count UTF-16 units, and no character is lost', async () => {
        const stage = await setStage(catalog);
        const content = '\uFEFFa😀b|日本語 ﷽|\r\n\t\u0001end\uFFFD|';
        await put(stage, documentOf('a', content, { title: '😀 title' }));
        const chunks = await pending(stage);
        expect(chunks.map(({ embeddedText }) => embeddedText)).toEqual(
          content.split(/(?<=\|)/).map((part) => `😀 title\n\n${part}`),
        );
        expect(chunks.every((chunk) => toHex(sha256(chunk.embeddedText)) === toHex(chunk.textHash))).toBe(
          true,
        );
      });

      test('stores and returns documents of several megabytes', async () => {
        const stage = await setStage(catalog);
        const content = `${'é😀x'.repeat(700_000)}|tail`;
        await put(stage, documentOf('big', content));
        const [first] = await catalog.listPendingChunks(stage.dataset.configurationId, {
          afterChunkId: 0,
          limit: 10,
          textLengthMax: 1,
        });
        expect(first?.embeddedText.length).toBe(content.length - 4);
        expect(first?.embeddedText === content.slice(0, -4)).toBe(true);
        const [second] = await pending(stage, { afterChunkId: first?.chunkId ?? 0 });
        expect(second?.embeddedText).toBe('tail');
      });

      test('applies more documents than one transaction holds', async () => {
        const stage = await setStage(catalog);
        const documents = Array.from({ length: 600 }, (_, index) => documentOf(`k${index}`, `text ${index}`));
        await stage.writer.applyDocuments(
          stage.dataset.datasetId,
          stage.dataset.configurationId,
          documents.map((document) => ({
            kind: 'upsert',
            document,
            diff: { kept: [], added: chunksOf(document), removedIds: [] },
            contentChanged: true,
          })),
        );
        expect(await catalog.findDocuments(stage.dataset.datasetId, documents)).toHaveLength(600);
        expect(await catalog.queueSpan(stage.dataset.datasetId)).toEqual({
          lastGivenSeq: 600,
          firstWaitingSeq: 1,
        });
      });
    }
  });
}
