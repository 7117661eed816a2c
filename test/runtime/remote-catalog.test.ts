import { expect, test } from 'bun:test';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { startSqld } from '../support/sqld-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { rejectionOf, startTestRuntime, waitFor } from '../support/test-runtime.ts';

const DOCUMENTS = Array.from({ length: 40 }, (_, number) => ({
  key: `${number}`,
  content: `Words of document ${number}.`,
}));

test('the whole runtime works with its catalog on a libSQL server, the lease and the repair included', async () => {
  using folder = makeTempDir();
  const server = await startSqld(folder.path);
  const { runtime, provider, another } = await startTestRuntime({ catalogUrl: server.url });
  const dataset = runtime.dataset('docs/remote');
  await dataset.create({ fields: { parity: 'string' } });
  expect(await dataset.ingest(DOCUMENTS)).toMatchObject({ addedCount: 40 });
  expect(await dataset.ingest(DOCUMENTS)).toMatchObject({ unchangedCount: 40 });
  expect(provider.texts).toHaveLength(40);
  expect(await dataset.search('document 7', { mode: 'text', limit: 40 })).toHaveLength(40);
  await dataset.deleteDocuments(['7']);
  expect((await dataset.status()).counts).toMatchObject({
    documents: 39,
    indexedChunks: 39,
    queuedDocuments: 0,
  });
  await runtime.start();
  expect(await rejectionOf(another().start())).toMatchObject({ code: 'LEASE_HELD' });
  expect(await dataset.ingest([{ key: 'late', content: 'late words' }])).toMatchObject({ addedCount: 1 });
  await runtime.stop();
  await server.kill();
}, 120_000);

test('a catalog that is out of reach is told as such, and a grant that was lost on the way harms nobody', async () => {
  using folder = makeTempDir();
  const server = await startSqld(folder.path);
  const proxy = await startFaultProxy(server.url);
  const { runtime, events } = await startTestRuntime({ catalogUrl: proxy.url, catalogTimeoutMs: 1_000 });
  const dataset = runtime.dataset('docs/remote');
  await dataset.ingest(DOCUMENTS.slice(0, 5));
  for (const fault of ['hang', 'loseAnswer'] as const) {
    proxy.failNext(fault);
    expect(await rejectionOf(dataset.ingest(DOCUMENTS))).toMatchObject({
      code: 'CATALOG_UNREACHABLE',
      retryable: true,
    });
  }
  expect(await dataset.ingest(DOCUMENTS)).toMatchObject({ unchangedCount: 5, addedCount: 35 });
  await server.kill();
  expect(await rejectionOf(dataset.ingest(DOCUMENTS))).toMatchObject({ code: 'CATALOG_UNREACHABLE' });
  expect(events.some((event) => event.type === 'lease.lost')).toBe(false);
  await runtime.stop();
  await proxy.close();
}, 120_000);

/** A started worker whose server is out of reach for longer than its lease lasts, and what the same files hold for others. */
async function startCutOffWorker(folder: { readonly path: string }) {
  const server = await startSqld(folder.path);
  const proxy = await startFaultProxy(server.url);
  const context = await startTestRuntime({
    catalogUrl: proxy.url,
    catalogTimeoutMs: 500,
    leaseTtlMs: 1_000,
    pollIntervalMs: 100,
  });
  await context.runtime.dataset('docs/remote').ingest(DOCUMENTS.slice(0, 5));
  await context.runtime.start();
  const direct = context.another({ catalogUrl: server.url, pollIntervalMs: 100 });
  proxy.setDown(true);
  await waitFor('the lease to run out', async () => (await direct.status()).worker === undefined);
  return { ...context, server, proxy, direct };
}

test('a worker whose server was away for longer than its lease goes on when nobody has taken over', async () => {
  using folder = makeTempDir();
  const { runtime, proxy, server, events } = await startCutOffWorker(folder);
  expect(events.filter((event) => event.type === 'lease.renewalFailed')).not.toEqual([]);
  const dataset = runtime.dataset('docs/remote');
  expect(await rejectionOf(dataset.ingest(DOCUMENTS))).toMatchObject({ code: 'CATALOG_UNREACHABLE' });
  proxy.setDown(false);
  expect(await dataset.ingest(DOCUMENTS)).toMatchObject({ addedCount: 35 });
  expect(events.some((event) => event.type === 'lease.lost')).toBe(false);
  await runtime.stop();
  await proxy.close();
  await server.kill();
}, 120_000);

test('a worker whose server was away ends with LEASE_LOST when another one has taken over', async () => {
  using folder = makeTempDir();
  const { runtime, proxy, server, events, direct } = await startCutOffWorker(folder);
  await direct.start();
  await direct.dataset('docs/remote').ingest(DOCUMENTS);
  proxy.setDown(false);
  expect(await runtime.ended()).toMatchObject({ code: 'LEASE_LOST' });
  expect(events.filter((event) => event.type === 'lease.lost')).toHaveLength(1);
  expect((await direct.dataset('docs/remote').status()).table).toMatchObject({ rowCount: 40 });
  await direct.stop();
  await runtime.stop();
  await proxy.close();
  await server.kill();
}, 120_000);
