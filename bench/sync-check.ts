/*
 * The sync check of many rows against the raw scan of both sides: reading the columns that it compares, and nothing else.
 * Ratios count, absolute times are this machine's; each is the median of several runs in a process of its own.
 *
 *     bun bench/sync-check.ts [--rows 1000000]
 *
 * Table and catalog are built directly through the adapters, with vectors of 16 dimensions, which the check of rows does not read.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { connect, type Table } from '@lancedb/lancedb';
import { createLocalDriver } from '../src/catalog/local/local-driver.ts';
import { openCatalog } from '../src/catalog/open-catalog.ts';
import { type SqlDriver, type SqlRow, statement } from '../src/catalog/sql-driver.ts';
import { createSyncline, type Syncline } from '../src/index.ts';
import { createLanceVectorStore } from '../src/vectors/lance-vector-store.ts';
import type { TableRow } from '../src/vectors/vector-store.ts';
import { measure } from './measure.ts';

const RUNS = 5;
const DIMENSIONS = 16;
const CHUNKS_PER_DOCUMENT = 10;
const ROWS_PER_COMMIT = 10_000;
const ROWS_PER_PAGE = 8_192;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rows: { type: 'string', default: '1000000' }, dir: { type: 'string', default: '' } },
});
const rowCount = Number(values.rows);
const dataDir = values.dir;

const TASKS: Readonly<Record<string, () => Promise<unknown>>> = {
  build: () => build(),
  lose: () => loseRows(),
  tableRaw: async () => {
    const table = await openTable();
    return repeat(() => scanTable(table));
  },
  catalogRaw: () => withDriver((driver) => repeat(() => scanCatalog(driver))),
  catalogSum: () => withDriver((driver) => repeat(() => sumCatalog(driver))),
  quick: () => withRuntime((runtime) => repeat(() => check(runtime, 'quick'))),
  rows: () => withRuntime((runtime) => repeat(() => check(runtime, 'rows'))),
};
const task = TASKS[positionals[0] ?? ''];
if (task === undefined) await compare();
else process.stdout.write(`${JSON.stringify(await task())}\n`);

interface Result {
  readonly wallMs: number;
  /** Of all threads. */
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly rssBeforeMb: number;
  readonly lagMaxMs: number;
  readonly result: unknown;
}

async function compare(): Promise<void> {
  const dir = join(tmpdir(), `syncline-sync-check-${process.pid}`);
  try {
    await runTask('build', dir);
    const show = async (name: string, label: string): Promise<Result> => {
      const run = await runTask(name, dir);
      const { wallMs, cpuMs, rssMb, rssBeforeMb, lagMaxMs, result } = run;
      const figures = `${wallMs.toFixed(0)} ms (cpu ${cpuMs.toFixed(0)})`.padStart(22);
      const memory = `rss ${rssMb.toFixed(0)} MB (before ${rssBeforeMb.toFixed(0)})`.padStart(26);
      process.stdout.write(
        `${label.padEnd(44)}${figures}${memory}  lag max ${lagMaxMs.toFixed(1)} ms  ${JSON.stringify(result)}\n`,
      );
      return run;
    };
    const table = await show('tableRaw', 'raw scan of the table');
    const rows = await show('catalogRaw', 'raw scan of the catalog, as rows');
    const sum = await show('catalogSum', 'scan of the catalog inside SQLite (max)');
    await show('quick', 'check: quick');
    const clean = await show('rows', 'check: rows, in sync');
    const ratio = (run: Result, kind: 'wallMs' | 'cpuMs'): string => {
      const plain = run[kind] / (table[kind] + rows[kind]);
      const least = run[kind] / (table[kind] + sum[kind]);
      return `${plain.toFixed(2)} x the raw scans, ${least.toFixed(2)} x with SQLite's own scan`;
    };
    const tell = (name: string, run: Result): void => {
      process.stdout.write(`${name}: time ${ratio(run, 'wallMs')}; cpu ${ratio(run, 'cpuMs')}\n`);
    };
    tell('check: rows, in sync', clean);
    await runTask('lose', dir);
    const damaged = await show('rows', 'check: rows, every bucket differs');
    tell('check: rows, every bucket differs', damaged);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function runTask(name: string, dir: string): Promise<Result> {
  const args = ['bench/sync-check.ts', name, '--rows', values.rows, '--dir', dir];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(JSON.parse(text) as Result) : reject(new Error(`${name} ended with ${code}`)),
    );
  });
}

async function repeat(run: () => Promise<unknown>): Promise<Result> {
  // The libraries are loaded, and what is read lies in the system's cache.
  await run();
  const rssBeforeMb = process.memoryUsage.rss() / 2 ** 20;
  const runs: Result[] = [];
  for (let turn = 0; turn < RUNS; turn += 1) {
    const { result, measurement } = await measure(run);
    const { wallMs, cpuMs, peakRssMb, lagMaxMs } = measurement;
    runs.push({ wallMs, cpuMs, rssMb: peakRssMb, rssBeforeMb, lagMaxMs, result });
  }
  runs.sort((a, b) => a.wallMs - b.wallMs);
  const median = runs[Math.floor(RUNS / 2)];
  if (median === undefined) throw new Error('There was no run.');
  return { ...median, rssMb: Math.max(...runs.map(({ rssMb }) => rssMb)) };
}

async function withRuntime<Result>(task: (runtime: Syncline) => Promise<Result>): Promise<Result> {
  await using runtime = createSyncline({ dataDir, access: 'readOnly' });
  return await task(runtime);
}

async function check(runtime: Syncline, level: 'quick' | 'rows'): Promise<unknown> {
  const { inSync, catalogRowCount, tableRowCount, missing } = await runtime
    .dataset('bench/rows')
    .check({ level });
  return { inSync, catalogRowCount, tableRowCount, missing: missing.count };
}

async function openTable(): Promise<Table> {
  const connection = await connect(join(dataDir, 'vectors'));
  const [name = ''] = await connection.tableNames();
  return connection.openTable(name);
}

async function scanTable(table: Table): Promise<number> {
  let count = 0;
  const query = table.query().select(['chunk_id', 'document_id', 'fingerprint']);
  for await (const batch of query) count += batch.numRows;
  return count;
}

async function withDriver<Result>(task: (driver: SqlDriver) => Promise<Result>): Promise<Result> {
  const path = join(dataDir, 'catalog.db');
  const driver = createLocalDriver({ path, access: 'readOnly', busyTimeoutMs: 5_000 });
  try {
    return await task(driver);
  } finally {
    await driver.close();
  }
}

async function read(driver: SqlDriver, sql: string, ...args: number[]): Promise<readonly SqlRow[]> {
  return (await driver.read([statement(sql, ...args)]))[0]?.rows ?? [];
}

async function scanCatalog(driver: SqlDriver): Promise<number> {
  let count = 0;
  let last: SqlRow = [0, -1, -1];
  for (;;) {
    const page = await read(
      driver,
      `select chunk_id, document_id, fingerprint from indexed_chunks
       where generation_id = 1 and (document_id, chunk_id) > (?, ?) order by document_id, chunk_id limit ?`,
      Number(last[1]),
      Number(last[0]),
      ROWS_PER_PAGE,
    );
    count += page.length;
    if (page.length < ROWS_PER_PAGE) return count;
    last = page.at(-1) ?? last;
  }
}

async function sumCatalog(driver: SqlDriver): Promise<number> {
  const sql = 'select count(*), max(fingerprint), max(chunk_id) from indexed_chunks where generation_id = 1';
  return Number((await read(driver, sql))[0]?.[0]);
}

async function build(): Promise<unknown> {
  const catalog = await openCatalog({ url: join(dataDir, 'catalog.db'), access: 'readWrite' });
  const store = createLanceVectorStore({ uri: join(dataDir, 'vectors'), durable: false });
  const lease = { holderId: 'bench', pid: process.pid, host: 'bench', startedAtMs: 0, ttlMs: 3_600_000 };
  const answer = await catalog.acquireLease(lease);
  if (!answer.granted) throw new Error('The lease is held.');
  await catalog.migrate();
  const writer = catalog.writer(answer.token);
  const { datasetId, configurationId } = await writer.createDataset({
    address: { project: 'bench', dataset: 'rows' },
    profile: { provider: 'bench', model: 'bench', dimensions: DIMENSIONS, templateVersion: 1 },
    fields: {},
    chunking: { tokensPerChunkMax: 512 },
  });
  const { generationId, tableName } = await writer.createGeneration(datasetId, configurationId);
  const table = await store.createTable(tableName, { dimensions: DIMENSIONS, fields: {} });
  for (let first = 1; first <= rowCount; first += ROWS_PER_COMMIT) {
    const rows = Array.from({ length: Math.min(ROWS_PER_COMMIT, rowCount - first + 1) }, (_, index) =>
      rowOf(first + index),
    );
    const vectors = Float32Array.from({ length: rows.length * DIMENSIONS }, (_, index) => (index % 97) / 97);
    const state = await table.append({ rows, vectors });
    const documents = Map.groupBy(rows, ({ documentId }) => documentId);
    await writer.markIndexed({
      generationId,
      ...state,
      documents: Array.from(documents, ([documentId, own]) => ({ documentId, revision: 1, rows: own })),
    });
  }
  await writer.switchGeneration(generationId);
  await catalog.releaseLease(answer.token);
  await store.close();
  await catalog.close();
  return {};
}

function rowOf(chunkId: number): TableRow {
  const documentId = Math.ceil(chunkId / CHUNKS_PER_DOCUMENT);
  return {
    chunkId,
    documentId,
    source: 'default',
    key: `folder/document-${documentId}.md`,
    title: `Document ${documentId}`,
    ordinal: chunkId % CHUNKS_PER_DOCUMENT,
    start: 0,
    end: 100,
    tokenCount: 20,
    embeddedText: `Words of chunk ${chunkId} in document ${documentId}, about as long as a sentence is.`,
    textStart: 0,
    metadataJson: '{}',
    fingerprint: createHash('sha256').update(`${chunkId}`).digest().readBigInt64LE(0),
    contentFingerprint: BigInt(documentId),
    fields: {},
  };
}

/** One row of each bucket goes, and the record is made to agree: then every bucket has to be compared row by row. */
async function loseRows(): Promise<unknown> {
  const table = await openTable();
  await table.delete(`chunk_id > ${rowCount - 256}`);
  const driver = createLocalDriver({
    path: join(dataDir, 'catalog.db'),
    access: 'readWrite',
    busyTimeoutMs: 5_000,
  });
  const [version, count] = [await table.version(), await table.countRows()];
  await driver.write([
    statement('update generations set recorded_version = ?, recorded_row_count = ?', version, count),
  ]);
  await driver.close();
  return {};
}
