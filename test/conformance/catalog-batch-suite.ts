import { describe, expect, test } from 'bun:test';
import type { BatchText } from '../../src/catalog/catalog.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import {
  changeTo,
  documentOf,
  pending,
  put,
  remove,
  SPEC,
  type Stage,
  setStage,
  vectorOf,
  writeAll,
} from '../catalog/catalog-fixtures.ts';

const ROOM = { tokensMax: 100, requestsMax: 10, jobsMax: 3 };
const SEEN = { externalId: 'batch_1', remoteJson: '{"state":"running"}', fileIds: ['file-1', 'file-2'] };

let jobCount = 0;

/** A job with everything that is pending in the dataset, one text per request. */
async function gather(stage: Stage, name = `job-${++jobCount}`) {
  const job = await stage.writer.createBatchJob({
    name,
    type: 'embedding',
    datasetId: stage.dataset.datasetId,
    profileId: stage.dataset.profileId,
  });
  const chunks = await pending(stage);
  const texts = chunks.map(
    ({ textHash, tokenCount }, requestNo): BatchText => ({
      textHash,
      tokenCount,
      requestNo,
      place: 0,
      requestSize: 1,
    }),
  );
  await stage.writer.addBatchTexts(job.batchJobId, texts);
  await stage.writer.sealBatchJob(job.batchJobId);
  return { ...job, texts };
}

async function find(stage: Stage, batchJobId: number) {
  const job = await stage.catalog.findBatchJob(batchJobId);
  if (job === undefined) throw new Error('The job is gone.');
  return job;
}

/** Another dataset of the same profile, with its serving generation. */
async function neighbour(stage: Stage): Promise<Stage> {
  const dataset = await stage.writer.createDataset({
    ...SPEC,
    address: { project: 'docs', dataset: 'other' },
  });
  const { generationId } = await stage.writer.createGeneration(dataset.datasetId, dataset.configurationId);
  await stage.writer.switchGeneration(generationId);
  return { ...stage, dataset, generationId };
}

/** The part of `describeCatalog` about batch jobs. `catalog()` is a new one in each test. */
export function describeCatalogBatch(catalog: () => SqlCatalog): void {
  describe('of batch jobs', () => {
    test('keeps the texts of a job from the direct way, also in other datasets and in documents that come later', async () => {
      const stage = await setStage(catalog());
      const other = await neighbour(stage);
      await put(stage, documentOf('a', 'one|two|'));
      await put(other, documentOf('b', 'two|three|'));
      const { batchJobId } = await gather(stage);
      expect(await pending(stage)).toEqual([]);
      expect((await pending(other)).map(({ embeddedText }) => embeddedText)).toEqual(['three|']);
      await put(other, documentOf('c', 'one|four|'));
      expect((await pending(other)).map(({ embeddedText }) => embeddedText)).toEqual(['three|', 'four|']);
      expect(await find(stage, batchJobId)).toMatchObject({
        textCount: 2,
        requestCount: 2,
        tokenCount: 8,
        sealed: true,
      });
      expect(await catalog().datasetCounts(stage.dataset.datasetId)).toMatchObject({
        chunks: { pending: 2 },
        batchedChunks: 2,
      });
      expect(await catalog().batchedChunks(other.dataset.datasetId)).toEqual([{ batchJobId, chunks: 2 }]);
      expect(
        await catalog().listPendingIds(stage.dataset.configurationId, { afterChunkId: 0, limit: 9 }),
      ).toHaveLength(2);
    });

    test('counts documents that only wait for a job as nothing to do, and others as work', async () => {
      const stage = await setStage(catalog());
      const id = stage.dataset.datasetId;
      await put(stage, documentOf('a', 'one|two|'));
      expect(await catalog().datasetBacklog(id)).toMatchObject({
        queuedDocuments: 1,
        pendingChunks: 2,
        batchedChunks: 0,
      });
      await gather(stage);
      expect(await catalog().datasetBacklog(id)).toMatchObject({
        queuedDocuments: 0,
        pendingChunks: 0,
        batchedChunks: 2,
      });
      await put(stage, documentOf('b', ''));
      expect(await catalog().datasetBacklog(id)).toMatchObject({ queuedDocuments: 1, batchedChunks: 2 });
    });

    test('counts in the run of its dataset what a job will cost, once however often it is said', async () => {
      const stage = await setStage(catalog());
      const { datasetId } = stage.dataset;
      await put(stage, documentOf('a', 'one|'));
      const { batchJobId } = await gather(stage);
      await stage.writer.expectBatchTokens(batchJobId, { tokensExpected: 1_000_000 });
      expect(await catalog().runCostUsd(datasetId)).toBe(0);
      for (const tokensExpected of [3_000_000, 3_000_000, 4_000_000])
        await stage.writer.expectBatchTokens(batchJobId, { tokensExpected, runUsdPerMillionTokens: 2 });
      expect(await catalog().runCostUsd(datasetId)).toBe(6);
      expect((await find(stage, batchJobId)).stats.tokensExpected).toBe(4_000_000);
      await stage.writer.beginRun(datasetId);
      expect(await catalog().runCostUsd(datasetId)).toBe(0);
    });

    test('gives a name one job, and a text one job', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|'));
      const first = await gather(stage, 'same');
      const again = await stage.writer.createBatchJob({
        name: 'same',
        type: 'embedding',
        datasetId: stage.dataset.datasetId,
        profileId: first.profileId,
      });
      expect(again.batchJobId).toBe(first.batchJobId);
      const second = await stage.writer.createBatchJob({
        name: 'else',
        type: 'embedding',
        datasetId: stage.dataset.datasetId,
        profileId: first.profileId,
      });
      await stage.writer.addBatchTexts(second.batchJobId, first.texts);
      expect((await find(stage, second.batchJobId)).textCount).toBe(0);
      expect(await catalog().listBatchTexts(first.batchJobId, { limit: 10 })).toHaveLength(1);
    });

    test('takes a text out of its job when its vector is stored, and lets its document be written', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|two|'));
      const { batchJobId, profileId, texts } = await gather(stage);
      const [first, second] = texts;
      if (first === undefined || second === undefined) throw new Error('There are no texts.');
      await stage.writer.storeEmbeddings(profileId, [
        { textHash: first.textHash, vector: vectorOf(first.textHash) },
      ]);
      expect(await catalog().listBatchTexts(batchJobId, { limit: 10 })).toEqual([second]);
      expect(await catalog().listDatasetsToWake(profileId)).toEqual([]);
      await stage.writer.storeEmbeddings(profileId, [
        { textHash: second.textHash, vector: vectorOf(second.textHash) },
      ]);
      expect(await catalog().listDatasetsToWake(profileId)).toEqual([stage.dataset.datasetId]);
      await writeAll(stage);
      expect(await catalog().datasetCounts(stage.dataset.datasetId)).toMatchObject({
        indexedChunks: 2,
        batchedChunks: 0,
      });
    });

    test('reads what is embedded in pages, without texts whose documents have changed', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|two|three|'), documentOf('b', 'four|'));
      const { batchJobId } = await gather(stage);
      await remove(stage, 'b');
      await stage.writer.applyDocuments(stage.dataset.datasetId, stage.dataset.configurationId, [
        await changeTo(stage.catalog, stage.dataset, documentOf('a', 'one|three|')),
      ]);
      const page = await catalog().listBatchInputs(batchJobId, { limit: 2 });
      expect(page.inputs.map(({ embeddedText }) => embeddedText)).toEqual(['one|']);
      const rest = await catalog().listBatchInputs(batchJobId, {
        limit: 9,
        ...(page.next && { after: page.next }),
      });
      expect(rest.inputs.map(({ embeddedText }) => embeddedText)).toEqual(['three|']);
      expect(rest.next).toBeUndefined();
    });

    test('goes through its statuses once, and a live one never goes back', async () => {
      const stage = await setStage(catalog());
      const { writer } = stage;
      await put(stage, documentOf('a', 'one|'));
      const { batchJobId } = await gather(stage);
      expect(await find(stage, batchJobId)).toMatchObject({
        status: 'created',
        files: [],
        fileId: undefined,
      });
      await writer.beginBatchUpload(batchJobId, 1);
      await writer.beginBatchUpload(batchJobId, 1);
      await writer.noteBatchFiles(batchJobId, ['file-1']);
      await writer.beginBatchSubmission(batchJobId, 1);
      await writer.noteBatchRemote(batchJobId, { ...SEEN, status: 'submitted' });
      await writer.noteBatchRemote(batchJobId, { ...SEEN, status: 'processing' });
      await writer.noteBatchRemote(batchJobId, { ...SEEN, status: 'submitted' });
      expect(await find(stage, batchJobId)).toMatchObject({
        status: 'processing',
        uploadCount: 1,
        submissionCount: 1,
        fileId: 'file-1',
        files: ['file-1', 'file-2'],
        externalId: 'batch_1',
      });
      await writer.finishBatchJob(batchJobId, { status: 'expired', error: 'late', way: 'again' });
      await writer.finishBatchJob(batchJobId, { status: 'completed', way: 'again' });
      await writer.noteBatchRemote(batchJobId, { ...SEEN, status: 'processing' });
      expect(await find(stage, batchJobId)).toMatchObject({
        status: 'expired',
        error: 'late',
        tidied: false,
      });
      expect(await pending(stage)).toMatchObject([{ isPulledBack: false }]);
      await writer.forgetBatchFiles(batchJobId, ['file-1'], { tidied: false });
      expect(
        (await catalog().listUntidiedBatchJobs({ afterBatchJobId: 0, limit: 9 })).map((job) => job.files),
      ).toEqual([['file-2']]);
      await writer.forgetBatchFiles(batchJobId, ['file-2'], { tidied: true });
      expect(await catalog().listUntidiedBatchJobs({ afterBatchJobId: 0, limit: 9 })).toEqual([]);
      expect(
        (await catalog().listBatchJobs({ status: 'expired', limit: 9 })).map((job) => job.batchJobId),
      ).toEqual([batchJobId]);
      expect(await catalog().listEndedBatchJobs(stage.dataset.profileId, 9)).toHaveLength(1);
    });

    test('reserves what a provider takes at a time, and gives it back at the end of a job', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', `${'x'.repeat(70)}|`));
      const large = await gather(stage);
      await put(stage, documentOf('b', `${'y'.repeat(60)}|`));
      const second = await gather(stage);
      expect(await stage.writer.reserveBatchJob(large.batchJobId, { ...ROOM, tokensMax: 10 })).toBe(true);
      expect(await stage.writer.reserveBatchJob(large.batchJobId, ROOM)).toBe(true);
      expect(await stage.writer.reserveBatchJob(second.batchJobId, ROOM)).toBe(false);
      await stage.writer.finishBatchJob(large.batchJobId, { status: 'cancelled', way: 'again' });
      expect(await stage.writer.reserveBatchJob(second.batchJobId, ROOM)).toBe(true);
      await stage.writer.noteBatchRemote(second.batchJobId, { ...SEEN, status: 'submitted' });
      await stage.writer.resetBatchSubmission(second.batchJobId, 'too much');
      expect(await find(stage, second.batchJobId)).toMatchObject({
        status: 'created',
        reserved: false,
        externalId: undefined,
        files: ['file-1', 'file-2'],
        error: 'too much',
      });
    });

    test('charges a refused text once, however often that is told, and gives it up in the end', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|'));
      for (const attempt of [1, 2]) {
        const { batchJobId, texts } = await gather(stage);
        const failures = texts.map(({ textHash }) => ({ textHash, error: `refused ${attempt}` }));
        await stage.writer.failBatchTexts(batchJobId, failures, 2);
        await stage.writer.failBatchTexts(batchJobId, failures, 2);
        await stage.writer.finishBatchJob(batchJobId, { status: 'completed', way: 'again' });
        if (attempt === 1) expect(await pending(stage)).toMatchObject([{ attemptCount: 1 }]);
      }
      const page = { afterChunkId: 0, limit: 9 };
      expect(await catalog().listFailedChunks(stage.dataset.datasetId, page)).toMatchObject([
        { attemptCount: 2, lastError: 'refused 2' },
      ]);
      expect(await stage.writer.retryFailedChunks(stage.dataset.datasetId)).toBe(1);
      expect(await pending(stage)).toMatchObject([{ attemptCount: 0 }]);
    });

    test('sends texts that were pulled back the direct way, and never into a job again', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|two|'));
      const { batchJobId, texts } = await gather(stage);
      await stage.writer.askBatchJob(batchJobId, 'pullBack');
      await stage.writer.askBatchJob(batchJobId, 'cancel');
      expect((await find(stage, batchJobId)).asked).toBe('pullBack');
      await stage.writer.finishBatchJob(batchJobId, { status: 'cancelled', way: 'direct' });
      expect(await pending(stage)).toMatchObject([{ isPulledBack: true }, { isPulledBack: true }]);
      expect(await catalog().pendingSpan(stage.dataset.configurationId, 10)).toMatchObject({ count: 0 });
      expect((await gather(stage)).texts).toHaveLength(2);
      expect(await pending(stage)).toHaveLength(2);
      const embeddings = texts.map(({ textHash }) => ({ textHash, vector: vectorOf(textHash) }));
      await stage.writer.storeEmbeddings(stage.dataset.profileId, embeddings);
      expect(await pending(stage)).toEqual([]);
    });

    test('forgets that a text was pulled back with the last chunk that has it, before its job ends or after', async () => {
      const stage = await setStage(catalog());
      await put(stage, documentOf('a', 'one|'), documentOf('b', 'one|two|'));
      const { batchJobId } = await gather(stage);
      await remove(stage, 'b');
      await stage.writer.finishBatchJob(batchJobId, { status: 'cancelled', way: 'direct' });
      await put(stage, documentOf('c', 'one|two|'));
      const marks = async () => (await pending(stage)).map(({ isPulledBack }) => isPulledBack);
      expect(await marks()).toEqual([true, false]);
      await remove(stage, 'a');
      expect(await marks()).toEqual([true, false]);
      await remove(stage, 'c');
      await put(stage, documentOf('d', 'one|two|'));
      expect(await marks()).toEqual([false, false]);
    });

    test('counts what waits for a job up to a bound, and tells since when', async () => {
      const stage = await setStage(catalog());
      const id = stage.dataset.configurationId;
      expect(await catalog().pendingSpan(id, 10)).toEqual({ count: 0, oldestAtMs: undefined });
      await put(stage, documentOf('a', 'one|two|three|'));
      expect(await catalog().pendingSpan(id, 2)).toEqual({ count: 2, oldestAtMs: expect.any(Number) });
    });

    test('keeps the policy of a dataset until it is deleted', async () => {
      const { writer, dataset } = await setStage(catalog());
      const id = dataset.datasetId;
      expect(await catalog().batchPolicy(id)).toMatchObject({ mode: 'never' });
      const policy = { mode: 'always', minBatchSize: 7, maxWaitMs: 9 } as const;
      await writer.setBatchPolicy(id, { ...policy, mode: 'auto' });
      await writer.setBatchPolicy(id, policy);
      expect(await catalog().batchPolicy(id)).toEqual(policy);
      expect(await catalog().listBatchDatasets({ afterDatasetId: 0, limit: 9 })).toEqual([id]);
    });
  });
}
