/*
 * The whole library once through in Deno: deno run --allow-all test/deno-smoke.ts
 * Ends with 1 and the reason at the first thing that is not as it must be.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answer, createClient, ProblemError } from '../src/client/client.ts';
import { startHttpServer } from '../src/http/server.ts';
import { createOpenAiEmbedder, createSyncline, isSynclineError, type Syncline } from '../src/index.ts';
import { smokeBatches } from './support/batch-smoke.ts';
import { startEmbeddingServer } from './support/embedding-server.ts';
import { smokeFolder } from './support/folder-smoke.ts';
import { smokeLive } from './support/live-smoke.ts';
import { smokeSources } from './support/source-smoke.ts';

const folder = mkdtempSync(join(tmpdir(), 'syncline-deno-'));
const documents = Array.from({ length: 300 }, (_, number) => ({
  key: `${number}`,
  title: `Document ${number}`,
  content: `# Document ${number}\n\nWords of document ${number}, and more of them.\n`,
  metadata: { parity: number % 2 === 0 ? 'even' : 'odd' },
}));

try {
  await withLocalEmbedder();
  await withProvider();
  await smokeBatches(join(folder, 'batches'));
  await smokeLive(join(folder, 'live'));
  await smokeFolder(join(folder, 'folder'));
  await overHttp();
  await smokeSources(folder);
  console.log('everything works in Deno');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Explicit calls, filters, deletion, the lease, and a background worker, on the embedded defaults. */
async function withLocalEmbedder(): Promise<void> {
  await using runtime: Syncline = createSyncline({ dataDir: join(folder, 'local'), environment: {} });
  const dataset = runtime.dataset('smoke/local');
  await dataset.create({ fields: { parity: 'string' } });
  assert.equal((await dataset.ingest(documents, { mode: 'sync' })).addedCount, 300);
  assert.equal((await dataset.ingest(documents, { mode: 'sync' })).unchangedCount, 300);
  const [hit] = await dataset.search('document 42');
  assert.equal(hit?.key, '42');
  const odd = await dataset.search('document', {
    limit: 300,
    filter: { op: 'eq', field: 'parity', value: 'odd' },
  });
  assert.ok(odd.length > 0 && odd.every(({ metadata }) => metadata.parity === 'odd'));
  assert.deepEqual(await dataset.deleteDocuments(['42']), { removedCount: 1 });

  await runtime.start();
  const other = createSyncline({ dataDir: join(folder, 'local'), environment: {} });
  await assert.rejects(other.start(), (error) => isSynclineError(error, 'LEASE_HELD'));
  await other.stop();
  await dataset.ingest([{ key: 'late', content: 'late words' }], { mode: 'async' });
  while (!(await dataset.status()).isUpToDate) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal((await dataset.search('late words'))[0]?.key, 'late');
  assert.equal((await dataset.status()).table?.rowCount, 300);
}

/** The openai client over HTTP: one refused text does not stop the others, and nothing is paid for twice. */
async function withProvider(): Promise<void> {
  await using provider = await startEmbeddingServer({ dimensions: 16 });
  provider.poison('document 7,');
  await using runtime: Syncline = createSyncline({
    dataDir: join(folder, 'provider'),
    embedder: createOpenAiEmbedder({ model: 'smoke', dimensions: 16, baseUrl: provider.url, apiKey: 'key' }),
  });
  const dataset = runtime.dataset('smoke/provider');
  await dataset.ingest(documents, { mode: 'sync' });
  assert.deepEqual((await dataset.status()).counts.chunks, { pending: 0, ready: 299, failed: 1 });
  assert.equal(new Set(provider.texts).size, provider.texts.length);
}

/** The REST API over a real socket, by the typed client: JSON and lines in, long work, problems. */
async function overHttp(): Promise<void> {
  await using runtime: Syncline = createSyncline({ dataDir: join(folder, 'http'), environment: {} });
  await runtime.start();
  const server = startHttpServer(runtime, { port: 0 });
  try {
    const client = createClient(server.url);
    const param = { project: 'smoke', dataset: 'http' };
    const dataset = client.v1.datasets[':project'][':dataset'];
    const query = { wait: '60' };
    const added = await answer(dataset.documents.$post({ param, query, json: { documents } }));
    assert.deepEqual([added.addedCount, added.isSearchable], [300, true]);
    const lines = await fetch(`${server.url}/v1/datasets/smoke/http/documents?wait=60`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-ndjson' },
      body: documents.map((document) => JSON.stringify(document)).join('\n'),
    });
    assert.equal(((await lines.json()) as { unchangedCount: number }).unchangedCount, 300);
    const { results } = await answer(dataset.search.$post({ param, json: { query: 'document 42' } }));
    assert.equal(results[0]?.key, '42');
    const task = await answer(dataset.rebuild.$post({ param, query }));
    assert.deepEqual([task.kind, task.state], ['rebuild', 'succeeded']);
    await assert.rejects(
      answer(client.v1.tasks[':id'].$get({ param: { id: '4711' }, query: {} })),
      (error) => error instanceof ProblemError && error.code === 'TASK_NOT_FOUND',
    );
  } finally {
    await server.close(5_000);
  }
}
