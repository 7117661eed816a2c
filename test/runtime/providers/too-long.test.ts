import { expect, test } from 'bun:test';
import { cutText } from '../../../src/chunking/cut-text.ts';
import { countBoundedText, loadTokenizer } from '../../../src/chunking/token-counter.ts';
import { createWorkMeter } from '../../../src/chunking/work-meter.ts';
import { startTestRuntime } from '../../support/test-runtime.ts';

await loadTokenizer();

const LONG = Array.from({ length: 200 }, (_, n) => `word${n}`).join(' ');
const DOCUMENTS = [
  { key: 'long', content: `${LONG} the very last words are zebra crossing.` },
  { key: 'short', content: 'A short text.' },
];

test('a text that its provider alone calls too long is embedded by its beginning, and the mark stays', async () => {
  const { runtime, provider, events } = await startTestRuntime({}, { tokensPerTextMax: 100 });
  const dataset = runtime.dataset('docs/cut');
  await dataset.ingest(DOCUMENTS);
  expect((await dataset.status()).counts).toMatchObject({
    indexedChunks: 2,
    chunks: { failed: 0, pending: 0 },
  });
  const [chunk] = (await dataset.chunks({ key: 'long' })).items;
  expect(chunk?.embeddedTokenCount).toBeGreaterThan(50);
  expect(chunk?.embeddedTokenCount).toBeLessThan(chunk?.tokenCount ?? 0);
  expect((await dataset.chunks({ key: 'short' })).items).toMatchObject([{ embeddedTokenCount: undefined }]);
  expect(events.filter(({ type }) => type === 'text.cut')).toMatchObject([
    { chunkId: chunk?.chunkId, tokens: chunk?.tokenCount, tokensKept: chunk?.embeddedTokenCount },
  ]);
  // The end is found by its words.
  expect(await dataset.search('zebra', { mode: 'text' })).toMatchObject([{ key: 'long' }]);
  const bodies = provider.seen.map(({ body }) => JSON.stringify(body.input));
  expect(new Set(bodies).size).toBe(bodies.length);

  const { requests } = provider.stats();
  await dataset.rebuild();
  await runtime.dataset('docs/other').ingest(DOCUMENTS);
  const after = { embeddedTokenCount: chunk?.embeddedTokenCount };
  expect((await dataset.chunks({ key: 'long' })).items).toMatchObject([after]);
  expect((await runtime.dataset('docs/other').chunks({ key: 'long' })).items).toMatchObject([after]);
  expect(provider.stats().requests).toBe(requests);
}, 120_000);

test('with "fail" it is given up, and the others go on', async () => {
  const { runtime } = await startTestRuntime({ tooLongTexts: 'fail' }, { tokensPerTextMax: 100 });
  const dataset = runtime.dataset('docs/failed');
  await dataset.ingest(DOCUMENTS);
  expect((await dataset.status()).counts).toMatchObject({
    indexedChunks: 1,
    chunks: { failed: 1, pending: 0 },
  });
  expect(await dataset.failures({ error: 'context length' })).toMatchObject([{ key: { key: 'long' } }]);
}, 120_000);

test('a cut text is the longest beginning of so many tokens, whatever is in it', () => {
  const meter = createWorkMeter();
  for (const text of [LONG, 'x'.repeat(3_000), '漢'.repeat(900), '😀'.repeat(400), ' '.repeat(5_000)]) {
    for (const tokensMax of [1, 17, 100]) {
      const cut = cutText(text, tokensMax);
      expect(text.startsWith(cut.text)).toBe(true);
      expect(cut.tokenCount).toBeLessThanOrEqual(tokensMax);
      if (cut.text.length < 2_000) expect(countBoundedText(cut.text, meter)).toBeLessThanOrEqual(tokensMax);
    }
  }
  const whole = cutText(LONG, 10_000);
  expect(whole.text).toBe(LONG);
  expect(cutText(LONG, whole.tokenCount).text).toBe(LONG);
  expect(cutText(LONG, whole.tokenCount - 1).text.length).toBeLessThan(LONG.length);
});
