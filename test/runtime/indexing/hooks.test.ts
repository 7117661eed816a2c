import { expect, test } from 'bun:test';
import { createMemorySource, numberedRows } from '../../support/memory-source.ts';
import { rejectionOf, startTestRuntime, waitFor } from '../../support/test-runtime.ts';

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

test('deletions that are too many at once are set aside and hold up nothing, until somebody allows or drops them', async () => {
  const { dataset, source, events, runtime } = await startWith(numberedRows(2_100));
  await dataset.index();
  const onSaved = dataset.hook({ delayMs: 5 });
  const gone = Array.from({ length: 2_000 }, (_, index) => index + 1);
  for (const id of gone) source.rows.delete(`rows/${id}`);
  source.rows.set('rows/2100', 'Saved after all that was deleted.');
  onSaved({ table: 'rows', ids: gone });
  onSaved({ table: 'rows', ids: [2_100] });
  await onSaved.settled();
  // What was told after them was read, and nothing is tried for ever.
  const found = await dataset.search('saved after all', { mode: 'text' });
  expect(found[0]?.key).toBe('rows/2100');
  expect(events.filter(({ type }) => type === 'hook.failed')).toEqual([]);
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'changes.refused',
      table: 'rows',
      changes: 2_000,
      code: 'MASS_DELETION_REFUSED',
    }),
  );
  expect(await dataset.status()).toMatchObject({ refusedChangeCount: 2_000, counts: { documents: 2_100 } });
  const first = await dataset.refusedChanges({ limit: 2 });
  expect(first.items).toMatchObject([
    { table: 'rows', id: 1 },
    { table: 'rows', id: 2 },
  ]);
  expect((await dataset.refusedChanges({ limit: 1, after: first.next ?? '' })).items).toMatchObject([
    { id: 3 },
  ]);
  const failed = await runtime.tasks.list({ kind: 'index', state: 'failed' });
  expect(failed.items[0]?.error).toContain('MASS_DELETION_REFUSED');
  // A run that may not delete so much leaves them where they are.
  await dataset.index();
  expect((await dataset.status()).refusedChangeCount).toBe(2_000);
  expect(await dataset.index({ allowMassDeletion: true })).toMatchObject({ removedCount: 2_000 });
  expect(await dataset.status()).toMatchObject({ refusedChangeCount: 0, counts: { documents: 100 } });
}, 120_000);

test('what was set aside is forgotten when it is dropped, and by a full run that did it', async () => {
  const { dataset, source } = await startWith(numberedRows(60));
  await dataset.index();
  const onSaved = dataset.hook({ delayMs: 5 });
  const remove = async (): Promise<void> => {
    const ids = Array.from({ length: 50 }, (_, index) => index + 1);
    for (const id of ids) source.rows.delete(`rows/${id}`);
    onSaved({ table: 'rows', ids });
    await onSaved.settled();
    expect((await dataset.status()).refusedChangeCount).toBe(50);
  };
  await remove();
  expect(await dataset.dropRefusedChanges()).toEqual({ droppedCount: 50 });
  expect(await dataset.status()).toMatchObject({ refusedChangeCount: 0, counts: { documents: 60 } });
  await remove();
  expect(await rejectionOf(dataset.index({ full: true }))).toMatchObject({ code: 'MASS_DELETION_REFUSED' });
  expect((await dataset.status()).refusedChangeCount).toBe(50);
  await dataset.index({ full: true, allowMassDeletion: true });
  expect(await dataset.status()).toMatchObject({ refusedChangeCount: 0, counts: { documents: 10 } });
}, 120_000);

test('a table of which too much would be deleted keeps no other from being read', async () => {
  const source = createMemorySource(
    'db',
    { ...numberedRows(60), 'notes/1': 'A note.' },
    { tables: ['rows', 'notes'] },
  );
  const { runtime } = await startTestRuntime({ datasets: { [ADDRESS]: { sources: [source] } } });
  const dataset = runtime.dataset(ADDRESS);
  await dataset.index();
  const ids = Array.from({ length: 60 }, (_, index) => index + 1);
  for (const id of ids) source.rows.delete(`rows/${id}`);
  source.rows.delete('notes/1');
  const onSaved = dataset.hook({ delayMs: 5 });
  onSaved({ table: 'rows', ids });
  onSaved({ table: 'notes', ids: [1] });
  await onSaved.settled();
  expect(await dataset.status()).toMatchObject({ refusedChangeCount: 60, counts: { documents: 60 } });
}, 120_000);
