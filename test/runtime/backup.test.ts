import { expect, setDefaultTimeout, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'libsql';
import { sha256, toHex } from '../../src/domain/hash.ts';
import { restoreCatalog, type Syncline } from '../../src/index.ts';
import { startSqld } from '../support/sqld-server.ts';
import { rejectionOf, startTestRuntime, type TestRuntime, waitFor } from '../support/test-runtime.ts';

// Each test opens several catalogs and tables.
setDefaultTimeout(120_000);

function documents(count: number, from = 0) {
  return Array.from({ length: count }, (_, index) => ({
    key: `${from + index}`,
    title: `Title ${index}`,
    content: `# Words\n\nWords of document ${from + index}.\n\n## More\n\n${'more text '.repeat(index % 20)}`,
    metadata: { number: from + index },
  }));
}

/** Everything that a catalog holds about documents, in one comparable value. */
function contentsOf(path: string): unknown {
  const database = new Database(path);
  const all = (sql: string): unknown => database.prepare(sql).raw().all([]);
  return {
    documents: all(
      `select document_id, source, key, removed, format, hex(content_hash), hex(metadata_hash), title, metadata_json, content
       from documents left join document_contents using (document_id) order by document_id`,
    ),
    chunks: all(
      `select chunk_id, document_id, ordinal, start_offset, end_offset, token_count, hex(text_hash), context
       from chunks order by chunk_id`,
    ),
    embeddings: all(`select hex(text_hash), profile_id, hex(vector) from embeddings order by 1, 2`),
    sequences: all(`select name, seq from sqlite_sequence order by 1`),
  };
}

/** Hashes of the texts that a catalog has vectors of. */
function embeddedIn(path: string): Set<string> {
  const rows = new Database(path).prepare('select lower(hex(text_hash)) from embeddings').raw().all([]);
  return new Set((rows as unknown as string[][]).map(([hash = '']) => hash));
}

/** A place beside the test's data folder. */
function beside({ dataDir }: TestRuntime, name: string): string {
  return join(dirname(dataDir), name);
}

async function keysFound(runtime: Syncline): Promise<Set<string>> {
  const found = await runtime.dataset('docs/all').search('words of document', { mode: 'text', limit: 1_000 });
  return new Set(found.map(({ key }) => key));
}

test('a backup holds exactly what the catalog held, and nobody’s lease', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir } = context;
  await runtime.start();
  await runtime.dataset('docs/all').ingest(documents(50));
  await runtime.dataset('docs/all').deleteDocuments(['3']);
  const path = beside(context, 'backups/one.db');
  const result = await runtime.backup(path);
  expect(result).toMatchObject({ path, datasets: 1, documents: 49, version: expect.any(Number) });
  await runtime.stop();
  expect(contentsOf(path)).toEqual(contentsOf(join(dataDir, 'catalog.db')));
  const copy = new Database(path);
  expect(copy.prepare('select holder_id from leases').raw().all([])).toEqual([[null]]);
  expect(readdirSync(dirname(path))).toEqual(['one.db']);
  const elsewhere = beside(context, 'elsewhere');
  await restoreCatalog({ backup: path, dataDir: elsewhere });
  context.provider.reset();
  const next = context.another({ dataDir: elsewhere });
  await next.dataset('docs/all').index();
  expect(context.provider.stats().requests).toBe(0);
  expect((await keysFound(next)).size).toBe(49);
});

test('taken under load and restored into an empty folder: everything in it becomes searchable, and nothing is paid for', async () => {
  const context = await startTestRuntime();
  const { runtime, provider } = context;
  await runtime.start();
  const dataset = runtime.dataset('docs/all');
  await dataset.ingest(documents(100));
  const load = dataset.ingest(documents(600, 100));
  await waitFor('the load to be under way', () => provider.stats().inputs > 200);
  const path = beside(context, 'backup.db');
  await runtime.backup(path);
  await load;
  await runtime.stop();
  const dataDir = beside(context, 'elsewhere');
  const restored = await restoreCatalog({ backup: path, dataDir });
  expect(restored).toMatchObject({ path: join(dataDir, 'catalog.db'), keptAs: undefined });
  expect(restored.documents).toBeGreaterThanOrEqual(100);
  const known = embeddedIn(path);
  expect(known.size).toBeGreaterThanOrEqual(100);
  const sentBefore = provider.texts.length;
  const next = context.another({ dataDir });
  await next.dataset('docs/all').index();
  // What still waited for its vector when the backup was made was paid for by the other catalog alone.
  const sentAgain = provider.texts.slice(sentBefore).filter((text) => known.has(toHex(sha256(text))));
  expect(sentAgain).toEqual([]);
  const counts = (await next.dataset('docs/all').status()).counts;
  expect(counts).toMatchObject({ incomingDocuments: 0, queuedDocuments: 0 });
  expect(counts.documents).toBeGreaterThanOrEqual(restored.documents);
  const first = await keysFound(next);
  expect(first.size).toBe(counts.documents);
  for (let key = 0; key < 100; key += 1) expect(first.has(`${key}`)).toBe(true);
});

test('is taken while another process runs the worker', async () => {
  const context = await startTestRuntime();
  await context.runtime.stop();
  context.provider.setLatency(5);
  const program = new URL('../support/ingest-until-killed.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, context.dataDir, context.provider.url], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await waitFor('the child to be at work', () => context.provider.stats().inputs > 32);
  const path = beside(context, 'backup.db');
  const looking = context.another({ access: 'readOnly' });
  for (let round = 0; round < 3; round += 1) await looking.backup(path, { force: true });
  expect(
    await rejectionOf(restoreCatalog({ backup: path, dataDir: context.dataDir, force: true })),
  ).toMatchObject({ code: 'LEASE_HELD', details: { pid: child.pid } });
  child.kill('SIGKILL');
  await ended;
  context.provider.setLatency(0);
  const dataDir = beside(context, 'elsewhere');
  await restoreCatalog({ backup: path, dataDir });
  const next = context.another({ dataDir });
  await next.dataset('docs/killed').index();
  const { counts, table } = await next.dataset('docs/killed').status();
  expect(counts.documents).toBeGreaterThan(0);
  expect(table?.rowCount).toBe(counts.chunks.ready);
});

test('never replaces a file that was not to be replaced, neither a backup nor a catalog', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir } = context;
  await runtime.dataset('docs/all').ingest(documents(5));
  const path = beside(context, 'backup.db');
  writeFileSync(path, 'something of value');
  expect(await rejectionOf(runtime.backup(path))).toMatchObject({ code: 'FILE_EXISTS', details: { path } });
  expect(readFileSync(path, 'utf8')).toBe('something of value');
  await runtime.backup(path, { force: true });
  for (const wrong of ['', dataDir, join(dataDir, 'catalog.db')]) {
    expect(await rejectionOf(runtime.backup(wrong, { force: true }))).toMatchObject({
      code: 'INVALID_OPTION',
    });
  }
  expect(await rejectionOf(restoreCatalog({ backup: path, dataDir }))).toMatchObject({ code: 'FILE_EXISTS' });
  await runtime.dataset('docs/all').ingest(documents(5, 5));
  await runtime.stop();
  const before = contentsOf(join(dataDir, 'catalog.db'));
  const { keptAs = '' } = await restoreCatalog({ backup: path, dataDir, force: true });
  expect(contentsOf(keptAs)).toEqual(before);
  const next = context.another();
  await next.dataset('docs/all').index();
  expect(await keysFound(next)).toEqual(new Set(['0', '1', '2', '3', '4']));
});

test('a catalog that is broken is replaced, and kept as it was', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir } = context;
  await runtime.dataset('docs/all').ingest(documents(5));
  const backup = beside(context, 'backup.db');
  await runtime.backup(backup);
  await runtime.stop();
  const catalog = join(dataDir, 'catalog.db');
  truncateSync(catalog, 10_000);
  const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
  const before = digest(catalog);
  const { keptAs = '' } = await restoreCatalog({ backup, dataDir, force: true });
  expect(digest(keptAs)).toBe(before);
  const next = context.another();
  await next.dataset('docs/all').index();
  expect((await keysFound(next)).size).toBe(5);
});

test('a file that is no sound catalog is not restored, and what is there stays', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir } = context;
  await runtime.dataset('docs/all').ingest(documents(60));
  const good = beside(context, 'good.db');
  await runtime.backup(good);
  await runtime.stop();
  const bytes = readFileSync(good);
  const damaged = Buffer.from(bytes).fill(0xaa, bytes.length / 2, bytes.length / 2 + 20_000);
  const newer = beside(context, 'newer.db');
  writeFileSync(newer, bytes);
  new Database(newer).exec(`insert into schema_migrations values (99, 'future', 'x', 0)`);
  const foreign = beside(context, 'foreign.db');
  new Database(foreign).exec('create table notes (text)');
  const bad = {
    missing: beside(context, 'missing.db'),
    folder: dataDir,
    text: write('text.db', Buffer.from('These are my notes. '.repeat(1_000))),
    empty: write('empty.db', Buffer.alloc(0)),
    short: write('short.db', bytes.subarray(0, 20_000)),
    damaged: write('damaged.db', damaged),
    newer,
    foreign,
  };
  function write(name: string, content: Uint8Array): string {
    writeFileSync(beside(context, name), content);
    return beside(context, name);
  }
  const before = contentsOf(join(dataDir, 'catalog.db'));
  for (const backup of Object.values(bad)) {
    const error = await rejectionOf(restoreCatalog({ backup, dataDir, force: true }));
    expect(error).toMatchObject({ code: 'BACKUP_UNUSABLE', details: { path: backup } });
  }
  expect(contentsOf(join(dataDir, 'catalog.db'))).toEqual(before);
  expect(readdirSync(dataDir).filter((name) => name.includes('restor') || name.includes('replaced'))).toEqual(
    [],
  );
});

test('a backup that cannot be written says so and leaves nothing', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir } = context;
  expect(await rejectionOf(runtime.backup(beside(context, 'b.db')))).toMatchObject({
    code: 'CATALOG_MISSING',
  });
  await runtime.dataset('docs/all').ingest(documents(5));
  writeFileSync(beside(context, 'file'), '');
  expect(await rejectionOf(runtime.backup(beside(context, 'file/backup.db')))).toMatchObject({
    code: 'BACKUP_FAILED',
  });
  mkdirSync(beside(context, 'backups'));
  const path = beside(context, 'backups/b.db');
  const signal = AbortSignal.abort();
  expect(await rejectionOf(runtime.backup(path, { signal }))).toMatchObject({ code: 'ABORTED' });
  const cancel = new AbortController();
  const cancelled = rejectionOf(runtime.backup(path, { signal: cancel.signal }));
  cancel.abort();
  expect(await cancelled).toMatchObject({ code: 'ABORTED' });
  expect(readdirSync(dirname(path))).toEqual([]);
  expect(existsSync(join(dataDir, 'catalog.db'))).toBe(true);
});

test('a log that was left without its catalog is put aside, and does not become that of the restored one', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir } = context;
  await runtime.dataset('docs/all').ingest(documents(5));
  const backup = beside(context, 'backup.db');
  await runtime.backup(backup);
  await runtime.stop();
  const catalog = join(dataDir, 'catalog.db');
  rmSync(catalog);
  writeFileSync(`${catalog}-wal`, 'the log of another life');
  const { keptAs = '' } = await restoreCatalog({ backup, dataDir });
  expect(readFileSync(`${keptAs}-wal`, 'utf8')).toBe('the log of another life');
  expect((await context.another().dataset('docs/all').status()).counts.documents).toBe(5);
});

test('a catalog on a server is backed up by its server, and that is said', async () => {
  const context = await startTestRuntime();
  const server = await startSqld(beside(context, 'sqld'));
  const remote = context.another({ catalogUrl: server.url });
  const error = await rejectionOf(remote.backup(beside(context, 'b.db')));
  expect(error).toMatchObject({ code: 'BACKUP_UNSUPPORTED' });
  expect(String(error)).toContain('sqld');
  await remote.stop();
  await server.kill();
});
