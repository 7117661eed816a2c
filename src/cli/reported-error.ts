import { type SynclineError, toSynclineError } from '../domain/errors.ts';
import { printable } from './printable.ts';

/** An error as the command line tells it. `code` is an {@link ErrorCode} or `USAGE`. */
export interface ReportedError {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly stack: string | undefined;
}

/** Any thrown value as a {@link ReportedError}; of an error and one that came up while closing, the first. */
export function toReportedError(thrown: unknown): ReportedError {
  if (thrown instanceof SuppressedError) return toReportedError(thrown.suppressed);
  const error: SynclineError = toSynclineError(thrown);
  const origin = error.cause instanceof Error ? error.cause : undefined;
  const stack = [error.stack, origin?.stack && `caused by: ${origin.stack}`].filter(Boolean).join('\n');
  return { code: error.code, message: error.message, details: error.details, stack };
}

/** `syncline: CODE: message`, on one line. */
export function formatError(code: string, message: string): string {
  return `syncline: ${code}: ${printable(message)}`;
}
