import { describe, expect, test } from 'bun:test';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../../src/index.ts';
import {
  rejectionOf,
  startTestRuntime,
  type TestRuntime,
  testEmbedder,
  waitFor,
} from '../support/test-runtime.ts';

const DOCUMENTS = Array.from({ length: 40 }, (_, number) => ({
  key: `${number}`,
  content: `Words of document ${number}.`,
}));

/** Every document is found, once, with the words that it has now. */
async function expectSearchable(dataset: Dataset, documents: readonly { key: string; content: string }[]) {
  const hits = await dataset.search('words of document', { mode: 'text', limit: 1_000 });
  const found = hits.map(({ key, text }) => [key, text.trim()]).sort();
  expect(found).toEqual(documents.map(({ key, content }) => [key, content]).sort());
}

function tablesOf({ dataDir }: TestRuntime): string[] {
  return readdirSync(join(dataDir, 'vectors')).sort();
}

describe('a rebuild', () => {
  test('fills a new table without asking the provider, and keeps the former one', async () => {
    const context = await startTestRuntime();
    const dataset = context.runtime.dataset('docs/all');
    await dataset.ingest(DOCUMENTS);
    const before = await dataset.status();
    context.provider.reset();
    const result = await dataset.rebuild();
    expect(result).toMatchObject({ rowCount: 40 });
    expect(result.table).not.toBe(before.table?.name ?? '');
    expect(context.provider.stats().requests).toBe(0);
    const after = await dataset.status();
    expect(after.table).toMatchObject({ name: result.table, rowCount: 40 });
    expect(after.earlierTables).toMatchObject([{ name: before.table?.name ?? '', rowCount: 40 }]);
    await expectSearchable(dataset, DOCUMENTS);
    expect((await context.runtime.status()).tasks[0]).toMatchObject({ kind: 'rebuild', state: 'succeeded' });
  });

  test('of a table that vanished is waited for by index(), though nothing is queued', async () => {
    const context = await startTestRuntime();
    const dataset = context.runtime.dataset('docs/all');
    await context.runtime.start();
    await dataset.ingest(DOCUMENTS, { mode: 'sync' });
    const [table = ''] = tablesOf(context);
    rmSync(join(context.dataDir, 'vectors', table), { recursive: true });
    context.provider.reset();
    await dataset.index();
    await expectSearchable(dataset, DOCUMENTS);
    expect(tablesOf(context)).not.toContain(table);
    expect(context.provider.stats().inputs).toBe(0);
  });

  test('keeps as many former tables as it is told to, for as long', async () => {
    const context = await startTestRuntime({ generationsKeptMax: 2 });
    const dataset = context.runtime.dataset('docs/all');
    await dataset.ingest(DOCUMENTS);
    for (let round = 0; round < 4; round += 1) await dataset.rebuild();
    expect((await dataset.status()).earlierTables).toHaveLength(2);
    expect(tablesOf(context)).toHaveLength(3);
    await context.runtime.stop();
    const forgetful = context.another({ generationKeptMs: 0 });
    await forgetful.dataset('docs/all').index();
    expect((await forgetful.dataset('docs/all').status()).earlierTables).toEqual([]);
    expect(tablesOf(context)).toHaveLength(1);
  });

  test('of a started runtime takes changes that come while it is under way', async () => {
    const context = await startTestRuntime();
    const dataset = context.runtime.dataset('docs/all');
    await context.runtime.start();
    await dataset.ingest(DOCUMENTS, { mode: 'sync' });
    const changed = DOCUMENTS.map(({ key, content }) => ({ key, content: `${content} Changed.` }));
    const [result] = await Promise.all([
      dataset.rebuild(),
      ...changed.map((document) => dataset.ingest([document], { mode: 'sync' })),
    ]);
    await dataset.index();
    expect((await dataset.status()).table).toMatchObject({ name: result.table, rowCount: 40 });
    await expectSearchable(dataset, changed);
  });
});

describe('a rollback', () => {
  test('brings the former table up to date and lets it serve again', async () => {
    const context = await startTestRuntime();
    const dataset = context.runtime.dataset('docs/all');
    await dataset.ingest(DOCUMENTS);
    const first = (await dataset.status()).table?.name;
    const second = (await dataset.rebuild()).table;
    await dataset.ingest([{ key: '0', content: 'Words of document zero.' }]);
    await dataset.deleteDocuments(['1']);
    context.provider.reset();
    expect(await dataset.rollback()).toMatchObject({ table: first ?? '', rowCount: 39 });
    expect(context.provider.stats().requests).toBe(0);
    const now = [{ key: '0', content: 'Words of document zero.' }, ...DOCUMENTS.slice(2)];
    await expectSearchable(dataset, now);
    expect(await dataset.rollback({ table: second })).toMatchObject({ table: second, rowCount: 39 });
    await expectSearchable(dataset, now);
  });

  test('without an earlier table says so', async () => {
    const { runtime } = await startTestRuntime();
    const dataset = runtime.dataset('docs/all');
    await dataset.ingest(DOCUMENTS);
    expect(await rejectionOf(dataset.rollback())).toMatchObject({ code: 'NO_EARLIER_TABLE' });
    await dataset.rebuild();
    expect(await rejectionOf(dataset.rollback({ table: 'other' }))).toMatchObject({
      code: 'NO_EARLIER_TABLE',
      details: { tables: [expect.any(String)] },
    });
  });
});

describe('a reconfiguration', () => {
  const twoModels = async () => {
    const context = await startTestRuntime();
    await context.runtime.dataset('docs/all').ingest(DOCUMENTS);
    const other = testEmbedder(context.provider, 48);
    return { context, other, runtime: context.another({ embedder: other }) };
  };

  test('shows what it would cost, and changes nothing', async () => {
    const { context, runtime } = await twoModels();
    const dataset = runtime.dataset('docs/all');
    context.provider.reset();
    const plan = await dataset.planReconfigure();
    expect(plan).toMatchObject({
      address: 'docs/all',
      from: { profile: expect.stringContaining('@32'), tokensPerChunkMax: 512 },
      to: { profile: expect.stringContaining('@48'), tokensPerChunkMax: 512 },
      documentCount: 40,
      chunkCount: 40,
      textCount: 40,
      knownTextCount: 0,
      textsToEmbedCount: 40,
      price: undefined,
    });
    expect(plan.tokensToEmbedCount).toBeGreaterThan(40 * 4);
    expect(context.provider.stats().requests).toBe(0);
    const local = await dataset.planReconfigure({
      embedder: { provider: 'local', model: 'hashed-ngrams-v1', dimensions: 64 },
    });
    expect(local.price).toMatchObject({ totalUsd: 0 });
    expect(await dataset.status()).toMatchObject({ reconfiguringTo: undefined });
  });

  test('to another model embeds every text once, serves, and can be taken back without paying again', async () => {
    const { context, runtime } = await twoModels();
    const dataset = runtime.dataset('docs/all');
    const before = await dataset.status();
    context.provider.reset();
    const result = await dataset.reconfigure();
    expect(result).toMatchObject({ mode: 'sync', switched: { rowCount: 40 } });
    expect(context.provider.stats().inputs).toBe(40);
    expect(await dataset.status()).toMatchObject({
      profile: result.to.profile,
      reconfiguringTo: undefined,
      counts: { chunks: { ready: 40, pending: 0 }, indexedChunks: 40 },
    });
    await expectSearchable(dataset, DOCUMENTS);
    expect((await dataset.search('Words of document 7.', { mode: 'vector' }))[0]?.key).toBe('7');

    await dataset.ingest([{ key: 'new', content: 'Words of a new document.' }]);
    context.provider.reset();
    expect(await dataset.rollback()).toMatchObject({ table: before.table?.name ?? '', rowCount: 41 });
    expect(context.provider.stats().inputs).toBe(1);
    expect((await dataset.status()).profile).toBe(before.profile);
    expect((await dataset.search('Words of document 7.', { mode: 'vector' }))[0]?.key).toBe('7');
    context.provider.reset();
    await dataset.reconfigure();
    expect(context.provider.stats().inputs).toBe(0);
  });

  test('to smaller chunks keeps the former chunks until it serves', async () => {
    const context = await startTestRuntime();
    const dataset = context.runtime.dataset('docs/all');
    const long = Array.from({ length: 60 }, (_, number) => `Sentence number ${number} of the long text.`);
    await dataset.ingest([{ key: 'long', content: long.join(' ') }]);
    expect((await dataset.status()).table?.rowCount).toBe(2);
    const result = await dataset.reconfigure({ tokensPerChunkMax: 64 });
    expect(result.switched?.rowCount).toBeGreaterThan(8);
    expect(await dataset.status()).toMatchObject({ tokensPerChunkMax: 64 });
    expect((await dataset.search('33', { mode: 'text' }))[0]?.text).toContain('number 33');
  });

  test('of a started runtime serves the former table until it is done, and takes changes meanwhile', async () => {
    const context = await startTestRuntime();
    const dataset = context.runtime.dataset('docs/all');
    await dataset.ingest(DOCUMENTS);
    await context.runtime.stop();
    const other = testEmbedder(context.provider, 48);
    const runtime = context.another({ embedder: other });
    await runtime.start();
    const migrating = runtime.dataset('docs/all');
    context.provider.setLatency(30);
    const { mode } = await migrating.reconfigure();
    expect(mode).toBe('async');
    await migrating.ingest([{ key: '3', content: 'Words of document three.' }], { mode: 'sync' });
    const during = await migrating.status();
    expect(during.profile).toContain('@32');
    expect(during.reconfiguringTo?.profile).toContain('@48');
    await waitFor('the switch', async () => (await migrating.status()).reconfiguringTo === undefined);
    expect((await migrating.status()).profile).toContain('@48');
    const now = DOCUMENTS.map((document) =>
      document.key === '3' ? { key: '3', content: 'Words of document three.' } : document,
    );
    await expectSearchable(migrating, now);
  });

  test('whose new provider fails leaves the present table in service, and goes on after a restart', async () => {
    const { context, runtime } = await twoModels();
    const dataset = runtime.dataset('docs/all');
    context.provider.misbehave({ kind: 'status', status: 503 }, Number.POSITIVE_INFINITY);
    expect(await rejectionOf(dataset.reconfigure())).toMatchObject({ code: 'PROVIDER_FAILED' });
    expect(await dataset.status()).toMatchObject({
      reconfiguringTo: { profile: expect.stringContaining('@48') },
      counts: { indexedChunks: 40, target: { chunks: { pending: 40 } } },
    });
    await expectSearchable(dataset, DOCUMENTS);
    await runtime.stop();
    context.provider.behave();
    const next = context.another({ embedder: testEmbedder(context.provider, 48) });
    await next.dataset('docs/all').index();
    expect(await next.dataset('docs/all').status()).toMatchObject({
      profile: expect.stringContaining('@48'),
      reconfiguringTo: undefined,
    });
  });

  test('away from a provider that is gone needs only the new one', async () => {
    const { context } = await twoModels();
    const dataset = context.another({ embedder: { provider: 'local', dimensions: 64 } }).dataset('docs/all');
    await dataset.reconfigure({ mode: 'async' });
    await dataset.ingest([{ key: 'new', content: 'Words of a new document.' }], { mode: 'async' });
    await dataset.index();
    const { reconfiguringTo, counts } = await dataset.status();
    expect({ reconfiguringTo, rows: counts.indexedChunks }).toEqual({ reconfiguringTo: undefined, rows: 41 });
  });

  test('can be cancelled: nothing more is embedded, and what was begun is collected', async () => {
    const { context, runtime } = await twoModels();
    await runtime.start();
    const dataset = runtime.dataset('docs/all');
    context.provider.setLatency(20);
    await dataset.reconfigure();
    await waitFor('a first answer', async () => {
      const { target } = (await dataset.status()).counts;
      return target === undefined || target.chunks.ready > 0;
    });
    expect(await dataset.cancelSwitch()).toEqual({ cancelled: true });
    expect(await dataset.cancelSwitch()).toEqual({ cancelled: false });
    await dataset.index();
    expect(await dataset.status()).toMatchObject({
      profile: expect.stringContaining('@32'),
      reconfiguringTo: undefined,
      counts: { indexedChunks: 40, target: undefined },
    });
    await waitFor('the tables to be collected', () => tablesOf(context).length === 1);
    context.provider.reset();
    const { switched } = await dataset.reconfigure({ mode: 'sync' });
    expect(switched?.rowCount).toBe(40);
    expect(context.provider.stats().inputs).toBeLessThan(40);
  });

  test('to what the dataset has, or to a second goal, is refused', async () => {
    const { context, runtime } = await twoModels();
    const same = context.runtime.dataset('docs/all').reconfigure();
    expect(await rejectionOf(same)).toMatchObject({ code: 'INVALID_OPTION' });
    const dataset = runtime.dataset('docs/all');
    await dataset.reconfigure({ mode: 'async' });
    const second = dataset.reconfigure({ mode: 'async', tokensPerChunkMax: 64 });
    expect(await rejectionOf(second)).toMatchObject({ code: 'DATASET_RECONFIGURING' });
    expect(await rejectionOf(dataset.rollback())).toMatchObject({ code: 'DATASET_RECONFIGURING' });
  });
});

describe('vectors that are there already', () => {
  test('are imported for a profile, and their texts are not embedded again', async () => {
    const context = await startTestRuntime();
    await context.runtime.dataset('docs/all').ingest(DOCUMENTS);
    const other = testEmbedder(context.provider, 48);
    const runtime = context.another({ embedder: other });
    const dataset = runtime.dataset('docs/all');
    const texts: string[] = [];
    for await (const { text, hasVector } of dataset.texts({ embedder: other })) {
      expect(hasVector).toBe(false);
      texts.push(text);
    }
    expect(texts).toHaveLength(40);
    const known = texts.slice(0, 30).map((text, number) => ({
      text,
      vector: Array.from({ length: 48 }, (_, index) => Math.sin(number + index)),
    }));
    expect(await dataset.importVectors(known, { embedder: other })).toMatchObject({
      readCount: 30,
      storedCount: 30,
    });
    expect(await dataset.importVectors(known, { embedder: other })).toMatchObject({ storedCount: 0 });
    expect(await dataset.planReconfigure()).toMatchObject({ knownTextCount: 30, textsToEmbedCount: 10 });
    context.provider.reset();
    await dataset.reconfigure();
    expect(context.provider.stats().inputs).toBe(10);
  });

  test.each([
    ['a vector of another length', { text: 'x', vector: [1, 2] }],
    ['nothing but zeros', { text: 'x', vector: new Float32Array(32) }],
    ['a number that is not finite', { text: 'x', vector: new Float32Array(32).fill(Number.NaN) }],
    ['no text', { text: '', vector: new Float32Array(32).fill(1) }],
  ])('are refused with %s, naming the place', async (_, bad) => {
    const { runtime } = await startTestRuntime();
    const dataset = runtime.dataset('docs/all');
    await dataset.create();
    const good = { text: 'good', vector: new Float32Array(32).fill(1) };
    expect(await rejectionOf(dataset.importVectors([good, bad]))).toMatchObject({
      code: 'INVALID_VECTOR',
      details: { place: 1 },
    });
  });
});
