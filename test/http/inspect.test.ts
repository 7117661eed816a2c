import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { startHttpServer } from '../../src/http/server.ts';
import type { HttpOptions } from '../../src/index.ts';
import type { ParsedJson } from '../support/parsed-json.ts';
import { startTestRuntime, type TestRuntime, waitFor } from '../support/test-runtime.ts';

setDefaultTimeout(120_000);

const KEY = 'a-key-that-is-long-enough';
const open: (() => unknown)[] = [];

afterEach(async () => {
  while (open.length > 0) await open.pop()?.();
});

async function serve(http: HttpOptions): Promise<TestRuntime & { readonly url: string }> {
  const test = await startTestRuntime();
  const server = startHttpServer(test.runtime, { port: 0, ...http });
  open.push(() => server.close(100));
  return { ...test, url: server.url };
}

interface Tool {
  readonly socket: WebSocket;
  readonly messages: ParsedJson[];
  readonly state: () => 'waiting' | 'open' | 'closed';
}

/** A client as the tools have it: the engine's own WebSocket. */
function attach(url: string, headers: Record<string, string> = {}): Tool {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/inspect`, { headers } as unknown as string[]);
  const messages: ParsedJson[] = [];
  let state: 'waiting' | 'open' | 'closed' = 'waiting';
  socket.onopen = () => {
    state = 'open';
  };
  socket.onclose = () => {
    state = 'closed';
  };
  socket.onmessage = ({ data }) => messages.push(JSON.parse(String(data)));
  open.push(() => socket.close());
  return { socket, messages, state: () => state };
}

test("tools of XState attach over a WebSocket and see every actor in Stately's protocol", async () => {
  const { url, runtime, dataDir } = await serve({ inspect: true });
  await runtime.start();
  const tool = attach(url);
  await waitFor('the supervisor is told', () => tool.messages.length > 0);
  expect(tool.messages[0]).toMatchObject({
    type: '@xstate.actor',
    name: 'supervisor',
    sessionId: expect.any(String),
    rootId: tool.messages[0].sessionId,
    createdAt: expect.stringMatching(/^\d+$/),
    _version: expect.any(String),
    snapshot: { status: 'active' },
  });
  expect(JSON.parse(tool.messages[0].definition)).toMatchObject({ id: 'supervisor', initial: 'boot' });

  await runtime.dataset('docs/one').ingest([{ key: 'a', content: 'words' }]);
  await waitFor('the dataset rests', () =>
    tool.messages.some(({ type, snapshot }) => type === '@xstate.snapshot' && snapshot.value === 'idle'),
  );
  const dataset = tool.messages.find(({ type, name }) => type === '@xstate.actor' && name === 'dataset:1');
  expect(dataset).toMatchObject({ parentId: tool.messages[0].sessionId, rootId: tool.messages[0].sessionId });
  const events = tool.messages.filter(
    ({ type, sessionId }) => type === '@xstate.event' && sessionId === dataset.sessionId,
  );
  expect(events.map(({ event }) => event.type)).toContain('dataset.proceed');
  expect(JSON.stringify(tool.messages)).not.toContain(dataDir);

  await runtime.stop();
  await waitFor('the socket is closed', () => tool.state() === 'closed');
});

test('nothing is there unless it is asked for, and without a WebSocket it is refused', async () => {
  const without = await serve({});
  const tool = attach(without.url);
  await waitFor('it is refused', () => tool.state() === 'closed');
  expect((await fetch(`${without.url}/v1/inspect`)).status).toBe(404);
  const { url } = await serve({ inspect: true });
  expect((await fetch(`${url}/v1/inspect`)).status).toBe(426);
});

test('with keys, only who has one looks on; a page from elsewhere does not', async () => {
  const { url } = await serve({ inspect: true, apiKeys: [KEY] });
  const stranger = attach(url);
  await waitFor('it is refused', () => stranger.state() === 'closed');
  const known = attach(url, { Authorization: `Bearer ${KEY}` });
  await waitFor('it is let in', () => known.state() === 'open');
  const page = attach(url, { Authorization: `Bearer ${KEY}`, Origin: 'https://elsewhere.example' });
  await waitFor('it is refused', () => page.state() === 'closed');
});
