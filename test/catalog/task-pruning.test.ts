import { expect, test } from 'bun:test';
import { createLocalDriver } from '../../src/catalog/local/local-driver.ts';
import { createSqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { statement } from '../../src/catalog/sql-driver.ts';
import { integerAt } from '../../src/catalog/sql-values.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { LEASE, SPEC } from './catalog-fixtures.ts';

test('old tasks go while a worker runs, but for the last of each kind of a dataset', async () => {
  using dir = makeTempDir();
  const driver = createLocalDriver({
    path: dir.join('catalog.db'),
    access: 'readWrite',
    busyTimeoutMs: 1_000,
  });
  const catalog = createSqlCatalog(driver);
  await catalog.migrate();
  const answer = await catalog.acquireLease(LEASE);
  const writer = catalog.writer(answer.granted ? answer.token : 0);
  const { datasetId } = await writer.createDataset(SPEC);
  // Months of a worker: an index run that failed, then reads of another kind, and many of a dataset that is gone.
  await driver.write([
    statement(
      `with recursive n(id) as (select 1 union all select id + 1 from n where id < 2498)
       insert into tasks (task_id, dataset_id, kind, state, lease_token, started_at_ms, finished_at_ms, progress)
       select id, iif(id <= 200, ?, 99), iif(id = 1, 'index', 'check'), iif(id = 1, 'failed', 'succeeded'), 1, id, id, '{}' from n`,
      datasetId,
    ),
  ]);
  const idsOf = async () => {
    const [result] = await driver.read([statement('select task_id from tasks order by task_id')]);
    return (result?.rows ?? []).map((row) => integerAt(row, 0));
  };
  const end = async (): Promise<void> => {
    const taskId = await writer.startTask({ kind: 'ingest', datasetId });
    await writer.finishTask(taskId, { state: 'succeeded', progress: {} });
  };
  await end();
  expect(await idsOf()).toHaveLength(2_499);
  // The two thousand five hundredth.
  await end();
  const left = await idsOf();
  // What failed, the newest check, and the newest thousand.
  expect(left.slice(0, 3)).toEqual([1, 200, 1_501]);
  expect(left).toHaveLength(1_002);
  await catalog.close();
});
