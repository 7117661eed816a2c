import { expect, test } from 'bun:test';
import { startTestApi } from './http-fixtures.ts';

const DATASET = '/v1/datasets/docs/site';

test('costs, caps and a backfill are asked for over HTTP', async () => {
  const api = await startTestApi();
  await api.runtime.dataset('docs/site').ingest([{ key: 'a', content: 'some words' }]);
  const costs = await api.call('GET', '/v1/costs?by=dataset,mode');
  expect([costs.status, costs.body]).toMatchObject([
    200,
    { items: [{ dataset: 'docs/site', mode: 'direct', textCount: 1 }] },
  ]);
  expect((await api.call('GET', '/v1/costs?by=week')).status).toBe(422);

  const caps = await api.call('PUT', '/v1/spend', { usdPerDayMax: 2.5 });
  expect([caps.status, caps.body]).toMatchObject([200, { usdPerDayMax: 2.5, held: [] }]);
  expect((await api.call('GET', '/v1/spend')).body).toMatchObject({ usdPerDayMax: 2.5 });
  expect((await api.call('PUT', '/v1/spend', { usdPerDayMax: -1 })).status).toBe(422);

  const plan = await api.call('POST', `${DATASET}/backfill/plan`, { limit: 10 });
  expect([plan.status, plan.body]).toMatchObject([200, { textCount: 0, address: 'docs/site' }]);
  const task = await api.call('POST', `${DATASET}/backfill?wait=60`, { batchSize: 4 });
  expect([task.status, task.body]).toMatchObject([200, { kind: 'backfill', state: 'succeeded' }]);
});
