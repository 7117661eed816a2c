import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createOpenAiEmbedder, createSyncline, type Embedder, type Syncline } from '../../src/index.ts';
import { startBatchServer } from './batch-server.ts';
import { startGeminiServer } from './gemini-server.ts';

const mails = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    key: `mail-${from + index}`,
    content: `The mail number ${from + index}.`,
  }));

/** Batch jobs from their submission to a search, at both providers that have an adapter. */
export async function smokeBatches(folder: string): Promise<void> {
  await atOpenAi(join(folder, 'openai'));
  await atGemini(join(folder, 'gemini'));
}

/** By explicit calls, with a job that is pulled back half done, and by a worker. */
async function atOpenAi(dataDir: string): Promise<void> {
  await using server = await startBatchServer({ dimensions: 8 });
  const embedder = createOpenAiEmbedder({ model: 'm', dimensions: 8, baseUrl: server.url, batch: true });
  await using runtime = openRuntime(dataDir, embedder);
  const dataset = runtime.dataset('archive/mails');
  await dataset.create({ batch: { mode: 'always', maxWaitMs: 0 } });
  await dataset.ingest(mails(0, 30), { mode: 'async' });
  // It may be looked at before flush() returns: by then the provider has not begun with it.
  server.isMoving = false;
  const { jobs, failures } = await runtime.batch.flush();
  server.isMoving = true;
  assert.deepEqual(
    [jobs.map(({ status, textCount }) => [status, textCount]), failures],
    [[['submitted', 30]], []],
  );
  await untilUpToDate(runtime);
  assert.deepEqual([server.charged.length, server.direct.texts.length, server.files.size], [30, 0, 0]);

  server.outcome = { kind: 'cancelled', share: 0.5 };
  await dataset.ingest(mails(30, 20), { mode: 'async' });
  await runtime.batch.flush();
  const [job] = (await runtime.batch.list()).items;
  await runtime.batch.pullBack(job?.batchJobId ?? 0);
  await untilUpToDate(runtime);
  assert.ok(server.direct.texts.length > 0);

  server.outcome = { kind: 'completed' };
  await runtime.start();
  await dataset.ingest(mails(50, 10), { mode: 'async' });
  while (!(await dataset.status()).isUpToDate) await new Promise((resolve) => setTimeout(resolve, 10));
  const paid = [...server.charged, ...server.direct.texts];
  assert.deepEqual([paid.length, new Set(paid).size], [60, 60]);
  assert.equal((await dataset.search('mail number 7', { mode: 'text', limit: 1 })).length, 1);
}

/** Through Google's own client. */
async function atGemini(dataDir: string): Promise<void> {
  const server = await startGeminiServer(8);
  try {
    const model = 'gemini-embedding-001';
    const at = { model, dimensions: 8, baseUrl: server.url, apiKey: 'key', server: 'gemini' } as const;
    await using runtime = openRuntime(dataDir, createOpenAiEmbedder(at));
    const dataset = runtime.dataset('archive/mails');
    await dataset.create({ batch: { mode: 'always' } });
    await dataset.ingest(mails(0, 5), { mode: 'async' });
    assert.deepEqual((await runtime.batch.flush()).failures, []);
    server.finish(server.jobs[0]?.name ?? '');
    await untilUpToDate(runtime);
    assert.equal((await dataset.status()).counts.chunks.ready, 5);
    assert.equal(server.files.size, 0);
  } finally {
    await server.close();
  }
}

function openRuntime(dataDir: string, embedder: Embedder): Syncline {
  return createSyncline({ dataDir, embedder, environment: {}, batchPollIntervalMs: 20, batchSettleMs: 0 });
}

/** Until everything is searchable and nothing is left at the provider. */
async function untilUpToDate(runtime: Syncline): Promise<void> {
  for (;;) {
    const { jobs, failures } = await runtime.batch.sync();
    assert.deepEqual(failures, []);
    const { isUpToDate } = await runtime.dataset('archive/mails').status();
    if (isUpToDate && jobs.every(({ nextStep }) => nextStep === 'done')) return;
  }
}
