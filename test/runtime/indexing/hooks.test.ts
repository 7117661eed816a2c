import { expect, test } from 'bun:test';
import { createMemorySource, numberedRows } from '../../support/memory-source.ts';
import { startTestRuntime, waitFor } from '../../support/test-runtime.ts';

const ADDRESS = 'shop/orders';

async function startWith(rows: Record<string, string>) {
  const source = createMemorySource('db', rows);
  const test = await startTestRuntime({ datasets: { [ADDRESS]: { sources: [source] } } });
  return { ...test, source, dataset: test.runtime.dataset(ADDRESS) };
}

test('saved records are indexed soon, many calls in one run, also the first time', async () => {
  const { dataset, source, runtime } = await startWith(numberedRows(3));
  const onSaved = dataset.hook({ delayMs: 5 });
  for (const id of [1, 2, 2, 1, 3]) onSaved({ table: 'rows', ids: [id] });
  await onSaved.settled();
  expect(source.asked).toEqual([[1, 2, 3]]);
  expect((await dataset.search('row 2', { mode: 'text' })).map(({ key }) => key)).toContain('rows/2');
  source.rows.delete('rows/2');
  onSaved({ table: 'rows', ids: [2] });
  await waitFor('the run', async () => (await runtime.tasks.list({ kind: 'index' })).items.length === 2);
  await onSaved.settled();
  expect(await dataset.status()).toMatchObject({ counts: { documents: 2 } });
});

test('a hook never throws: what it cannot use is told by an event', async () => {
  const { dataset, events } = await startWith(numberedRows(1));
  const onSaved = dataset.hook({ delayMs: 5 });
  for (const nonsense of [
    undefined,
    null,
    5,
    { table: 'rows' },
    { table: '', ids: [1] },
    { table: 'rows', ids: [1n] },
  ])
    onSaved(nonsense as never);
  await onSaved.settled();
  expect(events.filter(({ type }) => type === 'hook.failed')).toHaveLength(6);
  onSaved({ table: 'orders', ids: [1] });
  onSaved({ table: 'rows', ids: [1] });
  await onSaved.settled();
  // The table that no source has is told, and keeps the other from nothing.
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'hook.failed', code: 'INVALID_SOURCE', willRetry: false }),
  );
  expect(await dataset.status()).toMatchObject({ counts: { documents: 1 } });
});

test('a failure is an event, and what was told is tried again', async () => {
  const { dataset, source, events } = await startWith(numberedRows(2));
  source.beforeRecord = () => {
    throw new Error('the database restarts');
  };
  const onSaved = dataset.hook({ delayMs: 5 });
  onSaved({ table: 'rows', ids: [1] });
  await onSaved.settled();
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'hook.failed', code: 'SOURCE_FAILED', willRetry: true }),
  );
  source.beforeRecord = () => undefined;
  onSaved({ table: 'rows', ids: [2] });
  await onSaved.settled();
  expect(source.asked.at(-1)).toEqual([1, 2]);
  expect(await dataset.status()).toMatchObject({ counts: { documents: 2 } });
});

test('too many records become one run over everything', async () => {
  const { dataset, source } = await startWith(numberedRows(2));
  const onSaved = dataset.hook({ delayMs: 5 });
  onSaved({ table: 'rows', ids: Array.from({ length: 60_000 }, (_, index) => index) });
  onSaved({ table: 'rows', ids: [1] });
  await onSaved.settled();
  expect(source.since).toHaveLength(1);
  expect(source.asked.flat()).toEqual([]);
  expect(await dataset.status()).toMatchObject({ counts: { documents: 2 } });
});

test('what was told before a process ended is read by the next one', async () => {
  const { dataset, source, runtime, another } = await startWith(numberedRows(2));
  await dataset.index();
  source.rows.set('rows/1', 'Saved just before the end.');
  source.beforeRecord = () => {
    throw new Error('not now');
  };
  const onSaved = dataset.hook({ delayMs: 5 });
  onSaved({ table: 'rows', ids: [1] });
  await onSaved.settled();
  await runtime.stop();
  source.beforeRecord = () => undefined;
  const next = another();
  const nextHook = next.dataset(ADDRESS).hook({ delayMs: 5 });
  nextHook({ table: 'rows', ids: [2] });
  await nextHook.settled();
  expect(source.asked.at(-1)).toEqual([1, 2]);
  expect((await next.dataset(ADDRESS).search('saved', { mode: 'text' })).map(({ key }) => key)).toEqual([
    'rows/1',
  ]);
});
