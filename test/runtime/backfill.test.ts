import { expect, test } from 'bun:test';
import type { Dataset, Syncline, SynclineError } from '../../src/index.ts';
import { rejectionOf, startTestRuntime, type TestRuntime, waitFor } from '../support/test-runtime.ts';

/** Forty documents, of which each two have the same text: twenty texts. */
const DOCUMENTS = Array.from({ length: 40 }, (_, number) => ({
  key: `${number}`,
  content: `Words of document ${number % 20}.`,
}));

interface Waiting extends TestRuntime {
  readonly runtime: Syncline;
  readonly dataset: Dataset;
}

/** A dataset whose texts wait for their vectors: nothing could be spent when they came. */
async function startWaiting(): Promise<Waiting> {
  const context = await startTestRuntime();
  const name = `${new URL(context.provider.url).host}/test-model`;
  const prices = { [name]: { usdPerMillionTokens: 1_000, source: 'this test', asOf: '2026-11' } };
  const runtime = context.another({ prices, spend: { usdPerDayMax: 0 } });
  const dataset = runtime.dataset('docs/one');
  await rejectionOf(dataset.ingest(DOCUMENTS));
  runtime.setSpendCaps({});
  context.provider.reset();
  return { ...context, runtime, dataset };
}

test('a dry run tells texts, tokens, requests, price and provider, and changes nothing', async () => {
  const { dataset, provider, runtime } = await startWaiting();
  const plan = await dataset.backfill({ dryRun: true });
  expect(plan).toMatchObject({
    address: 'docs/one',
    chunkCount: 40,
    textCount: 20,
    // Sixteen texts are a request of this embedder.
    requestCount: 2,
    uncutDocumentCount: 0,
    price: { usdPerMillionTokens: 1_000, source: 'this test' },
    estimatedMs: undefined,
  });
  expect(plan.profile).toContain('test-model');
  expect(plan.reason).toContain('it was passed in');
  expect(plan.price?.totalUsd).toBeCloseTo(plan.tokenCount / 1_000);
  expect(await dataset.backfill({ dryRun: true, limit: 10, batchSize: 4 })).toMatchObject({
    textCount: 10,
    requestCount: 3,
  });
  expect(provider.stats().requests).toBe(0);
  expect(await runtime.costs()).toEqual([]);
});

test('it goes on where it stopped, as far as its limit, in requests of the size that is asked for', async () => {
  const { dataset, provider, runtime } = await startWaiting();
  const first = await dataset.backfill({ limit: 8, batchSize: 4 });
  expect(first).toMatchObject({ embeddedCount: 8, remainingCount: 24, givenUpCount: 0 });
  expect(first.costUsd).toBeCloseTo(first.tokensCharged / 1_000);
  expect(provider.stats()).toMatchObject({ requests: 2, inputs: 8 });
  // What is complete is searchable.
  expect((await dataset.status()).counts.indexedChunks).toBe(16);

  const { estimatedMs } = await dataset.backfill({ dryRun: true });
  expect(estimatedMs).toBeGreaterThan(0);

  expect(await dataset.backfill()).toMatchObject({ embeddedCount: 12, remainingCount: 0 });
  expect(provider.stats()).toMatchObject({ inputs: 20 });
  expect((await dataset.status()).isUpToDate).toBe(true);
  const [task] = (await runtime.tasks.list({ kind: 'backfill' })).items;
  expect(task).toMatchObject({ state: 'succeeded', progress: { embeddedCount: 12 } });
  expect(await dataset.backfill()).toMatchObject({ embeddedCount: 0 });
});

test('a started runtime goes on with the rest after the limit', async () => {
  const { dataset, runtime } = await startWaiting();
  await runtime.start();
  await waitFor('the rest', async () => (await dataset.status()).isUpToDate);
  expect(await dataset.backfill({ limit: 1 })).toMatchObject({ embeddedCount: 0, remainingCount: 0 });
});

test('it ends at a cap, and can be cancelled', async () => {
  const { dataset, runtime, provider } = await startWaiting();
  const error = await rejectionOf(dataset.backfill({ usdMax: 0.001, batchSize: 1 }));
  expect(error).toMatchObject({ code: 'SPEND_CAP_REACHED' });
  expect(provider.stats().requests).toBe(0);
  const cancelled = dataset.backfill({
    batchSize: 1,
    onTask: (taskId) => void runtime.tasks.cancel(taskId),
  });
  expect(await rejectionOf(cancelled)).toMatchObject({ code: 'ABORTED' });
  expect(await dataset.backfill()).toMatchObject({ remainingCount: 0 });
});

test('it ends at a cap also when all texts that its limit allows were taken up, and says what was done', async () => {
  const { dataset } = await startWaiting();
  const { textCount, tokenCount } = await dataset.backfill({ dryRun: true });
  // A dollar is a thousand tokens.
  const usdMax = (tokenCount * 0.6) / 1_000;
  const error = (await rejectionOf(
    dataset.backfill({ usdMax, limit: textCount, batchSize: 4 }),
  )) as SynclineError;
  const { embeddedCount, remainingCount } = error.details;
  expect(error.code).toBe('SPEND_CAP_REACHED');
  expect(error.message).toContain(`The spend cap of $${usdMax} a run is reached`);
  expect(error.message).toContain('or call it again with a larger usdMax');
  expect(error.message).toContain(
    `Embedded in this run: ${embeddedCount} texts; without a vector still: ${remainingCount} chunks.`,
  );
  expect(embeddedCount).toBeGreaterThan(0);
  expect(remainingCount).toBe(40 - 2 * Number(embeddedCount));
  expect(await dataset.backfill({ limit: textCount })).toMatchObject({ remainingCount: 0 });
});

test('texts that were given up are filled where that is asked for', async () => {
  const { runtime, provider } = await startTestRuntime({ textAttemptsMax: 1 });
  const dataset = runtime.dataset('docs/one');
  provider.poison('document 3.');
  await dataset.ingest(DOCUMENTS);
  expect(await dataset.failures()).toHaveLength(2);
  expect(await dataset.backfill({ dryRun: true })).toMatchObject({ chunkCount: 0, textCount: 0 });
  expect(await dataset.backfill({ dryRun: true, retryFailed: true })).toMatchObject({
    chunkCount: 2,
    textCount: 1,
  });
  provider.poison(undefined);
  expect(await dataset.backfill()).toMatchObject({ retriedCount: 0, embeddedCount: 0 });
  expect(await dataset.backfill({ retryFailed: true })).toMatchObject({ retriedCount: 2, embeddedCount: 1 });
  expect(await dataset.failures()).toEqual([]);
});

test('sizes that are none are refused', async () => {
  const { dataset } = await startWaiting();
  for (const options of [{ limit: 0 }, { batchSize: 1.5 }])
    expect(await rejectionOf(dataset.backfill(options))).toMatchObject({ code: 'INVALID_OPTION' });
});
