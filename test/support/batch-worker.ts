import process from 'node:process';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { createRuntime, type Runtime } from '../../src/runtime/create-runtime.ts';

/** Length of the vectors of the tests that kill workers around batch jobs. */
export const BATCH_DIMENSIONS = 8;
const DOCUMENTS_PER_ROUND = 5;

/** A runtime whose texts all go to batch jobs, soon and often looked at. */
export function openBatchRuntime(dataDir: string, baseUrl: string): Runtime {
  return createRuntime({
    dataDir,
    embedder: createOpenAiEmbedder({
      model: 'm',
      dimensions: BATCH_DIMENSIONS,
      baseUrl,
      batch: { inputsPerRequestMax: 3 },
    }),
    environment: {},
    durableTables: false,
    pollIntervalMs: 1_000,
    batchPollIntervalMs: 15,
    // The stand-in has done what it was asked to before its answer is lost.
    batchSettleMs: 0,
  });
}

/** Documents of one round, with texts that no other round has. */
export function documentsOf(round: number) {
  return Array.from({ length: DOCUMENTS_PER_ROUND }, (_, index) => ({
    key: `${round}-${index}`,
    content: `Round ${round} brings the words of document ${index}.`,
  }));
}

/** Takes in what a round brings, and works until it is killed. */
async function main([dataDir = '', baseUrl = '', round = '0']: readonly string[]): Promise<void> {
  const runtime = openBatchRuntime(dataDir, baseUrl);
  const dataset = runtime.dataset('docs/all');
  await dataset.create({ batch: { mode: 'always', maxWaitMs: 0 } });
  await dataset.ingest(documentsOf(Number(round)), { mode: 'async' });
  process.stdout.write('ready\n');
  await runtime.start();
  await runtime.ended();
}

if (import.meta.main) await main(process.argv.slice(2));
