import { describe, expect, test } from 'bun:test';
import { SynclineError } from '../../src/domain/errors.ts';
import { maintainTable } from '../../src/pipeline/maintain-table.ts';
import {
  DEFAULT_MAINTENANCE,
  type LeftOver,
  maintenanceNeed,
  NOTHING_LEFT_OVER,
} from '../../src/pipeline/maintenance-need.ts';
import type { DatasetWork } from '../../src/pipeline/work.ts';
import type { TableStatistics, VectorTable } from '../../src/vectors/vector-store.ts';
import { createFakeWork } from './fake-work.ts';

const MIB = 1024 * 1024;

const CALM: TableStatistics = {
  version: 1,
  rowCount: 0,
  fragmentCount: 1,
  smallFragmentCount: 1,
  unindexedRowCount: 0,
  totalBytes: 100 * MIB,
  reclaimableBytes: 0,
  hasVectorIndex: false,
  vectorIndexDue: false,
};

describe('a table needs maintenance', () => {
  const needOf = (parts: Partial<TableStatistics>, left: Partial<LeftOver> = {}, isMidRun = false) =>
    maintenanceNeed({ ...CALM, ...parts }, { ...NOTHING_LEFT_OVER, ...left }, DEFAULT_MAINTENANCE, isMidRun);

  test('when it has many small fragments, rows beside an index, or large replaced files, or is to get a vector index', () => {
    expect(needOf({})).toBeUndefined();
    expect([needOf({ smallFragmentCount: 100 }), needOf({ smallFragmentCount: 101 })]).toEqual([
      undefined,
      'smallFragments',
    ]);
    expect([needOf({ unindexedRowCount: 1_000 }), needOf({ unindexedRowCount: 1_001 })]).toEqual([
      undefined,
      'unindexedRows',
    ]);
    expect([needOf({ reclaimableBytes: 50 * MIB }), needOf({ reclaimableBytes: 51 * MIB })]).toEqual([
      undefined,
      'reclaimable',
    ]);
    expect(needOf({ reclaimableBytes: 15 * MIB, totalBytes: 1 })).toBeUndefined();
    expect(needOf({ vectorIndexDue: true })).toBe('vectorIndex');
  });

  test('not for what the last one left over', () => {
    expect(needOf({ smallFragmentCount: 150 }, { smallFragmentCount: 50 })).toBeUndefined();
    expect(needOf({ smallFragmentCount: 151 }, { smallFragmentCount: 50 })).toBe('smallFragments');
    expect(needOf({ reclaimableBytes: 90 * MIB }, { reclaimableBytes: 80 * MIB })).toBeUndefined();
  });

  test('in a long run only when the rows beside an index are a quarter of it', () => {
    expect(needOf({ unindexedRowCount: 20_000, rowCount: 100_000 }, {}, true)).toBeUndefined();
    expect(needOf({ unindexedRowCount: 26_000, rowCount: 100_000 }, {}, true)).toBe('unindexedRows');
    expect(needOf({ unindexedRowCount: 20_000, rowCount: 100_000 })).toBe('unindexedRows');
  });
});

/** A work whose table is what `statistics` says, and is maintained by `maintain`; its clock goes when it is told to. */
function createCare(maintain: VectorTable['maintain']) {
  const fake = createFakeWork();
  let nowMs = 0;
  const care = {
    statistics: { ...CALM, smallFragmentCount: 500 } as TableStatistics,
    scheduled: [] as (number | undefined)[],
    tasks: [] as object[],
  };
  const open = fake.work.serving.current;
  if (open === undefined) throw new Error('There is no table.');
  /** Rows that are there right after a maintenance and should not be. */
  let foreignRowCount = 0;
  const rows = async function* () {
    const zeros = new Float64Array(foreignRowCount);
    foreignRowCount = 0;
    const fingerprints = new Uint32Array(zeros.length * 2);
    yield { chunkIds: zeros, documentIds: zeros, fingerprints, places: new BigUint64Array(zeros.length) };
  };
  const own: Pick<VectorTable, 'statistics' | 'maintain' | 'scan'> = {
    statistics: async () => care.statistics,
    async maintain(options) {
      const state = await maintain(options);
      foreignRowCount = state.rowCount;
      return state;
    },
    scan: (version, read) => read({ version, rowCount: 0, rows, vectors: async function* () {} }),
  };
  const table: VectorTable = Object.assign(Object.create(open.table), own);
  fake.work.serving.current = { ...open, table };
  const work: DatasetWork = {
    ...fake.work,
    clock: { ...fake.work.clock, monotonicMs: () => nowMs },
    scheduleMaintenance: (delayMs) => care.scheduled.push(delayMs),
    writer: Object.assign(Object.create(fake.work.writer), {
      startTask: async () => 1,
      finishTask: async (_: number, result: object) => care.tasks.push(result),
    }),
  };
  return {
    ...care,
    reports: fake.reports,
    work,
    care,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('a maintenance that fails', () => {
  const failing = () => {
    let tries = 0;
    const made = createCare(async () => {
      tries += 1;
      throw new SynclineError('TABLE_FAILED', 'No luck.');
    });
    return { ...made, tries: () => tries };
  };

  test('is tried again after longer and longer waits, up to an hour, and asked for by itself', async () => {
    const { work, pass, tries, care, reports } = failing();
    const waits: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      await maintainTable(work);
      const waitMs = care.scheduled.at(-1) ?? 0;
      waits.push(waitMs / 1_000);
      pass(waitMs - 1);
      await maintainTable(work);
      expect(tries()).toBe(round + 1);
      expect(care.scheduled.at(-1)).toBe(1);
      pass(1);
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600, 3_600]);
    expect(reports.at(-1)).toMatchObject({
      type: 'maintenanceFailed',
      failureCount: 12,
      retryInMs: 3_600_000,
    });
    expect(care.tasks.at(-1)).toMatchObject({ state: 'failed', error: 'TABLE_FAILED: No luck.' });
  });

  test('does not keep one that is asked for from trying', async () => {
    const { work, tries } = failing();
    await maintainTable(work);
    expect(await maintainTable(work, { force: true })).toMatchObject({ failure: { code: 'TABLE_FAILED' } });
    expect(tries()).toBe(2);
  });

  test('is that of the dataset when the lease is lost, or when rows cannot be read', async () => {
    for (const code of ['LEASE_LOST', 'TABLE_DAMAGED', 'CATALOG_UNREACHABLE'] as const) {
      const { work } = createCare(() => Promise.reject(new SynclineError(code, 'No luck.')));
      const error: unknown = await maintainTable(work).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code });
      expect(work.care.damage).toBe(code === 'TABLE_DAMAGED' ? 'No luck.' : undefined);
    }
  });

  test('forgets its failures when it succeeds', async () => {
    let isBroken = true;
    const { work, pass, reports, care } = createCare(async () => {
      if (isBroken) throw new SynclineError('DISK_FULL', 'No luck.');
      return { version: 1, rowCount: 0 };
    });
    await maintainTable(work);
    pass(10_000);
    isBroken = false;
    await maintainTable(work);
    expect(reports.map(({ type }) => type)).toEqual(['maintenanceFailed', 'maintained']);
    expect(work.care).toMatchObject({ failureCount: 0, retryAtMs: 0 });
    expect(care.tasks.at(-1)).toMatchObject({ state: 'succeeded', progress: { failureCount: 0 } });
  });
});

describe('a maintenance that succeeds', () => {
  test('comes back once for what it replaced, when that may be removed', async () => {
    const { work, pass, care } = createCare(async () => {
      care.statistics = { ...CALM, reclaimableBytes: 100 * MIB };
      return { version: 1, rowCount: 0 };
    });
    expect(await maintainTable(work)).toEqual({ failure: undefined, moreInMs: 11_000 });
    expect(care.scheduled.at(-1)).toBe(11_000);
    pass(5_000);
    await maintainTable(work);
    expect(care.scheduled.at(-1)).toBe(6_000);
    expect(care.tasks).toHaveLength(1);
    pass(6_000);
    await maintainTable(work);
    expect(care.tasks).toHaveLength(2);
    // Nothing could be removed: somebody pins it. That is not tried for ever.
    pass(1_000_000);
    await maintainTable(work);
    expect(care.tasks).toHaveLength(2);
  });

  test('is put back when rows have changed under it, and done again', async () => {
    let tries = 0;
    const { work } = createCare(async () => {
      tries += 1;
      return { version: 1, rowCount: tries === 1 ? 7 : 0 };
    });
    expect(await maintainTable(work)).toMatchObject({ failure: undefined });
    expect(tries).toBe(2);
  });

  test('does nothing while stages are held, unless it is asked for', async () => {
    const { work, care } = createCare(async () => ({ version: 1, rowCount: 0 }));
    work.hold.active = true;
    await maintainTable(work);
    expect(care.tasks).toHaveLength(0);
    await maintainTable(work, { force: true });
    expect(care.tasks).toHaveLength(1);
  });
});
