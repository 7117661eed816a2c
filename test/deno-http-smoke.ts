/*
 * The HTTP server once through in Deno: deno run --allow-all test/deno-http-smoke.ts
 * Ends with 1 and the reason at the first thing that is not as it must be.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHttpServer } from '../src/http/server.ts';
import { createSyncline, loadConfig, type SynclineError } from '../src/index.ts';

const KEY = 'a-key-that-is-long-enough';
const folder = mkdtempSync(join(tmpdir(), 'syncline-deno-http-'));

try {
  await configurationFile();
  await server();
  console.log('the server works in Deno');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A configuration in TypeScript is loaded by a plain import. */
async function configurationFile(): Promise<void> {
  writeFileSync(join(folder, 'syncline.config.ts'), 'export default { http: { port: 8080 as number } };');
  const { http } = await loadConfig({ folder, environment: { SYNCLINE_API_KEYS: KEY } });
  assert.deepEqual(http, { port: 8_080, apiKeys: [KEY] });
}

/** Keys, limits, streams that end, and an orderly end. */
async function server(): Promise<void> {
  await using runtime = createSyncline({ dataDir: join(folder, 'data'), environment: {} });
  const config = { port: 0, apiKeys: [KEY], bodyBytesMax: 4_096, bodyTimeoutMs: 300 };
  const http = startHttpServer(runtime, config);
  const url = `${http.url}/v1/datasets`;
  const headers = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' };
  assert.throws(
    () => startHttpServer(runtime, { ...config, port: http.port }),
    ({ code, message }: SynclineError) => code === 'LISTEN_FAILED' && message.includes('in use'),
  );

  assert.equal(await statusOf(url, {}), 401);
  assert.equal(await statusOf(url, { headers }), 200);
  const created = { method: 'POST', headers, body: '{"project":"smoke","dataset":"http"}' };
  assert.equal(await statusOf(url, created), 201);
  assert.equal(await statusOf(url, { ...created, body: ' '.repeat(5_000) }), 413);
  // Until its client ends it, an upload that was answered before keeps Deno's server from ending.
  let endUpload: () => void = () => undefined;
  const stalled = new ReadableStream({
    start(controller) {
      controller.enqueue(Uint8Array.of(0x7b));
      endUpload = () => controller.close();
    },
  });
  assert.equal(await statusOf(url, { ...created, body: stalled }), 408);
  endUpload();

  const stream = await fetch(`${http.url}/v1/events`, { headers });
  const [said] = await Promise.all([stream.text(), http.close(5_000)]);
  assert.match(said, /event: end/);
  await assert.rejects(fetch(url, { headers }));
}

async function statusOf(url: string, init: RequestInit): Promise<number> {
  const answer = await fetch(url, init);
  await answer.text();
  return answer.status;
}
