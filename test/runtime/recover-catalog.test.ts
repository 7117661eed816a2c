import { expect, setDefaultTimeout, test } from 'bun:test';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { recoverCatalog } from '../../src/index.ts';
import { readCatalog } from '../support/catalog-contents.ts';
import { rejectionOf, startTestRuntime, type TestRuntime } from '../support/test-runtime.ts';

// Each test makes several catalogs and tables.
setDefaultTimeout(120_000);

const CORPUS = join(import.meta.dir, '../../../shared/corpora/hono-docs-new');

function generated(count: number) {
  return Array.from({ length: count }, (_, number) => ({
    key: `doc-${number}`,
    source: number % 3 === 0 ? 'crawl' : 'default',
    title: number % 4 === 0 ? '' : `Title ${number} ✓`,
    format: number % 5 === 0 ? ('text' as const) : ('markdown' as const),
    content: `\n# Head ${number}\n\n${`Füll-Wörter 😀 of ${number}. `.repeat((number * 37) % 400)}\n\n## Next\n\nend ${number}\n`,
    metadata: { lang: number % 2 === 0 ? 'en' : 'de', number, nested: { a: [number, null] } },
  }));
}

function loseCatalog({ dataDir }: TestRuntime): void {
  for (const name of readdirSync(dataDir)) if (name.startsWith('catalog')) rmSync(join(dataDir, name));
}

test('a lost catalog comes back to the letter, its tables serve as they are, and the source is not paid for again', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir, provider } = context;
  const dataset = runtime.dataset('docs/all');
  await dataset.create({ fields: { lang: 'string', number: 'integer' }, tokensPerChunkMax: 64 });
  const documents = generated(90);
  await dataset.ingest(documents);
  await dataset.deleteDocuments(['doc-1', 'doc-2']);
  await dataset.ingest(documents.slice(10, 20).map((one) => ({ ...one, content: `${one.content}\nmore\n` })));
  await runtime.dataset('other/notes').ingest(generated(7));
  const filter = { op: 'eq', field: 'lang', value: 'de' } as const;
  const found = await dataset.search('füll wörter', { limit: 100, filter });
  await runtime.stop();
  const before = readCatalog(join(dataDir, 'catalog.db'));
  const { last } = idsOf(before);
  loseCatalog(context);

  const report = await recoverCatalog({ dataDir });
  expect(report).toMatchObject({ path: join(dataDir, 'catalog.db'), keptAs: undefined, notRecovered: [] });
  expect(report.datasets).toMatchObject([
    { dataset: 'other/notes', documents: 7, incompleteDocuments: 0, leftOutRows: 0 },
    { dataset: 'docs/all', documents: 88, incompleteDocuments: 0, leftOutRows: 0 },
  ]);
  expect(readdirSync(dataDir).filter((name) => name.includes('recovering'))).toEqual([]);
  const after = readCatalog(join(dataDir, 'catalog.db'));
  expect(after.documents).toEqual(before.documents);
  expect(after.chunks).toEqual(before.chunks);
  expect(after.indexed).toEqual(before.indexed);
  // Vectors of texts that no document has any more are in no table.
  for (const embedding of after.embeddings) expect(before.embeddings).toContainEqual(embedding);

  const next = context.another();
  const again = next.dataset('docs/all');
  expect(await again.search('füll wörter', { limit: 100, filter })).toEqual(found);
  // The query was embedded.
  provider.reset();
  for (const address of ['docs/all', 'other/notes'])
    expect(await next.dataset(address).check({ level: 'deep' })).toMatchObject({ inSync: true });
  expect(await again.ingest(documents.slice(20))).toMatchObject({ unchangedCount: 70, addedCount: 0 });
  expect(provider.stats().requests).toBe(0);
  expect(context.events.filter(({ type }) => type === 'table.rebuilt')).toHaveLength(2);
  await again.ingest([{ key: 'fresh', content: 'Fresh words.' }]);
  const ids = idsOf(readCatalog(join(dataDir, 'catalog.db')));
  expect(ids.last).toBeGreaterThan(last);
});

/** The largest chunk id. */
function idsOf({ chunks }: { readonly chunks: unknown[][] }): { last: number } {
  return { last: Math.max(...chunks.map(([id]) => Number(id))) };
}

/** Skipped where the corpus is absent: the project ships none. */
test.if(existsSync(CORPUS))(
  'real documentation comes back to the letter',
  async () => {
    const context = await startTestRuntime({ embedder: { provider: 'local' } });
    const { runtime, dataDir } = context;
    const documents = readdirSync(CORPUS, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.md'))
      .map((key) => ({ key, content: readFileSync(join(CORPUS, key), 'utf8') }));
    expect(documents.length).toBeGreaterThan(100);
    await runtime.dataset('docs/all').ingest(documents);
    await runtime.stop();
    const before = readCatalog(join(dataDir, 'catalog.db'));
    loseCatalog(context);
    await recoverCatalog({ dataDir });
    expect(readCatalog(join(dataDir, 'catalog.db'))).toEqual(before);
    const next = context.another();
    expect(await next.dataset('docs/all').ingest(documents)).toMatchObject({
      unchangedCount: documents.length,
    });
  },
  120_000,
);

test('passages that no row holds are told of, and come back with the source for the price of them alone', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir, provider } = context;
  const dataset = runtime.dataset('docs/all');
  await dataset.create({ tokensPerChunkMax: 32 });
  const section = (name: string): string => `## ${name}\n\n${`${name} words here. `.repeat(6)}\n\n`;
  const documents = [
    { key: 'middle', content: section('one') + section('poison') + section('three') },
    { key: 'end', content: section('four') + section('poison') },
    { key: 'whole', content: section('five') },
    { key: 'empty', content: '' },
  ];
  provider.poison('poison');
  await dataset.ingest(documents);
  await runtime.stop();
  loseCatalog(context);
  const { datasets } = await recoverCatalog({ dataDir });
  expect(datasets).toMatchObject([{ documents: 3, incompleteDocuments: 2, leftOutRows: 0 }]);
  expect([...(datasets[0]?.firstIncomplete ?? [])].sort()).toEqual(['end', 'middle']);
  const next = context.another();
  expect(await next.dataset('docs/all').check({ level: 'deep' })).toMatchObject({ inSync: true });
  const [hit] = await next.dataset('docs/all').search('three words', { mode: 'text', limit: 1 });
  expect(documents[0]?.content.slice(hit?.start, hit?.end)).toContain('three words here');
  provider.poison(undefined);
  provider.reset();
  expect(await next.dataset('docs/all').ingest(documents)).toMatchObject({
    unchangedCount: 1,
    changedCount: 2,
    addedCount: 1,
  });
  for (const text of provider.texts) expect(text).toContain('poison');
});

test('rows that a crash or a stranger left are not taken in, and the first check mends the table', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir, provider } = context;
  const documents = generated(20);
  await runtime.dataset('docs/all').ingest(documents);
  await runtime.stop();
  const before = readCatalog(join(dataDir, 'catalog.db'));
  const connection = await connect(join(dataDir, 'vectors'));
  const [name = ''] = await connection.tableNames();
  const table = await connection.openTable(name);
  const rows = await table.query().where('document_id IN (3, 4)').toArrow();
  // Rows twice; rows whose text is not the one that was written; rows of an earlier content.
  await table.add(rows);
  await table.update({
    where: 'document_id = 7',
    valuesSql: { embedded_text: `concat(embedded_text, 'x')` },
  });
  await table.update({
    where: 'document_id = 9',
    valuesSql: { content_fingerprint: 'content_fingerprint + 1', ordinal: 'ordinal + 7' },
  });
  loseCatalog(context);
  const { datasets } = await recoverCatalog({ dataDir });
  expect(datasets[0]?.leftOutRows).toBeGreaterThan(2);
  expect(datasets[0]?.firstIncomplete).toEqual([expect.stringContaining('doc-8')]);
  provider.reset();
  const next = context.another();
  await next.dataset('docs/all').index();
  expect(await next.dataset('docs/all').check({ level: 'deep' })).toMatchObject({ inSync: true });
  expect(provider.stats().requests).toBe(0);
  await next.dataset('docs/all').ingest(documents);
  expect(await next.dataset('docs/all').check({ level: 'deep' })).toMatchObject({ inSync: true });
  const after = readCatalog(join(dataDir, 'catalog.db'));
  const named = ({ documents: all }: typeof after) => all.map(([, ...rest]) => JSON.stringify(rest)).sort();
  expect(named(after)).toEqual(named(before));
});

test('of several tables of a dataset the newest sound one is taken; a damaged one is told of and left', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir, provider } = context;
  const dataset = runtime.dataset('docs/all');
  await dataset.ingest(generated(20));
  await dataset.rebuild();
  await dataset.ingest(generated(30));
  await runtime.stop();
  const vectors = join(dataDir, 'vectors');
  const [older = '', newer = ''] = readdirSync(vectors).sort();
  loseCatalog(context);
  cpSync(dataDir, `${dataDir}-copy`, { recursive: true });
  const good = await recoverCatalog({ dataDir: `${dataDir}-copy` });
  expect(good.datasets).toMatchObject([{ documents: 30, table: newer.replace('.lance', '') }]);
  expect(good.notRecovered).toMatchObject([{ table: older.replace('.lance', '') }]);

  const data = join(vectors, newer, 'data');
  for (const file of readdirSync(data)) truncateSync(join(data, file), 100);
  const { datasets, notRecovered } = await recoverCatalog({ dataDir });
  expect(datasets).toMatchObject([{ documents: 20, table: older.replace('.lance', '') }]);
  expect(notRecovered).toMatchObject([{ table: newer.replace('.lance', '') }]);
  expect(existsSync(join(vectors, newer))).toBe(true);
  provider.reset();
  const next = context.another();
  expect(await next.dataset('docs/all').check({ level: 'deep' })).toMatchObject({ inSync: true });
  await next.dataset('docs/all').ingest(generated(20));
  expect(provider.stats().requests).toBe(0);
});

test('of several tables of a dataset the one that served last is taken, also when another one is newer', async () => {
  const context = await startTestRuntime();
  const dataset = context.runtime.dataset('docs/all');
  await dataset.ingest(generated(6));
  await dataset.rebuild();
  const { table } = await dataset.rollback();
  await dataset.ingest([{ key: 'later', content: 'Words that the newer table never had.' }]);
  await context.runtime.stop();
  loseCatalog(context);
  const report = await recoverCatalog({ dataDir: context.dataDir });
  expect(report.datasets).toMatchObject([{ dataset: 'docs/all', table, documents: 7 }]);
  expect(report.notRecovered).toHaveLength(1);
});

test('nothing is made where it would cost something, or where there is nothing to make it from', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir, another } = context;
  expect(await rejectionOf(recoverCatalog({ dataDir }))).toMatchObject({ code: 'CATALOG_MISSING' });
  expect(existsSync(dataDir)).toBe(false);
  await runtime.dataset('docs/all').ingest(generated(5));
  expect(await rejectionOf(recoverCatalog({ dataDir }))).toMatchObject({ code: 'FILE_EXISTS' });
  await runtime.start();
  expect(await rejectionOf(recoverCatalog({ dataDir, force: true }))).toMatchObject({ code: 'LEASE_HELD' });
  await runtime.stop();
  expect(await rejectionOf(recoverCatalog({ dataDir, catalogUrl: 'http://127.0.0.1:1' }))).toMatchObject({
    code: 'INVALID_OPTION',
  });
  const theirs = another({ catalogUrl: join(dataDir, 'theirs.db'), vectorsUri: join(dataDir, 'elsewhere') });
  await theirs.dataset('docs/theirs').ingest(generated(3));
  await theirs.stop();
  cpSync(join(dataDir, 'elsewhere'), join(dataDir, 'vectors'), { recursive: true });
  const catalog = join(dataDir, 'catalog.db');
  writeFileSync(catalog, 'no catalog any more '.repeat(1_000));
  const several = await rejectionOf(recoverCatalog({ dataDir, force: true }));
  expect(several).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'catalogId' } });
  const [, catalogId = ''] = /([0-9a-f]{32}) \(docs\/all\)/.exec(String(several)) ?? [];
  const cancelled = recoverCatalog({ dataDir, force: true, catalogId, signal: AbortSignal.abort() });
  expect(await rejectionOf(cancelled)).toMatchObject({ code: 'ABORTED' });
  expect(readFileSync(catalog, 'utf8')).toStartWith('no catalog any more');
  expect(readdirSync(dataDir).filter((name) => name.includes('recovering'))).toEqual([]);
  const { keptAs = '', datasets, notRecovered } = await recoverCatalog({ dataDir, force: true, catalogId });
  expect(readFileSync(keptAs, 'utf8')).toStartWith('no catalog any more');
  expect(datasets).toMatchObject([{ dataset: 'docs/all', documents: 5 }]);
  expect(notRecovered).toMatchObject([{ table: expect.stringContaining('docs__theirs') }]);
  expect(await another().checkCatalog()).toMatchObject({ catalogId, missingTables: [] });
});
