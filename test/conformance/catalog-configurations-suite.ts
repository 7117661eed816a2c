import { expect, test } from 'bun:test';
import type { ChunkChange, Configuration, DatasetRecord } from '../../src/catalog/catalog.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { diffChunks } from '../../src/domain/chunk-diff.ts';
import { prepareDocument } from '../../src/domain/document.ts';
import {
  chunksOf,
  documentOf,
  embedAll,
  pending,
  put,
  remove,
  SPEC,
  type Stage,
  setStage,
  takeLease,
  vectorOf,
  writeAll,
  writeOnce,
} from '../catalog/catalog-fixtures.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const OTHER: Configuration = {
  profile: { ...SPEC.profile, model: 'other' },
  chunking: { tokensPerChunkMax: 64 },
};

/** The part of `describeCatalog` about configurations. `catalog()` is a new one in each test. */
export function describeCatalogConfigurations(catalog: () => SqlCatalog): void {
  /** A stage with three indexed documents, on its way to {@link OTHER}. */
  async function setTargetStage(): Promise<{ stage: Stage; target: Stage }> {
    const stage = await setStage(catalog());
    await put(stage, documentOf('a', 'one|two|'), documentOf('b', 'three|'), documentOf('c', ''));
    await embedAll(stage);
    await writeAll(stage);
    const dataset = await stage.writer.setTarget(stage.dataset.datasetId, OTHER);
    return { stage: { ...stage, dataset }, target: { ...stage, dataset: asActive(dataset) } };
  }

  /** The dataset as if its target were active: for fixtures that work on the active configuration. */
  function asActive(dataset: DatasetRecord): DatasetRecord {
    if (dataset.target === undefined) throw new Error('There is no target.');
    return { ...dataset, ...dataset.target };
  }

  /** Cuts what waits, as the chunk stage does. */
  async function cutAll({ dataset, writer }: Stage): Promise<string[]> {
    const documents = await catalog().listUncutDocuments(dataset.configurationId, 100);
    const stored = await catalog().listChunks(
      dataset.configurationId,
      documents.map(({ documentId }) => documentId),
    );
    const changes = documents.map((document): ChunkChange => {
      const prepared = prepareDocument(document, { fields: {}, contentLengthMax: 1_000 });
      return { document, diff: diffChunks(stored.get(document.documentId) ?? [], chunksOf(prepared)) };
    });
    await writer.applyChunks(dataset.configurationId, changes);
    return documents.map(({ key }) => key);
  }

  test('is on its way to another configuration while the active one serves and takes changes', async () => {
    const { stage, target } = await setTargetStage();
    const { datasetId } = stage.dataset;
    expect(stage.dataset).toMatchObject({ profile: SPEC.profile, target: OTHER });
    expect(await catalog().datasetCounts(datasetId)).toMatchObject({
      chunks: { ready: 3, pending: 0 },
      target: { uncutDocuments: 3, chunks: { ready: 0, pending: 0, failed: 0 } },
    });
    expect(await cutAll(target)).toEqual(['a', 'b', 'c']);
    expect(await catalog().datasetCounts(datasetId)).toMatchObject({
      target: { uncutDocuments: 0, chunks: { pending: 3 } },
    });
    await put(stage, documentOf('a', 'one|new|'));
    await remove(stage, 'b');
    expect(await catalog().datasetCounts(datasetId)).toMatchObject({
      chunks: { ready: 1, pending: 1 },
      target: { uncutDocuments: 1, chunks: { pending: 2 } },
    });
    // Cut from a content that is gone: what stands at their places now is not the text that they are known by.
    expect(await pending(target)).toEqual([]);
    expect(await cutAll(target)).toEqual(['a']);
    expect((await pending(target)).map(({ embeddedText }) => embeddedText)).toEqual(['one|', 'new|']);
    expect((await pending(stage)).map(({ embeddedText }) => embeddedText)).toEqual(['new|']);
  });

  test('asked for again is the same, and another one is refused until it is cancelled', async () => {
    const { stage } = await setTargetStage();
    const { writer, dataset } = stage;
    expect(await writer.setTarget(dataset.datasetId, OTHER)).toEqual(dataset);
    const third = { ...OTHER, chunking: { tokensPerChunkMax: 32 } };
    expect(await rejectionOf(writer.setTarget(dataset.datasetId, third))).toMatchObject({
      code: 'DATASET_RECONFIGURING',
    });
    expect((await writer.cancelTarget(dataset.datasetId)).target).toBeUndefined();
    expect((await writer.setTarget(dataset.datasetId, third)).target).toMatchObject(third);
    const same = { profile: dataset.profile, chunking: dataset.chunking };
    await writer.cancelTarget(dataset.datasetId);
    expect((await writer.setTarget(dataset.datasetId, same)).target).toBeUndefined();
  });

  test('a generation takes a document when it is cut and embedded under its own configuration', async () => {
    const { stage, target } = await setTargetStage();
    const { generationId } = await stage.writer.createGeneration(
      stage.dataset.datasetId,
      target.dataset.configurationId,
    );
    const building = { ...target, generationId };
    const written = async () => (await writeOnce(building)).map(({ key }) => key);
    expect(await written()).toEqual([]);
    expect(await catalog().countUncovered(generationId)).toBe(2);
    await cutAll(target);
    expect(await written()).toEqual(['c']);
    await embedAll(target);
    expect(await written()).toEqual(['a', 'b']);
    expect(await catalog().countUncovered(generationId)).toBe(0);
    await put(stage, documentOf('a', 'new|'));
    expect(await written()).toEqual([]);
    expect(await catalog().countUncovered(generationId)).toBe(1);
  });

  test('switching makes the target active; the former one can catch up and serve again', async () => {
    const { stage, target } = await setTargetStage();
    const { datasetId } = stage.dataset;
    const { generationId } = await stage.writer.createGeneration(datasetId, target.dataset.configurationId);
    await cutAll(target);
    await embedAll(target);
    await writeAll({ ...target, generationId });
    await stage.writer.switchGeneration(generationId);
    const switched = await catalog().findDataset(SPEC.address);
    expect(switched).toMatchObject({ ...OTHER, target: undefined });
    const now = { ...target, generationId };
    await put(now, documentOf('a', 'one|changed|'));
    expect(await pending(stage)).toEqual([]);

    await stage.writer.reopenGeneration(stage.generationId);
    expect(await catalog().findDataset(SPEC.address)).toMatchObject({ ...OTHER, target: SPEC_CONFIGURATION });
    expect(await catalog().countUncovered(stage.generationId)).toBe(1);
    expect(await cutAll(stage)).toEqual(['a']);
    expect((await pending(stage)).map(({ embeddedText }) => embeddedText)).toEqual(['changed|']);
    await embedAll(stage);
    expect((await writeOnce(stage, 9)).map(({ key, hasRows }) => [key, hasRows])).toEqual([['a', true]]);
    await stage.writer.switchGeneration(stage.generationId);
    expect(await catalog().findDataset(SPEC.address)).toMatchObject({
      ...SPEC_CONFIGURATION,
      target: undefined,
    });
  });

  test('cancelling drops what was begun, retires again what was reopened, and keeps what was paid for', async () => {
    const { stage, target } = await setTargetStage();
    const { writer, dataset } = stage;
    const begun = await writer.createGeneration(dataset.datasetId, target.dataset.configurationId);
    await cutAll(target);
    await embedAll(target);
    await writer.cancelTarget(dataset.datasetId);
    const states = async () =>
      (await catalog().listGenerations(dataset.datasetId)).map(({ state, generationId }) => [
        generationId,
        state,
      ]);
    expect(await states()).toEqual([
      [begun.generationId, 'dropping'],
      [stage.generationId, 'serving'],
    ]);
    await writer.forgetGeneration(begun.generationId);
    await writer.forgetConfigurations(dataset.datasetId);
    expect(await catalog().findConfiguration(target.dataset.configurationId)).toBeUndefined();
    const again = await writer.setTarget(dataset.datasetId, OTHER);
    expect(await cutAll({ ...stage, dataset: asActive(again) })).toEqual(['a', 'b', 'c']);
    expect((await catalog().datasetCounts(dataset.datasetId)).target?.chunks).toEqual({
      ready: 3,
      pending: 0,
      failed: 0,
    });
  });

  test('cancelling leaves the first table alone: without it the dataset would have none', async () => {
    const token = await takeLease(catalog());
    await catalog().migrate();
    const writer = catalog().writer(token);
    const { datasetId, configurationId } = await writer.createDataset(SPEC);
    const first = await writer.createGeneration(datasetId, configurationId);
    await writer.setTarget(datasetId, OTHER);
    expect((await writer.cancelTarget(datasetId)).target).toBeUndefined();
    expect(await catalog().listGenerations(datasetId)).toMatchObject([
      { generationId: first.generationId, state: 'building' },
    ]);
  });

  test('a configuration that is active, aimed at, or of a generation is not forgotten', async () => {
    const { stage, target } = await setTargetStage();
    const { writer, dataset } = stage;
    await writer.forgetConfigurations(dataset.datasetId);
    const { generationId } = await writer.createGeneration(dataset.datasetId, target.dataset.configurationId);
    await writer.switchGeneration(generationId);
    await writer.forgetConfigurations(dataset.datasetId);
    for (const { configurationId } of [stage.dataset, target.dataset])
      expect(await catalog().findConfiguration(configurationId)).toBeDefined();
    await writer.requestGenerationDrop(stage.generationId);
    await writer.forgetGeneration(stage.generationId);
    await writer.forgetConfigurations(dataset.datasetId);
    expect(await catalog().findConfiguration(stage.dataset.configurationId)).toBeUndefined();
    expect(await catalog().findConfiguration(target.dataset.configurationId)).toMatchObject(OTHER);
  });

  test('one that is asked for again while it is forgotten is a new one, which loses none of its chunks', async () => {
    const { stage, target } = await setTargetStage();
    const { writer, dataset } = stage;
    await cutAll(target);
    await writer.cancelTarget(dataset.datasetId);
    const [, again] = await Promise.all([
      writer.forgetConfigurations(dataset.datasetId),
      writer.setTarget(dataset.datasetId, OTHER),
    ]);
    await writer.forgetOrphanedChunks();
    const next = { ...stage, dataset: asActive(again) };
    await cutAll(next);
    expect((await pending(next)).map(({ embeddedText }) => embeddedText)).toEqual(['one|', 'two|', 'three|']);
  });

  test('a dataset is found again under the settings that it is on its way to', async () => {
    const { stage } = await setTargetStage();
    expect(await stage.writer.createDataset({ ...SPEC, ...OTHER })).toEqual(stage.dataset);
    expect(await stage.writer.createDataset(SPEC)).toEqual(stage.dataset);
    const third = { ...SPEC, ...OTHER, chunking: { tokensPerChunkMax: 32 } };
    expect(await rejectionOf(stage.writer.createDataset(third))).toMatchObject({
      code: 'DATASET_EXISTS',
      details: { differing: ['embedding profile', 'chunking'] },
    });
  });

  test('a document that changed since it was cut stays to be cut', async () => {
    const { stage, target } = await setTargetStage();
    const { configurationId } = target.dataset;
    const [document] = await catalog().listUncutDocuments(configurationId, 1);
    if (document === undefined) throw new Error('None waits.');
    await put(stage, documentOf('a', 'newer|'));
    const diff = { kept: [], added: chunksOf(documentOf('a', 'one|two|')), removedIds: [] };
    await stage.writer.applyChunks(configurationId, [{ document, diff }]);
    expect(await catalog().listUncutDocuments(configurationId, 9)).toHaveLength(3);
    expect(await pending(target)).toEqual([]);
  });

  test('tells which texts have a vector, and gives documents with their content', async () => {
    const { stage } = await setTargetStage();
    const hashes = chunksOf(documentOf('x', 'one|unknown|three|')).map(({ textHash }) => textHash);
    expect(await catalog().findEmbedded(SPEC.profile, hashes)).toEqual([0, 2]);
    expect(await catalog().findEmbedded(OTHER.profile, hashes)).toEqual([]);
    await stage.writer.storeEmbeddings(stage.dataset.profileId, [
      { textHash: hashes[1] ?? new Uint8Array(), vector: vectorOf(hashes[1] ?? new Uint8Array()) },
    ]);
    expect(await catalog().findEmbedded(SPEC.profile, hashes)).toEqual([0, 1, 2]);
    await remove(stage, 'b');
    const page = { afterDocumentId: 0, limit: 9 };
    expect(await catalog().listContents(stage.dataset.datasetId, page)).toMatchObject([
      { key: 'a', content: 'one|two|', format: 'markdown' },
      { key: 'c', content: '' },
    ]);
  });
}

const SPEC_CONFIGURATION = { profile: SPEC.profile, chunking: SPEC.chunking };
