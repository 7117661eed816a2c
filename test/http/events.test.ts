import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { openEventStream } from '../support/event-stream.ts';
import { waitFor } from '../support/test-runtime.ts';
import { startTestApi } from './http-fixtures.ts';

// Real runtimes on a machine that may have other things to do.
setDefaultTimeout(120_000);

describe('the event stream', () => {
  test('begins with a snapshot and tells transitions, progress and everything else', async () => {
    const api = await startTestApi();
    await api.runtime.start();
    const client = await openEventStream(`${api.url}/v1/events`);
    expect(client.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const snapshot = await client.next(({ event }) => event === 'snapshot');
    expect(snapshot.data.actors).toMatchObject([
      { id: 'supervisor', machine: 'supervisor', status: 'active' },
      { id: 'scheduler:1', machine: 'scheduler', status: 'active' },
    ]);
    await api.runtime.dataset('docs/one').ingest([{ key: 'a', content: 'words' }]);

    const working = await client.next(({ event, data }) => event === 'transition' && data.to.processing);
    expect(working.data).toMatchObject({ actorId: 'dataset:1', address: 'docs/one', status: 'active' });
    const progress = await client.next(
      ({ event, data }) => event === 'progress' && data.documentsAdded === 1,
    );
    expect(progress.data).toMatchObject({ address: 'docs/one' });
    const written = client.events.filter(({ event }) => event === 'progress');
    expect(written.reduce((sum, { data }) => sum + data.rowsWritten, 0)).toBeLessThanOrEqual(1);
    await client.next(({ event, data }) => event === 'runtime' && data.type === 'dataset.created');
    const ended = await client.next(({ event, data }) => event === 'task' && data.type === 'task.ended');
    expect(ended.data).toMatchObject({ kind: 'ingest', address: 'docs/one', state: 'succeeded' });

    const places = client.events.flatMap(({ id }) => (id === undefined ? [] : [Number(id.split('.')[1])]));
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    await client.close();
  });

  test('tells one dataset, or some kinds of events, to those who ask for no more', async () => {
    const api = await startTestApi();
    await api.runtime.start();
    const one = await openEventStream(`${api.url}/v1/events?dataset=docs/one`);
    const transitions = await openEventStream(`${api.url}/v1/events?types=transition`);
    for (const name of ['two', 'one']) {
      await api.runtime.dataset(`docs/${name}`).ingest([{ key: 'a', content: 'words' }]);
    }
    await one.next(({ event }) => event === 'progress');
    await transitions.next(({ data }) => data?.address === 'docs/one');
    const told = one.events.filter(({ event }) => event !== 'retry' && event !== 'snapshot');
    expect(new Set(told.map(({ data }) => data.address))).toEqual(new Set(['docs/one']));
    expect(new Set(transitions.events.map(({ event }) => event))).toEqual(
      new Set(['retry', 'snapshot', 'transition']),
    );
    await Promise.all([one.close(), transitions.close()]);
  });

  test('goes on where a client left it', async () => {
    const api = await startTestApi();
    await api.runtime.start();
    const before = await openEventStream(`${api.url}/v1/events`);
    await before.next(({ event }) => event === 'snapshot');
    api.runtime.pause('first');
    const last = await before.next(({ data }) => data?.actorId === 'supervisor' && data.to === 'paused');
    await before.close();
    api.runtime.resume('first');
    api.runtime.pause('second');
    const after = await openEventStream(`${api.url}/v1/events`, { 'Last-Event-ID': last.id ?? '' });
    // Other actors may tell of themselves meanwhile.
    const isOfSupervisor = ({ data, event }: { data?: { actorId?: string }; event?: string }): boolean =>
      event === 'transition' && data?.actorId === 'supervisor';
    await after.next((told) => isOfSupervisor(told) && told.data.to === 'paused');
    const seen = after.events.filter(isOfSupervisor);
    expect(seen[0]?.data.to).toMatchObject({ running: {} });
    expect(after.events.some(({ event }) => event === 'snapshot' || event === 'gap')).toBe(false);
    await after.close();
  });

  test('tells a client whose place is not known any more that there is a gap', async () => {
    const api = await startTestApi();
    for (const id of ['0123456789ab.7', 'nonsense', '']) {
      const client = await openEventStream(`${api.url}/v1/events`, { 'Last-Event-ID': id });
      await client.next(({ event }) => event === 'snapshot');
      const gap = client.events.find(({ event }) => event === 'gap');
      expect(gap?.data).toEqual({ reason: 'unknownId', missed: null });
      await client.close();
    }
  });

  test('ends with a word when the runtime stops', async () => {
    const api = await startTestApi();
    const client = await openEventStream(`${api.url}/v1/events`);
    await client.next(({ event }) => event === 'snapshot');
    await api.runtime.stop();
    await client.ended;
    expect(client.events.at(-1)).toMatchObject({ event: 'end', data: { reason: 'stopping' } });
  });

  test('is refused when there are as many as there may be, and free again when one has left', async () => {
    const api = await startTestApi({ http: { eventStreamsMax: 2 } });
    const clients = [
      await openEventStream(`${api.url}/v1/events`),
      await openEventStream(`${api.url}/v1/events`),
    ];
    const refused = await api.call('GET', '/v1/events');
    expect(refused.body).toMatchObject({ status: 503, code: 'TOO_MANY_STREAMS' });
    expect(refused.headers.get('retry-after')).toBe('10');
    await clients[0]?.close();
    await waitFor('a place is free', async () => {
      const client = await openEventStream(`${api.url}/v1/events`);
      await client.close();
      return client.response.status === 200;
    });
    await clients[1]?.close();
  });

  test('never tells folders of the host', async () => {
    const api = await startTestApi();
    await api.runtime.start();
    const client = await openEventStream(`${api.url}/v1/events`);
    const dataset = api.runtime.dataset('docs/one');
    await dataset.ingest([{ key: 'a', content: 'words' }]);
    await dataset.check({ level: 'rows' });
    await dataset.rebuild();
    await client.next(({ data }) => data?.type === 'table.rebuilt');
    expect(JSON.stringify(client.events)).not.toContain(api.dataDir);
    await client.close();
  });
});
