import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { waitFor } from '../support/test-runtime.ts';
import { startTestApi, type TestApi } from './http-fixtures.ts';

// Real runtimes on a machine that may have other things to do.
setDefaultTimeout(120_000);

async function startWorking(): Promise<TestApi> {
  const api = await startTestApi();
  await api.runtime.dataset('docs/one').ingest([{ key: 'a', content: 'words' }]);
  await api.runtime.start();
  await waitFor('idle', async () => (await api.call('GET', '/v1/actors/dataset:1')).body.value === 'idle');
  return api;
}

const send = (api: TestApi, id: string, event: object) => api.call('POST', `/v1/actors/${id}/events`, event);

describe('actors', () => {
  test('are listed in pages with their states, tags and the events that they take', async () => {
    const api = await startWorking();
    for (const name of ['two', 'three']) await api.runtime.dataset(`docs/${name}`).create();
    await waitFor(
      'three datasets, their provider, the scheduler and the supervisor',
      async () => (await api.call('GET', '/v1/actors')).body.items.length === 6,
    );
    const first = await api.call('GET', '/v1/actors?limit=2');
    expect(first.body.items.map(({ id }: { id: string }) => id)).toEqual(['supervisor', 'dataset:1']);
    expect(first.body.items[1]).toMatchObject({
      machine: 'dataset',
      address: 'docs/one',
      status: 'active',
      value: 'idle',
      activeNodes: ['dataset', 'dataset.idle'],
      tags: ['ready'],
      context: { failureCount: 0, pauseReasons: [] },
      nextEvents: ['dataset.pause', 'dataset.check', 'dataset.maintain'],
    });
    const second = await api.call('GET', `/v1/actors?limit=2&after=${first.body.next}`);
    expect(second.body.items.map(({ id }: { id: string }) => id)).toEqual(['dataset:2', 'dataset:3']);
    const third = await api.call('GET', `/v1/actors?limit=2&after=${second.body.next}`);
    expect(third.body.items).toMatchObject([
      { id: 'provider:1', machine: 'provider', value: 'available', tags: ['ready'], nextEvents: [] },
      { id: 'scheduler:1', machine: 'scheduler', nextEvents: ['scheduler.look'] },
    ]);
    expect(third.body.next).toBeUndefined();
  });

  test('are found by their machine and by the tag of their state', async () => {
    const api = await startWorking();
    await api.runtime.dataset('docs/two').create();
    await waitFor('two', async () => (await api.call('GET', '/v1/actors/dataset:2')).body.value === 'idle');
    await send(api, 'dataset:2', { type: 'dataset.pause' });
    const found = async (query: string) =>
      (await api.call('GET', `/v1/actors?${query}`)).body.items.map(({ id }: { id: string }) => id);
    expect(await found('machine=dataset')).toEqual(['dataset:1', 'dataset:2']);
    expect(await found('machine=supervisor')).toEqual(['supervisor']);
    expect(await found('tag=paused')).toEqual(['dataset:2']);
    expect(await found('tag=paused&after=dataset:2')).toEqual([]);
    expect((await api.call('GET', '/v1/actors?machine=nonsense')).status).toBe(422);
  });

  test('remember what they did lately, with the edges that were taken', async () => {
    const api = await startWorking();
    const { body: machine } = await api.call('GET', '/v1/actors/dataset:1/machine');
    const edgeIds = machine.edges.map(({ id }: { id: string }) => id);
    await send(api, 'dataset:1', { type: 'dataset.pause' });
    const { body } = await api.call('GET', '/v1/actors/dataset:1/history');
    expect(body.items[0]).toMatchObject({
      actorId: 'dataset:1',
      event: 'dataset.pause',
      from: 'idle',
      to: 'paused',
    });
    const taken = body.items.flatMap((item: { edgeIds: string[] }) => item.edgeIds);
    expect(taken.filter((id: string) => !edgeIds.includes(id))).toEqual([]);
    expect(body.items.at(-1)).toMatchObject({ event: 'xstate.init', to: 'checking' });
    expect((await api.call('GET', '/v1/actors/dataset:1')).body.since).toBe(body.items[0].at);
    expect((await api.call('GET', '/v1/actors/dataset:99/history')).body.code).toBe('ACTOR_NOT_FOUND');
  });

  test('that do not exist are not found', async () => {
    const api = await startWorking();
    for (const path of ['/v1/actors/dataset:99', '/v1/actors/call:1', '/v1/actors/dataset:99/machine']) {
      expect((await api.call('GET', path)).body).toMatchObject({ status: 404, code: 'ACTOR_NOT_FOUND' });
    }
    const sent = await send(api, 'dataset:99', { type: 'dataset.check' });
    expect(sent.body).toMatchObject({ status: 404, code: 'ACTOR_NOT_FOUND' });
    expect((await api.call('GET', '/v1/actors/nonsense')).status).toBe(422);
  });

  test('show what they remember without anything of this host', async () => {
    const api = await startTestApi({ runtime: { dataDir: '/proc/there/is/no/such/folder' } });
    await api.runtime.start().catch(() => undefined);
    const answer = await api.call('GET', '/v1/actors/supervisor');
    expect(answer.body).toMatchObject({ status: 'notStarted', nextEvents: ['supervisor.start'] });
    const started = await send(api, 'supervisor', { type: 'supervisor.start' });
    expect(started.status).toBeGreaterThanOrEqual(400);
    expect(JSON.stringify([answer.body, started.body])).not.toContain('/proc');
  });
});

describe('a machine', () => {
  test('is told with its nodes, edges, and the names of what it calls', async () => {
    const api = await startWorking();
    const { body } = await api.call('GET', '/v1/actors/dataset:1/machine');
    const idle = body.nodes.find(({ id }: { id: string }) => id === 'dataset.idle');
    expect(idle).toMatchObject({ parentId: 'dataset', type: 'atomic', tags: ['ready'] });
    const edge = body.edges.find(
      ({ sourceId, event }: { sourceId: string; event: string }) =>
        sourceId === 'dataset.idle' && event === 'dataset.changed',
    );
    expect(edge).toMatchObject({ kind: 'event', targetIds: ['dataset.queued'] });
    expect(body.guards).toContain('isHopeless');
    expect(body.actions).toContain('recordFailure');
    expect(body.delays).toEqual(['backoff']);
    const supervisor = await api.call('GET', '/v1/actors/supervisor/machine');
    expect(supervisor.body.delays).toEqual(['backoff', 'drain', 'poll']);
  });
});

describe('control events', () => {
  test('pause and resume a dataset, and show it', async () => {
    const api = await startWorking();
    const paused = await send(api, 'dataset:1', { type: 'dataset.pause', reason: 'lunch' });
    expect([paused.status, paused.body.value]).toEqual([202, 'paused']);
    expect(paused.body.context.pauseReasons).toEqual(['lunch']);
    expect(paused.body.nextEvents).toContain('dataset.resume');
    const wrong = await send(api, 'dataset:1', { type: 'dataset.resume', reason: 'dinner' });
    expect(wrong.body).toMatchObject({ status: 409, detail: expect.stringContaining('lunch') });
    expect((await send(api, 'dataset:1', { type: 'dataset.resume', reason: 'lunch' })).status).toBe(202);
    await waitFor('idle', async () => (await api.call('GET', '/v1/actors/dataset:1')).body.value === 'idle');
  });

  test('that the state does not allow are refused with those that it does', async () => {
    const api = await startWorking();
    const answer = await send(api, 'dataset:1', { type: 'dataset.resume' });
    expect(answer.body).toMatchObject({
      status: 409,
      code: 'EVENT_NOT_ALLOWED',
      allowed: ['dataset.pause', 'dataset.check', 'dataset.maintain'],
    });
    expect((await send(api, 'dataset:1', { type: 'supervisor.pause' })).status).toBe(409);
    const own = await send(api, 'dataset:1', { type: 'dataset.pause', reason: 'supervisor' });
    expect(own.status).toBe(409);
  });

  test('other than control events are refused', async () => {
    const api = await startWorking();
    for (const type of ['dataset.delete', 'dataset.reported', 'lease.lost', 'xstate.stop', '']) {
      expect((await send(api, 'supervisor', { type })).status).toBe(422);
    }
  });

  test('pause an actor for a bounded number of reasons', async () => {
    const api = await startWorking();
    for (let number = 0; number < 32; number += 1) {
      const sent = await send(api, 'supervisor', { type: 'supervisor.pause', reason: `reason ${number}` });
      expect(sent.status).toBe(202);
    }
    const answer = await send(api, 'supervisor', { type: 'supervisor.pause', reason: 'one too many' });
    expect(answer.body).toMatchObject({ status: 409, allowed: ['supervisor.resume', 'supervisor.stop'] });
  });

  test('stop the worker and start it again, while searches go on', async () => {
    const api = await startWorking();
    let hasEnded = false;
    void api.runtime.ended().then(() => {
      hasEnded = true;
    });
    const stopped = await send(api, 'supervisor', { type: 'supervisor.stop' });
    expect(stopped.status).toBe(202);
    const stands = async () => (await api.call('GET', '/v1/actors/supervisor')).body.status;
    await waitFor('the worker has stopped', async () => (await stands()) === 'notStarted');
    expect((await api.runtime.status()).worker).toBeUndefined();
    expect(await api.runtime.dataset('docs/one').search('words')).toHaveLength(1);
    expect((await send(api, 'supervisor', { type: 'supervisor.pause' })).body).toMatchObject({
      status: 409,
      allowed: ['supervisor.start'],
    });
    expect((await send(api, 'supervisor', { type: 'supervisor.start' })).status).toBe(202);
    await waitFor('work goes on', async () => (await stands()) === 'active');
    expect(hasEnded).toBe(false);
    await api.runtime.stop();
    await waitFor('the runtime has ended', () => hasEnded);
  });
});

test('a provider that fails is shown with its reason, and is tried again when somebody says so', async () => {
  const api = await startTestApi();
  api.provider.misbehave({ kind: 'status', status: 401 }, Number.POSITIVE_INFINITY);
  const documents = [{ key: 'a', content: 'some words' }];
  const add = () => api.call('POST', '/v1/datasets/docs/one/documents?wait=30', { documents });
  await api.call('POST', '/v1/datasets', { project: 'docs', dataset: 'one' });
  await add();
  const [provider] = (await api.call('GET', '/v1/providers')).body.items;
  expect(provider).toMatchObject({ id: 'provider:1', failure: { code: 'PROVIDER_AUTH' }, openCount: 1 });
  expect(JSON.stringify(provider)).not.toContain('test-key');
  expect((await api.call('GET', '/ready')).body.checks).toContainEqual(
    expect.objectContaining({ subject: 'provider', isOk: false, code: 'PROVIDER_AUTH' }),
  );
  const actor = await api.call('GET', '/v1/actors/provider:1');
  expect(actor.body).toMatchObject({ machine: 'provider', tags: ['error'], context: { openCount: 1 } });
  if (actor.body.value === 'unavailable') {
    expect((await send(api, 'provider:1', { type: 'provider.retry' })).body.value).toEqual({
      probing: 'waiting',
    });
  }
  api.provider.behave();
  await add();
  expect((await api.call('GET', '/v1/providers')).body.items).toMatchObject([{ state: 'available' }]);
  const machine = await api.call('GET', '/v1/actors/provider:1/machine');
  expect(machine.body.nodes.map(({ id }: { id: string }) => id)).toContain('provider.probing.asking');
});
