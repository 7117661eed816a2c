import { expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import Database from 'libsql';
import { rejectionOf, startTestRuntime, waitFor } from '../support/test-runtime.ts';

const DOCUMENTS = [{ key: 'a', content: 'some words' }];

test('a second worker is refused with the name of the first, and may look and search all the same', async () => {
  const { runtime, another } = await startTestRuntime();
  await runtime.dataset('docs/a').ingest(DOCUMENTS);
  await runtime.start();
  const second = another();
  const error = await rejectionOf(second.start());
  expect(error).toMatchObject({ code: 'LEASE_HELD', details: { pid: process.pid } });
  expect(String(error)).toContain(`process ${process.pid} on ${hostname()}`);
  expect(await rejectionOf(second.dataset('docs/a').ingest(DOCUMENTS))).toMatchObject({ code: 'LEASE_HELD' });
  const reader = another({ access: 'readOnly' });
  expect(await reader.dataset('docs/a').search('words')).toHaveLength(1);
  expect((await reader.status()).worker).toMatchObject({ pid: process.pid });
  expect(await rejectionOf(reader.dataset('docs/a').ingest(DOCUMENTS))).toMatchObject({
    code: 'CATALOG_READ_ONLY',
  });
});

test('a start waits for the lease of another worker as long as it is told to, and no longer once it is stopped', async () => {
  const { runtime, another, events } = await startTestRuntime();
  await runtime.start();
  const patient = another({ leaseWaitMs: 60_000 });
  const started = patient.start();
  await waitFor('the second to wait', () => events.some(({ type }) => type === 'lease.waiting'));
  await runtime.stop();
  await started;
  expect((await patient.status()).worker).toMatchObject({ pid: process.pid });
  const stopped = another({ leaseWaitMs: 60_000 });
  const refused = rejectionOf(stopped.start());
  await waitFor(
    'the third to wait',
    () => events.filter(({ type }) => type === 'lease.waiting').length === 2,
  );
  await stopped.stop();
  expect(await refused).toMatchObject({ code: 'RUNTIME_STOPPED' });
  expect(await rejectionOf(another({ leaseWaitMs: 1 }).start())).toMatchObject({ code: 'LEASE_HELD' });
});

test('between explicit calls nobody holds the lease', async () => {
  const { runtime, another } = await startTestRuntime();
  await runtime.dataset('docs/a').ingest(DOCUMENTS);
  expect((await runtime.status()).worker).toBeUndefined();
  const second = another();
  expect(await second.dataset('docs/a').ingest(DOCUMENTS)).toMatchObject({ unchangedCount: 1 });
});

test('a worker that was killed is replaced at once on the same host, and its work is finished', async () => {
  const { runtime, dataDir, another, provider } = await startTestRuntime();
  await runtime.stop();
  provider.setLatency(20);
  const program = new URL('../support/ingest-until-killed.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, dataDir, provider.url], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await waitFor('the child to be at work', () => provider.stats().inputs > 32);
  child.kill('SIGKILL');
  await ended;
  const before = provider.texts.length;
  const next = another();
  await next.dataset('docs/killed').index();
  const { counts, table } = await next.dataset('docs/killed').status();
  expect(counts.indexedChunks).toBe(counts.documents);
  expect(table?.rowCount).toBe(counts.documents);
  // Texts are paid for twice only when their request was in flight at the kill: at most 4 requests of 16.
  const twice = provider.texts.length - new Set(provider.texts).size;
  expect(before).toBeGreaterThan(0);
  expect(twice).toBeLessThanOrEqual(64);
}, 120_000);

test('a worker that lost its lease stops, and none of its later writes lands', async () => {
  const { runtime, dataDir, provider, events } = await startTestRuntime({ leaseTtlMs: 1_000 });
  const dataset = runtime.dataset('docs/a');
  await dataset.ingest(DOCUMENTS);
  await runtime.start();
  provider.setLatency(300);
  const ingesting = rejectionOf(dataset.ingest([{ key: 'b', content: 'late words' }], { mode: 'sync' }));
  await waitFor('the request to be under way', () => provider.stats().inFlight > 0);
  // Another worker takes over, as it may once a holder has been silent for too long.
  const catalog = new Database(`${dataDir}/catalog.db`, { timeout: 1_000 });
  catalog.exec("update leases set token = token + 1, holder_id = 'another worker', expires_at_ms = 9e12");
  catalog.close();
  expect(await ingesting).toMatchObject({ code: 'LEASE_LOST' });
  expect(await runtime.ended()).toMatchObject({ code: 'LEASE_LOST' });
  expect(events.some((event) => event.type === 'lease.lost')).toBe(true);
  expect((await dataset.search('words', { mode: 'text' })).map((hit) => hit.key)).toEqual(['a']);
  expect((await dataset.status()).counts.chunks).toMatchObject({ pending: 1 });
});
