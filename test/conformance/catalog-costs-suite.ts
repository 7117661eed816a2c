import { expect, test } from 'bun:test';
import type { CostRecord } from '../../src/catalog/catalog.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import type { Charge } from '../../src/domain/cost.ts';
import {
  documentOf,
  pending,
  put,
  remove,
  SPEC,
  type Stage,
  setStage,
  vectorOf,
} from '../catalog/catalog-fixtures.ts';

/** The part of `describeCatalog` about what embedding costs. `catalog()` is a new one in each test. */
export function describeCatalogCosts(catalog: () => SqlCatalog): void {
  test('charges an answer with its vectors, and once however often it is stored', async () => {
    const stage = await setStage(catalog());
    await put(stage, documentOf('a', 'one|two'));
    await embed(stage, { requestId: 'r1' });
    await embed(stage, { requestId: 'r1' });
    expect(await sums(stage)).toEqual({
      ...NOTHING,
      requestCount: 1,
      textCount: 2,
      tokenCount: 7,
      costUsd: 7 * 0.000002,
      durationMs: 10,
    });
    expect(await stage.catalog.runCostUsd(stage.dataset.datasetId)).toBe(7 * 0.000002);
    expect(await stage.catalog.spentToday()).toMatchObject({ spentUsd: 7 * 0.000002 });
  });

  test('keeps who waits because a cap was reached, until that ends or the dataset is gone', async () => {
    const stage = await setStage(catalog());
    await put(stage, documentOf('a', 'one|two'));
    const { datasetId } = stage.dataset;
    const hold = {
      datasetId,
      cap: 'run',
      usdMax: 0.5,
      spentUsd: 1,
      reachedAtMs: 7,
      untilMs: undefined,
    } as const;
    await stage.writer.noteSpendHold({ ...hold, cap: 'day', untilMs: 8 });
    await stage.writer.noteSpendHold(hold);
    await stage.writer.noteSpendHold({ ...hold, datasetId: datasetId + 1 });
    const address = `${SPEC.address.project}/${SPEC.address.dataset}`;
    expect(await catalog().listSpendHolds()).toEqual([{ ...hold, address, hasPendingTexts: true }]);
    await embed(stage, { requestId: 'r1' });
    expect(await catalog().listSpendHolds()).toMatchObject([{ hasPendingTexts: false }]);
    await stage.writer.endSpendHold(datasetId);
    expect(await catalog().listSpendHolds()).toEqual([]);
    await stage.writer.noteSpendHold(hold);
    await stage.writer.requestDatasetDeletion(datasetId);
    expect(await catalog().listSpendHolds()).toEqual([]);
  });

  test('keeps tokens without a known price apart, and those that the tokenizer counted', async () => {
    const stage = await setStage(catalog());
    await put(stage, documentOf('a', 'one'));
    await embed(stage, { requestId: 'r1', usdPerMillionTokens: undefined, isEstimated: true });
    expect(await sums(stage)).toMatchObject({
      tokenCount: 3,
      estimatedTokenCount: 3,
      unpricedTokenCount: 3,
      costUsd: 0,
    });
  });

  test('counts a chunk as saved when its text is known, and never twice', async () => {
    const stage = await setStage(catalog());
    await put(stage, documentOf('a', 'one|two'));
    await embed(stage, { requestId: 'r1' });
    const change = documentOf('b', 'one|new');
    await put(stage, change);
    await put(stage, change);
    expect(await sums(stage)).toMatchObject({ requestCount: 1, reusedTextCount: 1, reusedTokenCount: 4 });
    await remove(stage, 'b');
    await put(stage, change);
    expect(await sums(stage)).toMatchObject({ reusedTextCount: 2, reusedTokenCount: 8 });
  });

  test('pays for one of several chunks with the same text, in one dataset or in two', async () => {
    const stage = await setStage(catalog());
    const other = await second(stage);
    await put(stage, documentOf('a', 'one|one|two'));
    await put(other, documentOf('a', 'one|'));
    await embed(stage, { requestId: 'r1' });
    const byDataset = await stage.catalog.listCosts({ by: ['dataset'], limit: 10 });
    expect(
      byDataset.map(({ address, textCount, reusedTextCount }) => [address, textCount, reusedTextCount]),
    ).toEqual([
      ['docs/site', 2, 1],
      ['docs/two', 0, 1],
    ]);
    expect(byDataset[1]).toMatchObject({ reusedTokenCount: 4, savedUsd: 4 * 0.000002 });
  });

  test('keeps what a dataset has cost, and its name, when the dataset goes', async () => {
    const stage = await setStage(catalog());
    await put(stage, documentOf('a', 'one'));
    await embed(stage, { requestId: 'r1' });
    const { datasetId } = stage.dataset;
    await stage.writer.requestDatasetDeletion(datasetId);
    await stage.writer.requestGenerationDrop(stage.generationId);
    await stage.writer.forgetGeneration(stage.generationId);
    await stage.writer.deleteDataset(datasetId);
    expect(await stage.catalog.listCosts({ by: ['dataset'], limit: 10 })).toMatchObject([
      { datasetId, address: 'docs/site', textCount: 1 },
    ]);
  });

  test('charges queries without the lease, each once, and to no run', async () => {
    const stage = await setStage(catalog());
    const { datasetId, profileId } = stage.dataset;
    const mode = 'query' as const;
    const query = { ...CHARGE, datasetId, profileId, mode, isInRun: false, requestId: 'q1' };
    await stage.catalog.chargeQueries([query, { ...query, requestId: 'q2' }]);
    await stage.catalog.chargeQueries([query]);
    expect(await stage.catalog.listCosts({ by: ['mode'], limit: 10 })).toMatchObject([
      { mode: 'query', requestCount: 2 },
    ]);
    expect(await stage.catalog.runCostUsd(datasetId)).toBe(0);
  });

  test('adds up batches apart, by day and profile, within a range of days', async () => {
    const stage = await setStage(catalog());
    await put(stage, documentOf('a', 'one|two'));
    await embed(stage, { requestId: 'job:1', mode: 'batch', usdPerMillionTokens: 1 });
    const { day } = await stage.catalog.spentToday();
    expect(await stage.catalog.listCosts({ by: ['profile', 'day', 'mode'], limit: 10 })).toMatchObject([
      { day, profile: 'local/hash@4 t1', mode: 'batch', costUsd: 7 * 0.000001, datasetId: undefined },
    ]);
    expect(await stage.catalog.listCosts({ by: ['day'], fromDay: day + 1, limit: 10 })).toEqual([]);
    expect(await stage.catalog.listCosts({ by: [], toDay: day - 1, limit: 10 })).toMatchObject([
      { textCount: 0 },
    ]);
  });

  test('begins a run with nothing spent in it', async () => {
    const stage = await setStage(catalog());
    await put(stage, documentOf('a', 'one'));
    await embed(stage, { requestId: 'r1' });
    await stage.writer.beginRun(stage.dataset.datasetId);
    expect(await stage.catalog.runCostUsd(stage.dataset.datasetId)).toBe(0);
    expect((await stage.catalog.spentToday()).spentUsd).toBeGreaterThan(0);
  });
}

const NOTHING = {
  requestCount: 0,
  textCount: 0,
  tokenCount: 0,
  estimatedTokenCount: 0,
  unpricedTokenCount: 0,
  costUsd: 0,
  durationMs: 0,
  reusedTextCount: 0,
  reusedTokenCount: 0,
  unpricedReusedTokenCount: 0,
  savedUsd: 0,
};

const CHARGE: Omit<Charge, 'requestId' | 'datasetId'> = {
  mode: 'direct',
  requestCount: 1,
  textCount: 1,
  tokenCount: 1,
  isEstimated: false,
  usdPerMillionTokens: 2,
  durationMs: 10,
  isInRun: true,
};

async function sums({ catalog }: Stage): Promise<Partial<CostRecord>> {
  const [record] = await catalog.listCosts({ by: [], limit: 1 });
  const { day, datasetId, address, profile, mode, ...rest } = record ?? {};
  return rest;
}

/** Another dataset with the same profile. */
async function second(stage: Stage): Promise<Stage> {
  const { writer } = stage;
  const dataset = await writer.createDataset({ ...SPEC, address: { project: 'docs', dataset: 'two' } });
  const { generationId } = await writer.createGeneration(dataset.datasetId, dataset.configurationId);
  await writer.switchGeneration(generationId);
  return { ...stage, dataset, generationId };
}

/** The first call has the answer for everything that is pending; the same again stores the same. */
const answers = new WeakMap<Stage, Awaited<ReturnType<typeof pending>>>();

async function embed(stage: Stage, part: Partial<Charge> & Pick<Charge, 'requestId'>): Promise<void> {
  const chunks = answers.get(stage) ?? (await pending(stage));
  answers.set(stage, chunks);
  await stage.writer.storeEmbeddings(
    stage.dataset.profileId,
    chunks.map(({ textHash }) => ({ textHash, vector: vectorOf(textHash) })),
    {
      usdPerMillionTokens: 2,
      charge: {
        ...CHARGE,
        datasetId: stage.dataset.datasetId,
        textCount: chunks.length,
        tokenCount: chunks.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
        ...part,
      },
    },
  );
}
