import { expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createOpenAiEmbedder,
  createSyncline,
  isSynclineError,
  type SynclineOptions,
} from '../../src/index.ts';
import { freePort } from '../support/free-port.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { rejectionOf, startTestRuntime } from '../support/test-runtime.ts';

const DOCUMENTS = [{ key: 'a', content: 'some words' }];

test('an unreachable provider is told as such; the documents are kept', async () => {
  const embedder = createOpenAiEmbedder({
    model: 'm',
    dimensions: 8,
    baseUrl: `http://127.0.0.1:${await freePort()}/v1`,
    apiKey: 'k',
  });
  const { runtime } = await startTestRuntime({ embedder });
  const dataset = runtime.dataset('docs/a');
  expect(await rejectionOf(dataset.ingest(DOCUMENTS))).toMatchObject({
    code: 'PROVIDER_UNREACHABLE',
    retryable: true,
  });
  expect((await dataset.status()).counts).toMatchObject({ documents: 1, chunks: { pending: 1 } });
});

test('an unknown dataset is an error that names it, for every method but ingest', async () => {
  const { runtime } = await startTestRuntime();
  await runtime.dataset('docs/known').ingest(DOCUMENTS);
  const unknown = runtime.dataset('docs/unknown');
  const calls = [
    () => unknown.search('words'),
    () => unknown.status(),
    () => unknown.failures(),
    () => unknown.index(),
    () => unknown.delete(),
    () => unknown.deleteDocuments(['a']),
    () => runtime.search('unknown', 'words'),
  ];
  for (const call of calls) {
    const error = await rejectionOf(call());
    expect(error).toMatchObject({ code: 'DATASET_NOT_FOUND' });
    expect(String(error)).toContain('unknown');
  }
});

test('addresses, options, fields, filters and queries that are wrong are refused by name', async () => {
  const { runtime } = await startTestRuntime();
  for (const address of ['', 'docs', 'docs/', '/a', 'a/b/c', 'a/b c', '../a', `a/${'x'.repeat(65)}`]) {
    expect(() => runtime.dataset(address)).toThrow(expect.objectContaining({ code: 'INVALID_ADDRESS' }));
  }
  const wrongOptions = [
    { leaseTtlMs: 10 },
    { datasetsAtWorkMax: 0 },
    { tokensPerChunkMax: 1.5 },
    { dataDir: 5 },
    { dataDri: 'misspelt' },
  ] as SynclineOptions[];
  for (const options of wrongOptions) {
    expect(() => createSyncline(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  }
  const dataset = runtime.dataset('docs/a');
  await dataset.ingest(DOCUMENTS);
  for (const source of [5, 'abc', null, {}]) {
    expect(await rejectionOf(dataset.ingest(source as unknown as []))).toMatchObject({
      code: 'INVALID_DOCUMENT',
    });
  }
  expect(await rejectionOf(dataset.search(' '))).toMatchObject({ code: 'INVALID_QUERY' });
  expect(await rejectionOf(dataset.search('words', { limit: 0 }))).toMatchObject({ code: 'INVALID_QUERY' });
  const filter = { op: 'eq', field: 'nothing', value: 1 } as const;
  expect(await rejectionOf(dataset.search('words', { filter }))).toMatchObject({ code: 'INVALID_FILTER' });
  expect(await rejectionOf(dataset.create({ fields: { lang: 'string' } }))).toMatchObject({
    code: 'DATASET_EXISTS',
  });
  expect(
    await rejectionOf(runtime.dataset('docs/b').create({ fields: { 'bad name': 'string' } })),
  ).toMatchObject({ code: 'INVALID_FIELD' });
});

test('a catalog that is corrupt or somebody else’s is refused and left as it is', async () => {
  using folder = makeTempDir();
  const path = folder.join('catalog.db');
  for (const content of [
    'this is not a database, but a letter to a friend '.repeat(200),
    'SQLite format 3\0 and then nothing of the kind'.repeat(50),
  ]) {
    writeFileSync(path, content);
    await using runtime = createSyncline({ dataDir: folder.path, environment: {} });
    const error = await rejectionOf(runtime.dataset('docs/a').ingest(DOCUMENTS));
    expect(isSynclineError(error, 'CATALOG_CORRUPT', 'CATALOG_FOREIGN')).toBe(true);
    expect(readFileSync(path, 'latin1')).toBe(content);
  }
});

test('a data folder that cannot be made is told with its path', async () => {
  using folder = makeTempDir();
  writeFileSync(folder.join('file'), 'not a folder');
  const dataDir = join(folder.path, 'file', 'data');
  await using runtime = createSyncline({ dataDir, environment: {} });
  const error = await rejectionOf(runtime.dataset('docs/a').ingest(DOCUMENTS));
  expect(isSynclineError(error)).toBe(true);
  expect(String(error)).toContain(dataDir);
});

test('a tables folder that is a file is told, and the catalog keeps the documents', async () => {
  using folder = makeTempDir();
  mkdirSync(folder.join('data'));
  writeFileSync(folder.join('data', 'vectors'), 'not a folder');
  await using runtime = createSyncline({ dataDir: folder.join('data'), environment: {} });
  const dataset = runtime.dataset('docs/a');
  expect(isSynclineError(await rejectionOf(dataset.ingest(DOCUMENTS)))).toBe(true);
  expect((await dataset.status()).isUpToDate).toBe(false);
});

test('looking at a catalog that is not there makes none', async () => {
  using folder = makeTempDir();
  await using runtime = createSyncline({ dataDir: folder.join('data'), environment: {} });
  expect(await rejectionOf(runtime.status())).toMatchObject({ code: 'CATALOG_MISSING' });
  expect(await rejectionOf(runtime.dataset('docs/a').search('words'))).toMatchObject({
    code: 'CATALOG_MISSING',
  });
  expect(existsSync(folder.join('data'))).toBe(false);
});

test('a read-only runtime on a missing catalog says that it is missing and creates nothing', async () => {
  using folder = makeTempDir();
  await using runtime = createSyncline({ dataDir: folder.join('data'), access: 'readOnly', environment: {} });
  expect(await rejectionOf(runtime.dataset('docs/a').search('words'))).toMatchObject({
    code: 'CATALOG_MISSING',
  });
});

test('many small commits are compacted on the way', async () => {
  const { runtime, events } = await startTestRuntime();
  const dataset = runtime.dataset('docs/small');
  for (let number = 0; number < 110; number += 1) {
    await dataset.ingest([{ key: `${number}`, content: `Words of ${number}.` }]);
  }
  expect(events.some((event) => event.type === 'table.maintained')).toBe(true);
  expect((await dataset.status()).table?.rowCount).toBe(110);
  expect(await dataset.search('words', { mode: 'text', limit: 200 })).toHaveLength(110);
}, 120_000);
