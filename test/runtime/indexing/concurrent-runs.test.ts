import { expect, test } from 'bun:test';
import { createMemorySource, type MemorySource, numberedRows } from '../../support/memory-source.ts';
import { startTestRuntime } from '../../support/test-runtime.ts';

const ADDRESS = 'shop/orders';

async function startWith(rows: Record<string, string>) {
  const source = createMemorySource('db', rows);
  const test = await startTestRuntime({ datasets: { [ADDRESS]: { sources: [source] } } });
  const dataset = test.runtime.dataset(ADDRESS);
  await dataset.index({ full: true });
  test.provider.reset();
  return { ...test, source, dataset };
}

/** Holds a source before one of its records until `release` is called. */
function holdAt(source: MemorySource, place: number): { reached: Promise<void>; release: () => void } {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  source.beforeRecord = (count) => {
    if (count !== place) return undefined;
    // Others who read it meanwhile are not held.
    source.beforeRecord = () => undefined;
    reached.resolve();
    return released.promise;
  };
  return { reached: reached.promise, release: released.resolve };
}

const contentOf = async (
  dataset: { document(key: { source: string; key: string }): Promise<{ content: string }> },
  key: string,
) => (await dataset.document({ source: 'db', key })).content;

test('a full run removes nothing that a delta has brought since it began, and overwrites nothing with older rows', async () => {
  const { dataset, source } = await startWith(numberedRows(4));
  const { reached, release } = holdAt(source, 4);
  const full = dataset.index({ full: true });
  await reached;
  // The full run has read everything by now.
  source.rows.set('rows/1', 'Newer.');
  source.rows.set('rows/9', 'Added.');
  source.rows.delete('rows/3');
  expect(await dataset.index({ changedIds: { rows: [1, 3, 9] } })).toMatchObject({
    changedCount: 1,
    addedCount: 1,
    removedCount: 1,
    embeddedCount: 2,
  });
  release();
  expect(await full).toMatchObject({ readCount: 4, unchangedCount: 4, removedCount: 0, embeddedCount: 0 });
  expect(await contentOf(dataset, 'rows/1')).toBe('Newer.');
  expect(await contentOf(dataset, 'rows/9')).toBe('Added.');
  expect(await dataset.status()).toMatchObject({ counts: { documents: 4 } });
});

test('a row that a full run has read before it was deleted does not come back by it', async () => {
  const { dataset, source } = await startWith(numberedRows(3));
  source.rows.set('rows/7', 'New for the full run.');
  const { reached, release } = holdAt(source, 4);
  const full = dataset.index({ full: true });
  await reached;
  source.rows.delete('rows/7');
  expect(await dataset.index({ changedIds: { rows: [7] } })).toMatchObject({ removedCount: 0 });
  release();
  await full;
  expect(await dataset.status()).toMatchObject({ counts: { documents: 3 } });
});

test('what is pushed into a source during a full run stays, searchable or still queued', async () => {
  const { dataset, source } = await startWith(numberedRows(2));
  const { reached, release } = holdAt(source, 2);
  const full = dataset.index({ full: true });
  await reached;
  const push = (key: string, content: string) => ({ source: 'db', key, content });
  await dataset.ingest([push('sync', 'Pushed at once.'), push('rows/1', 'Pushed over it.')], {
    mode: 'sync',
  });
  await dataset.ingest([push('async', 'Queued.'), push('rows/2', 'Queued over it.')], { mode: 'async' });
  release();
  expect(await full).toMatchObject({ removedCount: 0 });
  await dataset.index({ source: 'db', changedIds: { rows: [] } });
  await dataset.deleteDocuments([]);
  expect(await contentOf(dataset, 'sync')).toBe('Pushed at once.');
  expect(await contentOf(dataset, 'async')).toBe('Queued.');
  expect(await contentOf(dataset, 'rows/1')).toBe('Pushed over it.');
  expect(await contentOf(dataset, 'rows/2')).toBe('Queued over it.');
});

test('of two deltas with the same row, the one that reads later decides', async () => {
  const { dataset, source } = await startWith(numberedRows(1));
  source.rows.set('rows/1', 'Second.');
  const { reached, release } = holdAt(source, 1);
  // It has read the row, and does not end.
  const first = dataset.index({ changedIds: { rows: [1] } });
  await reached;
  source.rows.set('rows/1', 'Third.');
  const second = dataset.index({ changedIds: { rows: [1] } });
  release();
  await Promise.all([first, second]);
  expect(await contentOf(dataset, 'rows/1')).toBe('Third.');
});

test('a second full run of a source waits for the first, and can be cancelled while it does', async () => {
  const { dataset, source, runtime } = await startWith(numberedRows(2));
  const { reached, release } = holdAt(source, 1);
  const first = dataset.index({ full: true });
  await reached;
  const listed = Promise.withResolvers<number>();
  const cancelled = dataset.index({ full: true, onTask: listed.resolve }).catch((error: unknown) => error);
  const third = dataset.index({ full: true });
  await runtime.tasks.cancel(await listed.promise);
  expect(await cancelled).toMatchObject({ code: 'ABORTED' });
  expect(source.since).toHaveLength(2);
  release();
  expect(await Promise.all([first, third])).toMatchObject([{ unchangedCount: 2 }, { unchangedCount: 2 }]);
});

test('every text counts for the run that brought it, however many run', async () => {
  const { dataset, source, provider } = await startWith({});
  for (const [key, text] of Object.entries(numberedRows(40))) source.rows.set(key, text);
  const delta = (from: number) =>
    dataset.index({ changedIds: { rows: Array.from({ length: 10 }, (_, index) => from + index) } });
  const pushed = Array.from({ length: 10 }, (_, index) => ({
    key: `p${index}`,
    content: `Pushed ${index}.`,
  }));
  const results = await Promise.all([
    delta(1),
    delta(11),
    dataset.index(),
    dataset.ingest(pushed, { mode: 'sync' }),
    dataset.index({ changedIds: { rows: [1, 11] } }),
  ]);
  const runs = [results[0], results[1], results[2], results[4]];
  const sum = (name: 'embeddedCount' | 'addedCount' | 'tokensCharged') =>
    runs.reduce((total, run) => total + run[name], 0);
  expect(sum('addedCount')).toBe(40);
  expect(sum('embeddedCount')).toBe(40);
  expect(provider.texts).toHaveLength(50);
  for (const run of runs) expect(run.embeddedCount).toBe(run.addedCount);
});
