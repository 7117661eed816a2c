import { describe, expect, test } from 'bun:test';
import type { DocumentInput } from '../../src/index.ts';
import { rejectionOf, startTestRuntime, waitFor } from '../support/test-runtime.ts';

const documents = (count: number, words = 'Words'): DocumentInput[] =>
  Array.from({ length: count }, (_, number) => ({
    key: `${number}`,
    content: `${words} of document ${number}.`,
  }));

/** One document, then nothing for ever. */
async function* hangingStream(onHang: () => void): AsyncGenerator<DocumentInput> {
  yield { key: 'first', content: 'The first words.' };
  onHang();
  await new Promise<never>(() => undefined);
}

describe('a stream that never goes on', () => {
  test('does not hold up stop', async () => {
    const { runtime, another } = await startTestRuntime({ drainTimeoutMs: 50 });
    let hangs = false;
    const stream = hangingStream(() => {
      hangs = true;
    });
    const call = rejectionOf(runtime.dataset('docs/stream').ingest(stream, { mode: 'sync' }));
    await waitFor('the stream to hang', () => hangs);
    await runtime.stop();
    expect(await call).toMatchObject({ code: 'ABORTED' });
    expect((await another().status()).worker).toBeUndefined();
  });

  test('does not hold up the end of a cancelled call, nor does its return', async () => {
    const { runtime } = await startTestRuntime({ drainTimeoutMs: 50 });
    const cancel = new AbortController();
    let returned = false;
    let reads = 0;
    const stream: AsyncIterable<DocumentInput> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          reads += 1;
          return new Promise(() => undefined);
        },
        return: () => {
          returned = true;
          return Promise.reject(new Error('The end of the stream broke.'));
        },
      }),
    };
    const call = rejectionOf(runtime.dataset('docs/stream').ingest(stream, { signal: cancel.signal }));
    await waitFor('the stream to be read', () => reads > 0);
    cancel.abort();
    expect(await call).toMatchObject({ code: 'ABORTED' });
    expect(returned).toBe(true);
    expect((await runtime.status()).worker).toBeUndefined();
  });
});

test('a stream that throws is closed, its error is told as it is, and what came before is kept', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('docs/stream');
  async function* stream(): AsyncGenerator<DocumentInput> {
    yield* documents(250);
    throw new TypeError('The source broke.');
  }
  expect(await rejectionOf(dataset.ingest(stream(), { mode: 'sync' }))).toBeInstanceOf(TypeError);
  expect((await dataset.status()).counts.documents).toBe(250);
  expect((await runtime.status()).worker).toBeUndefined();
});

test('of a document that stands twice in a stream the later one counts, also when it is what is stored', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('docs/stream');
  await dataset.ingest([{ key: 'twice', content: 'early words' }]);
  async function* stream(): AsyncGenerator<DocumentInput> {
    yield { key: 'twice', content: 'late words' };
    yield* documents(199);
    yield { key: 'twice', content: 'early words' };
  }
  await dataset.ingest(stream(), { mode: 'sync' });
  const hits = await dataset.search('early late', {
    mode: 'text',
    filter: { op: 'eq', field: 'key', value: 'twice' },
  });
  expect(hits.map((hit) => hit.text)).toEqual(['early words']);
});

for (const isStarted of [false, true]) {
  test(`an ingestion ends with an error when its dataset is deleted (${isStarted ? '' : 'not '}started)`, async () => {
    const { runtime, provider } = await startTestRuntime();
    if (isStarted) await runtime.start();
    const dataset = runtime.dataset('docs/doomed');
    provider.setLatency(100);
    const ingesting = rejectionOf(dataset.ingest(documents(100), { mode: 'sync' }));
    await waitFor('requests to be under way', () => provider.stats().inFlight > 0);
    await dataset.delete();
    expect(await ingesting).toMatchObject({ code: 'DATASET_NOT_FOUND' });
  });
}

test('a call after stop was called is refused, and the lease is given back', async () => {
  const { runtime, events, another } = await startTestRuntime();
  await runtime.dataset('docs/a').ingest(documents(1));
  const stopping = runtime.stop();
  const late = rejectionOf(runtime.dataset('docs/a').ingest(documents(2)));
  const start = rejectionOf(runtime.start());
  await stopping;
  expect(await late).toMatchObject({ code: 'RUNTIME_STOPPED' });
  expect(await start).toMatchObject({ code: 'RUNTIME_STOPPED' });
  expect(events.filter((event) => event.type === 'lease.releaseFailed')).toEqual([]);
  expect((await another().status()).worker).toBeUndefined();
});

test('stop ends calls that wait for a started runtime as soon as that has drained', async () => {
  const { runtime, provider } = await startTestRuntime({ drainTimeoutMs: 600_000 });
  await runtime.start();
  provider.setLatency(50);
  const call = rejectionOf(runtime.dataset('docs/a').ingest(documents(100), { mode: 'sync' }));
  await waitFor('requests to be under way', () => provider.stats().inFlight > 0);
  await runtime.stop();
  expect(await call).toMatchObject({ code: 'ABORTED' });
});

test('a supervisor that breaks gives the lease back, ends the calls that wait for it, and can be stopped', async () => {
  const { runtime, provider, another } = await startTestRuntime({ drainTimeoutMs: 50 });
  await runtime.start();
  provider.misbehave({ kind: 'hang' }, Number.POSITIVE_INFINITY);
  const call = rejectionOf(runtime.dataset('docs/a').ingest(documents(3), { mode: 'sync' }));
  await waitFor('a request to be under way', () => provider.stats().inFlight > 0);
  // No event that is sent in here looks like this; the machine throws on it.
  runtime.actor?.send({ type: 'dataset.tell' } as never);
  expect(await runtime.ended()).toMatchObject({ code: 'INTERNAL' });
  expect(await call).toMatchObject({ code: 'INTERNAL' });
  expect((await runtime.status()).worker).toBeUndefined();
  provider.behave();
  await runtime.start();
  await waitFor('the rest to be indexed', async () => (await runtime.dataset('docs/a').status()).isUpToDate);
  await runtime.stop();
  expect((await another().status()).worker).toBeUndefined();
});

test('a runtime that is started during an ingestion leaves it alone', async () => {
  const { runtime, provider, events } = await startTestRuntime();
  provider.setLatency(20);
  const dataset = runtime.dataset('docs/a');
  async function* stream(): AsyncGenerator<DocumentInput> {
    yield* documents(400);
    await runtime.start();
    yield* documents(200, 'Other words');
  }
  const result = await dataset.ingest(stream(), { mode: 'sync' });
  expect(result).toMatchObject({ addedCount: 400, changedCount: 200 });
  expect(events.filter((event) => 'failure' in event && event.failure !== undefined)).toEqual([]);
  expect(provider.texts.length).toBe(new Set(provider.texts).size);
  await waitFor('the dataset to be idle', async () => (await dataset.status()).phase === 'idle');
  expect(await dataset.status()).toMatchObject({ isUpToDate: true, table: { rowCount: 400 } });
  await dataset.ingest(documents(1, 'New words'));
  expect((await dataset.search('new', { mode: 'text' })).map((hit) => hit.key)).toEqual(['0']);
});

test('after the start, other calls get their work done although one from before it never ends', async () => {
  const { runtime } = await startTestRuntime({ drainTimeoutMs: 50 });
  const dataset = runtime.dataset('docs/a');
  let hangs = false;
  const stream = hangingStream(() => {
    hangs = true;
  });
  const endless = rejectionOf(dataset.ingest(stream, { mode: 'sync' }));
  await waitFor('the stream to hang', () => hangs);
  await runtime.start();
  await dataset.ingest([{ key: 'second', content: 'Other words.' }]);
  expect(await dataset.search('other', { mode: 'text' })).toHaveLength(1);
  await runtime.stop();
  expect(await endless).toMatchObject({ code: 'ABORTED' });
});

test('two refused documents do not fail the call that brings them', async () => {
  const { runtime, provider } = await startTestRuntime();
  const dataset = runtime.dataset('docs/a');
  await dataset.ingest(documents(3));
  provider.poison('bad');
  await dataset.ingest([
    { key: 'a', content: 'bad words' },
    { key: 'b', content: 'more bad words' },
  ]);
  expect((await dataset.failures()).map((failure) => failure.key.key)).toEqual(['a', 'b']);
});
