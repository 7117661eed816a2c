import { describe, expect, test } from 'bun:test';
import { chooseNext, type DatasetEntry, planAdmission, type Room } from '../../src/actors/dataset-room.ts';

function entry(datasetId: number, part: Partial<DatasetEntry> = {}): DatasetEntry {
  return {
    datasetId,
    address: `project/d${datasetId}`,
    phase: 'idle',
    backlog: undefined,
    failure: undefined,
    granted: false,
    told: false,
    deleting: false,
    spawnedInLook: 1,
    reportSeq: datasetId,
    ...part,
  };
}

function admission(room: Partial<Room>) {
  const waiting = [{ datasetId: 100, address: 'project/new', deleting: false }];
  const given = { entries: [], waiting, datasetActorsMax: 1, hasPauses: () => true, mayBackingOffGo: true };
  const { admitted, resting, deferred } = planAdmission({ ...given, ...room });
  const ids = (list: readonly { readonly datasetId: number }[]) => list.map(({ datasetId }) => datasetId);
  return { admitted: ids(admitted), resting: ids(resting), deferred: ids(deferred) };
}

describe('who makes room', () => {
  test('nobody while there is room', () => {
    expect(admission({ entries: [entry(1)], datasetActorsMax: 2 })).toEqual({
      admitted: [100],
      resting: [],
      deferred: [],
    });
  });

  test.each(['idle', 'parked', 'paused'] as const)(
    'one that is %s, to rest until it is told something',
    (phase) => {
      expect(admission({ entries: [entry(1, { phase })] })).toMatchObject({ admitted: [100], resting: [1] });
    },
  );

  test('one that backs off, to queue up again, but only where that is allowed', () => {
    const entries = [entry(1, { phase: 'backingOff' })];
    expect(admission({ entries })).toMatchObject({ admitted: [100], deferred: [1] });
    expect(admission({ entries, mayBackingOffGo: false })).toMatchObject({ admitted: [], deferred: [] });
  });

  test.each([
    'checking',
    'measuring',
    'queued',
    'processing',
    'maintaining',
    'repairing',
    'rebuilding',
    'deleting',
  ] as const)('never one that is %s', (phase) => {
    expect(admission({ entries: [entry(1, { phase })] })).toEqual({
      admitted: [],
      resting: [],
      deferred: [],
    });
  });

  test('never one that was told something it has not answered, or that is to be deleted', () => {
    expect(admission({ entries: [entry(1, { told: true })] }).admitted).toEqual([]);
    expect(admission({ entries: [entry(1, { phase: 'backingOff', deleting: true })] }).admitted).toEqual([]);
  });

  test('never one that only the supervisor paused: nobody would wake it', () => {
    const entries = [entry(1, { phase: 'paused' })];
    expect(admission({ entries, hasPauses: () => false }).admitted).toEqual([]);
  });

  test('idle ones before parked ones, and of each kind those that stood still for longest', () => {
    const entries = [
      entry(1, { phase: 'parked', reportSeq: 1 }),
      entry(2, { reportSeq: 9 }),
      entry(3, { reportSeq: 4 }),
    ];
    expect(admission({ entries, datasetActorsMax: 3 }).resting).toEqual([3]);
  });
});

describe('who gets a place', () => {
  const queued = (datasetId: number, part: Partial<DatasetEntry> = {}) =>
    entry(datasetId, { phase: 'queued', ...part });
  const next = (entries: readonly DatasetEntry[], datasetsAtWorkMax: number) =>
    chooseNext(entries, { datasetsAtWorkMax, datasetOrder: 'largestBacklog' }).map(
      ({ datasetId }) => datasetId,
    );

  test('nobody twice, and a place that was given counts before it is taken', () => {
    expect(next([queued(1, { granted: true }), queued(2)], 1)).toEqual([]);
    expect(next([queued(1, { granted: true }), queued(2)], 2)).toEqual([2]);
  });

  test.each(['processing', 'maintaining', 'repairing', 'rebuilding'] as const)(
    'one that is %s holds its place',
    (phase) => {
      expect(next([entry(1, { phase }), queued(2)], 1)).toEqual([]);
    },
  );

  test('of equals the one with the smaller id', () => {
    expect(next([queued(3), queued(2)], 1)).toEqual([2]);
  });

  test.each(['largestBacklog', 'oldestChange'] as const)(
    'by %s one without any backlog comes last',
    (order) => {
      const backlog = {
        incomingDocuments: 0,
        queuedDocuments: 1,
        pendingChunks: 0,
        batchedChunks: 0,
        uncutDocuments: 0,
        isSwitchPending: false,
        oldestChangeAtMs: 5,
      };
      const entries = [queued(1), queued(2, { backlog })];
      expect(chooseNext(entries, { datasetsAtWorkMax: 1, datasetOrder: order })).toEqual([
        queued(2, { backlog }),
      ]);
    },
  );
});
