import { expect, test } from 'bun:test';
import type { ProviderStanding } from '../../../src/catalog/catalog.ts';
import { createStandingLog } from '../../../src/runtime/providers/standing-log.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { NO_QUOTA } from '../../support/provider-troubles.ts';
import { rejectionOf, startTestRuntime, waitFor } from '../../support/test-runtime.ts';

test('a process that only looks is told how a provider stands with the worker, and is told when that worker is gone', async () => {
  const { runtime, provider, another } = await startTestRuntime();
  const looking = another({ access: 'readOnly' });
  provider.misbehave(NO_QUOTA, Number.POSITIVE_INFINITY);
  await runtime.start();
  await runtime.dataset('docs/one').ingest([{ key: 'a', content: 'Some words.' }], { mode: 'async' });
  await waitFor(
    'the standing to be noted',
    async () => (await looking.providers())[0]?.state === 'unavailable',
  );
  const [seen] = (await looking.status()).providers;
  expect(seen).toMatchObject({
    seenBy: 'worker',
    state: 'unavailable',
    failure: { code: 'PROVIDER_QUOTA', retryable: false },
    openCount: 1,
  });
  expect(seen?.waitUntilMs).toBeGreaterThan(seen?.sinceMs ?? Number.POSITIVE_INFINITY);
  expect(seen).not.toHaveProperty('inFlight');
  expect(JSON.stringify(seen)).not.toContain('test-key');
  expect(await runtime.providers()).toMatchObject([{ id: 'provider:1', seenBy: 'here', requestCount: 1 }]);

  await runtime.stop();
  const [left] = await looking.providers();
  expect(left).toMatchObject({ seenBy: 'formerWorker', state: 'unavailable' });

  provider.behave();
  const next = another();
  await next.dataset('docs/one').index();
  expect(await looking.providers()).toMatchObject([
    { seenBy: 'formerWorker', state: 'available', failure: undefined },
  ]);
}, 120_000);

test('a provider that a call has found out of order is told after the call has ended', async () => {
  const { runtime, provider, another } = await startTestRuntime();
  provider.misbehave(NO_QUOTA, Number.POSITIVE_INFINITY);
  const dataset = runtime.dataset('docs/called');
  expect(await rejectionOf(dataset.ingest([{ key: 'a', content: 'Some words.' }]))).toMatchObject({
    code: 'PROVIDER_QUOTA',
  });
  expect(await another({ access: 'readOnly' }).providers()).toMatchObject([
    { seenBy: 'formerWorker', state: 'unavailable', failure: { code: 'PROVIDER_QUOTA' } },
  ]);
});

const STANDING: ProviderStanding = {
  id: 'provider:1',
  provider: 'openai',
  state: 'throttled',
  sinceMs: 0,
  failure: { code: 'PROVIDER_FAILED', message: 'https://me:secret@host/v1 failed.', retryable: true },
  failedAtMs: 0,
  waitUntilMs: 0,
  openCount: 0,
};

test('of standings that change faster than they are written the newest is written, also after a write that failed', async () => {
  const clock = createFakeClock(0);
  const written: ProviderStanding[] = [];
  let fails = true;
  const writer = {
    async noteProviderStanding(standing: ProviderStanding) {
      if (fails) throw new Error('out of reach');
      written.push(standing);
    },
  };
  const log = createStandingLog(clock);
  log.note(STANDING);
  log.beginSession(writer, [STANDING]);
  await Promise.resolve();
  log.note({ ...STANDING, state: 'probing' });
  log.note({ ...STANDING, state: 'unavailable' });
  fails = false;
  clock.advance(5_000);
  await log.endSession();
  expect(written).toMatchObject([{ state: 'unavailable', failure: { message: 'https://host/v1 failed.' } }]);
  log.note({ ...STANDING, state: 'probing' });
  await log.endSession();
  expect(written).toHaveLength(1);
});
