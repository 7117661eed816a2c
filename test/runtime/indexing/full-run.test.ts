import { expect, test } from 'bun:test';
import { sqlSource } from '../../../src/index.ts';
import { createMemorySource, numberedRows } from '../../support/memory-source.ts';
import { rejectionOf, startTestRuntime } from '../../support/test-runtime.ts';

const ADDRESS = 'shop/orders';

async function startWith(rows: Record<string, string>, options = {}) {
  const source = createMemorySource('db', rows);
  const test = await startTestRuntime({ datasets: { [ADDRESS]: { sources: [source] } }, ...options });
  return { ...test, source, dataset: test.runtime.dataset(ADDRESS) };
}

const keysOf = async (dataset: {
  documents(page: { limit: number }): Promise<{ items: readonly { key: string }[] }>;
}) => (await dataset.documents({ limit: 200 })).items.map(({ key }) => key).sort();

test('a declared dataset is made by its first run, and a run tells exactly what it did', async () => {
  const { dataset, provider, runtime } = await startWith(numberedRows(3));
  const first = await dataset.index({ full: true });
  expect(first).toMatchObject({
    readCount: 3,
    addedCount: 3,
    changedCount: 0,
    unchangedCount: 0,
    removedCount: 0,
    failedCount: 0,
    embeddedCount: 3,
    reusedCount: 0,
    givenUpCount: 0,
    refused: [],
  });
  expect(provider.texts).toHaveLength(3);
  expect(first.tokensCharged).toBeGreaterThan(0);
  const { refused: _, durationMs: __, costUsd: ___, ...counts } = first;
  const [task] = (await runtime.tasks.list({ kind: 'index' })).items;
  expect(task).toMatchObject({ state: 'succeeded', progress: counts });
});

test('a second run reads everything, embeds what is new, and removes what is gone', async () => {
  const { dataset, provider, source } = await startWith(numberedRows(5));
  await dataset.index({ full: true });
  provider.reset();
  source.rows.delete('rows/2');
  source.rows.set('rows/3', 'Something new about zebras.');
  // The text of another row: it has a vector.
  source.rows.set('rows/6', 'The text of row 2.');
  expect(await dataset.index({ full: true })).toMatchObject({
    readCount: 5,
    unchangedCount: 3,
    changedCount: 1,
    addedCount: 1,
    removedCount: 1,
    embeddedCount: 1,
    reusedCount: 1,
  });
  expect(provider.texts).toEqual([expect.stringContaining('zebras')]);
  expect(await keysOf(dataset)).toEqual(['rows/1', 'rows/3', 'rows/4', 'rows/5', 'rows/6']);
  const hits = await dataset.search('zebras', { mode: 'text' });
  expect(hits.map(({ key }) => key)).toEqual(['rows/3']);
});

test('without full nothing is removed, and what waits is done and counted', async () => {
  const { dataset, source, provider } = await startWith(numberedRows(2));
  await dataset.index();
  source.rows.clear();
  source.rows.set('rows/9', 'The ninth.');
  await dataset.ingest([{ key: 'pushed', content: 'It waits.' }], { mode: 'async' });
  provider.reset();
  expect(await dataset.index()).toMatchObject({
    addedCount: 1,
    removedCount: 0,
    readCount: 1,
    embeddedCount: 2,
  });
  expect(provider.texts).toHaveLength(2);
  expect(await keysOf(dataset)).toEqual(['pushed', 'rows/1', 'rows/2', 'rows/9']);
});

test('a run without sources does what waits, and a full one says that there is nothing to read', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('a/b');
  await dataset.ingest([{ key: 'a', content: 'One.' }], { mode: 'async' });
  expect(await dataset.index()).toMatchObject({ readCount: 0, embeddedCount: 1 });
  expect(await rejectionOf(dataset.index({ full: true }))).toMatchObject({ code: 'SOURCE_NOT_FOUND' });
  expect(await rejectionOf(dataset.index({ changedIds: { rows: [1] } }))).toMatchObject({
    code: 'SOURCE_NOT_FOUND',
  });
});

test('only documents of the source that was read are removed', async () => {
  const one = createMemorySource('one', { 'rows/1': 'One.' });
  const two = createMemorySource('two', { 'rows/1': 'Two.', 'rows/2': 'Second.' });
  const { runtime } = await startTestRuntime({ datasets: { [ADDRESS]: { sources: [one, two] } } });
  const dataset = runtime.dataset(ADDRESS);
  await dataset.index({ full: true });
  await dataset.ingest([{ key: 'rows/2', content: 'Pushed.' }]);
  one.rows.set('rows/3', 'Third.');
  two.rows.delete('rows/1');
  expect(await dataset.index({ full: true, source: 'one' })).toMatchObject({ readCount: 2, removedCount: 0 });
  expect(await dataset.index({ full: true })).toMatchObject({ readCount: 3, removedCount: 1 });
  const { items } = await dataset.documents();
  expect(items.map(({ source, key }) => `${source} ${key}`).sort()).toEqual([
    'default rows/2',
    'one rows/1',
    'one rows/3',
    'two rows/2',
  ]);
  expect(await rejectionOf(dataset.index({ source: 'three' }))).toMatchObject({
    code: 'SOURCE_NOT_FOUND',
    message: expect.stringContaining('one, two'),
  });
});

test('a source that fails half-way removes nothing, and what it and the others gave is indexed before that is told', async () => {
  const bad = createMemorySource('bad', numberedRows(4));
  const good = createMemorySource('good', { 'rows/1': 'Good.' });
  const { runtime } = await startTestRuntime({ datasets: { [ADDRESS]: { sources: [bad, good] } } });
  const dataset = runtime.dataset(ADDRESS);
  await dataset.index({ full: true });
  const searched = async (word: string) =>
    (await dataset.search(word, { mode: 'text' })).map(({ key, source }) => `${source} ${key}`);
  bad.rows.set('rows/1', 'Changed before the failure.');
  bad.beforeRecord = (count) => {
    if (count === 2) throw new Error('connection reset');
  };
  good.rows.set('rows/2', 'Better.');
  expect(await rejectionOf(dataset.index({ full: true }))).toMatchObject({
    code: 'SOURCE_FAILED',
    message: expect.stringMatching(/"shop\/orders".*"bad".*connection reset/),
  });
  const [task] = (await runtime.tasks.list({ kind: 'index' })).items;
  expect(task).toMatchObject({
    state: 'failed',
    progress: { changedCount: 1, addedCount: 1, removedCount: 0, embeddedCount: 2 },
  });
  expect(await dataset.status()).toMatchObject({
    counts: { documents: 6, indexedChunks: 6, chunks: { pending: 0 } },
  });
  expect(await searched('better')).toEqual(['good rows/2']);
  expect(await searched('failure')).toEqual(['bad rows/1']);
  bad.beforeRecord = () => undefined;
  await dataset.index({ full: true });
  expect(await searched('failure')).toEqual(['bad rows/1']);
});

test('a source that hangs is given up with a clear error, and a cancelled run ends at once', async () => {
  const { dataset, source, runtime } = await startWith(numberedRows(3), { sourceIdleMsMax: 100 });
  source.beforeRecord = (count) => (count === 1 ? new Promise<void>(() => undefined) : undefined);
  expect(await rejectionOf(dataset.index({ full: true }))).toMatchObject({
    code: 'SOURCE_STALLED',
    retryable: true,
    message: expect.stringContaining('"db"'),
  });
  expect(source.closedCount).toBe(1);
  const patient = await startWith(numberedRows(3));
  const isAsked = Promise.withResolvers<void>();
  patient.source.beforeRecord = (count) => {
    if (count < 1) return undefined;
    isAsked.resolve();
    return new Promise<void>(() => undefined);
  };
  const listed = Promise.withResolvers<number>();
  const run = rejectionOf(patient.dataset.index({ full: true, onTask: listed.resolve }));
  await isAsked.promise;
  await patient.runtime.tasks.cancel(await listed.promise);
  expect(await run).toMatchObject({ code: 'ABORTED' });
  expect(await runtime.tasks.list({ state: 'running' })).toMatchObject({ items: [] });
});

test('garbage is refused one by one, a refused record keeps its document, and an unknown one keeps all', async () => {
  const { dataset, source, events } = await startWith(numberedRows(4));
  await dataset.index({ full: true });
  source.rows.delete('rows/1');
  source.rows.delete('rows/2');
  source.rows.set('rows/3', 'with a zero \0 character');
  source.extra.push(
    { refused: { key: 'rows/1', code: 'INVALID_DOCUMENT', message: 'The body is null.' } },
    { document: { key: 'rows/4', content: 'Twice.' } },
    { document: { key: 'new', content: 5 } },
    { document: { key: '', content: 'nameless' } },
  );
  expect(await dataset.index({ full: true })).toMatchObject({
    readCount: 6,
    unchangedCount: 1,
    failedCount: 5,
    removedCount: 1,
    refused: [
      { key: 'rows/3', code: 'INVALID_DOCUMENT' },
      { key: 'rows/1', code: 'INVALID_DOCUMENT' },
      { key: 'rows/4', code: 'DUPLICATE_KEY' },
      { key: 'new', code: 'INVALID_DOCUMENT' },
      { key: '', code: 'INVALID_DOCUMENT' },
    ],
  });
  expect(await keysOf(dataset)).toEqual(['rows/1', 'rows/3', 'rows/4']);
  source.rows.delete('rows/4');
  source.extra.splice(0, 4, null, 17, { nonsense: true });
  expect(await dataset.index({ full: true })).toMatchObject({ failedCount: 4, removedCount: 0 });
  expect(await keysOf(dataset)).toEqual(['rows/1', 'rows/3', 'rows/4']);
  expect(events).toContainEqual(expect.objectContaining({ type: 'source.notCleaned', source: 'db' }));
  expect(events).toContainEqual(expect.objectContaining({ type: 'sources.read' }));
});

test('a run that would remove most of a source removes nothing, unless that is allowed', async () => {
  const { dataset, source } = await startWith(numberedRows(50));
  await dataset.index({ full: true });
  for (let row = 1; row <= 26; row += 1) source.rows.delete(`rows/${row}`);
  expect(await rejectionOf(dataset.index({ full: true }))).toMatchObject({
    code: 'MASS_DELETION_REFUSED',
    details: { source: 'db', removeCount: 26, storedCount: 50 },
  });
  expect(await dataset.status()).toMatchObject({ counts: { documents: 50 } });
  expect(await dataset.index({ full: true, allowMassDeletion: true })).toMatchObject({ removedCount: 26 });
  expect(await dataset.status()).toMatchObject({ counts: { documents: 24 } });
});

test('a source that gives nothing at all removes nothing, however few its documents are; some may always go', async () => {
  const { dataset, source } = await startWith(numberedRows(4));
  await dataset.index({ full: true });
  source.rows.clear();
  expect(await rejectionOf(dataset.index({ full: true }))).toMatchObject({
    code: 'MASS_DELETION_REFUSED',
    message: expect.stringContaining('nothing at all'),
  });
  source.rows.set('rows/1', 'The text of row 1.');
  expect(await dataset.index({ full: true })).toMatchObject({ removedCount: 3 });
});

test('options that contradict each other, or make no sense, are refused before anything is done', async () => {
  const { dataset, source } = await startWith(numberedRows(1));
  const invalid = { code: 'INVALID_OPTION' };
  expect(await rejectionOf(dataset.index({ full: true, changedIds: {} }))).toMatchObject(invalid);
  expect(await rejectionOf(dataset.index({ changedIds: [] as never }))).toMatchObject(invalid);
  expect(await rejectionOf(dataset.index({ changedIds: { rows: 5 as never } }))).toMatchObject(invalid);
  expect(source.since).toEqual([]);
});

test('what is declared wrongly is told with its dataset', async () => {
  const table = { name: 't', key: 'id', content: 'hello' };
  for (const [declared, code, message] of [
    [
      { fields: { title: 'string' } },
      'INVALID_FIELD',
      'The field "title" cannot be declared: that name is taken',
    ],
    [
      { sources: [sqlSource({ name: 'shop', url: 'x.db', tables: [table] })] },
      'INVALID_SOURCE',
      'names no column',
    ],
    [{ batch: { mode: 'now' } }, 'INVALID_OPTION', 'mode is "now"'],
    [{ schedules: { full: { cron: '0 3 * *' } } }, 'INVALID_SCHEDULE', '0 3 * *'],
  ] as const) {
    const error = await rejectionOf(startTestRuntime({ datasets: { [ADDRESS]: declared as never } }));
    expect(error).toMatchObject({ code });
    expect(String(error)).toContain(message);
    expect(String(error)).toContain(ADDRESS);
  }
});
