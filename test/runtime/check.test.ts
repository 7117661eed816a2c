import { expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { SyncReport } from '../../src/index.ts';
import { changeCatalog, openTableDirectly, readRows, recordAsMarked } from '../support/damage-table.ts';
import { rejectionOf, startTestRuntime, type TestRuntime } from '../support/test-runtime.ts';

// Real files, tables and requests: on a busy machine that takes a while.
setDefaultTimeout(120_000);

/** 56 documents of 3 chunks each: 168 chunks. */
const DOCUMENTS = Array.from({ length: 56 }, (_, number) => ({
  key: `${number}`,
  content: ['first', 'second', 'third']
    .map((part) => `# The ${part} part\n\n${`Words of the ${part} part of document ${number}. `.repeat(8)}`)
    .join('\n\n'),
}));

async function startIndexed(documents = DOCUMENTS): Promise<TestRuntime> {
  const context = await startTestRuntime({ tokensPerChunkMax: 128 });
  await context.runtime.dataset('docs/all').ingest(documents, { mode: 'sync' });
  context.provider.reset();
  return context;
}

/** The kinds of a report of which something was found. */
function findingsOf(report: SyncReport): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(report).filter(
      ([, finding]) => typeof finding === 'object' && 'count' in finding && finding.count > 0,
    ),
  );
}

test('the known shape: of 168 chunks marked as indexed 13 have no row, are named, and come back without a request', async () => {
  const context = await startIndexed();
  const dataset = context.runtime.dataset('docs/all');
  const table = await openTableDirectly(context);
  const lost = (await readRows(table)).slice(155).map(({ chunk_id }) => Number(chunk_id));
  expect(lost).toHaveLength(13);
  await table.delete(`chunk_id IN (${lost.join(',')})`);
  await recordAsMarked(context, table);

  expect(await dataset.check()).toMatchObject({ level: 'quick', inSync: true, proposal: 'none' });
  const report = await dataset.check({ level: 'rows' });
  expect(report).toMatchObject({
    inSync: false,
    catalogRowCount: 168,
    tableRowCount: 155,
    missing: { count: 13, firstChunkIds: lost },
    proposal: 'repair',
    repaired: 'none',
  });
  expect(Object.keys(findingsOf(report))).toEqual(['missing']);
  expect((await dataset.status()).lastCheck).toMatchObject({ level: 'rows', inSync: false });

  expect(await dataset.repair()).toMatchObject({ missing: { count: 13 }, repaired: 'repair' });
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: 168 });
  expect(context.provider.stats().requests).toBe(0);
  expect(context.events.filter(({ type }) => type === 'sync.repaired')).toHaveLength(1);
});

test('of what a repair writes again nothing is embedded, readers never miss a row that is there, and a second check is clean', async () => {
  const context = await startIndexed();
  const dataset = context.runtime.dataset('docs/all');
  const table = await openTableDirectly(context);
  const [first, second] = await readRows(table);
  if (first === undefined || second === undefined) throw new Error('There are no rows.');
  // Two rows of one chunk: merging would update both, so that they never heal by themselves.
  await table.add([first, second]);
  await recordAsMarked(context, table);
  const searching = { active: true, least: Number.POSITIVE_INFINITY };
  const search = async (): Promise<void> => {
    while (searching.active) {
      const hits = await dataset.search('words', { mode: 'text', limit: 500 });
      searching.least = Math.min(searching.least, new Set(hits.map(({ chunkId }) => chunkId)).size);
    }
  };
  const searched = search();
  const ids = [Number(first.chunk_id), Number(second.chunk_id)];
  expect(await dataset.repair()).toMatchObject({ duplicate: { count: 2, firstChunkIds: ids } });
  searching.active = false;
  await searched;
  expect(searching.least).toBe(168);
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true });
  expect(context.provider.stats().requests).toBe(0);
});

test('more damage than is worth a repair is answered with a new table', async () => {
  const context = await startIndexed();
  const dataset = context.runtime.dataset('docs/all');
  const before = (await dataset.status()).table?.name;
  const table = await openTableDirectly(context);
  await table.delete('chunk_id % 2 = 0');
  await recordAsMarked(context, table);
  expect(await dataset.repair()).toMatchObject({
    missing: { count: 84 },
    proposal: 'rebuild',
    repaired: 'rebuild',
  });
  expect((await dataset.status()).table?.name).not.toBe(before);
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: 168 });
  expect(context.provider.stats().requests).toBe(0);
});

test('a chunk that counts as embedded, but has lost its embedding, is found and embedded again, and no other', async () => {
  const context = await startIndexed();
  const dataset = context.runtime.dataset('docs/all');
  changeCatalog(
    context,
    'delete from embeddings where text_hash in (select text_hash from chunks where chunk_id in (5, 100))',
  );
  expect(await dataset.check({ level: 'rows' })).toMatchObject({ inSync: true });
  const report = await dataset.check({ level: 'deep' });
  expect(report).toMatchObject({ unembedded: { count: 2, firstChunkIds: [5, 100] }, proposal: 'repair' });
  expect(Object.keys(findingsOf(report))).toEqual(['unembedded']);
  await dataset.check({ level: 'deep', repair: true });
  expect(context.provider.stats().inputs).toBe(2);
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: 168 });
});

test('a repair never writes a document without a chunk that has lost its embedding', async () => {
  const context = await startIndexed();
  const dataset = context.runtime.dataset('docs/all');
  const table = await openTableDirectly(context);
  await table.delete('chunk_id = 4');
  await recordAsMarked(context, table);
  changeCatalog(
    context,
    'delete from embeddings where text_hash in (select text_hash from chunks where chunk_id = 5)',
  );
  expect(await dataset.repair()).toMatchObject({ missing: { count: 1, firstChunkIds: [4] } });
  expect(context.provider.stats().inputs).toBe(1);
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: 168 });
});

test('a table that is ahead of its mark is told as such, by a runtime that only looks, and put back', async () => {
  const context = await startIndexed();
  await (await openTableDirectly(context)).delete('document_id < 5');
  const reader = context.another({ access: 'readOnly' });
  for (const level of ['quick', 'rows', 'deep'] as const) {
    expect(await reader.dataset('docs/all').check({ level })).toMatchObject({
      inSync: false,
      missing: { count: 0 },
      proposal: 'putBack',
    });
  }
  const dataset = context.runtime.dataset('docs/all');
  expect(await dataset.check({ repair: true })).toMatchObject({ repaired: 'putBack' });
  expect(await reader.dataset('docs/all').check({ level: 'deep' })).toMatchObject({ inSync: true });
});

test('a runtime that only looks cannot repair', async () => {
  const context = await startIndexed(DOCUMENTS.slice(0, 2));
  const reader = context.another({ access: 'readOnly' });
  expect(await rejectionOf(reader.dataset('docs/all').repair())).toMatchObject({ code: 'CATALOG_READ_ONLY' });
});

test('a dataset without a table has nothing to be out of sync with; one that does not exist is told as such', async () => {
  const { runtime } = await startTestRuntime();
  await runtime.dataset('docs/all').create();
  expect(await runtime.dataset('docs/all').check({ level: 'deep' })).toMatchObject({
    inSync: true,
    table: undefined,
  });
  expect(await rejectionOf(runtime.dataset('docs/other').check())).toMatchObject({
    code: 'DATASET_NOT_FOUND',
  });
});

test('a table of another dimension counts all of its rows, and is built anew', async () => {
  const context = await startIndexed(DOCUMENTS.slice(0, 4));
  const dataset = context.runtime.dataset('docs/all');
  const table = await openTableDirectly(context);
  const rows = await readRows(table);
  await table.dropColumns(['vector']);
  await table.addColumns([
    { name: 'vector', valueSql: "arrow_cast([1.0, 2.0, 3.0], 'FixedSizeList(3, Float32)')" },
  ]);
  await recordAsMarked(context, table);
  expect(await dataset.check()).toMatchObject({
    wrongDimension: { count: rows.length },
    proposal: 'rebuild',
  });
  expect(await dataset.repair()).toMatchObject({ repaired: 'rebuild' });
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: rows.length });
  expect(context.provider.stats().requests).toBe(0);
});

test('a damaged data file is found by looking at rows, and the table is built anew', async () => {
  const context = await startIndexed();
  const dataset = context.runtime.dataset('docs/all');
  const folder = join(context.dataDir, 'vectors', `${(await dataset.status()).table?.name}.lance`, 'data');
  for (const name of readdirSync(folder)) truncateSync(join(folder, name), 100);
  expect(await dataset.check()).toMatchObject({ inSync: true });
  expect(await dataset.check({ level: 'rows' })).toMatchObject({ inSync: false, proposal: 'rebuild' });
  expect(await dataset.repair()).toMatchObject({ repaired: 'rebuild' });
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: 168 });
  expect(context.provider.stats().requests).toBe(0);
});
