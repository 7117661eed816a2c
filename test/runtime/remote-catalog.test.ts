import { expect, test } from 'bun:test';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { startSqld } from '../support/sqld-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { rejectionOf, startTestRuntime } from '../support/test-runtime.ts';

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
}, 20_000);

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
}, 20_000);
