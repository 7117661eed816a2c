/*
 * Syncline on the same documents.
 *
 *     bun bench/syncline.ts FOLDER DATA_DIR EMBEDDING_URL IN_FLIGHT [started]
 *
 * With `started` a background worker does the work, and the time is that until everything is searchable; without it the
 * call does all the work itself, the maintenance of the table included.
 */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createOpenAiEmbedder, createSyncline, type DocumentInput } from '../src/index.ts';
import { measure } from './measure.ts';

const DIMENSIONS = 384;
const [folder = '', dataDir = '', url = '', inFlight = '8', mode = ''] = process.argv.slice(2);

const embedder = createOpenAiEmbedder({
  model: 'bench',
  dimensions: DIMENSIONS,
  sendDimensions: true,
  baseUrl: url,
  apiKey: 'bench',
  limits: {
    itemsPerRequestMax: 256,
    tokensPerItemMax: 8_191,
    tokensPerRequestMax: 250_000,
    requestsInFlightMax: Number(inFlight),
  },
});
const runtime = createSyncline({ dataDir, embedder });
if (process.env.BENCH_EVENTS) runtime.on((event) => process.stderr.write(`${JSON.stringify(event)}\n`));

async function* documents(): AsyncGenerator<DocumentInput> {
  for (const key of readdirSync(folder)) yield { key, content: await readFile(join(folder, key), 'utf8') };
}

if (mode === 'started') await runtime.start();
const { result, measurement } = await measure(() =>
  runtime.dataset('bench/documents').ingest(documents(), { mode: 'sync' }),
);
const status = await runtime.dataset('bench/documents').status();
await runtime.stop();
process.stdout.write(
  `${JSON.stringify({ ...measurement, ...result, chunks: status.counts.chunks.ready, indexed: status.counts.indexedChunks })}\n`,
);
