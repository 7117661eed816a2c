import { expect, test } from 'bun:test';
import type { SynclineOptions } from '../../src/index.ts';
import { rejectionOf, startTestRuntime, type TestRuntime, waitFor } from '../support/test-runtime.ts';

/** Sixteen texts are a request. */
const DOCUMENTS = Array.from({ length: 64 }, (_, number) => ({
  key: `${number}`,
  content: `Words of document ${number}.`,
}));

/** A dollar a token, so that caps are counts of tokens. */
async function startPriced(options: SynclineOptions = {}): Promise<TestRuntime> {
  const context = await startTestRuntime();
  const prices = pricesOf(context);
  return { ...context, runtime: context.another({ prices, ...options }) };
}

function pricesOf({ provider }: Pick<TestRuntime, 'provider'>) {
  const name = `${new URL(provider.url).host}/test-model`;
  return { [name]: { usdPerMillionTokens: 1_000, source: 'this test', asOf: '2026-11' } };
}

async function spentUsd({ runtime }: Pick<TestRuntime, 'runtime'>): Promise<number> {
  return (await runtime.spend()).spentTodayUsd;
}

test('a cap of a day ends a call before the request that would pass it, and holds after a restart', async () => {
  const context = await startPriced();
  await context.runtime.dataset('docs/one').ingest(DOCUMENTS.slice(0, 16));
  const first = await spentUsd(context);
  expect(first).toBeGreaterThan(0);
  await context.runtime.stop();

  const usdPerDayMax = first * 2.5;
  const capped = context.another({ prices: pricesOf(context), spend: { usdPerDayMax } });
  context.provider.reset();
  const error = await rejectionOf(capped.dataset('docs/one').ingest(DOCUMENTS));
  expect(error).toMatchObject({ code: 'SPEND_CAP_REACHED', retryable: true });
  const spent = await spentUsd({ runtime: capped });
  expect(spent).toBeLessThanOrEqual(usdPerDayMax);
  expect(context.provider.stats().requests).toBe(1);
  await capped.stop();

  const again = context.another({ prices: pricesOf(context), spend: { usdPerDayMax } });
  expect(await rejectionOf(again.dataset('docs/one').index())).toMatchObject({ code: 'SPEND_CAP_REACHED' });
  expect(await spentUsd({ runtime: again })).toBe(spent);
  // The call has ended, and its process might have.
  const looking = context.another({ access: 'readOnly', spend: {} });
  const { held } = await looking.spend();
  expect(held).toEqual([
    {
      address: 'docs/one',
      cap: 'day',
      usdMax: usdPerDayMax,
      spentUsd: expect.any(Number),
      reachedAtMs: expect.any(Number),
      untilMs: expect.any(Number),
    },
  ]);
  const { counts } = await again.dataset('docs/one').status();
  expect(counts.chunks).toEqual({ pending: 32, ready: 32, failed: 0 });
  // What was paid for is searchable.
  expect(counts.indexedChunks).toBe(32);
  expect(await again.dataset('docs/one').failures()).toEqual([]);

  again.setSpendCaps({});
  await again.dataset('docs/one').index();
  expect((await again.dataset('docs/one').status()).counts.chunks.ready).toBe(64);
  expect((await looking.spend()).held).toEqual([]);
});

test('a started runtime pauses the dataset, says so everywhere, and goes on when the cap is raised', async () => {
  const context = await startPriced({ spend: { usdPerDayMax: 0.000_001 } });
  const { runtime } = context;
  await runtime.start();
  await runtime.dataset('docs/one').ingest(DOCUMENTS, { mode: 'async' });
  await waitFor('the pause', async () => (await runtime.dataset('docs/one').status()).phase === 'paused');

  expect(await runtime.dataset('docs/one').status()).toMatchObject({
    phase: 'paused',
    failure: { code: 'SPEND_CAP_REACHED' },
  });
  expect(await runtime.status()).toMatchObject({
    spend: {
      usdPerDayMax: 0.000_001,
      held: [{ address: 'docs/one', cap: 'day', untilMs: expect.any(Number) }],
    },
  });
  const health = await runtime.health();
  expect(health.isReady).toBe(true);
  expect(health.checks).toContainEqual(
    expect.objectContaining({ subject: 'spend', isOk: false, code: 'SPEND_CAP_REACHED' }),
  );
  expect(context.events).toContainEqual(
    expect.objectContaining({ type: 'spend.capReached', address: 'docs/one', cap: 'day' }),
  );
  expect(context.provider.stats().requests).toBe(0);

  const looking = context.another({ access: 'readOnly', spend: {} });
  const isHeld = async (): Promise<boolean> => (await looking.spend()).held.length > 0;
  await waitFor('the catalog to tell others', isHeld);
  expect((await looking.status()).spend.held).toEqual([...(await runtime.spend()).held]);
  expect((await looking.health()).checks).toContainEqual(
    expect.objectContaining({ subject: 'spend', isOk: false, code: 'SPEND_CAP_REACHED' }),
  );

  runtime.setSpendCaps({ usdPerDayMax: 1_000 });
  await waitFor('the rest', async () => (await runtime.dataset('docs/one').status()).isUpToDate);
  expect(context.events.some(({ type }) => type === 'spend.capEnded')).toBe(true);
  expect((await runtime.spend()).held).toEqual([]);
  await waitFor('the catalog to tell others that it is over', async () => !(await isHeld()));
});

test('a worker knows who waits since another one, until it sends for them what they asked for', async () => {
  const context = await startPriced();
  for (const address of ['docs/one', 'docs/two']) {
    context.runtime.setSpendCaps({ usdPerDayMax: 0 });
    const documents = DOCUMENTS.slice(0, 3).map(({ key, content }) => ({
      key,
      content: `${address}: ${content}`,
    }));
    await rejectionOf(context.runtime.dataset(address).ingest(documents));
  }
  await context.runtime.stop();
  const next = context.another({ prices: pricesOf(context), spend: {} });
  const names = async () => (await next.spend()).held.map(({ address }) => address).sort();
  expect(await names()).toEqual(['docs/one', 'docs/two']);
  await next.dataset('docs/one').index();
  expect(await names()).toEqual(['docs/two']);
  // What it waited for is gone: so is that it waits.
  await next.dataset('docs/two').deleteDocuments(['0', '1', '2']);
  expect(await names()).toEqual([]);
});

test('a run is ended by its own cap, and the next one begins anew', async () => {
  const context = await startPriced();
  const { runtime } = context;
  const dataset = runtime.dataset('docs/one');
  await dataset.ingest(DOCUMENTS.slice(0, 16));
  const usdMax = (await spentUsd(context)) * 1.5;
  await runtime.setSpendCaps({ usdPerDayMax: 0 });
  await rejectionOf(dataset.ingest(DOCUMENTS));
  runtime.setSpendCaps({});

  expect(await rejectionOf(dataset.index({ usdMax }))).toMatchObject({
    code: 'SPEND_CAP_REACHED',
    retryable: false,
  });
  expect((await dataset.status()).counts.chunks.pending).toBe(32);
  expect(await rejectionOf(dataset.index({ usdMax }))).toMatchObject({ code: 'SPEND_CAP_REACHED' });
  expect((await dataset.status()).counts.chunks.pending).toBe(16);
  await dataset.index({ usdMax });
  expect((await dataset.status()).counts.chunks.pending).toBe(0);
});

test('a worker’s run begins anew when the dataset is resumed', async () => {
  const context = await startPriced();
  const { runtime } = context;
  const dataset = runtime.dataset('docs/one');
  await dataset.ingest(DOCUMENTS.slice(0, 16));
  runtime.setSpendCaps({ usdPerRunMax: (await spentUsd(context)) * 2.5 });
  await runtime.start();
  await dataset.ingest(DOCUMENTS, { mode: 'async' });
  await waitFor('a second request', async () => (await dataset.status()).counts.chunks.pending === 16);
  await waitFor('the pause', async () => (await dataset.status()).phase === 'paused');
  await dataset.resume('spend cap');
  await waitFor('the rest', async () => (await dataset.status()).isUpToDate);
});

test('searches are charged to their dataset, and no cap holds them', async () => {
  const context = await startPriced({ spend: { usdPerDayMax: 0.05 } });
  const { runtime } = context;
  await runtime.dataset('docs/one').ingest(DOCUMENTS.slice(0, 2));
  runtime.setSpendCaps({ usdPerDayMax: 0 });
  await runtime.dataset('docs/one').search('words');
  await runtime.search('docs', 'other words');
  const costs = await runtime.costs({ by: ['dataset', 'mode'] });
  expect(costs).toMatchObject([
    { dataset: 'docs/one', mode: 'direct', requestCount: 1, textCount: 2, unpricedTokenCount: 0 },
    { dataset: 'docs/one', mode: 'query', requestCount: 2, textCount: 2 },
  ]);
  expect(costs[1]?.costUsd).toBeGreaterThan(0);
});

test('what is not priced is counted, capped by nothing, and told apart', async () => {
  const context = await startTestRuntime({ spend: { usdPerDayMax: 0 } });
  await context.runtime.dataset('docs/one').ingest(DOCUMENTS);
  const [entry] = await context.runtime.costs();
  expect(entry).toMatchObject({ requestCount: 4, textCount: 64, costUsd: undefined });
  expect(entry?.unpricedTokenCount).toBe(entry?.tokenCount);
});

test('texts that are known save what they would have cost', async () => {
  const context = await startPriced();
  const { runtime } = context;
  await runtime.dataset('docs/one').ingest(DOCUMENTS);
  await runtime.dataset('docs/two').ingest(DOCUMENTS);
  const [one, two] = await runtime.costs({ by: ['dataset'] });
  expect(one).toMatchObject({ dataset: 'docs/one', textCount: 64, reusedTextCount: 0 });
  expect(two).toMatchObject({ dataset: 'docs/two', requestCount: 0, costUsd: 0, reusedTextCount: 64 });
  expect(two?.savedUsd).toBeGreaterThan(0);
});

test('costs are asked for by what there is', async () => {
  const { runtime } = await startTestRuntime();
  expect(await runtime.costs()).toEqual([]);
  for (const options of [{ since: 'yesterday' }, { by: ['week'] }, { limit: 0 }])
    expect(await rejectionOf(runtime.costs(options as never))).toMatchObject({ code: 'INVALID_OPTION' });
});
