import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { createClient } from '@libsql/client/web';
import { MIGRATIONS } from '../../src/catalog/migrations.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { type CatalogUnderTest, describeCatalog } from '../conformance/catalog-suite.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { type SqldServer, startSqld } from '../support/sqld-server.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { rejectionOf } from '../support/test-runtime.ts';
import {
  changeTo,
  documentOf,
  embedAll,
  pending,
  put,
  SPEC,
  type Stage,
  setStage,
  writeOnce,
} from './catalog-fixtures.ts';

let dir: TempDir;
let server: SqldServer;

beforeAll(async () => {
  dir = makeTempDir();
  server = await startSqld(dir.path);
});
afterAll(async () => {
  await server.kill();
  dir.remove();
});

/** Empties the server: one is enough for all tests. */
async function empty(): Promise<void> {
  const client = createClient({ url: server.url });
  const { rows } = await client.execute(
    `select type, name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite!_%' escape '!'`,
  );
  const drops = rows.map(({ type, name }) => `drop ${String(type)} if exists "${String(name)}"`);
  await client.batch(['pragma defer_foreign_keys = on', ...drops, 'select 1'], 'write');
  await client.execute(`delete from sqlite_sequence`).catch(() => undefined);
  client.close();
}

async function place(url: () => string, timeoutMs = 10_000): Promise<CatalogUnderTest> {
  await empty();
  const opened: SqlCatalog[] = [];
  return {
    async open() {
      const catalog = await openCatalog({ url: url(), access: 'readWrite', timeoutMs });
      opened.push(catalog);
      return catalog;
    },
    async dispose() {
      await Promise.all(opened.map((catalog) => catalog.close()));
    },
  };
}

describeCatalog('a remote', () => place(() => server.url));

describe('a remote catalog behind faults', () => {
  let proxy: FaultProxy;
  let under: CatalogUnderTest;
  let catalog: SqlCatalog;

  beforeEach(async () => {
    proxy = await startFaultProxy(server.url);
    under = await place(() => proxy.url, 1_500);
    catalog = await under.open();
  });
  afterEach(async () => {
    await under.dispose();
    await proxy.close();
  });

  /** Makes a call whose answer is lost, then makes it again. */
  async function twice<T>(call: () => Promise<T>): Promise<T> {
    proxy.failNext('loseAnswer');
    expect(await rejectionOf(call())).toMatchObject({ code: 'CATALOG_UNREACHABLE', retryable: true });
    return call();
  }

  test('does each step once although every answer after a commit is lost', async () => {
    proxy.failNext('loseAnswer');
    expect(await catalog.migrate()).toEqual({ fromVersion: 0, toVersion: MIGRATIONS.length });
    const stage: Stage = await setStage(catalog);
    const { writer, dataset } = stage;
    const id = dataset.datasetId;
    expect(await twice(() => writer.createDataset(SPEC))).toEqual(dataset);
    const document = documentOf('a', 'one|two|');
    await twice(() => writer.enqueueIncoming(id, [{ kind: 'upsert', document }]));
    expect(await catalog.listIncoming(id, 9)).toHaveLength(1);
    const change = await changeTo(catalog, dataset, document);
    await twice(() => writer.applyDocuments(id, dataset.configurationId, [change]));
    expect((await pending(stage)).map(({ embeddedText }) => embeddedText)).toEqual(['one|', 'two|']);
    await twice(() => embedAll(stage));
    await twice(() => writeOnce(stage, 4));
    expect(await catalog.datasetCounts(id)).toMatchObject({
      documents: 1,
      chunks: { pending: 0, ready: 2, failed: 0 },
      indexedChunks: 2,
      queuedDocuments: 0,
    });
    await twice(() => writer.requestDatasetDeletion(id));
    await twice(() => writer.deleteDataset(id));
    expect(await catalog.listDatasets({ limit: 9 })).toEqual([]);
  });

  test('keeps nothing of a write that the server never got, and says that it can be tried again', async () => {
    const stage = await setStage(catalog);
    for (const fault of ['serverError', 'hang', 'garbage'] as const) {
      proxy.failNext(fault);
      expect(await rejectionOf(put(stage, documentOf('a', 'text')))).toMatchObject({
        code: 'CATALOG_UNREACHABLE',
        retryable: true,
      });
    }
    expect(await catalog.datasetCounts(stage.dataset.datasetId)).toMatchObject({ documents: 0 });
    await put(stage, documentOf('a', 'text'));
    expect(await catalog.datasetCounts(stage.dataset.datasetId)).toMatchObject({ documents: 1 });
  });

  test('says that the token was refused', async () => {
    const stage = await setStage(catalog);
    proxy.failNext('unauthorized');
    expect(await rejectionOf(put(stage, documentOf('a', 'text')))).toMatchObject({
      code: 'CATALOG_UNREADABLE',
      retryable: false,
    });
  });

  test('refuses a database of somebody else and leaves it alone', async () => {
    const client = createClient({ url: server.url });
    await client.execute('create table schema_migrations (version text primary key)');
    expect(await rejectionOf(catalog.migrate())).toMatchObject({ code: 'CATALOG_FOREIGN' });
    const { rows } = await client.execute(`select name from sqlite_schema where type = 'table'`);
    expect(rows.map(({ name }) => name).filter((name) => name !== 'sqlite_sequence')).toEqual([
      'schema_migrations',
    ]);
    client.close();
  });

  test('names the server in its errors without what is secret in its URL', async () => {
    const secret = await openCatalog({
      url: 'ws://127.0.0.1:1/base?authToken=hunter2',
      access: 'readWrite',
    });
    expect(secret.location).toBe('http://127.0.0.1:1/base/');
    const errors = [
      await secret.migrate().catch((reason: unknown) => reason),
      await openCatalog({ url: 'http://me:hunter2@127.0.0.1:1', access: 'readWrite' }).catch(
        (reason) => reason,
      ),
      await openCatalog({ url: 'http://127.0.0.1:1?token=hunter2', access: 'readWrite' }).catch(
        (reason) => reason,
      ),
    ];
    expect(errors).toMatchObject([
      { code: 'CATALOG_UNREACHABLE' },
      { code: 'INVALID_OPTION' },
      { code: 'INVALID_OPTION' },
    ]);
    expect(errors.join()).not.toContain('hunter2');
    await secret.close();
  });
});
