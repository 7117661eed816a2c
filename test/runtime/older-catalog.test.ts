import { expect, setDefaultTimeout, test } from 'bun:test';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { restoreCatalog, type Syncline } from '../../src/index.ts';
import { startTestRuntime, type TestRuntime } from '../support/test-runtime.ts';

// Each test opens several catalogs and tables.
setDefaultTimeout(120_000);

function documents(from: number, to: number, words = 'Words') {
  return Array.from({ length: to - from }, (_, index) => ({
    key: `${from + index}`,
    content: `${words} of document ${from + index}.`,
  }));
}

/** Copies the catalog as people do, while nobody writes. */
function copyByHand({ dataDir }: TestRuntime): () => void {
  const isCatalog = (name: string): boolean => name.startsWith('catalog.db') && !name.endsWith('-shm');
  const copies = readdirSync(dataDir).filter(isCatalog);
  for (const name of copies) cpSync(join(dataDir, name), join(dataDir, `copy-${name}`));
  return () => {
    for (const name of readdirSync(dataDir)) if (name.startsWith('catalog.db')) rmSync(join(dataDir, name));
    for (const name of copies) cpSync(join(dataDir, `copy-${name}`), join(dataDir, name));
  };
}

async function expectExactly(runtime: Syncline, keys: readonly number[]): Promise<void> {
  const dataset = runtime.dataset('docs/all');
  const found = await dataset.search('of document', { mode: 'text', limit: 1_000 });
  expect(found.map(({ key }) => Number(key)).sort((a, b) => a - b)).toEqual([...keys]);
  const { counts, table } = await dataset.status();
  expect(counts).toMatchObject({ documents: keys.length, indexedChunks: keys.length, queuedDocuments: 0 });
  expect(table?.rowCount).toBe(keys.length);
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, key) => key);

/** Ids of all rows of the table, and the largest id that the catalog has given out. */
function idsOf({ dataDir }: TestRuntime): { chunks: number[]; last: number } {
  const database = new Database(join(dataDir, 'catalog.db'));
  const all = (sql: string) => database.prepare(sql).raw().all([]) as unknown as number[][];
  const last = all(`select seq from sqlite_sequence where name = 'chunks'`)[0]?.[0] ?? 0;
  return { chunks: all('select chunk_id from chunks order by 1').map(([id = 0]) => id), last };
}

test('what was embedded after a backup is not paid for again when the backup comes back', async () => {
  for (const way of ['restored', 'copied by hand'] as const) {
    const context = await startTestRuntime();
    const { runtime, provider, dataDir } = context;
    await runtime.dataset('docs/all').ingest(documents(0, 10));
    const putBack = copyByHand(context);
    await runtime.backup(join(dataDir, 'backup.db'));
    await runtime.dataset('docs/all').ingest([...documents(0, 3, 'Other words'), ...documents(10, 30)]);
    await runtime.dataset('docs/all').deleteDocuments(['5']);
    const later = idsOf(context).last;
    await runtime.stop();
    if (way === 'restored')
      await restoreCatalog({ backup: join(dataDir, 'backup.db'), dataDir, force: true });
    else putBack();
    provider.reset();
    const next = context.another();
    await next.dataset('docs/all').index();
    expect(context.events.some((event) => event.type === 'table.salvaged' && !event.dropped)).toBe(true);
    expect(context.events.some((event) => event.type === 'table.restored')).toBe(true);
    await expectExactly(next, upTo(10));
    // The source has everything still, and gives it again.
    await next.dataset('docs/all').ingest([...documents(0, 3, 'Other words'), ...documents(10, 30)]);
    await expectExactly(next, upTo(30));
    expect(provider.stats().requests).toBe(0);
    const fresh = idsOf(context).chunks.filter((id) => id > 10);
    expect(Math.min(...fresh)).toBeGreaterThan(later);
    await next.stop();
  }
});

test('not even what only waited for its vector when the copy was made', async () => {
  const context = await startTestRuntime();
  const { runtime, provider } = context;
  await runtime.dataset('docs/all').ingest(documents(0, 5));
  provider.misbehave({ kind: 'status', status: 503 }, Number.POSITIVE_INFINITY);
  await runtime
    .dataset('docs/all')
    .ingest(documents(5, 12))
    .catch(() => undefined);
  const putBack = copyByHand(context);
  provider.behave();
  await runtime.dataset('docs/all').index();
  await runtime.stop();
  putBack();
  provider.reset();
  const next = context.another();
  await next.dataset('docs/all').index();
  expect(provider.stats().requests).toBe(0);
  await expectExactly(next, upTo(12));
});

test('also when another dataset is worked on first, and gives out the ids that the newer table has', async () => {
  const context = await startTestRuntime();
  const { runtime, provider } = context;
  await runtime.dataset('docs/all').ingest(documents(0, 10));
  const putBack = copyByHand(context);
  await runtime.dataset('docs/all').ingest(documents(10, 20));
  await runtime.stop();
  putBack();
  const next = context.another();
  await next.dataset('docs/new').ingest(documents(500, 560, 'New words'));
  await next.stop();
  provider.reset();
  const third = context.another();
  await third.dataset('docs/all').ingest(documents(10, 20));
  expect(provider.stats().requests).toBe(0);
  await expectExactly(third, upTo(20));
});

test('tables made after the copy are emptied of their vectors and collected, those of datasets that it does not know, too', async () => {
  const context = await startTestRuntime();
  const { runtime, provider, dataDir } = context;
  await runtime.dataset('docs/all').ingest(documents(0, 10));
  const putBack = copyByHand(context);
  await runtime.dataset('docs/later').ingest(documents(100, 110, 'Later words'));
  await runtime.dataset('docs/all').ingest(documents(10, 20));
  await runtime.stop();
  // Damaged after the copy, and rebuilt under a new name.
  rmSync(join(dataDir, 'vectors'), { recursive: true });
  const rebuilding = context.another();
  await rebuilding.dataset('docs/all').index();
  await rebuilding.dataset('docs/later').index();
  await rebuilding.stop();
  putBack();
  provider.reset();
  const next = context.another();
  const { missingTables, strangeTables, summary } = await next.checkCatalog();
  expect(missingTables).toHaveLength(1);
  expect(strangeTables.map(({ standing }) => standing)).toEqual(['orphan', 'orphan']);
  expect(summary).toMatchObject({ documents: 10 });
  await next.dataset('docs/all').index();
  expect(context.events.filter((event) => event.type === 'table.salvaged' && event.dropped)).toHaveLength(2);
  await expectExactly(next, upTo(10));
  expect(readdirSync(join(dataDir, 'vectors'))).toHaveLength(1);
  await next.dataset('docs/all').ingest(documents(10, 20));
  await next.dataset('docs/later').ingest(documents(100, 110, 'Later words'));
  expect(provider.stats().requests).toBe(0);
  await expectExactly(next, upTo(20));
});

test('a crash is no older catalog: nothing is read that need not be', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir } = context;
  await runtime.dataset('docs/all').ingest(documents(0, 10));
  const { connect } = await import('@lancedb/lancedb');
  const connection = await connect(join(dataDir, 'vectors'));
  const [name = ''] = await connection.tableNames();
  await (await connection.openTable(name)).delete('document_id > 6');
  await runtime.dataset('docs/all').index();
  expect(context.events.filter((event) => event.type === 'table.salvaged')).toEqual([]);
  await expectExactly(runtime, upTo(10));
});

test('tables of another catalog, and of nobody, are never touched', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir, another } = context;
  await runtime.dataset('docs/all').ingest(documents(0, 10));
  await runtime.stop();
  const theirs = another({ catalogUrl: join(dataDir, 'theirs.db'), vectorsUri: join(dataDir, 'elsewhere') });
  await theirs.dataset('docs/theirs').ingest(documents(0, 3));
  await theirs.stop();
  cpSync(join(dataDir, 'elsewhere'), join(dataDir, 'vectors'), { recursive: true });
  const names = readdirSync(join(dataDir, 'vectors'));
  expect(names).toHaveLength(2);
  const next = another();
  await next.start();
  await next.dataset('docs/all').ingest(documents(10, 12));
  await expectExactly(next, upTo(12));
  expect(readdirSync(join(dataDir, 'vectors'))).toEqual(names);
  const { strangeTables } = await next.status();
  expect(strangeTables).toMatchObject([
    { standing: 'foreign', name: expect.stringContaining('docs__theirs') },
  ]);
  expect(await next.checkCatalog()).toMatchObject({ missingTables: [], strangeTables });
});
