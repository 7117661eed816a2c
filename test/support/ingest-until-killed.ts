/* A worker for the tests to kill: ingests documents one after the other until it is ended. */
import { createOpenAiEmbedder, createSyncline } from '../../src/index.ts';

const [dataDir = '', url = ''] = process.argv.slice(2);
const runtime = createSyncline({
  dataDir,
  environment: {},
  durableTables: false,
  embedder: createOpenAiEmbedder({
    model: 'test-model',
    dimensions: 32,
    sendDimensions: true,
    baseUrl: url,
    apiKey: 'test-key',
    limits: {
      itemsPerRequestMax: 16,
      tokensPerItemMax: 8_191,
      tokensPerRequestMax: 100_000,
      requestsInFlightMax: 4,
    },
  }),
});

async function* documents() {
  for (let number = 0; ; number += 1) yield { key: `${number}`, content: `Words of document ${number}.` };
}

await runtime.dataset('docs/killed').ingest(documents(), { mode: 'sync' });
