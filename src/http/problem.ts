import { getLogger } from '@logtape/logtape';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { SynclineError } from '../domain/errors.ts';
import type { HttpEnv } from './environment.ts';
import { HttpError, type HttpErrorCode, type ProblemCode, type RequestFault } from './http-error.ts';
import { PROBLEM_KINDS, publicMessage } from './problem-kinds.ts';

const logger = getLogger(['syncline', 'http']);

/** Seconds after which a request that failed for a passing reason may be sent again. */
const RETRY_AFTER_S = 5;

/** What went wrong, by RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  /** The address of the request. */
  readonly instance: string;
  readonly requestId: string;
  /** Parts of the request that are wrong. */
  readonly errors?: readonly RequestFault[];
  /** What would have been taken in its place. */
  readonly allowed?: readonly string[];
}

/** Answers any error of a handler or middleware as a problem. What nobody foresaw is logged and shown without its message. */
export function answerError(error: unknown, context: Context<HttpEnv>): Response {
  if (error instanceof HttpError) return answerProblem(context, error.code, error.message, error);
  if (error instanceof SynclineError) {
    const { code, message, retryable } = error;
    const { status, isMessagePublic } = PROBLEM_KINDS[code];
    // Nobody else learns what is not shown.
    if (status >= 500 || !isMessagePublic) logFailure(context, error);
    const headers: Record<string, string> = retryable ? { 'Retry-After': String(RETRY_AFTER_S) } : {};
    const { allowed } = error.details;
    return answerProblem(context, code, publicMessage(code, message), {
      headers,
      ...(Array.isArray(allowed) && { allowed: allowed.map(String) }),
    });
  }
  if (error instanceof HTTPException) {
    const code = codeOfStatus(error.status);
    if (code !== undefined)
      return answerProblem(context, code, `${error.message || PROBLEM_KINDS[code].title}.`);
  }
  logFailure(context, error);
  return answerProblem(context, 'INTERNAL', publicMessage('INTERNAL', ''));
}

/** Answers that there is nothing at an address. */
export function answerNotFound(context: Context<HttpEnv>): Response {
  const { method, path } = context.req;
  return answerProblem(context, 'NOT_FOUND', `There is nothing at ${method} ${path}.`);
}

interface ProblemExtras {
  readonly allowed?: readonly string[];
  readonly faults?: readonly RequestFault[];
  readonly headers?: Readonly<Record<string, string>>;
}

export function answerProblem(
  context: Context<HttpEnv>,
  code: ProblemCode,
  detail: string,
  { faults = [], headers = {}, allowed }: ProblemExtras = {},
): Response {
  const { status, title } = PROBLEM_KINDS[code];
  const problem: Problem = {
    type: `urn:syncline:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    code,
    detail,
    instance: context.req.path,
    requestId: context.get('requestId'),
    ...(faults.length > 0 && { errors: faults }),
    ...(allowed !== undefined && { allowed }),
  };
  return context.body(JSON.stringify(problem), status, {
    ...headers,
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
  });
}

/** Errors that Hono itself raises: a body that is no JSON, of another type, or too large. */
function codeOfStatus(status: number): HttpErrorCode | undefined {
  if (status === 400) return 'INVALID_REQUEST';
  if (status === 413) return 'PAYLOAD_TOO_LARGE';
  if (status === 415) return 'UNSUPPORTED_MEDIA_TYPE';
  return undefined;
}

function logFailure(context: Context<HttpEnv>, error: unknown): void {
  const { method, path } = context.req;
  logger.error('{method} {path} failed: {error}', {
    method,
    path,
    requestId: context.get('requestId'),
    error,
  });
}
