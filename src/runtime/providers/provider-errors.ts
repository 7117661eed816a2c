import type { Failure } from '../../actors/failure.ts';
import { type ErrorCode, isSynclineError, SynclineError, throwIfAborted } from '../../domain/errors.ts';

/** Whether the provider is to blame, and not the request, its texts or our settings. */
export function isProviderFault(error: SynclineError): boolean {
  if (isSynclineError(error, 'PROVIDER_FAILED')) return error.retryable;
  return isSynclineError(
    error,
    'PROVIDER_AUTH',
    'PROVIDER_QUOTA',
    'PROVIDER_RATE_LIMITED',
    'PROVIDER_UNREACHABLE',
  );
}

/** What those are told who ask while nothing is sent: the provider's own error, and when it is tried again. */
export function circuitError(provider: string, failure: Failure | undefined, waitMs: number): SynclineError {
  const { code, message, retryable } = failure ?? {
    code: 'PROVIDER_FAILED',
    message: `${provider} failed.`,
    retryable: true,
  };
  const when = waitMs > 0 ? `in ${Math.ceil(waitMs / 1_000)} s` : 'with the next request';
  return new SynclineError(
    code as ErrorCode,
    `${message} Nothing is sent to ${provider} until it is tried again, ${when}.`,
    { retryable, details: { provider, retryAfterMs: waitMs, isCircuitOpen: true } },
  );
}

/** A request that fails whenever it is sent, while others are answered: a refusal, whatever the server calls it. */
export function refusedByFailing(provider: string, error: SynclineError): SynclineError {
  return new SynclineError(
    'EMBEDDING_REQUEST_REFUSED',
    `${provider} fails whenever it is sent this, and answers everything else: ${error.message}`,
    { cause: error, details: { ...error.details, provider, failsAlways: true } },
  );
}

export function queueFull(provider: string, waitingCount: number): SynclineError {
  return new SynclineError(
    'PROVIDER_RATE_LIMITED',
    `${waitingCount} requests already wait for ${provider}; try again later.`,
    { retryable: true, details: { provider, retryAfterMs: 1_000 } },
  );
}

export function tooLongForQuery(provider: string, waitMs: number): SynclineError {
  const seconds = Math.ceil(waitMs / 1_000);
  return new SynclineError(
    'PROVIDER_RATE_LIMITED',
    `${provider} limits our rate, and its turn would come in ${seconds} s; that is too long for a query. Try again later, or search by words ("text").`,
    { retryable: true, details: { provider, retryAfterMs: waitMs } },
  );
}

/** The error of a caller who has given up. */
export function abortedError(signal: AbortSignal): unknown {
  try {
    throwIfAborted(signal);
  } catch (error) {
    return error;
  }
  return new SynclineError('ABORTED', 'The operation was aborted.');
}
