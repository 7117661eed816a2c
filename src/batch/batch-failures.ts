import { isSynclineError, SynclineError } from '../domain/errors.ts';

/**
 * How an upload or a submission failed: `BATCH_REFUSED` where the same job would be refused again (HTTP 400, 404, 405, 409, 413,
 * 422), and nothing was made of it; else what is told of every exchange, which waiting may mend.
 *
 * @param failure - As `providerFailure` tells it.
 */
export function handInFailure(failure: SynclineError): SynclineError {
  const { code, message, details, retryable } = failure;
  const isRefused =
    code === 'EMBEDDING_REQUEST_REFUSED' ||
    (code === 'PROVIDER_FAILED' && (!retryable || details.status === 409));
  if (!isRefused) return failure;
  return new SynclineError('BATCH_REFUSED', `The batch job was not taken: ${message}`, { details });
}

/** What a list holds; nothing where the server has no such list (HTTP 404, 405). */
export async function orNone<Item>(list: Promise<Item[]>): Promise<Item[]> {
  try {
    return await list;
  } catch (error) {
    if (isSynclineError(error) && (error.details.status === 404 || error.details.status === 405)) return [];
    throw error;
  }
}
