import { afterEach, describe, expect, test } from 'bun:test';
import { connect, type Socket } from 'node:net';
import { createEventLog, type EventLog } from '../../src/http/live/event-log.ts';
import { createEventStreams, type EventStreams } from '../../src/http/live/event-streams.ts';
import { openEventStream } from '../support/event-stream.ts';
import { waitFor } from '../support/test-runtime.ts';

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  while (open.length > 0) await open.pop()?.();
});

interface Served {
  readonly log: EventLog;
  readonly streams: EventStreams;
  readonly port: number;
  readonly url: string;
  append(json: string): void;
}

function serve(limits: { heartbeatMs?: number; stallMaxMs?: number; eventsMax?: number } = {}): Served {
  const log = createEventLog('log', limits.eventsMax ?? 1_000);
  const streams = createEventStreams(log, () => '{}', {
    streamsMax: 10_000,
    heartbeatMs: 5_000,
    stallMaxMs: 30_000,
    ...limits,
  });
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    fetch(request) {
      const lastEventId = request.headers.get('last-event-id') ?? undefined;
      const stream = streams.open({ lastEventId, wants: () => true });
      return new Response(stream, { headers: { 'Content-Type': 'text/event-stream' } });
    },
  });
  open.push(() => server.stop(true));
  return {
    log,
    streams,
    port: server.port ?? 0,
    url: `http://127.0.0.1:${server.port}`,
    append: (json) => log.append({ type: 'runtime', address: undefined, json }),
  };
}

/** A client over a bare socket, which reads nothing before it is asked to. */
async function connectIdle(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.pause();
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return socket;
}

describe('event streams', () => {
  test('say that they live while nothing happens', async () => {
    const { url } = serve({ heartbeatMs: 20 });
    const client = await openEventStream(url);
    await waitFor(
      'three signs of life',
      () => client.events.filter(({ event }) => event === 'comment').length >= 3,
    );
    await client.close();
  });

  test('give a client that comes back exactly what it missed, and tell it when that is gone', async () => {
    const { url, append } = serve({ eventsMax: 4 });
    for (let number = 1; number <= 6; number += 1) append(`${number}`);
    const back = await openEventStream(url, { 'Last-Event-ID': 'log.3' });
    await back.next(({ data }) => data === 6);
    expect(back.events.filter(({ event }) => event === 'runtime').map(({ data }) => data)).toEqual([4, 5, 6]);
    const late = await openEventStream(url, { 'Last-Event-ID': 'log.1' });
    await late.next(({ event }) => event === 'snapshot');
    expect(late.events.find(({ event }) => event === 'gap')?.data).toEqual({ reason: 'tooOld', missed: 1 });
    append('7');
    await late.next(({ data }) => data === 7);
    expect(late.events.filter(({ event }) => event === 'runtime').map(({ data }) => data)).toEqual([7]);
    await Promise.all([back.close(), late.close()]);
  });

  test('drop a client that takes nothing, with a notice, and hold no more than a bit for it meanwhile', async () => {
    const { port, streams, append } = serve({ heartbeatMs: 20, stallMaxMs: 200 });
    const socket = await connectIdle(port);
    await waitFor('the stream is open', () => streams.size === 1);
    const text = JSON.stringify('x'.repeat(10_000));
    await waitFor(
      'it is dropped',
      () => {
        append(text);
        return streams.size === 0;
      },
      120_000,
    );
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString();
    });
    socket.resume();
    await waitFor('the notice', () => received.includes('event: dropped'));
    expect(received).toContain('{"reason":"slow"}');
    socket.destroy();
  }, 120_000);

  test('come and go a thousand at a time, and leave nothing behind', async () => {
    const { port, streams, append, log } = serve();
    const round = async (): Promise<void> => {
      const sockets = await Promise.all(Array.from({ length: 1_000 }, () => connectIdle(port)));
      let received = 0;
      for (const socket of sockets) {
        socket.once('data', () => {
          received += 1;
        });
        socket.resume();
      }
      await waitFor('all are open', () => streams.size === 1_000, 60_000);
      await waitFor('all have their beginning', () => received === 1_000, 60_000);
      let told = 0;
      for (const socket of sockets)
        socket.on('data', (bytes) => {
          if (bytes.includes('"news"')) told += 1;
        });
      append('"news"');
      await waitFor('all were told', () => told === 1_000, 60_000);
      for (const socket of sockets) socket.destroy();
      await waitFor('all have left', () => streams.size === 0, 60_000);
    };
    await round();
    Bun.gc(true);
    const before = process.memoryUsage().rss;
    for (let number = 0; number < 3; number += 1) await round();
    Bun.gc(true);
    const grownBytes = process.memoryUsage().rss - before;
    // A stream that stayed would cost some 10 KB: 30 MB in all.
    expect(grownBytes).toBeLessThan(25_000_000);
    // The one listener of all readers has gone with the last.
    expect(log.listenerCount).toBe(0);
  }, 180_000);
});
