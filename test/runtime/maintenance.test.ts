import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type Table } from '@lancedb/lancedb';
import { parseAddress } from '../../src/domain/address.ts';
import { type Syncline, SynclineError, type SynclineEvent } from '../../src/index.ts';
import { createAdapters } from '../../src/runtime/adapters.ts';
import { createRuntimeCore } from '../../src/runtime/core.ts';
import { createDataset } from '../../src/runtime/dataset.ts';
import { resolveOptions } from '../../src/runtime/options.ts';
import type { VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { startEmbeddingServer } from '../support/embedding-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import {
  rejectionOf,
  startTestRuntime,
  TEST_DIMENSIONS,
  type TestRuntime,
  testEmbedder,
} from '../support/test-runtime.ts';

// Some tests make several runtimes; on a busy machine that takes a while.
setDefaultTimeout(120_000);

/* The caretaker in a runtime: when it works, what it tells, and that its failures harm nobody. */

const DOCUMENTS = Array.from({ length: 12 }, (_, index) => ({
  key: `${index}`,
  content: `Document ${index} speaks of word${index} and of tents.`,
}));

async function tableFolder({ dataDir }: TestRuntime): Promise<string> {
  const [name = ''] = (await readdir(join(dataDir, 'vectors'))).filter((entry) => entry.endsWith('.lance'));
  return join(dataDir, 'vectors', name);
}

async function rawTable(started: TestRuntime): Promise<Table> {
  const db = await connect(join(started.dataDir, 'vectors'), { readConsistencyInterval: 0 });
  const [name = ''] = await db.tableNames();
  return db.openTable(name);
}

/** Cuts off all files of an index. */
async function damageIndex(started: TestRuntime, indexName: string): Promise<void> {
  const index = (await (await rawTable(started)).listIndices()).find(({ name }) => name === indexName);
  const folder = join(await tableFolder(started), '_indices', index?.indexUuid ?? '');
  for (const file of await readdir(folder)) await truncate(join(folder, file), 10);
}

/** The next event of a type. */
function nextEvent<Type extends SynclineEvent['type']>(
  runtime: Syncline,
  type: Type,
): Promise<Extract<SynclineEvent, { type: Type }>> {
  const found = Promise.withResolvers<Extract<SynclineEvent, { type: Type }>>();
  const off = runtime.on((event) => {
    if (event.type !== type) return;
    off();
    found.resolve(event as Extract<SynclineEvent, { type: Type }>);
  });
  return found.promise;
}

describe('maintenance', () => {
  test('is done when the statistics ask for it, and told in event and status', async () => {
    const started = await startTestRuntime({ maintenance: { unindexedRowsMax: 5, vectorIndexBytesMin: 1 } });
    const { runtime, events } = started;
    const dataset = runtime.dataset('shop/tents');
    await dataset.ingest(DOCUMENTS);
    const [maintained] = events.filter((event) => event.type === 'table.maintained');
    expect(maintained).toMatchObject({ address: 'shop/tents', hasVectorIndex: true });
    const status = await dataset.status();
    expect(status.maintenance).toMatchObject({ failure: undefined, failureCount: 0 });
    expect(status.maintenance?.table).toMatchObject({
      rowCount: 12,
      fragmentCount: 1,
      unindexedRowCount: 0,
      hasVectorIndex: true,
    });
    const tasks = (await runtime.status()).tasks.filter(({ kind }) => kind === 'maintain');
    expect(tasks).toHaveLength(1);
  });

  test('is not done when they do not', async () => {
    const { runtime, events } = await startTestRuntime();
    const dataset = runtime.dataset('shop/tents');
    await dataset.ingest(DOCUMENTS);
    expect(events.some((event) => event.type === 'table.maintained')).toBe(false);
    expect((await dataset.status()).maintenance).toBeUndefined();
  });

  test('that is asked for is done, in rounds until nothing more can be freed, and sweeps leftovers', async () => {
    const started = await startTestRuntime({ maintenance: { versionsKeptMs: 0 } });
    const dataset = started.runtime.dataset('shop/tents');
    await dataset.ingest(DOCUMENTS);
    for (const document of DOCUMENTS)
      await dataset.ingest([{ ...document, content: `${document.content} New.` }]);
    const leftover = join(await tableFolder(started), 'data', '.tmpAbC123');
    await writeFile(leftover, 'half a file');
    // From before this worker took the lease.
    await utimes(leftover, 0, 0);
    const { table } = await dataset.maintain();
    expect(table).toMatchObject({ rowCount: 12, fragmentCount: 1, unindexedRowCount: 0 });
    expect(await readdir(join(await tableFolder(started), 'data'))).not.toContain('.tmpAbC123');
    expect(await dataset.search('tents', { limit: 20 })).toHaveLength(12);
    expect((await dataset.status()).isUpToDate).toBe(true);
  }, 120_000);

  test('works as well in a started runtime, and of a dataset without documents', async () => {
    const { runtime } = await startTestRuntime({ maintenance: { versionsKeptMs: 0 } });
    await runtime.start();
    const dataset = runtime.dataset('shop/empty');
    await dataset.create();
    expect((await dataset.maintain()).table?.rowCount).toBe(0);
    await dataset.ingest(DOCUMENTS, { mode: 'sync' });
    expect((await dataset.maintain()).table).toMatchObject({ rowCount: 12, fragmentCount: 1 });
    expect(await rejectionOf(runtime.dataset('shop/none').maintain())).toMatchObject({
      code: 'DATASET_NOT_FOUND',
    });
  });

  test('wrong options are refused by name', async () => {
    for (const maintenance of [{ smallFragmentsMax: 1 }, { versionsKeptMs: -1 }, { fragments: 3 }]) {
      expect(await rejectionOf(startTestRuntime({ maintenance } as never))).toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringContaining(`maintenance.${Object.keys(maintenance)[0]}`),
      });
    }
  });
});

describe('a maintenance that fails', () => {
  /** Real parts but for one: the table refuses to be maintained, for as long as the switch is on. */
  async function startFailing() {
    const folder = makeTempDir();
    const provider = await startEmbeddingServer({ dimensions: TEST_DIMENSIONS });
    const options = resolveOptions({
      dataDir: folder.path,
      environment: {},
      durableTables: false,
      embedder: testEmbedder(provider),
      maintenance: { unindexedRowsMax: 5 },
    });
    const adapters = createAdapters(options);
    const failing = { isOn: true };
    const wrap = (table: VectorTable): VectorTable => ({
      ...table,
      maintain: (request) =>
        failing.isOn
          ? Promise.reject(new SynclineError('TABLE_FAILED', 'The table cannot be maintained now.'))
          : table.maintain(request),
    });
    const store: VectorStore = {
      ...adapters.store,
      openTable: async (name, spec) => wrap(await adapters.store.openTable(name, spec)),
      createTable: async (name, spec) => wrap(await adapters.store.createTable(name, spec)),
    };
    const core = createRuntimeCore(options, { ...adapters, store });
    const events: SynclineEvent[] = [];
    core.hub.on((event) => events.push(event));
    const dataset = createDataset(core, parseAddress('shop/tents'));
    const close = async (): Promise<void> => {
      await core.close();
      await provider[Symbol.asyncDispose]();
      folder.remove();
    };
    return { dataset, events, failing, [Symbol.asyncDispose]: close };
  }

  test('is told in event and status, and harms neither writes nor searches', async () => {
    await using started = await startFailing();
    const { dataset, events, failing } = started;
    await dataset.ingest(DOCUMENTS);
    expect(await dataset.search('tents', { limit: 20 })).toHaveLength(12);
    const failed = events.find((event) => event.type === 'table.maintenanceFailed');
    expect(failed).toMatchObject({ address: 'shop/tents', code: 'TABLE_FAILED', failureCount: 1 });
    expect(events.some((event) => event.type === 'dataset.state' && event.phase === 'backingOff')).toBe(
      false,
    );
    expect(await rejectionOf(dataset.maintain())).toMatchObject({ code: 'TABLE_FAILED' });
    const { maintenance, isUpToDate, phase } = await dataset.status();
    expect([isUpToDate, phase]).toEqual([true, 'notRunning']);
    const message = 'The table cannot be maintained now.';
    expect(maintenance).toMatchObject({ failureCount: 1, failure: { code: 'TABLE_FAILED', message } });
    expect(maintenance?.table).toMatchObject({ rowCount: 12, unindexedRowCount: 12 });

    failing.isOn = false;
    await dataset.maintain();
    expect((await dataset.status()).maintenance).toMatchObject({ failureCount: 0, failure: undefined });
  });
});

describe('damage', () => {
  test('of the vector index: searches compare with all rows, it is told, and made anew', async () => {
    const started = await startTestRuntime({ maintenance: { unindexedRowsMax: 5, vectorIndexBytesMin: 1 } });
    const { runtime } = started;
    await runtime.dataset('shop/tents').ingest(DOCUMENTS);
    await damageIndex(started, 'vector_idx');
    const again = started.another();
    await again.start();
    const dataset = again.dataset('shop/tents');
    const told = nextEvent(again, 'table.indexDamaged');
    const mended = nextEvent(again, 'table.maintained');
    expect(await dataset.search('tents', { limit: 20 })).toHaveLength(12);
    expect((await told).address).toBe('shop/tents');
    await mended;
    const indexed = nextEvent(again, 'table.indexDamaged');
    expect(await dataset.search('tents', { limit: 20 })).toHaveLength(12);
    expect(await Promise.race([indexed, 'none'])).toBe('none');
  });

  test('of the text index: the search that finds it fails, and it is made anew', async () => {
    const started = await startTestRuntime({ maintenance: { unindexedRowsMax: 5 } });
    await started.runtime.dataset('shop/tents').ingest(DOCUMENTS);
    await damageIndex(started, 'embedded_text_idx');
    const again = started.another();
    await again.start();
    const dataset = again.dataset('shop/tents');
    const mended = nextEvent(again, 'table.maintained');
    expect(await rejectionOf(dataset.search('tents'))).toMatchObject({ code: 'TABLE_DAMAGED' });
    await mended;
    expect(await dataset.search('tents', { mode: 'text', limit: 20 })).toHaveLength(12);
  });

  test('of the index by which commits find their rows: it is made anew, and the change is written', async () => {
    const started = await startTestRuntime({ maintenance: { unindexedRowsMax: 5 } });
    const { provider } = started;
    await started.runtime.dataset('shop/tents').ingest(DOCUMENTS);
    await damageIndex(started, 'document_id_idx');
    await damageIndex(started, 'chunk_id_idx');
    const again = started.another();
    await again.start();
    const dataset = again.dataset('shop/tents');
    const requestCount = provider.stats().requests;
    await dataset.deleteDocuments(['3']).catch(() => undefined);
    while (!(await dataset.status()).isUpToDate) await nextEvent(again, 'dataset.state');
    expect(await dataset.search('tents', { mode: 'text', limit: 20 })).toHaveLength(11);
    expect(provider.stats().requests).toBe(requestCount);
  });

  test('of the rows, found by a search: the table is built anew without paying', async () => {
    const started = await startTestRuntime({ maintenance: { unindexedRowsMax: 5 } });
    const { provider } = started;
    await started.runtime.dataset('shop/tents').ingest(DOCUMENTS);
    const data = join(await tableFolder(started), 'data');
    for (const file of await readdir(data)) await truncate(join(data, file), 40);
    const again = started.another();
    await again.start();
    const { inputs } = provider.stats();
    const rebuilt = nextEvent(again, 'table.rebuilt');
    const dataset = again.dataset('shop/tents');
    expect(await rejectionOf(dataset.search('tents', { mode: 'text' }))).toMatchObject({
      code: 'TABLE_DAMAGED',
    });
    await rebuilt;
    expect(await dataset.search('tents', { mode: 'text', limit: 20 })).toHaveLength(12);
    expect(provider.stats().inputs).toBe(inputs);
  });
});
