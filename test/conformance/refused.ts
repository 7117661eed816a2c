import { expect } from 'bun:test';
import type { ErrorCode } from '../../src/domain/errors.ts';

/** Expects a call to be refused with a code, and a message that says something. */
export async function refused(call: () => Promise<unknown>, code: ErrorCode, message = /./): Promise<void> {
  const failure = await call().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ name: 'SynclineError', code, message: expect.stringMatching(message) });
}
