import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInFlight } from '../../src/vectors/in-flight.ts';
import { loadLance } from '../../src/vectors/lance-library.ts';
import { createSerialQueue } from '../../src/vectors/serial-queue.ts';
import { createTableAccess, readState, type TableAccess } from '../../src/vectors/table-access.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const CONFLICT = 'Retryable commit conflict for version 2: preempted by concurrent transaction';
const GONE = 'Not found: tmp/db/t.lance/data/0101.lance';

let folder: string;
let access: TableAccess;
let close: () => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'syncline-access-'));
  const { lance } = await loadLance();
  const connection = await lance.connect(folder, { readConsistencyInterval: 0 });
  const handle = await connection.createTable('t', [{ id: 1 }]);
  close = () => {
    handle.close();
    connection.close();
  };
  access = createTableAccess({
    name: 't',
    handle,
    queue: createSerialQueue(),
    files: undefined,
    inFlight: createInFlight(),
    openAt: (version) => connection.openTable('t', undefined, { version }),
  });
});

afterEach(async () => {
  close();
  await rm(folder, { recursive: true });
});

/** Fails with `message` the given number of times, then succeeds; counts its calls. */
function failing(message: string, times: number) {
  const work = {
    calls: 0,
    async run(): Promise<string> {
      work.calls += 1;
      if (work.calls <= times) throw new Error(message);
      return 'done';
    },
  };
  return work;
}

test('a commit that lost against another is tried once more', async () => {
  const work = failing(CONFLICT, 1);
  expect(await access.write(() => access.commit(work.run))).toEqual({ version: 1, rowCount: 1 });
  expect(work.calls).toBe(2);
});

test('a commit that lost twice is a conflict that may be tried again later', async () => {
  const work = failing(CONFLICT, 2);
  expect(await rejectionOf(access.write(() => access.commit(work.run)))).toMatchObject({
    code: 'TABLE_CONFLICT',
    retryable: true,
  });
  expect(work.calls).toBe(2);
});

test('any other failure of a commit is not tried again', async () => {
  const work = failing('No space left on device (os error 28)', 1);
  expect(await rejectionOf(access.write(() => access.commit(work.run)))).toMatchObject({ code: 'DISK_FULL' });
  expect(work.calls).toBe(1);
});

test('a read whose snapshot was cleaned up is tried once more, then the table is damaged', async () => {
  const once = failing(GONE, 1);
  expect(await access.read(once.run)).toBe('done');
  const always = failing(GONE, 9);
  expect(await rejectionOf(access.read(always.run))).toMatchObject({ code: 'TABLE_DAMAGED' });
  expect(always.calls).toBe(2);
});

test('reads see the table as it was until work of several commits is over, also when that fails', async () => {
  await access.write(async () => {
    await access
      .pinnedWhile(async () => {
        expect(await access.read((table) => readState(table))).toEqual({
          version: 1,
          rowCount: 1,
        });
        expect(await rejectionOf(access.read((table) => table.add([{ id: 2 }])))).toMatchObject({
          code: 'TABLE_FAILED',
        });
        throw new Error('over');
      })
      .catch((error: unknown) => expect(error).toMatchObject({ message: 'over' }));
  });
  await access.read((table) => table.add([{ id: 2 }]));
  expect(await access.read(readState)).toEqual({ version: 2, rowCount: 2 });
});
