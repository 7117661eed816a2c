/**
 * Every error that Syncline raises on purpose is a {@link SynclineError} with a stable `code`.
 * The message names the thing, the reason and the remedy; the code is what programs match on.
 */

/** Stable error codes. A code is never renamed or reused; new ones are added. */
export type ErrorCode =
  // input
  | 'INVALID_OPTION'
  | 'INVALID_ADDRESS'
  | 'INVALID_DOCUMENT'
  | 'INVALID_METADATA'
  | 'INVALID_FILTER'
  | 'INVALID_FIELD'
  | 'INVALID_QUERY'
  | 'INVALID_VECTOR'
  | 'DUPLICATE_KEY'
  | 'DOCUMENT_TOO_LARGE'
  | 'SOURCE_UNREADABLE'
  // sources
  | 'INVALID_SOURCE'
  | 'INVALID_SOURCE_ID'
  | 'SOURCE_BUSY'
  | 'SOURCE_UNREACHABLE'
  | 'SOURCE_STALLED'
  | 'SOURCE_FAILED'
  | 'SOURCE_NOT_FOUND'
  | 'MASS_DELETION_REFUSED'
  | 'INVALID_SCHEDULE'
  | 'PACKAGE_MISSING'
  // datasets and profiles
  | 'DATASET_NOT_FOUND'
  | 'DATASET_EXISTS'
  | 'DATASET_DELETING'
  | 'DATASET_RECONFIGURING'
  | 'NO_EARLIER_TABLE'
  | 'PROFILE_MISMATCH'
  // actors
  | 'ACTOR_NOT_FOUND'
  | 'EVENT_NOT_ALLOWED'
  | 'DOCUMENT_NOT_FOUND'
  // tasks
  | 'TASK_NOT_FOUND'
  | 'TASK_NOT_RUNNING'
  // lease
  | 'LEASE_HELD'
  | 'LEASE_LOST'
  // catalog
  | 'CATALOG_MISSING'
  | 'CATALOG_LOST'
  | 'CATALOG_UNREADABLE'
  | 'CATALOG_CORRUPT'
  | 'CATALOG_FOREIGN'
  | 'CATALOG_NEWER'
  | 'CATALOG_OUTDATED'
  | 'CATALOG_READ_ONLY'
  | 'CATALOG_BUSY'
  | 'CATALOG_UNREACHABLE'
  | 'CATALOG_FAILED'
  | 'MIGRATION_EDITED'
  // backups
  | 'BACKUP_FAILED'
  | 'BACKUP_UNSUPPORTED'
  | 'BACKUP_UNUSABLE'
  | 'FILE_EXISTS'
  // vector tables
  | 'TABLE_MISSING'
  | 'TABLE_DAMAGED'
  | 'TABLE_SCHEMA_DIFFERS'
  | 'TABLE_CONFLICT'
  | 'TABLE_FAILED'
  | 'CHECK_INTERRUPTED'
  // both stores
  | 'DISK_FULL'
  // embedding
  | 'EMBEDDING_REQUEST_REFUSED'
  | 'EMBEDDING_ANSWER_INVALID'
  | 'PROVIDER_AUTH'
  | 'PROVIDER_QUOTA'
  | 'PROVIDER_RATE_LIMITED'
  | 'PROVIDER_UNREACHABLE'
  | 'PROVIDER_FAILED'
  // batch jobs
  | 'BATCH_LIMIT_REACHED'
  | 'BATCH_REFUSED'
  | 'BATCH_RESULTS_LOST'
  | 'BATCH_OVERDUE'
  | 'BATCH_LEFT_BEHIND'
  | 'BATCH_NOT_FOUND'
  | 'BATCH_NOT_ALLOWED'
  | 'BATCH_UNSUPPORTED'
  | 'SPEND_CAP_REACHED'
  // service
  | 'LISTEN_FAILED'
  // life cycle
  | 'RUNTIME_STOPPED'
  | 'ABORTED'
  | 'INTERNAL';

/** What a {@link SynclineError} carries besides its message. */
export interface SynclineErrorOptions {
  /** Whether the same call may succeed later without anybody changing anything. Default `false`. */
  readonly retryable?: boolean;
  /** The error underneath, kept for logs. */
  readonly cause?: unknown;
  /** Facts for programs, JSON-safe and free of secrets: `{ key, line, holder, … }`. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one error class of Syncline; told apart by {@link SynclineError.code}. */
export class SynclineError extends Error {
  override readonly name: string = 'SynclineError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: SynclineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

/** Whether `error` is a {@link SynclineError}, optionally with one of the given codes. */
export function isSynclineError(error: unknown, ...codes: readonly ErrorCode[]): error is SynclineError {
  return error instanceof SynclineError && (codes.length === 0 || codes.includes(error.code));
}

/** Any thrown value as a {@link SynclineError}: itself, or wrapped with code `INTERNAL`. */
export function toSynclineError(error: unknown): SynclineError {
  if (error instanceof SynclineError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SynclineError('INTERNAL', message, { cause: error });
}

/** Throws `ABORTED` when `signal` is aborted; a {@link SynclineError} given as its reason is thrown as it is. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  if (signal.reason instanceof SynclineError) throw signal.reason;
  throw new SynclineError('ABORTED', 'The operation was aborted.', { cause: signal.reason });
}
