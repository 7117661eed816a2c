import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { createSyncline } from '../../src/index.ts';
import { bytesOnDisk } from '../../src/vectors/sweep-leftovers.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/*
 * 10,000 updates of single documents leave no more on disk than some times the table. In portions, so that it takes seconds; one
 * by one it is `bench/updates.ts`.
 */

const DOCUMENTS = 2_000;
const PORTION = 100;
const UPDATES = 10_000;
const LOOKS = 10;

/** Documents from all over the table: no fragment loses all its rows at once, which would spare its compaction. */
function* changedDocuments(update: number) {
  const stride = 7 + (update / PORTION) * 2;
  for (let index = 0; index < PORTION; index += 1) {
    const number = (update + index * stride) % DOCUMENTS;
    yield { key: `${number}`, content: `Document ${number}, as of update ${update}: a tent for two.` };
  }
}

test('disk use stays bounded under 10,000 small updates', async () => {
  using folder = makeTempDir();
  await using runtime = createSyncline({
    dataDir: folder.path,
    environment: {},
    embedder: { provider: 'local' },
    durableTables: false,
    maintenance: { smallFragmentsMax: 10, versionsKeptMs: 0 },
  });
  const tablesBytes = (): Promise<number> => bytesOnDisk(join(folder.path, 'vectors'));
  let maintainedCount = 0;
  runtime.on((event) => {
    if (event.type === 'table.maintained') maintainedCount += 1;
  });
  await runtime.start();
  const dataset = runtime.dataset('shop/tents');
  const all = Array.from({ length: DOCUMENTS }, (_, number) => ({
    key: `${number}`,
    content: `Document ${number}.`,
  }));
  await dataset.ingest(all, { mode: 'sync' });
  const compactBytes = (await dataset.maintain()).table?.totalBytes ?? 0;
  expect(compactBytes).toBeGreaterThan(0);

  let largestBytes = 0;
  for (let update = 0; update < UPDATES; update += PORTION) {
    await dataset.ingest(changedDocuments(update), { mode: 'sync' });
    if (update % (UPDATES / LOOKS) === 0) largestBytes = Math.max(largestBytes, await tablesBytes());
  }
  expect(maintainedCount).toBeGreaterThan(5);
  expect(largestBytes).toBeLessThan(5 * compactBytes);
  await dataset.maintain();
  expect(await tablesBytes()).toBeLessThan(1.5 * compactBytes);
  expect((await dataset.status()).table?.rowCount).toBe(DOCUMENTS);
}, 300_000);
