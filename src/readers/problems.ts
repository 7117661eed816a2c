import { type ErrorCode, SynclineError } from '../domain/errors.ts';
import type { ReadResult } from './read-result.ts';

/** A {@link ReadResult} about something that could not be read; `path`, `line` and the reason are in message and details. */
export function problem(
  code: ErrorCode,
  path: string,
  reason: string,
  more: { readonly line?: number; readonly cause?: unknown } = {},
): ReadResult {
  const { line, cause } = more;
  const where = line === undefined ? `"${path}"` : `"${path}", line ${line}`;
  const details = { path, ...(line === undefined ? {} : { line }) };
  const error = new SynclineError(code, `${where}: ${reason}`, { details, cause });
  return { problem: error, path, ...(line === undefined ? {} : { line }) };
}

/** A {@link ReadResult} for an error of the file system. */
export function unreadable(path: string, error: unknown): ReadResult {
  return problem('SOURCE_UNREADABLE', path, describeSystemError(error), { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder. Check the path.',
  EACCES: 'the permission to read it is missing. Change its permissions, or run as a user who may read it.',
  EPERM: 'the permission to read it is missing. Change its permissions, or run as a user who may read it.',
  ELOOP: 'it is a symbolic link that leads to itself. Remove the link.',
  EMFILE: 'too many files are open. Raise the limit of open files (ulimit -n).',
  ENAMETOOLONG: 'its name is too long.',
  ENOTDIR: 'a part of its path is a file, not a folder. Check the path.',
};

function describeSystemError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  return REASONS[code] ?? `it cannot be read (${message}).`;
}
