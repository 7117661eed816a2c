import { afterEach, describe, expect, test } from 'bun:test';
import { createAdapters } from '../../../src/runtime/adapters.ts';
import { createRuntimeCore } from '../../../src/runtime/core.ts';
import { type Runtime, runtimeOver } from '../../../src/runtime/create-runtime.ts';
import type { SynclineEvent } from '../../../src/runtime/events.ts';
import { resolveOptions } from '../../../src/runtime/options.ts';
import { createFastClock } from '../../support/clocks.ts';
import type { Misbehaviour } from '../../support/embedding-misbehaviour.ts';
import { type EmbeddingServer, startEmbeddingServer } from '../../support/embedding-server.ts';
import { geminiRateLimit, NO_QUOTA, RETRY_AFTER_FORMS, rateLimit } from '../../support/provider-troubles.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import {
  rejectionOf,
  startTestRuntime,
  TEST_DIMENSIONS,
  testEmbedder,
  waitFor,
} from '../../support/test-runtime.ts';

/* Through the real client of OpenAI, over HTTP. */

const texts = (count: number, prefix = 'text') =>
  Array.from({ length: count }, (_, n) => ({
    key: `${prefix}-${n}`,
    content: `${prefix} number ${n} of some`,
  }));

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  while (open.length > 0) await open.pop()?.();
});

/** So many times as fast as the clock on the wall: an outage of minutes is over in seconds. */
const SPEED = 60;

async function startFast(): Promise<{
  runtime: Runtime;
  provider: EmbeddingServer;
  events: SynclineEvent[];
}> {
  const provider = await startEmbeddingServer({ dimensions: TEST_DIMENSIONS });
  const folder = makeTempDir();
  const options = resolveOptions({
    dataDir: folder.join('data'),
    durableTables: false,
    environment: {},
    embedder: testEmbedder(provider),
    leaseTtlMs: 600_000,
    drainTimeoutMs: 600_000,
    pollIntervalMs: 3_600_000,
  });
  const runtime = runtimeOver(
    createRuntimeCore(options, { ...createAdapters(options), clock: createFastClock(SPEED) }),
  );
  open.push(
    async () => folder.remove(),
    async () => provider.close(),
    () => runtime.stop(),
  );
  const events: SynclineEvent[] = [];
  runtime.on((event) => events.push(event));
  return { runtime, provider, events };
}

test('of 10,000 texts one that poisons every request is given up, all others are searchable, for a few requests more', async () => {
  const { runtime, provider } = await startTestRuntime();
  const documents = texts(10_000);
  provider.poison('number 4321 ');
  const dataset = runtime.dataset('docs/poisoned');
  await dataset.ingest(documents, { mode: 'sync' });
  expect((await dataset.status()).counts).toMatchObject({
    indexedChunks: 9_999,
    chunks: { failed: 1, pending: 0 },
  });
  expect(await dataset.failures()).toMatchObject([{ key: { key: 'text-4321' }, attemptCount: 1 }]);
  // Requests of 16: the halves of 16, 8, 4 and 2 are eight requests more. Others may be cut short by the end of a batch.
  const needed = Math.ceil(10_000 / 16);
  const { requests, inputs } = provider.stats();
  expect(inputs).toBe(9_999);
  expect(requests - needed).toBeLessThanOrEqual(8 + 50);
  const bodies = provider.seen.map(({ body }) => JSON.stringify(body.input));
  expect(new Set(bodies).size).toBe(bodies.length);
}, 120_000);

test('a text that makes the server answer 500 is found out the same way, and nothing else suffers', async () => {
  const { runtime, provider } = await startFast();
  provider.poison('number 7 ', 500);
  const dataset = runtime.dataset('docs/poisoned');
  await dataset.ingest(texts(40), { mode: 'sync' });
  expect((await dataset.status()).counts).toMatchObject({
    indexedChunks: 39,
    chunks: { failed: 1, pending: 0 },
  });
  expect(await dataset.failures()).toMatchObject([{ key: { key: 'text-7' } }]);
}, 120_000);

test.each([400, 500])(
  'a text that alone is answered with HTTP %d, and has no other beside it, is given up without being sent over and over',
  async (status) => {
    const { runtime, provider } = await startFast();
    provider.poison('number 0 ', status);
    const dataset = runtime.dataset('docs/alone');
    await dataset.ingest(texts(1), { mode: 'sync' });
    expect(await dataset.failures()).toMatchObject([{ key: { key: 'text-0' }, attemptCount: 1 }]);
    const sent = provider.seen.filter(({ body }) => JSON.stringify(body.input).includes('number 0 '));
    // A 500 may pass: three times, others being answered between.
    expect(sent).toHaveLength(status === 400 ? 1 : 3);
  },
  120_000,
);

const PASSING: readonly (readonly [name: string, how: Misbehaviour])[] = [
  ...(['seconds', 'fraction', 'milliseconds', 'date', 'past', 'garbage', 'none'] as const).map(
    (form) => [`a 429 with Retry-After: ${form}`, rateLimit(RETRY_AFTER_FORMS[form]())] as const,
  ),
  ['a 429 of Gemini', geminiRateLimit('2s')],
  ['a 500', { kind: 'status', status: 500 }],
  ['a reset', { kind: 'reset' }],
  ['a reset in the answer', { kind: 'reset-in-body' }],
  ['a hang', { kind: 'hang' }],
];
/** Charged an attempt where a text is alone with them: what the provider says cannot be used. */
const UNUSABLE = ['truncated-json', 'wrong-dimension', 'nan', 'missing-index'] as const;

describe('through the whole runtime', () => {
  test.each(PASSING)(
    '%s is sat out: nobody is charged, and every text is paid for once',
    async (_, how) => {
      const { runtime, provider, events } = await startFast();
      provider.misbehave(how);
      const dataset = runtime.dataset('docs/passing');
      await dataset.ingest(texts(20), { mode: 'sync' });
      expect((await dataset.status()).counts).toMatchObject({
        indexedChunks: 20,
        chunks: { failed: 0, pending: 0 },
      });
      expect(events.filter(({ type }) => type === 'text.failed')).toEqual([]);
      expect(provider.texts).toHaveLength(20);
    },
    120_000,
  );

  test.each(UNUSABLE)(
    'an answer that cannot be used (%s) is not stored, and no text is given up for one',
    async (kind) => {
      const { runtime, provider } = await startFast();
      provider.misbehave({ kind });
      const dataset = runtime.dataset('docs/unusable');
      await dataset.ingest(texts(20), { mode: 'sync' });
      expect((await dataset.status()).counts).toMatchObject({
        indexedChunks: 20,
        chunks: { failed: 0, pending: 0 },
      });
    },
    120_000,
  );
});

describe('a provider whose quota is used up for minutes', () => {
  test('charges nobody, is asked little, says why everywhere, and everything is done by itself when it is back', async () => {
    const { runtime, provider, events } = await startFast();
    await runtime.start();
    const names = ['one', 'two', 'three'];
    for (const name of names) await runtime.dataset(`docs/${name}`).create();
    provider.misbehave(NO_QUOTA, Number.POSITIVE_INFINITY);
    for (const name of names)
      await runtime.dataset(`docs/${name}`).ingest(texts(100, name), { mode: 'async' });
    await waitFor('the circuit to open', async () => (await runtime.providers())[0]?.state === 'unavailable');
    const beganMs = performance.now();
    expect(await runtime.providers()).toMatchObject([
      { id: 'provider:1', failure: { code: 'PROVIDER_QUOTA' } },
    ]);
    expect((await runtime.status()).providers).toMatchObject([{ failure: { code: 'PROVIDER_QUOTA' } }]);
    expect((await runtime.health()).checks).toContainEqual({
      subject: 'provider',
      isOk: false,
      code: 'PROVIDER_QUOTA',
      detail: expect.any(String),
    });
    expect(await rejectionOf(runtime.dataset('docs/one').search('words', { mode: 'vector' }))).toMatchObject({
      code: expect.stringMatching(/PROVIDER_QUOTA|TABLE/),
    });
    // Four minutes, by the clock of the runtime.
    await waitFor('minutes to pass', () => (performance.now() - beganMs) * SPEED > 240_000);
    const { requests } = provider.stats();
    expect(requests).toBeLessThan(20);
    for (const name of names) {
      expect((await runtime.dataset(`docs/${name}`).status()).counts.chunks).toMatchObject({ failed: 0 });
    }
    provider.behave();
    for (const name of names) {
      await waitFor(
        `${name} to be done`,
        async () => {
          const { counts } = await runtime.dataset(`docs/${name}`).status();
          return counts.indexedChunks === 100 && counts.chunks.failed === 0;
        },
        120_000,
      );
    }
    expect(events.some((event) => event.type === 'text.failed')).toBe(false);
    const states = events.flatMap((event) => (event.type === 'provider.state' ? [event.state] : []));
    expect(states[0]).toBe('unavailable');
    expect(states.at(-1)).toBe('available');
  }, 120_000);

  test('ends a call with its error, and the next call after it is back does everything', async () => {
    const { runtime, provider } = await startTestRuntime();
    const dataset = runtime.dataset('docs/called');
    provider.misbehave(NO_QUOTA, Number.POSITIVE_INFINITY);
    expect(await rejectionOf(dataset.ingest(texts(5)))).toMatchObject({
      code: 'PROVIDER_QUOTA',
      retryable: false,
    });
    provider.behave();
    await dataset.index();
    expect((await dataset.status()).counts).toMatchObject({
      indexedChunks: 5,
      chunks: { failed: 0, pending: 0 },
    });
  });
});

test('a stop or an abort ends requests at once, and what was answered is kept', async () => {
  const { runtime, provider } = await startTestRuntime();
  const dataset = runtime.dataset('docs/aborted');
  await dataset.ingest(texts(20, 'before'));
  provider.misbehave({ kind: 'hang' }, Number.POSITIVE_INFINITY);
  const abort = new AbortController();
  const asked = rejectionOf(dataset.ingest(texts(40, 'after'), { mode: 'sync', signal: abort.signal }));
  await waitFor('requests in flight', () => provider.stats().inFlight > 0);
  abort.abort();
  expect(await asked).toMatchObject({ code: 'ABORTED' });
  expect((await dataset.status()).counts.indexedChunks).toBe(20);
  expect(await runtime.providers()).toMatchObject([{ state: 'available', inFlight: expect.any(Number) }]);
});
