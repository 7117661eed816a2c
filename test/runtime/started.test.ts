import { expect, test } from 'bun:test';
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isSynclineError } from '../../src/index.ts';
import { rejectionOf, startTestRuntime, waitFor } from '../support/test-runtime.ts';

const documents = (count: number, words = 'Words') =>
  Array.from({ length: count }, (_, number) => ({
    key: `${number}`,
    content: `${words} of document ${number}.`,
  }));

test('a started runtime works off what is queued and becomes idle', async () => {
  const { runtime } = await startTestRuntime();
  await runtime.start();
  const dataset = runtime.dataset('docs/queue');
  expect(await dataset.ingest(documents(300), { mode: 'auto' })).toMatchObject({
    mode: 'async',
    addedCount: 300,
  });
  await waitFor(
    'everything to be indexed',
    async () => (await dataset.status()).counts.indexedChunks === 300,
  );
  await waitFor('the supervisor to be idle', async () => (await runtime.status()).state === 'idle');
  expect((await dataset.status()).phase).toBe('idle');
});

test('sync ingestion into a started runtime returns when searchable', async () => {
  const { runtime } = await startTestRuntime();
  await runtime.start();
  const dataset = runtime.dataset('docs/sync');
  expect(await dataset.ingest(documents(5))).toMatchObject({ mode: 'sync', addedCount: 5 });
  expect(await dataset.search('document 3', { mode: 'text', limit: 5 })).toHaveLength(5);
});

test('what a stopped runtime left behind is done after the next start', async () => {
  const { runtime, another } = await startTestRuntime();
  await runtime.dataset('docs/left').ingest(documents(10), { mode: 'async' });
  await runtime.stop();
  const next = another();
  await next.start();
  const dataset = next.dataset('docs/left');
  await waitFor('the rest to be indexed', async () => (await dataset.status()).counts.indexedChunks === 10);
});

test('a paused runtime starts nothing new, and goes on when every reason is gone', async () => {
  const { runtime, provider } = await startTestRuntime();
  await runtime.start();
  runtime.pause('night');
  runtime.pause('quota');
  const dataset = runtime.dataset('docs/paused');
  await dataset.ingest(documents(5), { mode: 'async' });
  expect((await runtime.status()).state).toBe('paused');
  runtime.resume('night');
  expect((await runtime.status()).state).toBe('paused');
  expect(provider.stats().requests).toBe(0);
  runtime.resume('quota');
  await waitFor('everything to be indexed', async () => (await dataset.status()).counts.indexedChunks === 5);
});

test('a paused dataset waits while others work', async () => {
  const { runtime } = await startTestRuntime();
  await runtime.start();
  const [one, two] = [runtime.dataset('docs/one'), runtime.dataset('docs/two')];
  await one.ingest(documents(1, 'first'));
  await one.pause();
  await one.ingest(documents(5, 'second'), { mode: 'async' });
  await two.ingest(documents(5, 'third'));
  expect((await one.status()).phase).toBe('paused');
  expect((await one.status()).counts.indexedChunks).toBe(1);
  await one.resume();
  await waitFor('the paused one to catch up', async () => (await one.status()).counts.indexedChunks === 5);
});

test('a dataset that fails backs off and harms nobody else', async () => {
  const { runtime, provider, events } = await startTestRuntime();
  await runtime.start();
  // What is wrong with one dataset's settings says nothing about the others.
  provider.misbehave({ kind: 'status', status: 404 }, 1);
  const error = await rejectionOf(
    runtime.dataset('docs/failing').ingest(documents(2, 'failing'), { mode: 'sync' }),
  );
  expect(error).toMatchObject({ code: 'PROVIDER_FAILED' });
  await runtime.dataset('docs/sound').ingest(documents(2, 'sound'));
  expect(events.some((event) => event.type === 'dataset.state' && event.phase === 'backingOff')).toBe(true);
  await waitFor('the failing one to recover by itself', async () => {
    return (await runtime.dataset('docs/failing').status()).counts.indexedChunks === 2;
  });
});

test('index does not wait for the end of a backoff', async () => {
  const { runtime, provider } = await startTestRuntime();
  await runtime.start();
  const dataset = runtime.dataset('docs/impatient');
  // The wait would be an hour; the provider has recovered before.
  provider.misbehave({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } }, 1);
  expect(await rejectionOf(dataset.ingest(documents(2), { mode: 'sync' }))).toMatchObject({
    code: 'PROVIDER_RATE_LIMITED',
  });
  await dataset.index();
  expect((await dataset.status()).counts.indexedChunks).toBe(2);
});

test('a worker repairs a table whose loss a search finds out', async () => {
  const { runtime, dataDir, provider } = await startTestRuntime();
  await runtime.start();
  const dataset = runtime.dataset('docs/lost');
  await dataset.ingest(documents(5));
  await waitFor('the dataset to be idle', async () => (await dataset.status()).phase === 'idle');
  for (const name of readdirSync(join(dataDir, 'vectors')))
    rmSync(join(dataDir, 'vectors', name), { recursive: true });
  provider.reset();
  expect(isSynclineError(await rejectionOf(dataset.search('words', { mode: 'text' })))).toBe(true);
  await waitFor(
    'the table to be back',
    async () => (await dataset.search('words', { mode: 'text' }).catch(() => [])).length === 5,
  );
  expect(provider.stats().requests).toBe(0);
});

test('a dataset deleted in mid-work is let go of, and its name is free again', async () => {
  const { runtime, provider } = await startTestRuntime();
  await runtime.start();
  const dataset = runtime.dataset('docs/doomed');
  provider.setLatency(50);
  await dataset.ingest(documents(300), { mode: 'async' });
  await waitFor('work to be under way', () => provider.stats().requests > 0);
  await dataset.delete();
  expect(await rejectionOf(dataset.status())).toMatchObject({ code: 'DATASET_NOT_FOUND' });
  expect(await rejectionOf(dataset.search('words'))).toMatchObject({ code: 'DATASET_NOT_FOUND' });
  provider.setLatency(0);
  provider.reset();
  await dataset.ingest(documents(3));
  expect(await dataset.search('words', { mode: 'text' })).toHaveLength(3);
});

test('stop finishes the requests under way and keeps their answers', async () => {
  const { runtime, provider, another } = await startTestRuntime();
  await runtime.start();
  provider.setLatency(100);
  await runtime.dataset('docs/stopped').ingest(documents(300), { mode: 'async' });
  await waitFor('requests to be under way', () => provider.stats().inFlight > 0);
  await runtime.stop();
  const paid = new Set(provider.texts);
  expect(paid.size).toBeGreaterThan(0);
  provider.setLatency(0);
  const next = another();
  await next.dataset('docs/stopped').index();
  expect(provider.texts.length).toBe(300);
  expect((await next.dataset('docs/stopped').status()).counts.indexedChunks).toBe(300);
});

test('after a clean stop the file of the catalog holds everything; its log only that the lease was given back', async () => {
  const { runtime, dataDir, another } = await startTestRuntime();
  await runtime.start();
  await runtime.dataset('docs/whole').ingest(documents(20));
  await runtime.stop();
  const copy = join(dataDir, 'copy.db');
  copyFileSync(join(dataDir, 'catalog.db'), copy);
  const { counts } = await another({ catalogUrl: copy, access: 'readOnly' }).dataset('docs/whole').status();
  expect(counts).toMatchObject({ documents: 20, indexedChunks: 20 });
});

test('after stop every method says that the runtime was stopped', async () => {
  const { runtime } = await startTestRuntime();
  await runtime.start();
  await runtime.stop();
  await runtime.stop();
  expect(await rejectionOf(runtime.start())).toMatchObject({ code: 'RUNTIME_STOPPED' });
  expect(await rejectionOf(runtime.dataset('a/b').ingest([]))).toMatchObject({ code: 'RUNTIME_STOPPED' });
  expect(await rejectionOf(runtime.status())).toMatchObject({ code: 'RUNTIME_STOPPED' });
  expect(() => runtime.pause()).toThrow(expect.objectContaining({ code: 'RUNTIME_STOPPED' }));
});

test('a listener that throws hurts nobody', async () => {
  const { runtime } = await startTestRuntime();
  const end = runtime.on(() => {
    throw new Error('a listener broke');
  });
  await runtime.dataset('docs/a').ingest(documents(1));
  end();
  expect((await runtime.dataset('docs/a').status()).isUpToDate).toBe(true);
});

test('a runtime with many datasets works on a bounded number at a time', async () => {
  const { runtime, provider } = await startTestRuntime({ datasetsAtWorkMax: 2, datasetActorsMax: 3 });
  const names = Array.from({ length: 8 }, (_, number) => `many/dataset-${number}`);
  for (const name of names) await runtime.dataset(name).ingest(documents(3, name), { mode: 'async' });
  let working = new Set<string>();
  let workingMax = 0;
  runtime.on((event) => {
    if (event.type !== 'dataset.state') return;
    working = new Set([...working].filter((address) => address !== event.address));
    if (event.phase === 'processing' || event.phase === 'rebuilding') working.add(event.address);
    workingMax = Math.max(workingMax, working.size);
  });
  provider.setLatency(5);
  await runtime.start();
  for (const name of names) {
    await waitFor(
      `${name} to be indexed`,
      async () => (await runtime.dataset(name).status()).counts.indexedChunks === 3,
    );
  }
  expect(workingMax).toBe(2);
});
