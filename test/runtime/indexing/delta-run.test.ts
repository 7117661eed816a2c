import { expect, test } from 'bun:test';
import { type SourceId, SynclineError } from '../../../src/index.ts';
import { createMemorySource, numberedRows } from '../../support/memory-source.ts';
import { rejectionOf, startTestRuntime } from '../../support/test-runtime.ts';

const ADDRESS = 'shop/orders';

async function startWith(rows: Record<string, string>, options = {}) {
  const source = createMemorySource('db', rows, { tables: ['rows', 'notes'] });
  const test = await startTestRuntime({ datasets: { [ADDRESS]: { sources: [source] } }, ...options });
  return { ...test, source, dataset: test.runtime.dataset(ADDRESS) };
}

test('a delta looks at its records alone: new, changed, unchanged and gone ones', async () => {
  const { dataset, source, provider } = await startWith(numberedRows(4));
  await dataset.index();
  provider.reset();
  source.rows.set('rows/1', 'Changed and named.');
  source.rows.set('rows/2', 'Changed and not named.');
  source.rows.delete('rows/3');
  source.rows.set('rows/5', 'New and named.');
  source.rows.set('notes/5', 'New, in another table.');
  expect(await dataset.index({ changedIds: { rows: [1, 3, 4, 5, 5, 99], notes: ['5'] } })).toMatchObject({
    readCount: 4,
    changedCount: 1,
    unchangedCount: 1,
    addedCount: 2,
    removedCount: 1,
    unknownCount: 1,
    failedCount: 0,
    embeddedCount: 3,
  });
  expect(source.asked).toEqual([[1, 3, 4, 5, 99], ['5']]);
  expect(provider.texts).toHaveLength(3);
  expect((await dataset.search('changed', { mode: 'text' })).map(({ key }) => key)).toEqual(['rows/1']);
  expect((await dataset.search('row 3', { mode: 'text' })).map(({ key }) => key)).not.toContain('rows/3');
});

test('an unknown table is told with those that there are, before anything is read', async () => {
  const { dataset, source } = await startWith(numberedRows(1));
  expect(await rejectionOf(dataset.index({ changedIds: { rows: [1], orders: [1] } }))).toMatchObject({
    code: 'INVALID_SOURCE',
    message: expect.stringMatching(/"orders".*db \(rows, notes\)/),
  });
  expect(source.asked).toEqual([]);
});

test('ids that cannot be ids are refused one by one, and remove nothing', async () => {
  const { dataset, source } = await startWith(numberedRows(2));
  await dataset.index();
  const { documentKey } = source;
  Object.assign(source, {
    documentKey(table: string, id: SourceId) {
      if (typeof id === 'number') return documentKey(table, id);
      throw new SynclineError('INVALID_SOURCE_ID', 'Only numbers are ids here.');
    },
  });
  const ids = [1, 'one', null as never, {} as never, 2];
  expect(await dataset.index({ changedIds: { rows: ids } })).toMatchObject({
    unchangedCount: 2,
    failedCount: 3,
    removedCount: 0,
    refused: [{ code: 'INVALID_SOURCE_ID' }, { code: 'INVALID_SOURCE_ID' }, { code: 'INVALID_SOURCE_ID' }],
  });
});

test('100,000 ids in one call are asked for in pages', async () => {
  const { dataset, source } = await startWith(numberedRows(3));
  await dataset.index();
  source.rows.set('rows/100000', 'The last one.');
  const rows = Array.from({ length: 100_000 }, (_, index) => index + 1);
  expect(await dataset.index({ changedIds: { rows } })).toMatchObject({
    readCount: 4,
    unchangedCount: 3,
    addedCount: 1,
    removedCount: 0,
  });
  expect(Math.max(...source.asked.map((ids) => ids.length))).toBe(500);
  expect(source.asked).toHaveLength(200);
});

test('a delta whose source fails removes nothing, and keeps what it was given before', async () => {
  const { dataset, source } = await startWith(numberedRows(4));
  await dataset.index();
  source.rows.delete('rows/1');
  source.rows.set('rows/2', 'Changed before the failure.');
  source.beforeRecord = (count) => {
    if (count === 3) throw new Error('gone away');
  };
  expect(await rejectionOf(dataset.index({ changedIds: { rows: [1, 2, 3, 4] } }))).toMatchObject({
    code: 'SOURCE_FAILED',
  });
  source.beforeRecord = () => undefined;
  expect(await dataset.status()).toMatchObject({ counts: { documents: 4 } });
  expect(await dataset.index({ changedIds: { rows: [1, 2] } })).toMatchObject({
    unchangedCount: 1,
    removedCount: 1,
  });
});

test('a delta that would remove most of a source removes nothing, unless that is allowed', async () => {
  const { dataset, source } = await startWith(numberedRows(30));
  await dataset.index();
  source.rows.clear();
  const rows = Array.from({ length: 21 }, (_, index) => index + 1);
  expect(await rejectionOf(dataset.index({ changedIds: { rows } }))).toMatchObject({
    code: 'MASS_DELETION_REFUSED',
  });
  expect(await dataset.status()).toMatchObject({ counts: { documents: 30 } });
  expect(await dataset.index({ changedIds: { rows: rows.slice(0, 20) } })).toMatchObject({
    removedCount: 20,
  });
  expect(await dataset.index({ changedIds: { rows }, allowMassDeletion: true })).toMatchObject({
    removedCount: 1,
  });
});

test('a table that two sources have is looked at in both', async () => {
  const one = createMemorySource('one', { 'rows/1': 'One.' });
  const two = createMemorySource('two', { 'rows/1': 'Two.' }, { takesAnyTable: true });
  const { runtime } = await startTestRuntime({ datasets: { [ADDRESS]: { sources: [one, two] } } });
  const dataset = runtime.dataset(ADDRESS);
  expect(await dataset.index({ changedIds: { rows: [1] } })).toMatchObject({ addedCount: 2 });
  two.rows.clear();
  expect(await dataset.index({ changedIds: { rows: [1] } })).toMatchObject({
    removedCount: 1,
    unchangedCount: 1,
    unknownCount: 0,
  });
  // Nobody has row 8, nor one of another table.
  expect(await dataset.index({ changedIds: { rows: [1, 8], other: [7] } })).toMatchObject({
    unchangedCount: 1,
    removedCount: 0,
    unknownCount: 2,
  });
  expect(await dataset.index({ changedIds: { rows: [1], other: [7] }, source: 'two' })).toMatchObject({
    readCount: 0,
    unknownCount: 2,
  });
});
