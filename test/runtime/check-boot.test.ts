import { expect, setDefaultTimeout, test } from 'bun:test';
import { cpSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { changeCatalog, openTableDirectly, recordAsMarked } from '../support/damage-table.ts';
import { startTestRuntime, type TestRuntime, waitFor } from '../support/test-runtime.ts';

// Real files, tables and requests: on a busy machine that takes a while.
setDefaultTimeout(120_000);

/* What the check at every boot makes of a table that is not the one the catalog has recorded. */

const documentsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    key: `${first + index}`,
    content: `Words of document ${first + index}.`,
  }));

const vectorsOf = ({ dataDir }: TestRuntime): string => join(dataDir, 'vectors');

async function expectSound(context: TestRuntime, rowCount: number): Promise<void> {
  const dataset = context.another().dataset('docs/all');
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: rowCount });
  expect(context.provider.stats().requests).toBe(0);
}

test('an older copy of the folder of tables is repaired in place when little is missing', async () => {
  const context = await startTestRuntime();
  const dataset = context.runtime.dataset('docs/all');
  await dataset.ingest(documentsFrom(1, 60));
  const before = (await dataset.status()).table;
  cpSync(vectorsOf(context), `${context.dataDir}-copy`, { recursive: true });
  await dataset.ingest([{ key: '1', content: 'Other words of document 1.' }, ...documentsFrom(61, 3)]);
  await dataset.deleteDocuments(['2']);
  await context.runtime.stop();
  rmSync(vectorsOf(context), { recursive: true });
  cpSync(`${context.dataDir}-copy`, vectorsOf(context), { recursive: true });
  context.provider.reset();

  const phases: string[] = [];
  const runtime = context.another();
  runtime.on((event) => {
    if (event.type === 'dataset.state') phases.push(event.phase);
  });
  await runtime.start();
  await waitFor('the dataset to be idle', () => phases.at(-1) === 'idle');
  expect(phases).toContain('repairing');
  expect(phases).not.toContain('rebuilding');
  const told = context.events.flatMap((event) => (event.type === 'sync.checked' ? [event.report] : []));
  // Of documents 1 and 2 the old chunks are there, of 1 and of 61 to 63 the new ones are not.
  expect(told).toMatchObject([{ missing: { count: 4 }, extra: { count: 2 }, proposal: 'repair' }]);
  expect((await runtime.dataset('docs/all').status()).table?.name).toBe(before?.name ?? '');
  await runtime.stop();
  await expectSound(context, 62);
});

test('an older copy of the folder of tables is replaced by a new table when much is missing', async () => {
  const context = await startTestRuntime();
  const dataset = context.runtime.dataset('docs/all');
  await dataset.ingest(documentsFrom(1, 10));
  cpSync(vectorsOf(context), `${context.dataDir}-copy`, { recursive: true });
  await dataset.ingest(documentsFrom(11, 20));
  await context.runtime.stop();
  rmSync(vectorsOf(context), { recursive: true });
  cpSync(`${context.dataDir}-copy`, vectorsOf(context), { recursive: true });
  context.provider.reset();
  const runtime = context.another();
  await runtime.dataset('docs/all').index();
  expect(context.events.some(({ type }) => type === 'sync.repaired')).toBe(false);
  expect(context.events.some((event) => event.type === 'table.rebuilt' && event.rows === 30)).toBe(true);
  await runtime.stop();
  await expectSound(context, 30);
});

test('a table whose rows are right is taken as it is when only its version is not the recorded one', async () => {
  const context = await startTestRuntime();
  await context.runtime.dataset('docs/all').ingest(documentsFrom(1, 20));
  await context.runtime.stop();
  changeCatalog(context, 'update generations set recorded_version = recorded_version + 100');
  context.provider.reset();
  const runtime = context.another();
  const before = context.events.length;
  await runtime.dataset('docs/all').index();
  const types = context.events.slice(before).map(({ type }) => type);
  expect(types).toContain('sync.checked');
  for (const type of ['sync.repaired', 'table.rebuilt', 'table.written'] as const)
    expect(types).not.toContain(type);
  await runtime.stop();
  await expectSound(context, 20);
});

test.each([
  ['before rows were removed', false],
  ['after rows were removed', true],
])('a repair that was cut short %s is finished by the next boot', async (_, isRemoved) => {
  const context = await startTestRuntime();
  const dataset = context.runtime.dataset('docs/all');
  await dataset.ingest(documentsFrom(1, 40));
  await context.runtime.stop();
  const table = await openTableDirectly(context);
  const [row] = (await table.query().limit(1).toArray()) as Record<string, unknown>[];
  const { vector, ...rest } = { ...row } as { vector: { toArray(): Float32Array } };
  await table.add([{ ...rest, vector: Array.from(vector.toArray()), chunk_id: 4_000n }]);
  await table.delete('chunk_id = 7');
  await recordAsMarked(context, table);
  // What `beginRepair` leaves behind when nothing comes after it.
  changeCatalog(
    context,
    'update generations set recorded_row_count = -1',
    `insert into index_queue select generation_id, document_id, 7, 1, 1, 1
     from generations, chunks where chunk_id = 7`,
  );
  if (isRemoved) await table.delete('chunk_id = 4000');
  context.provider.reset();
  const runtime = context.another();
  await runtime.dataset('docs/all').index();
  expect(context.events.some(({ type }) => type === 'table.written')).toBe(true);
  await runtime.stop();
  await expectSound(context, 40);
});

test('a call that runs into a damaged data file heals the table and does its work', async () => {
  const context = await startTestRuntime();
  const dataset = context.runtime.dataset('docs/all');
  await dataset.ingest(documentsFrom(1, 20));
  const folder = join(vectorsOf(context), `${(await dataset.status()).table?.name}.lance`, 'data');
  for (const name of readdirSync(folder)) truncateSync(join(folder, name), 100);
  await dataset.ingest([{ key: '1', content: 'Other words of document 1.' }]);
  context.provider.reset();
  await context.runtime.stop();
  await expectSound(context, 20);
});
