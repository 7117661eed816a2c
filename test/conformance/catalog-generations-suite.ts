import { expect, test } from 'bun:test';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import {
  documentOf,
  embedAll,
  put,
  remove,
  setStage,
  takeLease,
  writeAll,
  writeOnce,
} from '../catalog/catalog-fixtures.ts';
import { rejectionOf } from '../support/test-runtime.ts';

/** The part of `describeCatalog` about generations and tasks. `catalog()` is a new one in each test. */
export function describeCatalogGenerations(catalog: () => SqlCatalog): void {
  describeGenerations();
  describeTasks();

  function describeGenerations() {
    test('builds a new generation beside the serving one, switches to it, and forgets the old', async () => {
      const stage = await setStage(catalog());
      const { writer, dataset } = stage;
      const id = dataset.datasetId;
      await put(stage, documentOf('a', 'one|'), documentOf('b', 'two|'), documentOf('c', 'three|'));
      await embedAll(stage);
      await writeAll(stage);
      const next = await writer.createGeneration(id, dataset.configurationId);
      expect(next).toMatchObject({ state: 'building', recorded: undefined, profileId: dataset.profileId });
      await put(stage, documentOf('a', 'two|'));
      await remove(stage, 'b');
      await writeAll(stage);
      const building = { ...stage, generationId: next.generationId };
      expect((await writeOnce(building)).map(({ key, chunks }) => [key, chunks.length])).toEqual([
        ['c', 1],
        ['a', 1],
        ['b', 0],
      ]);

      await writer.switchGeneration(next.generationId);
      await writer.switchGeneration(next.generationId);
      const states = async () => (await catalog().listGenerations(id)).map(({ state }) => state);
      expect(await states()).toEqual(['serving', 'retired']);
      expect(await catalog().datasetCounts(id)).toMatchObject({ indexedChunks: 2, documents: 2 });
      expect(await rejectionOf(writer.switchGeneration(stage.generationId))).toMatchObject({
        code: 'INTERNAL',
      });

      await writer.forgetGeneration(stage.generationId);
      expect(await states()).toEqual(['serving', 'retired']);
      await writer.requestGenerationDrop(stage.generationId);
      expect(await states()).toEqual(['serving', 'dropping']);
      await writer.forgetGeneration(stage.generationId);
      await writer.forgetGeneration(stage.generationId);
      expect(await states()).toEqual(['serving']);
    });

    test('names every table differently, also after generations were forgotten', async () => {
      const { writer, dataset, generationId } = await setStage(catalog());
      const names = [(await catalog().listGenerations(dataset.datasetId))[0]?.tableName];
      expect(names).toEqual(['docs__site__g1']);
      await writer.requestGenerationDrop(generationId);
      await writer.forgetGeneration(generationId);
      expect((await writer.createGeneration(dataset.datasetId, dataset.configurationId)).tableName).toBe(
        'docs__site__g2',
      );
      const { datasetId, configurationId } = dataset;
      const named = await writer.createGeneration(datasetId, configurationId, { nameSuffix: '__x1' });
      expect(named.tableName).toBe('docs__site__g3__x1');
      const all = (page: { afterGenerationId: number; limit: number }) => catalog().listAllGenerations(page);
      expect((await all({ afterGenerationId: 0, limit: 1 })).map(({ tableName }) => tableName)).toEqual([
        'docs__site__g2',
      ]);
      expect(await all({ afterGenerationId: 2, limit: 9 })).toEqual([named]);
    });

    test('has an id for life, and leaves out ids that it is told of', async () => {
      const stage = await setStage(catalog());
      const { writer, dataset } = stage;
      expect(await catalog().identity()).toMatch(/^[0-9a-f]{32}$/);
      await put(stage, documentOf('a', 'one|two|'));
      expect(await catalog().lastIds()).toEqual({ documentId: 1, chunkId: 2, generationId: 1 });
      await writer.raiseIds({ documentId: 50, chunkId: 1, generationId: 20 });
      expect(await catalog().lastIds()).toEqual({ documentId: 50, chunkId: 2, generationId: 20 });
      await put(stage, documentOf('b', 'three|'));
      expect(await catalog().lastIds()).toEqual({ documentId: 51, chunkId: 3, generationId: 20 });
      const { configurationId } = dataset;
      const page = (afterChunkId: number, limit: number) =>
        catalog().listPendingIds(configurationId, { afterChunkId, limit });
      expect([await page(0, 2), await page(2, 2)]).toEqual([[1, 2], [3]]);
      const known = await writer.ensureProfile(dataset.profile);
      expect(known).toBe(dataset.profileId);
      const other = await writer.ensureProfile({ ...dataset.profile, model: 'other' });
      expect(other).not.toBe(known);
      expect(await writer.ensureProfile({ ...dataset.profile, model: 'other' })).toBe(other);
    });

    test('keeps a deleted document until its rows have left retired tables too', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|'));
      await embedAll(stage);
      await writeAll(stage);
      const next = await stage.writer.createGeneration(
        stage.dataset.datasetId,
        stage.dataset.configurationId,
      );
      const serving = { ...stage, generationId: next.generationId };
      await writeAll(serving);
      await stage.writer.switchGeneration(next.generationId);
      await remove(stage, 'a');
      await writeAll(serving);
      await put(stage, documentOf('a', 'one|'));
      const key = [{ source: 'default', key: 'a' }];
      expect(await catalog().findDocuments(stage.dataset.datasetId, key)).toMatchObject([{ documentId: 1 }]);
      await remove(stage, 'a');
      await writeAll(serving);
      await stage.writer.requestGenerationDrop(stage.generationId);
      await stage.writer.forgetGeneration(stage.generationId);
      await put(stage, documentOf('a', 'one|'));
      const [stored] = await catalog().findDocuments(stage.dataset.datasetId, key);
      expect(stored?.documentId).toBeGreaterThan(1);
    });

    test('records the table, and says when the generation is gone', async () => {
      const { writer, dataset, generationId } = await setStage(catalog());
      await writer.recordTable(generationId, { version: 4, rowCount: 2 });
      expect(await catalog().listGenerations(dataset.datasetId)).toMatchObject([
        { recorded: { version: 4, rowCount: 2 } },
      ]);
      expect(await rejectionOf(writer.recordTable(99, { version: 1, rowCount: 0 }))).toMatchObject({
        code: 'DATASET_NOT_FOUND',
      });
    });
  }

  function describeTasks() {
    test('keeps tasks, newest first, and fails those that a former holder left', async () => {
      const { writer, dataset } = await setStage(catalog());
      const { datasetId } = dataset;
      const first = await writer.startTask({ kind: 'ingest', datasetId });
      const second = await writer.startTask({ kind: 'index' });
      await writer.updateTask(first, { done: 3 });
      await writer.finishTask(second, { state: 'failed', progress: { done: 1 }, error: 'why\0' });
      await writer.closeAbandonedTasks();
      expect(await catalog().listTasks({ limit: 9 })).toMatchObject([
        { taskId: second, kind: 'index', state: 'failed', progress: { done: 1 }, error: 'why\uFFFD' },
        { taskId: first, kind: 'ingest', state: 'running', progress: { done: 3 }, datasetId },
      ]);
      const token = await takeLease(catalog());
      await catalog().writer(token).closeAbandonedTasks();
      expect(await catalog().listTasks({ limit: 9, datasetId })).toMatchObject([
        { taskId: first, state: 'failed', error: expect.stringContaining('Cut short') },
      ]);
    });
  }
}
