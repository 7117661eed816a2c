import { expect, test } from 'bun:test';
import type { Catalog, CatalogWriter } from '../../src/catalog/catalog.ts';
import type { Clock } from '../../src/domain/clock.ts';
import { createEventHub } from '../../src/runtime/events.ts';
import { createSpendGuard } from '../../src/runtime/spend-guard.ts';
import type { SpendCaps } from '../../src/runtime/spend-options.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const HOUR_MS = 3_600_000;

/** A guard over a ledger and a clock that say what they are told to. */
function startGuard(caps: Partial<SpendCaps>) {
  const ledger = { spentUsd: 0, msLeft: HOUR_MS, runUsd: 0 };
  const timers: { delayMs: number; callback: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    random: () => 0,
    newId: () => 'id',
    setTimer(delayMs, callback) {
      const timer = { delayMs, callback };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  };
  const catalog = {
    spentToday: async () => ({ day: 1, msLeft: ledger.msLeft, spentUsd: ledger.spentUsd }),
    listUntidiedBatchJobs: async () => [],
    runCostUsd: async () => ledger.runUsd,
    listSpendHolds: async () => [],
  } as Partial<Catalog> as Catalog;
  const resumed: string[] = [];
  const guard = createSpendGuard({
    catalog: async () => catalog,
    clock,
    priceOf: () => undefined,
    hub: createEventHub(() => 0),
    caps: { usdPerDayMax: undefined, usdPerRunMax: undefined, ...caps },
    resume: (_, address, reason) => resumed.push(`${address}: ${reason}`),
  });
  const writer = {} as CatalogWriter;
  const ask = (usd: number | undefined, datasetId = 1) =>
    guard.admit({ datasetId, address: `p/d${datasetId}`, usd, writer });
  return { guard, ledger, timers, resumed, ask };
}

test('the cap of a day ends by itself when the next one begins, for all that wait', async () => {
  const { guard, ledger, timers, resumed, ask } = startGuard({ usdPerDayMax: 1 });
  ledger.spentUsd = 0.9;
  expect(await rejectionOf(ask(0.2))).toMatchObject({
    code: 'SPEND_CAP_REACHED',
    retryable: true,
    details: { cap: 'day', retryAfterMs: HOUR_MS },
  });
  await rejectionOf(ask(0.2, 2));
  expect(guard.held()).toMatchObject([{ address: 'p/d1', untilMs: HOUR_MS }, { address: 'p/d2' }]);
  expect(timers.map(({ delayMs }) => delayMs)).toEqual([HOUR_MS]);
  ledger.spentUsd = 0;
  timers[0]?.callback();
  expect(resumed).toEqual(['p/d1: spend cap', 'p/d2: spend cap']);
  expect(guard.held()).toEqual([]);
  (await ask(0.2))();
});

test('what is under way counts until it is charged or has failed', async () => {
  const { ask } = startGuard({ usdPerDayMax: 1 });
  const first = await ask(0.6);
  expect(await rejectionOf(ask(0.6, 2))).toMatchObject({ code: 'SPEND_CAP_REACHED' });
  first();
  (await ask(0.6, 2))();
});

test('the message tells what was spent, what is under way, and what would pass the cap', async () => {
  const { ledger, ask } = startGuard({ usdPerRunMax: 0.01 });
  await ask(0.006);
  expect((await rejectionOf(ask(0.005))) as Error).toMatchObject({
    message: expect.stringContaining(
      'a run is reached: $0 were spent in this run of "p/d1", $0.006 are in requests under way, and the next request, of about $0.005, would pass it.',
    ),
  });
  ledger.runUsd = 0.0039996;
  expect((await rejectionOf(ask(0.5))) as Error).toMatchObject({
    message: expect.stringContaining('$0.004 were spent in this run of "p/d1", $0.006 are in requests'),
  });
});

test('requests at the same time do not pass a cap together', async () => {
  const { ask } = startGuard({ usdPerDayMax: 1 });
  const answers = await Promise.allSettled(Array.from({ length: 10 }, () => ask(0.3)));
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
});

test('a cap of a run holds its dataset alone, and until somebody lets it go on', async () => {
  const { ledger, timers, ask } = startGuard({ usdPerRunMax: 1 });
  ledger.runUsd = 0.9;
  expect(await rejectionOf(ask(0.2))).toMatchObject({ details: { cap: 'run' }, retryable: false });
  expect(timers).toEqual([]);
  ledger.runUsd = 0;
  (await ask(0.2, 2))();
});

test('what has no known price, or costs nothing, is held by no cap', async () => {
  const { ask } = startGuard({ usdPerDayMax: 0 });
  (await ask(undefined))();
  (await ask(0))();
});
