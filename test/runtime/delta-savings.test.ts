import { expect, test } from 'bun:test';
import { createOpenAiEmbedder, type Embedder } from '../../src/index.ts';
import type { EmbeddingServer } from '../support/embedding-server.ts';
import { makeSeedShop } from '../support/seed-shop.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { startTestRuntime, TEST_DIMENSIONS } from '../support/test-runtime.ts';

/* The counts of `bench/delta.ts`, which also measures times. */

/** Ten texts are a request. */
function embedderOfTen(provider: EmbeddingServer): Embedder {
  return createOpenAiEmbedder({
    model: 'test-model',
    dimensions: TEST_DIMENSIONS,
    sendDimensions: true,
    baseUrl: provider.url,
    limits: { itemsPerRequestMax: 10, requestsInFlightMax: 2 },
  });
}

test('of five tables of which a tenth has changed, a delta embeds a tenth of the texts in a tenth of the requests', async () => {
  const { another, provider } = await startTestRuntime({}, { keepTexts: false });
  const runtime = another({ embedder: embedderOfTen(provider) });
  const folder = makeTempDir();
  const shop = makeSeedShop(folder.join('shop.db'));
  try {
    const dataset = runtime.dataset('shop/records');
    await dataset.create();
    await dataset.setSources([shop.source]);
    await runtime.start();
    const full = await dataset.index({ full: true });
    const everything = provider.stats();
    expect(full).toMatchObject({ addedCount: 1_500, embeddedCount: 1_500, failedCount: 0 });
    expect(everything.inputs).toBe(1_500);

    provider.reset();
    const delta = await dataset.index({ changedIds: shop.changeTenth(1) });
    expect(delta).toMatchObject({ readCount: 150, changedCount: 150, embeddedCount: 150, removedCount: 0 });
    const { inputs, requests } = provider.stats();
    expect(inputs).toBe(150);
    expect([everything.requests, requests]).toEqual([150, 15]);

    const [costs] = await runtime.costs({ by: [] });
    expect(costs).toMatchObject({ textCount: 1_650, requestCount: 165 });
    provider.reset();
    expect(await dataset.index({ changedIds: { orders: [10], tickets: [20] } })).toMatchObject({
      unchangedCount: 2,
      embeddedCount: 0,
    });
    expect(provider.stats().requests).toBe(0);
  } finally {
    shop.close();
    folder.remove();
  }
}, 120_000);
