import { expect, setDefaultTimeout, test } from 'bun:test';
import { isSynclineError, type Syncline, type SyncReport } from '../../src/index.ts';
import { openTableDirectly } from '../support/damage-table.ts';
import { startTestRuntime } from '../support/test-runtime.ts';

// Real files, tables and requests: on a busy machine that takes a while.
setDefaultTimeout(120_000);

/* A check while somebody writes: it may have to give up, but it never tells of a difference that is none. */

function documents(round: number) {
  return Array.from({ length: 8 }, (_, number) => ({
    key: `${number}`,
    content: `Words of document ${number} in round ${round}.`,
  }));
}

/** Checks again and again until `isOver`; what was interrupted is left out. */
async function checkUntil(runtime: Syncline, isOver: () => boolean): Promise<SyncReport[]> {
  const reports: SyncReport[] = [];
  for (let turn = 0; !isOver() || reports.length === 0; turn += 1) {
    const level = (['quick', 'rows', 'deep'] as const)[turn % 3];
    try {
      reports.push(await runtime.dataset('docs/all').check({ ...(level && { level }) }));
    } catch (error) {
      if (!isSynclineError(error, 'CHECK_INTERRUPTED')) throw error;
      expect(error.retryable).toBe(true);
    }
  }
  return reports;
}

test('of a dataset that this runtime and another one look at while it is written to, every report is clean', async () => {
  const { runtime, another } = await startTestRuntime();
  await runtime.start();
  const dataset = runtime.dataset('docs/all');
  await dataset.ingest(documents(0), { mode: 'sync' });
  let isOver = false;
  const own = checkUntil(runtime, () => isOver);
  const others = checkUntil(another({ access: 'readOnly' }), () => isOver);
  for (let round = 1; round <= 25; round += 1) {
    await dataset.ingest(documents(round), { mode: 'sync' });
    if (round % 5 === 0) await dataset.deleteDocuments([`${round % 8}`]);
  }
  isOver = true;
  for (const report of [...(await own), ...(await others)]) {
    expect(report).toMatchObject({ inSync: true, reason: undefined });
  }
});

test('a repair of a started runtime goes on beside its work', async () => {
  const context = await startTestRuntime({ repairShareMax: 1 });
  const { runtime } = context;
  await runtime.start();
  const dataset = runtime.dataset('docs/all');
  await dataset.ingest(documents(0), { mode: 'sync' });
  for (let round = 1; round <= 5; round += 1) {
    const table = await openTableDirectly(context);
    const writing = dataset.ingest(documents(round), { mode: 'sync' });
    await table.delete(`document_id = ${round}`);
    const repairing = dataset.check({ level: 'deep', repair: true });
    await writing;
    await repairing;
  }
  expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: 8 });
});

test('a check that is aborted says so', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('docs/all');
  await dataset.ingest(documents(0));
  const signal = AbortSignal.abort();
  for (const options of [{ level: 'rows' }, { level: 'rows', repair: true }] as const) {
    const error = await dataset.check({ ...options, signal }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ABORTED' });
  }
});
