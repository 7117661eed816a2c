import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { createLocalEmbedder, type DocumentInput } from '../../src/index.ts';
import { rejectionOf, startTestRuntime, testEmbedder } from '../support/test-runtime.ts';

const GUIDE =
  '# Guide\n\nHow to begin.\n\n## Install\n\nRun the installer twice.\n\n## Use\n\nCall the function once.\n';

test('a runtime opens nothing until a method needs it', async () => {
  const { runtime, dataDir, provider } = await startTestRuntime();
  runtime.dataset('a/b');
  expect(existsSync(dataDir)).toBe(false);
  expect(provider.stats().requests).toBe(0);
});

test('an ingested document is found, with the exact place of its passage', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('docs/guide');
  const result = await dataset.ingest([
    { key: 'guide.md', title: 'Guide', content: GUIDE, metadata: { lang: 'en' } },
  ]);
  expect(result).toMatchObject({ mode: 'sync', readCount: 1, addedCount: 1, refusedCount: 0 });
  const [hit] = await dataset.search('installer', { mode: 'text' });
  expect(hit).toMatchObject({
    dataset: 'docs/guide',
    key: 'guide.md',
    title: 'Guide',
    metadata: { lang: 'en' },
  });
  expect(hit?.text).toContain('Run the installer twice.');
  expect(GUIDE.slice(hit?.start, hit?.end)).toBe(hit?.text ?? '');
});

test('unchanged documents cost no request and no commit', async () => {
  const { runtime, provider, events } = await startTestRuntime();
  const dataset = runtime.dataset('docs/guide');
  await dataset.ingest([{ key: 'guide.md', content: GUIDE }]);
  provider.reset();
  const before = events.filter((event) => event.type === 'table.written').length;
  expect(await dataset.ingest([{ key: 'guide.md', content: GUIDE }])).toMatchObject({
    unchangedCount: 1,
    changedCount: 0,
  });
  expect(provider.stats().requests).toBe(0);
  expect(events.filter((event) => event.type === 'table.written')).toHaveLength(before);
});

/** Sections long enough that each is a chunk of its own. */
function section(name: string): string {
  return `## ${name}\n\n${`The ${name} section says many things about ${name}. `.repeat(30)}\n\n`;
}

test('of a changed document only the chunks with new text are embedded, and moved ones keep their ids', async () => {
  const { runtime, provider } = await startTestRuntime({ tokensPerChunkMax: 256 });
  const dataset = runtime.dataset('docs/guide');
  await dataset.ingest([{ key: 'a', content: section('alpha') + section('beta') + section('gamma') }]);
  const before = await dataset.search('beta', { mode: 'text', limit: 100 });
  provider.reset();
  await dataset.ingest([{ key: 'a', content: section('delta') + section('beta') + section('alpha') }]);
  expect(provider.texts.length).toBeGreaterThan(0);
  expect(provider.texts.every((text) => text.includes('delta'))).toBe(true);
  const after = await dataset.search('beta', { mode: 'text', limit: 100 });
  expect(after.map((hit) => hit.chunkId).sort()).toEqual(before.map((hit) => hit.chunkId).sort());
  expect(await dataset.search('gamma', { mode: 'text' })).toEqual([]);
});

test('a change of metadata alone embeds nothing and is seen by filters', async () => {
  const { runtime, provider } = await startTestRuntime();
  const dataset = runtime.dataset('docs/guide');
  await dataset.create({ fields: { lang: 'string' } });
  await dataset.ingest([{ key: 'a', content: GUIDE, metadata: { lang: 'en', page: { number: 1 } } }]);
  provider.reset();
  const result = await dataset.ingest([
    { key: 'a', content: GUIDE, metadata: { lang: 'de', page: { number: 2 } } },
  ]);
  expect(result.changedCount).toBe(1);
  expect(provider.stats().requests).toBe(0);
  const search = (lang: string) =>
    dataset.search('installer', { mode: 'text', filter: { op: 'eq', field: 'lang', value: lang } });
  expect(await search('en')).toEqual([]);
  expect((await search('de'))[0]?.metadata).toEqual({ lang: 'de', page: { number: 2 } });
});

test('the same text in two documents and two datasets is embedded once', async () => {
  const { runtime, provider } = await startTestRuntime();
  await runtime.dataset('docs/one').ingest([
    { key: 'a', content: 'The very same words.' },
    { key: 'b', content: 'The very same words.' },
  ]);
  await runtime.dataset('docs/two').ingest([{ key: 'c', content: 'The very same words.' }]);
  expect(provider.texts).toEqual(['The very same words.']);
  const hits = await runtime.search('docs', 'very same words', { limit: 10 });
  expect(hits.map((hit) => `${hit.dataset} ${hit.key}`).sort()).toEqual([
    'docs/one a',
    'docs/one b',
    'docs/two c',
  ]);
});

test('deleted documents are gone from catalog and searches; unknown keys are no error', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('docs/guide');
  await dataset.ingest([
    { key: 'a', content: 'apples and pears' },
    { key: 'b', content: 'bananas and plums' },
  ]);
  expect(await dataset.deleteDocuments(['a', 'unknown'])).toEqual({ removedCount: 1 });
  expect(await dataset.search('apples', { mode: 'text' })).toEqual([]);
  expect((await dataset.status()).counts).toMatchObject({
    documents: 1,
    indexedChunks: 1,
    queuedDocuments: 0,
  });
});

test('refused documents are told with key and reason, and the others of the call are taken in', async () => {
  const { runtime, events } = await startTestRuntime({ documentLengthMax: 1_000 });
  const dataset = runtime.dataset('docs/guide');
  await dataset.create({ fields: { price: 'number' } });
  const documents: DocumentInput[] = [
    { key: 'good', content: 'good words' },
    { key: 'good', content: 'the same key again' },
    { key: 'k'.repeat(1_025), content: 'key too long' },
    { key: 'nul', content: 'zero\0byte' },
    { key: 'long', content: 'x'.repeat(1_001) },
    { key: 'price', content: 'words', metadata: { price: 'cheap' } },
    { key: 'nan', content: 'words', metadata: { weight: Number.NaN } },
    { key: 'last', content: 'last words' },
  ];
  const result = await dataset.ingest(documents);
  expect(result).toMatchObject({ readCount: 8, addedCount: 2, refusedCount: 6 });
  expect(result.refused.map((refused) => refused.code)).toEqual([
    'DUPLICATE_KEY',
    'INVALID_DOCUMENT',
    'INVALID_DOCUMENT',
    'DOCUMENT_TOO_LARGE',
    'INVALID_METADATA',
    'INVALID_METADATA',
  ]);
  expect(events.filter((event) => event.type === 'document.refused')).toHaveLength(6);
  expect(
    (await dataset.search('good words last words', { mode: 'text' })).map((hit) => hit.key).sort(),
  ).toEqual(['good', 'last']);
});

test('empty and blank documents are stored and embed nothing', async () => {
  const { runtime, provider } = await startTestRuntime();
  const dataset = runtime.dataset('docs/guide');
  const result = await dataset.ingest([
    { key: 'empty', content: '' },
    { key: 'blank', content: ' \n\n\t ' },
  ]);
  expect(result.addedCount).toBe(2);
  expect(provider.stats().requests).toBe(0);
  expect((await dataset.status()).counts).toMatchObject({ documents: 2, queuedDocuments: 0 });
});

test('a stream is read batch by batch, never collected', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('docs/stream');
  let produced = 0;
  let applied = 0;
  let aheadMax = 0;
  runtime.on((event) => {
    if (event.type === 'documents.applied') applied += event.added;
  });
  async function* documents(): AsyncGenerator<DocumentInput> {
    for (; produced < 1_500; produced += 1) {
      aheadMax = Math.max(aheadMax, produced - applied);
      yield { key: `document ${produced}`, content: `Words of document ${produced}.` };
    }
  }
  expect((await dataset.ingest(documents(), { mode: 'sync' })).addedCount).toBe(1_500);
  // One batch of 200 is being written while the next is read.
  expect(aheadMax).toBeLessThanOrEqual(400);
  expect((await dataset.status()).counts).toMatchObject({ documents: 1_500, indexedChunks: 1_500 });
});

test('a stream that fails half-way keeps what came before and rejects with its error', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('docs/stream');
  async function* documents(): AsyncGenerator<DocumentInput> {
    for (let number = 0; number < 250; number += 1)
      yield { key: `${number}`, content: `Words of ${number}.` };
    throw new Error('the source broke');
  }
  expect(await rejectionOf(dataset.ingest(documents(), { mode: 'sync' }))).toMatchObject({
    message: 'the source broke',
  });
  expect((await runtime.status()).worker).toBeUndefined();
  await dataset.index();
  expect((await dataset.status()).counts).toMatchObject({ documents: 250, indexedChunks: 250 });
});

test('without start, async ingestion only queues; index does the rest', async () => {
  const { runtime, provider } = await startTestRuntime();
  const dataset = runtime.dataset('docs/guide');
  expect(await dataset.ingest([{ key: 'a', content: 'queued words' }], { mode: 'async' })).toMatchObject({
    mode: 'async',
    addedCount: 1,
  });
  expect((await dataset.status()).counts).toMatchObject({ documents: 0, incomingDocuments: 1 });
  expect(provider.stats().requests).toBe(0);
  await dataset.index();
  expect((await dataset.search('queued', { mode: 'text' })).map((hit) => hit.key)).toEqual(['a']);
  expect((await dataset.status()).isUpToDate).toBe(true);
});

test('the last of several queued changes of a document counts, also when it changes it back', async () => {
  const { runtime, provider } = await startTestRuntime();
  const dataset = runtime.dataset('docs/guide');
  await dataset.ingest([{ key: 'a', content: 'first words' }]);
  await dataset.ingest([{ key: 'a', content: 'second words' }], { mode: 'async' });
  await dataset.ingest([{ key: 'a', content: 'first words' }], { mode: 'async' });
  provider.reset();
  await dataset.index();
  expect((await dataset.search('words', { mode: 'text' })).map((hit) => hit.text)).toEqual(['first words']);
  expect(provider.stats().requests).toBe(0);
});

test('a direct call replaces an older queued change of the same document', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('docs/guide');
  await dataset.ingest([{ key: 'same', content: 'same words' }]);
  await dataset.ingest(
    [
      { key: 'same', content: 'queued words' },
      { key: 'new', content: 'queued words' },
    ],
    { mode: 'async' },
  );
  await dataset.ingest([
    { key: 'same', content: 'same words' },
    { key: 'new', content: 'direct words' },
  ]);
  await dataset.index();
  expect((await dataset.search('words', { mode: 'text' })).map((hit) => hit.text).sort()).toEqual([
    'direct words',
    'same words',
  ]);
});

test('a dataset of another provider is refused with both names, and others go on', async () => {
  const { runtime, another } = await startTestRuntime();
  await runtime.dataset('docs/old').ingest([{ key: 'a', content: 'old words' }]);
  const other = another({ embedder: createLocalEmbedder() });
  const refused = other.dataset('docs/old').ingest([{ key: 'b', content: 'new words' }]);
  expect(await rejectionOf(refused)).toMatchObject({ code: 'PROFILE_MISMATCH' });
  expect((await runtime.dataset('docs/old').status()).counts.documents).toBe(1);
  expect((await other.dataset('docs/new').ingest([{ key: 'b', content: 'new words' }])).addedCount).toBe(1);
  expect((await runtime.dataset('docs/old').search('old words')).map((hit) => hit.key)).toEqual(['a']);
});

test('a dataset keeps its own model when the runtime is given another one of the same provider', async () => {
  const { runtime, provider, another } = await startTestRuntime();
  await runtime.dataset('docs/old').ingest([{ key: 'a', content: 'old words' }]);
  const other = another({ embedder: testEmbedder(provider, 16) });
  await other.dataset('docs/old').ingest([{ key: 'b', content: 'new words' }]);
  expect(await other.dataset('docs/old').status()).toMatchObject({
    profile: (await runtime.dataset('docs/old').status()).profile,
    counts: { indexedChunks: 2 },
  });
  await other.dataset('docs/new').ingest([{ key: 'a', content: 'old words' }]);
  expect((await other.dataset('docs/new').status()).profile).toContain('@16');
});

test('concurrent calls on one dataset leave every document indexed once', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('docs/busy');
  await dataset.create();
  const call = (name: string) =>
    dataset.ingest(
      Array.from({ length: 20 }, (_, number) => ({
        key: `shared ${number}`,
        content: `Words of ${number} by ${name}.`,
      })),
    );
  await Promise.all([call('one'), call('two'), call('three'), dataset.deleteDocuments(['shared 3'])]);
  await dataset.index();
  const { counts, table } = await dataset.status();
  expect(counts.indexedChunks).toBe(counts.documents);
  expect(table?.rowCount).toBe(counts.documents);
});
