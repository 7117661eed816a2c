import type { ErrorCode } from '../../domain/errors.ts';
import type { LocalFailure } from './local-messages.ts';

/** Something the worker knows the meaning of. */
export class LocalConnectionError extends Error {
  readonly failure: LocalFailure;

  constructor(failure: LocalFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** An error as it travels to the main thread. */
export function failureOf(error: unknown): LocalFailure {
  if (error instanceof LocalConnectionError) return error.failure;
  if (!(error instanceof Error)) return { message: String(error) };
  const catalogCode = 'syscall' in error && 'code' in error ? fileSystemCode(error.code) : undefined;
  if (catalogCode !== undefined) return { message: error.message, catalogCode };
  const rawCode = 'rawCode' in error && typeof error.rawCode === 'number' ? error.rawCode : undefined;
  return rawCode === undefined ? { message: error.message } : { message: error.message, rawCode };
}

/** What a failure of making the folder means. */
function fileSystemCode(code: unknown): ErrorCode {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'DISK_FULL';
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
    ? 'CATALOG_READ_ONLY'
    : 'CATALOG_UNREADABLE';
}
