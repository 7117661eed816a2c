import { expect, test } from 'bun:test';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { documentOf, put, remove, SPEC, setStage } from '../catalog/catalog-fixtures.ts';
import { rejectionOf } from '../support/test-runtime.ts';

/** The part of `describeCatalog` about sources, schedules and noted changes. `catalog()` is a new one in each test. */
export function describeCatalogSources(catalog: () => SqlCatalog): void {
  const source = (name: string, definitionJson = '{}') => ({ name, definitionJson });

  test('keeps sources in their order, and forgets how far one was read when its definition changes', async () => {
    const { writer, dataset } = await setStage(catalog());
    const id = dataset.datasetId;
    const names = async () => (await catalog().listSources(id)).map(({ name }) => name);
    await writer.setSources(id, [source('shop'), source('docs', '{"a":1}')], { keepOthers: false });
    await writer.noteSourceRead(id, { ...source('docs', '{"a":1}'), readUntilMs: 1_234 });
    await writer.noteSourceRead(id, { ...source('shop', 'another'), readUntilMs: 1_234 });
    expect(await catalog().listSources(id)).toEqual([
      { name: 'shop', definitionJson: '{}', readUntilMs: undefined },
      { name: 'docs', definitionJson: '{"a":1}', readUntilMs: 1_234 },
    ]);
    await writer.setSources(id, [source('docs', '{"a":1}'), source('new')], { keepOthers: true });
    expect(await names()).toEqual(['shop', 'docs', 'new']);
    expect((await catalog().listSources(id))[1]?.readUntilMs).toBe(1_234);
    await writer.setSources(id, [source('docs', '{"a":2}')], { keepOthers: false });
    expect(await catalog().listSources(id)).toEqual([
      { name: 'docs', definitionJson: '{"a":2}', readUntilMs: undefined },
    ]);
    await writer.setSources(id, [], { keepOthers: false });
    expect(await names()).toEqual([]);
  });

  test('lists the keys of one source in pages and counts them, without documents that are gone', async () => {
    const stage = await setStage(catalog());
    const id = stage.dataset.datasetId;
    const of = (from: string, key: string) => ({ ...documentOf(key, 'one|'), source: from });
    await put(stage, of('a', 'k2'), of('a', 'k1'), of('a', 'é'), of('b', 'k3'), documentOf('gone', 'one|'));
    await remove(stage, 'gone');
    const page = (afterKey: string, limit: number) =>
      catalog().listDocumentKeys(id, { source: 'a', afterKey, limit });
    expect(await page('', 2)).toEqual(['k1', 'k2']);
    expect(await page('k2', 2)).toEqual(['é']);
    expect(await catalog().countDocuments(id, 'a')).toBe(3);
    expect(await catalog().countDocuments(id, 'default')).toBe(0);
  });

  test('keeps schedules with how their last run ended, and tells which datasets have something to do', async () => {
    const { writer, dataset } = await setStage(catalog());
    const id = dataset.datasetId;
    const indexing = () => catalog().listIndexing({ afterDatasetId: 0, limit: 10 });
    expect(await indexing()).toEqual([]);
    const hourly = { isOn: true, cron: '0 * * * *', timeZone: 'UTC', doneUntilMs: 5 };
    await writer.setSchedule(id, 'index', hourly);
    const failed = { failureCount: 2, retryAtMs: 10 };
    const fine = { failureCount: 0, retryAtMs: undefined };
    await writer.noteScheduledRun(id, 'full', {
      doneUntilMs: 7,
      lastRunAtMs: 6,
      lastError: 'A: b',
      ...failed,
    });
    // Asked again, or answered late: what it has done by then is not forgotten.
    const well = { doneUntilMs: 9, lastRunAtMs: 8, lastError: undefined, ...fine };
    await writer.noteScheduledRun(id, 'index', well);
    await writer.setSchedule(id, 'index', hourly);
    const byDefault = { isOn: true, cron: undefined, timeZone: undefined };
    const schedules = [
      { run: 'full' as const, ...byDefault, doneUntilMs: 7, lastRunAtMs: 6, lastError: 'A: b', ...failed },
      { run: 'index' as const, ...hourly, ...well },
    ];
    expect(await catalog().listSchedules(id)).toEqual(schedules);
    await writer.setSources(id, [source('shop')], { keepOthers: false });
    await writer.noteChanges(id, [{ table: 'orders', idJson: '1' }], 10);
    expect(await indexing()).toEqual([
      {
        datasetId: id,
        schedules,
        sourcesSinceMs: expect.any(Number),
        unreadSinceMs: expect.any(Number),
        notedSinceMs: expect.any(Number),
      },
    ]);
    await writer.setSchedule(id, 'full', { ...byDefault, doneUntilMs: 1 });
    await writer.setSchedule(id, 'index', { ...hourly, isOn: false, doneUntilMs: 11 });
    expect(await catalog().listSchedules(id)).toEqual([
      schedules[0] ?? expect.unreachable(),
      { run: 'index', ...hourly, ...well, isOn: false, doneUntilMs: 11 },
    ]);
    // What another time is due for needs not be tried again.
    await writer.setSchedule(id, 'full', { ...hourly, doneUntilMs: 12 });
    expect((await catalog().listSchedules(id))[0]).toMatchObject({ lastError: 'A: b', ...fine });
  });

  test('keeps changes that were noted once each, the newest last, and makes too many of them one', async () => {
    const { writer, dataset } = await setStage(catalog());
    const id = dataset.datasetId;
    const change = (idJson: string) => ({ table: 'orders', idJson });
    const noted = async () => (await catalog().listNotedChanges(id, 10)).map(({ idJson }) => idJson);
    await writer.noteChanges(id, [change('1'), change('"b"'), change('1')], 3);
    expect(await noted()).toEqual(['"b"', '1']);
    const [oldest] = await catalog().listNotedChanges(id, 1);
    await writer.noteChanges(id, [change('"b"')], 3);
    await writer.forgetNotedChanges(id, [oldest?.changeId ?? 0]);
    expect(await noted()).toEqual(['1', '"b"']);
    await writer.noteChanges(id, [change('2'), change('3')], 3);
    expect(await catalog().listNotedChanges(id, 10)).toEqual([
      { changeId: expect.any(Number), table: '', idJson: '', refusedAtMs: undefined },
    ]);
    await writer.noteChanges(id, [change('4')], 3);
    expect(await noted()).toEqual(['', '4']);
  });

  test('sets changes aside, the newest so many of them, until they are forgotten or noted again', async () => {
    const { writer, dataset } = await setStage(catalog());
    const id = dataset.datasetId;
    const changes = ['1', '2', '3', '4'].map((idJson) => ({ table: 'orders', idJson }));
    await writer.noteChanges(id, changes, 10);
    const changeIds = (await catalog().listNotedChanges(id, 10)).map(({ changeId }) => changeId);
    await writer.refuseNotedChanges(id, changeIds.slice(0, 3), 2);
    const refused = async (afterChangeId = 0) =>
      (await catalog().listRefusedChanges(id, { afterChangeId, limit: 10 })).map(({ idJson }) => idJson);
    expect(await refused()).toEqual(['2', '3']);
    expect(await refused(changeIds[1])).toEqual(['3']);
    expect(await catalog().countRefusedChanges(id)).toEqual({ count: 2, lastChangeId: changeIds[2] ?? 0 });
    const noted = async () => (await catalog().listNotedChanges(id, 10)).map(({ idJson }) => idJson);
    expect(await noted()).toEqual(['4']);
    // They are no reason to do something, and stay when everything is to be read.
    await writer.forgetNotedChanges(id, changeIds.slice(3));
    expect(await catalog().listIndexing({ afterDatasetId: 0, limit: 10 })).toMatchObject([
      { notedSinceMs: undefined },
    ]);
    await writer.noteChanges(id, [{ table: '', idJson: '' }], 10);
    expect(await refused()).toEqual(['2', '3']);
    await writer.noteChanges(id, changes.slice(1, 2), 10);
    expect([await refused(), await noted()]).toEqual([['3'], ['', '2']]);
    expect(await writer.forgetRefusedChanges(id, changeIds[2] ?? 0)).toBe(1);
    expect([await refused(), await noted()]).toEqual([[], ['', '2']]);
    expect(await catalog().countRefusedChanges(id)).toEqual({ count: 0, lastChangeId: 0 });
  });

  test('forgets sources, schedules and noted changes with their dataset', async () => {
    const { writer, dataset } = await setStage(catalog());
    const id = dataset.datasetId;
    await writer.setSources(id, [source('shop')], { keepOthers: false });
    await writer.setSchedule(id, 'full', {
      isOn: false,
      cron: undefined,
      timeZone: undefined,
      doneUntilMs: 1,
    });
    await writer.noteChanges(id, [{ table: 'orders', idJson: '1' }], 3);
    await writer.requestDatasetDeletion(id);
    expect(await catalog().listIndexing({ afterDatasetId: 0, limit: 10 })).toEqual([]);
    expect(await rejectionOf(writer.setSources(id, [], { keepOthers: false }))).toMatchObject({
      code: 'DATASET_DELETING',
    });
    await writer.deleteDataset(id);
    expect(await catalog().listSources(id)).toEqual([]);
    expect(await catalog().listSchedules(id)).toEqual([]);
    expect(await catalog().listNotedChanges(id, 10)).toEqual([]);
  });

  test('tells what the statuses of several datasets are made of in one answer', async () => {
    const stage = await setStage(catalog());
    const { writer, dataset } = stage;
    const one = dataset.datasetId;
    const address = { ...SPEC.address, dataset: 'another' };
    const { datasetId: other } = await writer.createDataset({ ...SPEC, address });
    await put(stage, { ...documentOf('k1', 'one|two'), source: 'read' });
    await writer.setSources(one, [source('read'), source('unread')], { keepOthers: false });
    const run = async (kind: string, state: 'succeeded' | 'failed' | 'cancelled') => {
      const taskId = await writer.startTask({ kind, datasetId: one });
      await writer.finishTask(taskId, { state, progress: {} });
      return taskId;
    };
    await run('ingest', 'succeeded');
    const failed = await run('index', 'failed');
    const cancelled = await run('backfill', 'cancelled');
    const upkeep = await run('maintain', 'succeeded');
    await writer.startTask({ kind: 'index', datasetId: one });
    const found = await catalog().datasetOverviews([other, one, 4_711]);
    expect([...found.keys()]).toEqual([other, one, 4_711]);
    expect(found.get(one)).toMatchObject({
      counts: await catalog().datasetCounts(one),
      generations: await catalog().listGenerations(one),
      batchPolicy: await catalog().batchPolicy(one),
      indexing: (await catalog().listIndexing({ afterDatasetId: 0, limit: 1 }))[0],
      unreadSources: ['unread'],
      lastRun: { taskId: cancelled },
      failedRun: { taskId: failed, kind: 'index', address: 'docs/site' },
      upkeep: [{ taskId: upkeep }],
    });
    const nothing = { lastRun: undefined, failedRun: undefined, upkeep: [], unreadSources: [] };
    expect(found.get(other)).toMatchObject({ ...nothing, counts: await catalog().datasetCounts(other) });
    expect(found.get(4_711)).toMatchObject({ ...nothing, generations: [], counts: { documents: 0 } });
    await run('backfill', 'succeeded');
    expect((await catalog().datasetOverviews([one])).get(one)?.failedRun).toBeUndefined();
  });
}
