import { expect, test } from 'bun:test';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { rejectionOf, startTestRuntime, type TestRuntime, waitFor } from '../support/test-runtime.ts';

const DOCUMENTS = Array.from({ length: 12 }, (_, number) => ({
  key: `${number}`,
  content: `Words of document ${number}.`,
}));

/** The dataset's only table, opened behind Syncline's back. */
async function openTableDirectly({ dataDir }: TestRuntime) {
  const connection = await connect(join(dataDir, 'vectors'));
  const [name] = await connection.tableNames();
  if (name === undefined) throw new Error('There is no table.');
  return connection.openTable(name);
}

async function expectAllIndexed(test: TestRuntime): Promise<void> {
  const dataset = test.runtime.dataset('docs/all');
  const { counts, table } = await dataset.status();
  expect(counts).toMatchObject({ documents: 12, indexedChunks: 12, queuedDocuments: 0 });
  expect(table?.rowCount).toBe(12);
  const hits = await dataset.search('words of document', { mode: 'text', limit: 100 });
  expect(hits.map((hit) => Number(hit.key)).sort((a, b) => a - b)).toEqual(
    DOCUMENTS.map(({ key }) => Number(key)),
  );
}

test('a table that is ahead of its mark is put back, and nothing is embedded again', async () => {
  const context = await startTestRuntime();
  const dataset = context.runtime.dataset('docs/all');
  await dataset.ingest(DOCUMENTS);
  // As after a crash between the table's commit and the mark: rows that the catalog has no record of.
  const table = await openTableDirectly(context);
  await table.delete('document_id > 6');
  context.provider.reset();
  await dataset.index();
  expect(context.events.some((event) => event.type === 'table.restored')).toBe(true);
  expect(context.provider.stats().requests).toBe(0);
  await expectAllIndexed(context);
});

test('a table that is gone is rebuilt from the catalog without asking the provider', async () => {
  const context = await startTestRuntime();
  const dataset = context.runtime.dataset('docs/all');
  await dataset.ingest(DOCUMENTS);
  await context.runtime.stop();
  for (const name of readdirSync(join(context.dataDir, 'vectors'))) {
    rmSync(join(context.dataDir, 'vectors', name), { recursive: true });
  }
  context.provider.reset();
  const runtime = context.another();
  await runtime.dataset('docs/all').index();
  expect(context.events.some((event) => event.type === 'table.rebuilt' && event.rows === 12)).toBe(true);
  expect(context.provider.stats().requests).toBe(0);
  await expectAllIndexed({ ...context, runtime });
});

test('a table with foreign columns is replaced by one of our own', async () => {
  const context = await startTestRuntime();
  const dataset = context.runtime.dataset('docs/all');
  await dataset.ingest(DOCUMENTS);
  const table = await openTableDirectly(context);
  await table.addColumns([{ name: 'foreign', valueSql: '1' }]);
  await context.runtime.stop();
  const runtime = context.another();
  await runtime.dataset('docs/all').index();
  await expectAllIndexed({ ...context, runtime });
});

test('while the provider is down nothing is charged and nothing is lost; when it is back, index finishes', async () => {
  const context = await startTestRuntime();
  const dataset = context.runtime.dataset('docs/all');
  context.provider.misbehave({ kind: 'status', status: 503 }, Number.POSITIVE_INFINITY);
  expect(await rejectionOf(dataset.ingest(DOCUMENTS))).toMatchObject({
    code: 'PROVIDER_FAILED',
    retryable: true,
  });
  expect((await dataset.status()).counts).toMatchObject({
    documents: 12,
    chunks: { pending: 12, failed: 0 },
  });
  context.provider.behave();
  await dataset.index();
  await expectAllIndexed(context);
});

test('a cancelled call ends within the drain time although its provider hangs, and its documents are kept', async () => {
  const { runtime, provider } = await startTestRuntime({ drainTimeoutMs: 50 });
  const dataset = runtime.dataset('docs/all');
  provider.misbehave({ kind: 'hang' }, Number.POSITIVE_INFINITY);
  const cancel = new AbortController();
  const call = rejectionOf(dataset.ingest(DOCUMENTS, { signal: cancel.signal }));
  await waitFor('the request to be under way', () => provider.stats().inFlight > 0);
  cancel.abort();
  expect(await call).toMatchObject({ code: 'ABORTED' });
  expect((await runtime.status()).worker).toBeUndefined();
  expect((await runtime.status()).tasks).toMatchObject([{ state: 'cancelled', address: 'docs/all' }]);
  expect((await dataset.status()).counts).toMatchObject({ documents: 12, chunks: { pending: 12 } });
});

test('a wrong key is told as such', async () => {
  const { runtime } = await startTestRuntime({}, { apiKey: 'another key' });
  const error = await rejectionOf(runtime.dataset('docs/all').ingest(DOCUMENTS));
  expect(error).toMatchObject({ code: 'PROVIDER_AUTH' });
  expect(String(error)).not.toContain('test-key');
});

test('one refused text is given up and listed, all others are searchable, and it can be tried again', async () => {
  const context = await startTestRuntime();
  const { runtime, provider } = context;
  const dataset = runtime.dataset('docs/all');
  provider.poison('document 7.');
  await dataset.ingest(DOCUMENTS);
  expect((await dataset.status()).counts).toMatchObject({
    indexedChunks: 11,
    chunks: { failed: 1, pending: 0 },
  });
  expect(await dataset.failures()).toMatchObject([{ key: { key: '7' }, attemptCount: 1 }]);
  expect(await dataset.failures({ code: 'EMBEDDING_REQUEST_REFUSED', error: 'not acceptable' })).toHaveLength(
    1,
  );
  expect(await dataset.failures({ code: 'EMBEDDING_ANSWER_INVALID' })).toEqual([]);
  // 12 texts in one request: halved down to the guilty one, which is not sent again.
  expect(provider.stats().requests).toBeLessThanOrEqual(9);
  expect(await dataset.retryFailures({ key: 'another' })).toEqual({ retriedCount: 0, failedCount: 1 });
  expect(await dataset.retryFailures({ key: '7' })).toEqual({ retriedCount: 1, failedCount: 1 });
  provider.poison(undefined);
  expect(await dataset.retryFailures()).toEqual({ retriedCount: 1, failedCount: 0 });
  await expectAllIndexed(context);
});

test('when every text is refused, the provider is blamed and no text is given up', async () => {
  const { runtime, provider } = await startTestRuntime();
  const dataset = runtime.dataset('docs/all');
  provider.poison('Words');
  expect(await rejectionOf(dataset.ingest(DOCUMENTS))).toMatchObject({ code: 'PROVIDER_FAILED' });
  const { chunks } = (await dataset.status()).counts;
  expect(chunks.pending).toBeGreaterThanOrEqual(9);
});

test('answers with a wrong number, a wrong dimension or broken numbers are never stored', async () => {
  for (const defect of ['too-few', 'wrong-dimension', 'nan'] as const) {
    const { runtime, provider } = await startTestRuntime();
    const dataset = runtime.dataset('docs/all');
    provider.misbehave({ kind: defect }, Number.POSITIVE_INFINITY);
    await rejectionOf(dataset.ingest(DOCUMENTS.slice(0, 5)));
    const before = (await dataset.status()).counts;
    expect(before.chunks.ready).toBe(0);
    expect(before.indexedChunks).toBe(0);
    provider.behave();
    await dataset.index({ retryFailed: true });
    expect((await dataset.status()).counts).toMatchObject({
      indexedChunks: 5,
      chunks: { ready: 5, pending: 0, failed: 0 },
    });
  }
});
