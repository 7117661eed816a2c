/*
 * How many of the ten nearest passages a search through the vector index finds, and how long it takes, beside a comparison
 * with every row. Real text, embedded by the local embedder, whose vectors are harder for an index than those of a model that knows meaning.
 *
 *     bun bench/recall.ts [--rows 30000]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createLocalEmbedder } from '../src/embedders/local-embedder.ts';
import { createLanceVectorStore } from '../src/vectors/lance-vector-store.ts';
import type { TableHit, VectorQuery, VectorTable } from '../src/vectors/vector-store.ts';
import { makePassages } from './corpus.ts';

const { values } = parseArgs({ options: { rows: { type: 'string', default: '30000' } } });
const rowCount = Number(values.rows);
const QUERIES = 200;
const NEAREST = 10;
const TEXTS_PER_REQUEST = 250;
const ROWS_PER_COMMIT = 1_000;
/** Commits of one row each, and a refresh of the index: what recall is like between two builds of the index. */
const REFRESHES = 10;
/** Another row at the same distance is as good. */
const DISTANCE_TOLERANCE = 1e-6;

const embedder = createLocalEmbedder();
const folder = await mkdtemp(join(tmpdir(), 'syncline-recall-'));
const store = createLanceVectorStore({ uri: folder, durable: false, cleanupGraceMs: 0 });
try {
  await run();
} finally {
  await store.close();
  await rm(folder, { recursive: true, force: true });
}

async function run(): Promise<void> {
  const texts = await makePassages(rowCount + QUERIES + REFRESHES);
  const table = await store.createTable('t', { dimensions: embedder.dimensions, fields: {} });
  for (let start = 0; start < rowCount; start += ROWS_PER_COMMIT)
    await append(table, texts.slice(start, Math.min(rowCount, start + ROWS_PER_COMMIT)), start);
  // Words out of passages that are not in the table.
  const queries = texts
    .slice(rowCount, rowCount + QUERIES)
    .map((text) => text.split(/\s+/).slice(2, 10).join(' '));
  const vectors = await embed(queries);

  let startMs = performance.now();
  await maintain(table);
  say(`${rowCount} rows, ${embedder.dimensions} dimensions; indexes built in ${seconds(startMs)}`);
  const exact = await searchAll(table, vectors, { exact: true });
  say(`exact            p50 ${exact.p50Ms} ms, p99 ${exact.p99Ms} ms`);
  report('indexed', await searchAll(table, vectors, {}), exact);

  startMs = performance.now();
  for (let refresh = 0; refresh < REFRESHES; refresh += 1) {
    const at = rowCount + QUERIES + refresh;
    await append(table, texts.slice(at, at + 1), at);
    await maintain(table);
  }
  say(`${REFRESHES} refreshes in ${seconds(startMs)}`);
  const again = await searchAll(table, vectors, { exact: true });
  report('after refreshes', await searchAll(table, vectors, {}), again);
}

async function maintain(table: VectorTable): Promise<void> {
  await table.maintain({ recordedVersion: (await table.state()).version });
}

async function append(table: VectorTable, texts: readonly string[], firstId: number): Promise<void> {
  const vectors = new Float32Array(texts.length * embedder.dimensions);
  for (const [index, vector] of (await embed(texts)).entries())
    vectors.set(vector, index * embedder.dimensions);
  const rows = texts.map((embeddedText, index) => ({
    chunkId: firstId + index + 1,
    documentId: firstId + index + 1,
    source: 'bench',
    key: `${firstId + index}`,
    title: '',
    ordinal: 0,
    start: 0,
    end: embeddedText.length,
    tokenCount: 100,
    embeddedText,
    textStart: 0,
    metadataJson: '{}',
    fingerprint: 0n,
    contentFingerprint: 0n,
    fields: {},
  }));
  await table.append({ rows, vectors });
}

async function embed(texts: readonly string[]): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let start = 0; start < texts.length; start += TEXTS_PER_REQUEST) {
    const part = texts.slice(start, start + TEXTS_PER_REQUEST);
    vectors.push(...(await embedder.embed(part, { purpose: 'document' })).vectors);
  }
  return vectors;
}

interface Answers {
  readonly hits: readonly TableHit[][];
  readonly p50Ms: string;
  readonly p99Ms: string;
}

async function searchAll(
  table: VectorTable,
  vectors: readonly Float32Array[],
  options: Partial<VectorQuery>,
): Promise<Answers> {
  const hits: TableHit[][] = [];
  const times: number[] = [];
  for (const vector of vectors) {
    const startMs = performance.now();
    hits.push(await table.searchVector({ vector, limit: NEAREST, ...options }));
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  return { hits, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function report(name: string, found: Answers, exact: Answers): void {
  let foundCount = 0;
  let wantedCount = 0;
  for (const [index, wanted] of exact.hits.entries()) {
    const farthest = (wanted.at(-1)?.score ?? 0) - DISTANCE_TOLERANCE;
    wantedCount += wanted.length;
    foundCount += (found.hits[index] ?? []).filter(({ score }) => score >= farthest).length;
  }
  const recall = (foundCount / wantedCount).toFixed(4);
  say(`${name.padEnd(16)} p50 ${found.p50Ms} ms, p99 ${found.p99Ms} ms, recall@${NEAREST} ${recall}`);
}

function seconds(startMs: number): string {
  return `${((performance.now() - startMs) / 1_000).toFixed(1)} s`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
