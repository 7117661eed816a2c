import { expect, test } from 'bun:test';
import { SynclineError } from '../../src/domain/errors.ts';
import { isCommitConflict, isSnapshotGone, toTableError } from '../../src/vectors/table-error.ts';

/** Messages as LanceDB 0.39 and the file system gave them. */
const messages = {
  DISK_FULL: [
    'lance error: LanceError(IO): Generic LocalFileSystem error: Unable to copy data to file: No space left on device (os error 28)',
    'ENOSPC: no space left on device, write',
  ],
  TABLE_MISSING: [
    "Table 't' was not found  Caused by: Not found: tmp/db/t.lance, /usr/src/local.rs:47:32",
    'lance error: Not found: tmp/db/t.lance/_versions, /usr/src/commit.rs:670:26',
    "ENOENT: no such file or directory, scandir '/tmp/db/t.lance'",
  ],
  TABLE_CONFLICT: [
    'Retryable commit conflict for version 7: This Overwrite transaction was preempted by concurrent transaction Overwrite at version 7. Please retry.',
    'Incompatible transaction: This Append transaction is incompatible with concurrent transaction Restore',
    "Table 't' already exists",
  ],
  TABLE_DAMAGED: [
    'Not found: tmp/db/t.lance/data/0101.lance',
    'Not found: tmp/db/t.lance/_indices/4f/page_data.lance',
    'LanceError(IO): Generic LocalFileSystem error: failed to fill whole buffer',
    'file does not appear to be a Lance file (invalid magic: [0, 0, 0, 0])',
    'LanceError(IO): file size is too small',
    'LanceError(IO): does not have sufficient data, len: 10',
    'Encountered corrupt file fsst: wrong symbol table',
    'failed to decode Protobuf message',
    'Invalid range 0..0 for object of size 0',
    'Dataset version 0 does not have a transaction file',
    'Not a directory (os error 20)',
  ],
  TABLE_FAILED: ['Permission denied (os error 13)', 'something new'],
} as const;

test.each(Object.entries(messages))('%s is told by its messages and names the table', (code, texts) => {
  for (const text of texts) {
    const cause = new Error(text);
    expect(toTableError(cause, 't')).toMatchObject({
      code,
      cause,
      details: { table: 't' },
      message: expect.stringContaining('"t"'),
    });
  }
});

test('an error that is explained already stays as it is', () => {
  const error = new SynclineError('INVALID_FILTER', 'no');
  expect(toTableError(error, 't')).toBe(error);
});

test('only what may succeed later is retryable', () => {
  expect(toTableError(new Error('Generic S3 error: timed out'), 't').retryable).toBe(true);
  expect(toTableError(new Error('No space left on device (os error 28)'), 't').retryable).toBe(true);
  expect(toTableError(new Error('Retryable commit conflict'), 't').retryable).toBe(true);
  expect(toTableError(new Error("Table 't' already exists"), 't').retryable).toBe(false);
  expect(toTableError(new Error('invalid magic'), 't').retryable).toBe(false);
});

test('conflicts and lost snapshots are told apart from damage elsewhere', () => {
  expect(isCommitConflict(new Error(messages.TABLE_CONFLICT[1]))).toBe(true);
  expect(isCommitConflict(new Error(messages.TABLE_CONFLICT[2]))).toBe(false);
  expect(isSnapshotGone(new Error(messages.TABLE_DAMAGED[0]))).toBe(true);
  expect(isSnapshotGone(new Error(messages.TABLE_DAMAGED[1]))).toBe(false);
});
