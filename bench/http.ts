/*
 * How long the status of a dataset takes over a real socket: while nothing happens, and while documents are indexed in the same
 * process.
 *
 *     bun bench/http.ts [--requests 10000] [--documents 5000]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { startHttpServer } from '../src/http/server.ts';
import { createSyncline, type DocumentInput } from '../src/index.ts';
import { makePassages } from './corpus.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    documents: { type: 'string', default: '5000' },
  },
});
const requestCount = Number(values.requests);
const documentCount = Number(values.documents);
/** Requests under way at the same time. */
const AT_ONCE = 50;

const folder = await mkdtemp(join(tmpdir(), 'syncline-http-'));
const runtime = createSyncline({ dataDir: folder, environment: {}, embedder: { provider: 'local' } });
const server = startHttpServer(runtime, { port: 0, requestsPerSecondMax: 0 });
try {
  await run();
} finally {
  await server.close(5_000);
  await runtime.stop();
  await rm(folder, { recursive: true, force: true });
}

async function run(): Promise<void> {
  await runtime.start();
  const dataset = runtime.dataset('bench/http');
  const passages = await makePassages(documentCount);
  const documents = passages.map((content, number): DocumentInput => ({ key: `${number}`, content }));
  await dataset.ingest(documents.slice(0, 100), { mode: 'sync' });
  tell('at rest', await askForStatus());
  let isOver = false;
  const startMs = performance.now();
  const indexing = indexUntil(() => isOver, documents);
  const times = await askForStatus();
  isOver = true;
  const indexedCount = await indexing;
  tell('while indexing', times);
  const seconds = (performance.now() - startMs) / 1_000;
  print(`meanwhile ${indexedCount} documents were indexed in ${seconds.toFixed(1)} s`);
}

/** Takes all documents in again and again, each time with other words, until told to end; returns how many. */
async function indexUntil(isOver: () => boolean, documents: readonly DocumentInput[]): Promise<number> {
  let count = 0;
  for (let round = 1; !isOver(); round += 1) {
    const changed = documents.map((document) => ({
      ...document,
      content: `Round ${round}. ${document.content}`,
    }));
    await runtime.dataset('bench/http').ingest(changed, { mode: 'sync' });
    count += changed.length;
  }
  return count;
}

/** Milliseconds that each request took, ascending. */
async function askForStatus(): Promise<number[]> {
  const times: number[] = [];
  let sent = 0;
  const askOn = async (): Promise<void> => {
    while (sent < requestCount) {
      sent += 1;
      const startMs = performance.now();
      const response = await fetch(`${server.url}/v1/datasets/bench/http/status`);
      await response.text();
      if (!response.ok) throw new Error(`The status was answered with ${response.status}.`);
      times.push(performance.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askOn));
  return times.sort((a, b) => a - b);
}

function tell(when: string, times: readonly number[]): void {
  const at = (share: number): string => (times[Math.floor((times.length - 1) * share)] ?? 0).toFixed(1);
  const quantiles = `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`;
  print(`${times.length} requests ${when}, ${AT_ONCE} at a time: ${quantiles}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
