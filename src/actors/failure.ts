import { toSynclineError } from '../domain/errors.ts';

/** An error as machines hold it: JSON-safe, so that it survives snapshots and inspection. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** Whether waiting may help. */
  readonly retryable: boolean;
  /** How long the other side asked to be left alone, where it said so. */
  readonly retryAfterMs: number | undefined;
}

export function toFailure(error: unknown): Failure {
  const { code, message, retryable, details } = toSynclineError(error);
  const { retryAfterMs } = details;
  return {
    code,
    message,
    retryable,
    retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : undefined,
  };
}

/** How long to wait after the n-th failure in a row. */
export interface BackoffSettings {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Failures in a row that waiting cannot mend, before the actor parks. */
  readonly failuresMax: number;
}

export const DEFAULT_BACKOFF: BackoffSettings = { firstMs: 1_000, maxMs: 300_000, failuresMax: 5 };

/**
 * Doubling waits between `firstMs` and `maxMs`, each drawn from its upper half so that many actors do not return at once;
 * never shorter than what the other side asked for.
 */
export function backoffMs(
  failureCount: number,
  failure: Failure | undefined,
  settings: BackoffSettings,
  random: () => number,
): number {
  const fullMs = Math.min(settings.maxMs, settings.firstMs * 2 ** Math.max(0, failureCount - 1));
  const jitteredMs = Math.round(fullMs * (0.5 + 0.5 * random()));
  return Math.max(jitteredMs, failure?.retryAfterMs ?? 0);
}
