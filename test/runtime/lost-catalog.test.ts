import { expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { startSqld } from '../support/sqld-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { rejectionOf, startTestRuntime, type TestRuntime } from '../support/test-runtime.ts';

// Each test opens several catalogs and tables.
setDefaultTimeout(120_000);

const DOCUMENTS = Array.from({ length: 5 }, (_, number) => ({
  key: `${number}`,
  content: `Words of ${number}.`,
}));

/** A data folder with tables whose catalog is gone. */
async function loseCatalog(): Promise<TestRuntime> {
  const context = await startTestRuntime();
  await context.runtime.dataset('docs/all').ingest(DOCUMENTS);
  await context.runtime.stop();
  for (const name of readdirSync(context.dataDir)) {
    if (name.startsWith('catalog')) rmSync(join(context.dataDir, name));
  }
  return context;
}

test('a catalog that is gone is not made anew over the tables that it had, whatever is called', async () => {
  const { another, dataDir, provider } = await loseCatalog();
  provider.reset();
  const tables = readdirSync(join(dataDir, 'vectors'));
  for (const access of ['readWrite', 'readOnly'] as const) {
    const runtime = another({ access });
    const dataset = runtime.dataset('docs/all');
    const calls = [
      () => runtime.status(),
      () => dataset.search('words'),
      () => dataset.status(),
      ...(access === 'readOnly'
        ? []
        : [
            () => runtime.start(),
            () => dataset.create(),
            () => dataset.ingest(DOCUMENTS),
            () => dataset.ingest(DOCUMENTS, { mode: 'async' }),
            () => runtime.dataset('other/one').ingest(DOCUMENTS),
          ]),
    ];
    for (const call of calls) {
      const error = await rejectionOf(call());
      expect(error).toMatchObject({
        code: 'CATALOG_LOST',
        details: { table: tables[0]?.replace('.lance', '') },
      });
      for (const remedy of ['syncline restore', 'syncline catalog recover', 'dataDir'])
        expect(String(error)).toContain(remedy);
    }
  }
  expect(readdirSync(dataDir)).toEqual(['vectors']);
  expect(readdirSync(join(dataDir, 'vectors'))).toEqual(tables);
  expect(provider.stats().requests).toBe(0);
});

test('neither over tables that can no longer be opened, nor when an empty file stands where it was', async () => {
  const { another, dataDir } = await loseCatalog();
  writeFileSync(join(dataDir, 'catalog.db'), '');
  const [table = ''] = readdirSync(join(dataDir, 'vectors'));
  const versions = join(dataDir, 'vectors', table, '_versions');
  for (const name of readdirSync(versions)) truncateSync(join(versions, name), 0);
  expect(await rejectionOf(another().dataset('docs/all').ingest(DOCUMENTS))).toMatchObject({
    code: 'CATALOG_LOST',
  });
  expect(readdirSync(dataDir).sort()).toEqual(['catalog.db', 'vectors']);
});

test('nor on a server', async () => {
  using folder = makeTempDir();
  const { another } = await loseCatalog();
  const server = await startSqld(folder.path);
  const runtime = another({ catalogUrl: server.url });
  expect(await rejectionOf(runtime.dataset('docs/all').ingest(DOCUMENTS))).toMatchObject({
    code: 'CATALOG_LOST',
  });
  await runtime.stop();
  await server.kill();
});

test('a new catalog beside tables of somebody else is no loss', async () => {
  const { runtime, dataDir } = await startTestRuntime();
  const connection = await connect(join(dataDir, 'vectors'));
  await connection.createTable('theirs', [{ id: 1, vector: [1, 2] }]);
  await runtime.dataset('docs/all').ingest(DOCUMENTS);
  expect((await runtime.dataset('docs/all').status()).isUpToDate).toBe(true);
  expect(existsSync(join(dataDir, 'vectors', 'theirs.lance'))).toBe(true);
});

test('when the catalog is back, work goes on where it was', async () => {
  const context = await startTestRuntime();
  const { runtime, dataDir, another } = context;
  await runtime.dataset('docs/all').ingest(DOCUMENTS);
  await runtime.backup(join(dataDir, 'backup.db'));
  await runtime.stop();
  rmSync(join(dataDir, 'catalog.db'));
  const lost = another();
  expect(await rejectionOf(lost.dataset('docs/all').search('words'))).toMatchObject({ code: 'CATALOG_LOST' });
  const { restoreCatalog } = await import('../../src/index.ts');
  await restoreCatalog({ backup: join(dataDir, 'backup.db'), dataDir });
  expect(await lost.dataset('docs/all').search('words', { mode: 'text' })).toHaveLength(5);
});
