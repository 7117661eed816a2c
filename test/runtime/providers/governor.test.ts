import { describe, expect, test } from 'bun:test';
import { settle } from '../../support/clocks.ts';
import { rejectionOf } from '../../support/test-runtime.ts';
import {
  failing,
  noQuota,
  rateLimited,
  refused,
  type SentRequest,
  startProvider,
} from './provider-harness.ts';

const MINUTE_MS = 60_000;

/** The most that `weigh` sums up to within any 60 seconds. */
function mostPerMinute(sent: readonly SentRequest[], weigh: (request: SentRequest) => number): number {
  return Math.max(
    ...sent.map(({ atMs }) =>
      sent
        .filter((other) => other.atMs >= atMs && other.atMs < atMs + MINUTE_MS)
        .reduce((sum, request) => sum + weigh(request), 0),
    ),
  );
}

describe('limits per minute', () => {
  test('of requests are kept to in every minute, and nothing is left unused', async () => {
    const provider = startProvider({
      limits: { requestsPerMinute: 30 },
      answers: (request) => void request.answer(),
    });
    for (let n = 0; n < 100; n += 1) provider.askAside([`t${n}`]);
    await provider.clock.advance(5 * MINUTE_MS);
    expect(provider.sent).toHaveLength(100);
    expect(mostPerMinute(provider.sent, () => 1)).toBe(30);
    // Three full minutes, and ten more: with a second to spare for each.
    expect((provider.sent.at(-1)?.atMs ?? 0) - (provider.sent[0]?.atMs ?? 0)).toBeLessThan(3.1 * MINUTE_MS);
  });

  test('of tokens count what the provider charged, once it has said so', async () => {
    const provider = startProvider({
      limits: { tokensPerMinute: 1_000 },
      answers: (request) => void request.answer({ tokensCharged: 100 }),
    });
    for (let n = 0; n < 50; n += 1) provider.askAside(['x'.repeat(400)]);
    await provider.clock.advance(10 * MINUTE_MS);
    expect(provider.sent).toHaveLength(50);
    expect(mostPerMinute(provider.sent, () => 100)).toBeLessThanOrEqual(1_000);
  });

  test('are learned from what the provider says it has left', async () => {
    const provider = startProvider();
    const first = provider.ask(['a']);
    await settle();
    const rateLimits = { requests: { limit: 60, remaining: 0, resetMs: 20_000 } };
    await provider.sent[0]?.answer({ rateLimits });
    await first;
    provider.askAside(['b']);
    // The bucket fills within 20 s: one place every third of a second.
    await provider.clock.advance(300);
    expect(provider.sent).toHaveLength(1);
    await provider.clock.advance(100);
    expect(provider.sent).toHaveLength(2);
    expect(provider.fleet.list()[0]?.models).toMatchObject([{ model: 'model', requestsPerMinute: 180 }]);
  });
});

describe('a rate limit', () => {
  test('is one pause for all, as long as the provider says; nobody fails, and fewer are in flight afterwards', async () => {
    const provider = startProvider();
    for (let n = 0; n < 6; n += 1) provider.askAside([`t${n}`], { datasetId: n });
    await settle();
    expect(provider.sent).toHaveLength(4);
    await provider.sent[0]?.fail(rateLimited(2_000));
    await provider.sent[1]?.fail(rateLimited(7_000));
    await provider.sent[2]?.fail(rateLimited());
    await provider.sent[3]?.answer();
    expect(provider.state()).toBe('throttled');
    await provider.clock.advance(6_900);
    expect(provider.sent).toHaveLength(4);
    await provider.clock.advance(200);
    expect(provider.state()).toBe('available');
    expect(provider.fleet.list()).toMatchObject([{ inFlight: 2, inFlightMax: 2 }]);
    for (let n = 4; n < 9; n += 1) await provider.sent[n]?.answer();
    // Those that failed were sent once more, and nothing else was.
    const sent = provider.sent.map(({ texts }) => texts[0]).sort();
    expect(sent).toEqual(['t0', 't0', 't1', 't1', 't2', 't2', 't3', 't4', 't5']);
  });

  test('for longer than a minute opens the circuit, and is honoured to the end', async () => {
    const provider = startProvider();
    const first = provider.ask(['a']);
    await settle();
    await provider.sent[0]?.fail(rateLimited(3_600_000));
    expect(await rejectionOf(first)).toMatchObject({
      code: 'PROVIDER_RATE_LIMITED',
      details: { retryAfterMs: 3_600_000, isCircuitOpen: true },
    });
    await provider.clock.advance(3_599_000);
    expect(provider.state()).toBe('unavailable');
    expect(await rejectionOf(provider.ask(['b']))).toMatchObject({ details: { retryAfterMs: 1_000 } });
    await provider.clock.advance(1_000);
    expect(provider.state()).toBe('probing');
    // Not one request in that hour.
    expect(provider.sent).toHaveLength(1);
  });

  test('without a word on how long doubles its pauses, and opens the circuit in the end', async () => {
    const provider = startProvider({ answers: (request) => void request.fail(rateLimited()) });
    const asked = rejectionOf(provider.ask(['a']));
    await provider.clock.advance(2 * MINUTE_MS);
    expect(await asked).toMatchObject({ code: 'PROVIDER_RATE_LIMITED' });
    const gaps = provider.sent.slice(1).map(({ atMs }, n) => atMs - (provider.sent[n]?.atMs ?? 0));
    expect(gaps).toEqual([750, 1_500, 3_000, 6_000, 12_000]);
  });
});

describe('an outage', () => {
  test('opens the circuit at once; of many who ask one probes, and all are woken when it is over', async () => {
    const provider = startProvider();
    const first = provider.ask(['a'], { datasetId: 1 });
    const second = provider.ask(['b'], { datasetId: 2 });
    await settle();
    await provider.sent[0]?.fail(noQuota());
    expect(await rejectionOf(first)).toMatchObject({ code: 'PROVIDER_QUOTA', retryable: false });
    // Under way when it opened: its own answer still counts.
    await provider.sent[1]?.answer();
    await second;
    expect(provider.state()).toBe('unavailable');
    for (const datasetId of [2, 3])
      expect(await rejectionOf(provider.ask(['c'], { datasetId }))).toMatchObject({ code: 'PROVIDER_QUOTA' });
    expect(provider.sent).toHaveLength(2);

    await provider.clock.advance(1_000);
    expect(provider.state()).toBe('probing');
    expect(provider.woken).toEqual([1]);
    for (const datasetId of [1, 2, 3]) provider.askAside(['d'], { datasetId });
    await settle();
    expect(provider.sent).toHaveLength(3);
    await provider.sent[2]?.answer();
    expect(provider.state()).toBe('available');
    expect(provider.woken).toEqual([1, 2, 3]);
    expect(provider.sent).toHaveLength(5);
    const told = provider.events.flatMap((event) => (event.type === 'provider.state' ? [event.state] : []));
    expect(told).toEqual(['unavailable', 'probing', 'available']);
  });

  test('of minutes is asked about ever more seldom, and by nobody else', async () => {
    const provider = startProvider({ answers: (request) => void request.fail(noQuota()) });
    // A dataset that asks every second, as if it knew nothing.
    for (let second = 0; second < 1_800; second += 1) {
      provider.askAside(['a'], { datasetId: 1 });
      await provider.clock.advance(1_000);
    }
    // 0.75 s doubling to 300 s, in half an hour.
    expect(provider.sent.length).toBeLessThan(20);
    expect(provider.fleet.list()).toMatchObject([{ failure: { code: 'PROVIDER_QUOTA' } }]);
  });

  test('ends at once when somebody asks for a retry', async () => {
    const provider = startProvider();
    provider.askAside(['a']);
    await settle();
    await provider.sent[0]?.fail(noQuota());
    provider.fleet.kind.send('provider:1', { type: 'provider.retry' });
    const again = provider.ask(['a']);
    await settle();
    await provider.sent[1]?.answer();
    await again;
    expect(provider.state()).toBe('available');
  });

  test('is not what a failure is that passes by itself: it is sat out', async () => {
    const provider = startProvider();
    const asked = provider.ask(['a']);
    await settle();
    await provider.sent[0]?.fail(failing(503));
    await provider.clock.advance(1_000);
    await provider.sent[1]?.answer();
    expect((await asked).vectors).toHaveLength(1);
  });

  test('is what three failures in a row are', async () => {
    const provider = startProvider({ answers: (request) => void request.fail(failing(503)) });
    const asked = rejectionOf(provider.ask(['a']));
    await provider.clock.advance(5_000);
    expect(await asked).toMatchObject({ code: 'PROVIDER_FAILED', retryable: true });
    expect(provider.sent).toHaveLength(3);
    expect(provider.woken).toEqual([1]);
  });
});

test('a request that the provider fails at while it answers others is called refused, and the circuit stays closed', async () => {
  const provider = startProvider({
    answers: (request) =>
      void (request.texts.includes('bad') ? request.fail(failing(500)) : request.answer()),
  });
  const asked = rejectionOf(provider.ask(['good', 'bad']));
  await provider.clock.advance(10_000);
  expect(await asked).toMatchObject({ code: 'EMBEDDING_REQUEST_REFUSED' });
  // Before the third time something else was asked.
  expect(provider.sent.map(({ texts }) => texts.join())).toEqual([
    'good,bad',
    'good,bad',
    'probe',
    'good,bad',
  ]);
  expect(provider.events.some((event) => 'state' in event && event.state === 'unavailable')).toBe(false);
});

test('a refusal of a request says that the provider is there', async () => {
  const provider = startProvider();
  const asked = provider.ask(['a']);
  await settle();
  await provider.sent[0]?.fail(refused());
  expect(await rejectionOf(asked)).toMatchObject({ code: 'EMBEDDING_REQUEST_REFUSED' });
  expect(provider.state()).toBe('available');
});

describe('the queue', () => {
  test('serves queries first, then one of each dataset in turn', async () => {
    const provider = startProvider({ limits: { requestsInFlightMax: 1 } });
    for (const text of ['a1', 'a2', 'a3']) provider.askAside([text], { datasetId: 1 });
    for (const text of ['b1', 'b2']) provider.askAside([text], { datasetId: 2 });
    provider.askAside(['c1'], { datasetId: 3 });
    provider.askAside(['q'], { purpose: 'query' });
    for (let n = 0; n < 7; n += 1) {
      await settle();
      await provider.sent[n]?.answer();
    }
    expect(provider.sent.map(({ texts }) => texts[0])).toEqual(['a1', 'q', 'a2', 'b1', 'c1', 'a3', 'b2']);
  });

  test('lets go of those who give up, waiting or under way, and nobody else notices', async () => {
    const provider = startProvider({ limits: { requestsInFlightMax: 1 } });
    const abort = new AbortController();
    const underWay = rejectionOf(provider.ask(['a'], { signal: abort.signal }));
    const waiting = rejectionOf(provider.ask(['b'], { signal: abort.signal }));
    const other = provider.ask(['c'], { datasetId: 2 });
    await settle();
    abort.abort();
    expect(await underWay).toMatchObject({ code: 'ABORTED' });
    expect(await waiting).toMatchObject({ code: 'ABORTED' });
    await settle();
    await provider.sent[1]?.answer();
    await other;
    expect(provider.sent.map(({ texts }) => texts[0])).toEqual(['a', 'c']);
    expect(provider.state()).toBe('available');
  });

  test('is bounded', async () => {
    const provider = startProvider();
    for (let n = 0; n < 1_004; n += 1) provider.askAside(['a'], { datasetId: n });
    await settle();
    expect(await rejectionOf(provider.ask(['b']))).toMatchObject({
      code: 'PROVIDER_RATE_LIMITED',
      retryable: true,
    });
  });

  test('keeps no query waiting for longer than a person does', async () => {
    const provider = startProvider();
    provider.askAside(['a']);
    await settle();
    await provider.sent[0]?.fail(rateLimited(30_000));
    expect(await rejectionOf(provider.ask(['q'], { purpose: 'query' }))).toMatchObject({
      code: 'PROVIDER_RATE_LIMITED',
      details: { retryAfterMs: 30_000 },
    });
  });
});
