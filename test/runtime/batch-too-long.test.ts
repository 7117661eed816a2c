import { expect, setDefaultTimeout, test } from 'bun:test';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { createRuntime } from '../../src/runtime/create-runtime.ts';
import { startBatchServer } from '../support/batch-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';

setDefaultTimeout(120_000);

const DIMENSIONS = 8;
const LONG = Array.from({ length: 200 }, (_, n) => `word${n}`).join(' ');

test.each(['truncate', 'fail'] as const)(
  'a text that is too long for its model is in no batch job, and is treated as directly: %s',
  async (tooLongTexts) => {
    using dir = makeTempDir();
    const server = await startBatchServer({ dimensions: DIMENSIONS });
    // The dataset was made when more was known to be taken.
    const open = (tokensPerItemMax: number) => {
      const limits = { tokensPerItemMax };
      const embedder = createOpenAiEmbedder({
        model: 'm',
        dimensions: DIMENSIONS,
        baseUrl: server.url,
        batch: true,
        limits,
      });
      return createRuntime({
        dataDir: dir.path,
        embedder,
        durableTables: false,
        environment: {},
        tooLongTexts,
      });
    };
    const before = open(1_000);
    await before.dataset('p/d').create({ batch: { mode: 'always' } });
    await before.stop();
    const runtime = open(100);
    try {
      const dataset = runtime.dataset('p/d');
      const content = `${LONG} the very last words are zebra crossing.`;
      await dataset.ingest(
        [
          { key: 'long', content },
          { key: 'short', content: 'A short text.' },
        ],
        { mode: 'sync' },
      );
      const { counts } = await dataset.status();
      const isCut = tooLongTexts === 'truncate';
      expect(counts).toMatchObject({
        batchedChunks: 1,
        indexedChunks: isCut ? 1 : 0,
        chunks: { pending: 1, ready: isCut ? 1 : 0, failed: isCut ? 0 : 1 },
      });
      const [chunk] = (await dataset.chunks({ key: 'long' })).items;
      expect(chunk?.tokenCount).toBeGreaterThan(100);
      expect(chunk?.embeddedTokenCount).toBe(isCut ? 100 : undefined);
      expect(server.direct.texts).toHaveLength(isCut ? 1 : 0);
    } finally {
      await runtime.stop();
      await server.close();
    }
  },
);
