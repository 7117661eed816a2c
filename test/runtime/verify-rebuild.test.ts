import { expect, test } from 'bun:test';
import { parseAddress } from '../../src/domain/address.ts';
import { createAdapters } from '../../src/runtime/adapters.ts';
import { createRuntimeCore } from '../../src/runtime/core.ts';
import { createDataset } from '../../src/runtime/dataset.ts';
import { resolveOptions } from '../../src/runtime/options.ts';
import type { VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { rejectionOf } from '../support/test-runtime.ts';

/** A store whose tables, while `fault.active`, keep the first row of each commit as another one. */
function lyingStore(inner: VectorStore, fault: { active: boolean }): VectorStore {
  const lying = (table: VectorTable): VectorTable => ({
    ...table,
    append: ({ rows, vectors }, options) =>
      table.append(
        {
          vectors,
          rows: rows.map((row, index) =>
            fault.active && index === 0 ? { ...row, fingerprint: row.fingerprint ^ 1n } : row,
          ),
        },
        options,
      ),
  });
  return {
    ...inner,
    createTable: async (...args) => lying(await inner.createTable(...args)),
    openTable: async (...args) => lying(await inner.openTable(...args)),
  };
}

test('a new table that does not hold what was written to it never serves, and another one is built', async () => {
  using folder = makeTempDir();
  const fault = { active: false };
  const options = resolveOptions({
    dataDir: folder.join('data'),
    embedder: { provider: 'local' },
    environment: {},
  });
  const adapters = createAdapters(options);
  const core = createRuntimeCore(options, { ...adapters, store: lyingStore(adapters.store, fault) });
  const dataset = createDataset(core, parseAddress('docs/all'));
  await dataset.ingest([
    { key: 'a', content: 'Words of one.' },
    { key: 'b', content: 'Words of two.' },
  ]);
  const before = (await dataset.status()).table?.name ?? '';
  fault.active = true;
  expect(await rejectionOf(dataset.rebuild())).toMatchObject({
    code: 'TABLE_FAILED',
    retryable: true,
    message: expect.stringContaining('1 stale'),
  });
  expect((await dataset.status()).table).toMatchObject({ name: before, rowCount: 2 });
  expect(await dataset.search('words')).toHaveLength(2);
  fault.active = false;
  await dataset.index();
  const after = await dataset.status();
  expect(after.table?.name).not.toBe(before);
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: 2 });
  await core.sessions.shutDown(1_000);
  await core.close();
});
