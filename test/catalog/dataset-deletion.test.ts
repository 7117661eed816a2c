import { expect, test } from 'bun:test';
import { createLocalDriver } from '../../src/catalog/local/local-driver.ts';
import { createSqlCatalog } from '../../src/catalog/sql-catalog.ts';
import type { SqlDriver } from '../../src/catalog/sql-driver.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { LEASE, SPEC } from './catalog-fixtures.ts';

/** A driver whose writes can be cut off after some more. */
function limited(driver: SqlDriver): { readonly driver: SqlDriver; allow(writes: number): void } {
  let left = Number.POSITIVE_INFINITY;
  return {
    allow(writes) {
      left = writes;
    },
    driver: {
      ...driver,
      write(statements) {
        left -= 1;
        return left < 0 ? Promise.reject(new Error('The power is off.')) : driver.write(statements);
      },
    },
  };
}

test('wherever the deletion of a dataset is cut short, it is found again and finished', async () => {
  using dir = makeTempDir();
  const { driver, allow } = limited(
    createLocalDriver({ path: dir.join('catalog.db'), access: 'readWrite', busyTimeoutMs: 1_000 }),
  );
  const catalog = createSqlCatalog(driver);
  await catalog.migrate();
  const answer = await catalog.acquireLease(LEASE);
  const writer = catalog.writer(answer.granted ? answer.token : 0);
  const { datasetId } = await writer.createDataset(SPEC);
  await writer.requestDatasetDeletion(datasetId);
  const listed = async () => (await catalog.listDatasets({ limit: 10 })).map((dataset) => dataset.state);
  for (let writes = 0; (await listed()).length > 0; writes += 1) {
    expect(await listed()).toEqual(['deleting']);
    allow(writes);
    await writer.deleteDataset(datasetId).catch(() => undefined);
    allow(Number.POSITIVE_INFINITY);
  }
  expect(await writer.createDataset(SPEC)).toMatchObject({ state: 'active' });
  await catalog.close();
});
