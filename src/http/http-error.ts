import type { ErrorCode } from '../domain/errors.ts';

/** Codes that only the HTTP face gives; like those of the library, none is ever renamed. */
export type HttpErrorCode =
  | 'INVALID_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'REQUEST_TIMEOUT'
  | 'PAYLOAD_TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'UPGRADE_REQUIRED'
  | 'TOO_MANY_STREAMS'
  | 'RATE_LIMITED';

/** Every code that a problem of the HTTP face can have. */
export type ProblemCode = ErrorCode | HttpErrorCode;

/** One part of a request that is wrong. */
export interface RequestFault {
  /** Where it is: `body.documents.3.key`, `query.limit`. */
  readonly path: string;
  readonly detail: string;
}

export interface HttpErrorOptions {
  readonly faults?: readonly RequestFault[];
  /** Sent with the problem: `WWW-Authenticate`, `Retry-After`, `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a handler or a middleware throws to answer with a problem; its message is shown to the caller as it is. */
export class HttpError extends Error {
  override readonly name: string = 'HttpError';
  readonly code: HttpErrorCode;
  readonly faults: readonly RequestFault[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: HttpErrorCode, message: string, options: HttpErrorOptions = {}) {
    super(message);
    this.code = code;
    this.faults = options.faults ?? [];
    this.headers = options.headers ?? {};
  }
}
