import { expect, test } from 'bun:test';
import { writeReady } from '../../src/pipeline/write-ready.ts';
import { rejectionOf } from '../support/test-runtime.ts';
import { createFakeWork, queuedDocument } from './fake-work.ts';

const never = new AbortController().signal;
const settle = async (): Promise<void> => {
  // Turns of the event loop, not of promises: on a busy machine sliced work hands it back.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test('without a serving table there is nothing to write', async () => {
  const { log, queue, work } = createFakeWork();
  work.serving.current = undefined;
  queue.push(queuedDocument(1));
  await writeReady(work, never);
  expect(log).toEqual([]);
});

test('writes until nothing is ready: each commit after asking for the lease, each mark after its commit', async () => {
  const { log, queue, reports, work } = createFakeWork();
  queue.push(queuedDocument(1), queuedDocument(2, { hasRows: true }));
  await writeReady(work, never);
  expect(log).toEqual([
    'assertLease',
    'append',
    'mark v2 1 rows',
    'assertLease',
    'replace',
    'mark v3 1 rows',
  ]);
  expect(reports.map(({ type }) => type)).toEqual(['written', 'written']);
});

test('a deleted document that has no rows is marked without a commit', async () => {
  const { log, queue, work } = createFakeWork();
  queue.push(queuedDocument(1, { chunks: [] }));
  await writeReady(work, never);
  expect(log).toEqual(['assertLease', 'mark v1 0 rows']);
});

test('a commit whose mark failed is put back and written again', async () => {
  const { log, queue, table, work } = createFakeWork();
  queue.push(queuedDocument(1));
  table.failMark = true;
  expect(await rejectionOf(writeReady(work, never))).toMatchObject({
    message: expect.stringContaining('The catalog is away.'),
  });
  expect(table.state).toEqual({ version: 2, rowCount: 1 });
  table.failMark = false;
  log.length = 0;
  await writeReady(work, never);
  expect(log).toEqual([
    'assertLease',
    'restore v1',
    'recordTable',
    'assertLease',
    'append',
    'mark v4 1 rows',
  ]);
});

test('waits for more vectors while they come, and writes at once when a commit is big enough', async () => {
  const { log, queue, work } = createFakeWork({ settings: { commitDelayMaxMs: 60_000 } });
  queue.push(queuedDocument(1));
  work.producers.embedding = 1;
  const done = writeReady(work, never);
  await settle();
  expect(log).toEqual([]);
  work.unwritten.vectors = 1_000_000;
  work.changed.ring();
  await settle();
  expect(log).toEqual(['assertLease', 'append', 'mark v2 1 rows']);
  work.producers.embedding = 0;
  work.changed.ring();
  await done;
});

test('a wait for more ends at its limit', async () => {
  const { log, queue, work } = createFakeWork({ settings: { commitDelayMaxMs: 1 } });
  queue.push(queuedDocument(1));
  work.producers.ingesting = 1;
  const done = writeReady(work, never);
  while (log.length < 3) await new Promise((resolve) => setImmediate(resolve));
  work.producers.ingesting = 0;
  work.changed.ring();
  await done;
});

test('held: what is ready is written, and nothing more is waited for', async () => {
  const { log, queue, work } = createFakeWork({ settings: { commitDelayMaxMs: 60_000 } });
  queue.push(queuedDocument(1));
  work.producers.embedding = 1;
  work.hold.active = true;
  await writeReady(work, never);
  expect(log).toEqual(['assertLease', 'append', 'mark v2 1 rows']);
});

test('aborted while it waits: nothing is committed', async () => {
  const abort = new AbortController();
  const { log, queue, work } = createFakeWork({ settings: { commitDelayMaxMs: 60_000 } });
  queue.push(queuedDocument(1));
  work.producers.embedding = 1;
  const done = writeReady(work, abort.signal);
  await settle();
  abort.abort();
  expect(await rejectionOf(done)).toMatchObject({ code: 'ABORTED' });
  expect(log).toEqual([]);
});
