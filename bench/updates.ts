/*
 * Small updates one by one, each waited for until it is searchable: how large the tables become on disk on the way, and how
 * long an update takes. With the defaults of a runtime.
 *
 *     bun bench/updates.ts [--updates 10000] [--documents 2000]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createSyncline, type DocumentInput } from '../src/index.ts';
import { bytesOnDisk } from '../src/vectors/sweep-leftovers.ts';
import { makePassages } from './corpus.ts';

const { values } = parseArgs({
  options: {
    updates: { type: 'string', default: '10000' },
    documents: { type: 'string', default: '2000' },
  },
});
const updateCount = Number(values.updates);
const documentCount = Number(values.documents);
const LOOKS = 20;

const folder = await mkdtemp(join(tmpdir(), 'syncline-updates-'));
const runtime = createSyncline({ dataDir: folder, environment: {}, embedder: { provider: 'local' } });
try {
  await run();
} finally {
  await runtime.stop();
  await rm(folder, { recursive: true, force: true });
}

async function run(): Promise<void> {
  let maintainedCount = 0;
  runtime.on(({ type }) => {
    if (type === 'table.maintained') maintainedCount += 1;
  });
  await runtime.start();
  const texts = await makePassages(documentCount);
  const dataset = runtime.dataset('bench/updates');
  await dataset.ingest(
    texts.map((content, index): DocumentInput => ({ key: `${index}`, content })),
    { mode: 'sync' },
  );
  const compactBytes = (await dataset.maintain()).table?.totalBytes ?? 0;
  say(`${documentCount} documents, table ${megabytes(compactBytes)} MB`);

  let peakBytes = 0;
  let times: number[] = [];
  const startMs = performance.now();
  for (let update = 1; update <= updateCount; update += 1) {
    const index = (update * 7_919) % documentCount;
    const updateMs = performance.now();
    const document = { key: `${index}`, content: `${texts[index]} Changed in update ${update}.` };
    await dataset.ingest([document], { mode: 'sync' });
    times.push(performance.now() - updateMs);
    if (update % 50 === 0) peakBytes = Math.max(peakBytes, await tablesBytes());
    if (update % Math.ceil(updateCount / LOOKS) !== 0) continue;
    const nowBytes = await tablesBytes();
    times.sort((a, b) => a - b);
    const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(0);
    say(
      `${String(update).padStart(6)} updates, ${((performance.now() - startMs) / 1_000).toFixed(0)} s: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; disk ${megabytes(nowBytes)} MB, peak ${megabytes(peakBytes)} MB = ${(peakBytes / compactBytes).toFixed(1)} x; ${maintainedCount} rounds of maintenance`,
    );
    times = [];
  }
  await dataset.maintain();
  const endBytes = await tablesBytes();
  say(`after a last maintenance: disk ${megabytes(endBytes)} MB = ${(endBytes / compactBytes).toFixed(2)} x`);
}

function tablesBytes(): Promise<number> {
  return bytesOnDisk(join(folder, 'vectors'));
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
