/* The part of the catalog that keeps how providers stand, for those who only look; `Catalog` and `CatalogWriter` include it. */

export const PROVIDER_STATES = ['available', 'throttled', 'unavailable', 'probing'] as const;

/**
 * - `available`: requests are sent as they come, within its limits;
 * - `throttled`: it wants fewer requests, or failed in a way that may pass; all wait for a moment;
 * - `unavailable`: it fails; nothing is sent, and those who ask are told why;
 * - `probing`: one request goes alone, and decides.
 */
export type ProviderState = (typeof PROVIDER_STATES)[number];

/** How one provider account stands. */
export interface ProviderStanding {
  /** As in the list of actors: `provider:1`. */
  readonly id: string;
  /** `openai`, or the server's host. */
  readonly provider: string;
  readonly state: ProviderState;
  /** Since when it is in that state, in Unix milliseconds. */
  readonly sinceMs: number;
  /** Why it is not available, or was not until lately. */
  readonly failure:
    | { readonly code: string; readonly message: string; readonly retryable: boolean }
    | undefined;
  readonly failedAtMs: number | undefined;
  /** Until when nothing is sent, in Unix milliseconds. */
  readonly waitUntilMs: number | undefined;
  /** How often in a row the circuit opened. */
  readonly openCount: number;
}

/** A standing with who has seen it. */
export interface StoredStanding extends ProviderStanding {
  /** See `LeaseHolder`; one that holds the lease no more has seen it once. */
  readonly holderId: string;
  readonly notedAtMs: number;
}

export interface ProviderReads {
  /** Newest first, at most 100. */
  listProviderStandings(): Promise<StoredStanding[]>;
}

export interface ProviderWrites {
  /**
   * Replaces what this holder of the lease has noted of the account before, and forgets what former holders have noted of the
   * same provider, or of any more than a day ago.
   */
  noteProviderStanding(standing: ProviderStanding): Promise<void>;
}
