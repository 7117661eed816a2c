/*
 * What a delta saves: five tables of a database, 1,500 records of one chunk each, of which a tenth changes. A delta run against
 * embedding everything again, with a provider that takes 60 ms a request.
 *
 *     bun bench/delta.ts [--items 1] [--in-flight 1] [--latency-ms 60] [--rounds 3]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createOpenAiEmbedder, createSyncline, type IndexResult } from '../src/index.ts';
import { type EmbeddingServer, startEmbeddingServer } from '../test/support/embedding-server.ts';
import { makeSeedShop } from '../test/support/seed-shop.ts';

const { values } = parseArgs({
  options: {
    /** Texts of one request. */
    items: { type: 'string', default: '1' },
    'in-flight': { type: 'string', default: '1' },
    'latency-ms': { type: 'string', default: '60' },
    /** Deltas, one after the other, of which the one in the middle is told. */
    rounds: { type: 'string', default: '3' },
  },
});
const DIMENSIONS = 384;

interface Measured {
  readonly name: string;
  readonly texts: number;
  readonly requests: number;
  readonly seconds: number;
}

const folder = await mkdtemp(join(tmpdir(), 'syncline-delta-'));
await using provider = await startEmbeddingServer({
  dimensions: DIMENSIONS,
  latencyMs: Number(values['latency-ms']),
  keepTexts: false,
});
const shop = makeSeedShop(join(folder, 'shop.db'));
try {
  await compare();
} finally {
  shop.close();
  await rm(folder, { recursive: true, force: true });
}

async function compare(): Promise<void> {
  await using runtime = runtimeIn('kept');
  await runtime.start();
  const kept = runtime.dataset('shop/records');
  await kept.create();
  await kept.setSources([shop.source]);
  await measure('first index', () => kept.index({ full: true }));
  const deltas: Measured[] = [];
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    const changedIds = shop.changeTenth(round);
    deltas.push(await measure('delta run', () => kept.index({ changedIds })));
  }
  const delta = deltas.sort((a, b) => a.seconds - b.seconds)[Math.floor(deltas.length / 2)];
  if (delta === undefined) throw new Error('There was no delta.');

  // As if nothing were known: what everything costs without hashes and deltas.
  await using anew = runtimeIn('anew');
  await anew.start();
  const all = anew.dataset('shop/records');
  await all.create();
  await all.setSources([shop.source]);
  const full = await measure('everything again', () => all.index({ full: true }));
  table(full, delta);
}

function runtimeIn(name: string) {
  return createSyncline({ dataDir: join(folder, name), environment: {}, embedder: embedderOf(provider) });
}

function embedderOf({ url }: EmbeddingServer) {
  return createOpenAiEmbedder({
    model: 'stand-in',
    dimensions: DIMENSIONS,
    sendDimensions: true,
    baseUrl: url,
    limits: { itemsPerRequestMax: Number(values.items), requestsInFlightMax: Number(values['in-flight']) },
  });
}

async function measure(name: string, run: () => Promise<IndexResult>): Promise<Measured> {
  provider.reset();
  const startMs = performance.now();
  const { embeddedCount } = await run();
  const seconds = (performance.now() - startMs) / 1_000;
  const { inputs: texts, requests } = provider.stats();
  print(`${name}: ${embeddedCount} texts embedded in ${seconds.toFixed(2)} s`);
  return { name, texts, requests, seconds };
}

function table(full: Measured, delta: Measured): void {
  const fewer = (a: number, b: number): string => `${(100 * (1 - b / a)).toFixed(1)} % fewer`;
  print('');
  print('| | texts embedded | requests | seconds |');
  print('|---|---|---|---|');
  for (const { name, texts, requests, seconds } of [full, delta])
    print(`| ${name} | ${texts} | ${requests} | ${seconds.toFixed(2)} |`);
  const times = (full.seconds / delta.seconds).toFixed(1);
  print(
    `| | ${fewer(full.texts, delta.texts)} | ${fewer(full.requests, delta.requests)} | ${times} × faster |`,
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
