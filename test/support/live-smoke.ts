import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { startHttpServer } from '../../src/http/server.ts';
import { createSyncline } from '../../src/index.ts';

/** Actors, event stream, inspection, MCP and metrics, served for real by whichever engine runs this. */
export async function smokeLive(dataDir: string): Promise<void> {
  await using runtime = createSyncline({ dataDir, environment: {} });
  const server = startHttpServer(runtime, { port: 0, inspect: true });
  try {
    const events = await readUntil(`${server.url}/v1/events`, 'event: snapshot');
    await inspect(server.url);
    const started = await fetch(`${server.url}/v1/actors/supervisor/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ type: 'supervisor.start' }),
    });
    assert.equal(started.status, 202);
    await runtime.dataset('smoke/live').ingest([{ key: 'a', content: 'words to be found' }]);
    await events.until('"address":"smoke/live"');
    await events.close();
    await callTool(server.url);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /syncline_documents\{dataset="smoke\/live"\} 1/);
    assert.equal((await fetch(`${server.url}/ready`)).status, 200);
  } finally {
    await server.close(1_000);
  }
}

async function readUntil(url: string, text: string) {
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let received = '';
  const until = async (wanted: string): Promise<void> => {
    while (!received.includes(wanted)) {
      const { value, done } = (await reader?.read()) ?? { done: true, value: undefined };
      assert.ok(!done, `the stream ended before ${wanted}`);
      received += value;
    }
  };
  await until(text);
  return {
    until,
    close: async () => {
      abort.abort();
      await reader?.cancel().catch(() => undefined);
    },
  };
}

async function inspect(url: string): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/inspect`);
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  socket.onopen = () => opened.resolve();
  socket.onerror = () => opened.reject(new Error('The WebSocket was refused.'));
  socket.onclose = () => closed.resolve();
  await opened.promise;
  socket.close();
  await closed.promise;
}

async function callTool(url: string): Promise<void> {
  const client = new Client({ name: 'smoke', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)));
  const { structuredContent } = await client.callTool({ name: 'search', arguments: { query: 'words' } });
  assert.equal((structuredContent as { results: { key: string }[] }).results[0]?.key, 'a');
  await client.close();
}
