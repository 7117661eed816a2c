import type { SnapshotFrom } from 'xstate';
import type { Failure } from '../../actors/failure.ts';
import type { providerMachine } from '../../actors/provider-machine.ts';
import type { EmbedderLimits } from '../../embedders/embedder.ts';
import type { GovernorStanding } from './governor.ts';

/**
 * - `available`: requests are sent as they come, within its limits;
 * - `throttled`: it wants fewer requests, or failed in a way that may pass; all wait for a moment;
 * - `unavailable`: it fails; nothing is sent, and those who ask are told why;
 * - `probing`: one request goes alone, and decides.
 */
export type ProviderState = 'available' | 'throttled' | 'unavailable' | 'probing';

/** Limits of one model at a provider, as they are kept to now. */
export interface ProviderModelStatus
  extends Pick<EmbedderLimits, 'itemsPerRequestMax' | 'tokensPerRequestMax'> {
  readonly model: string;
  /** By the options, or as the provider says with its answers; `undefined` where neither is known. */
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
}

/** How one provider account stands: all that is sent to one host with one key. */
export interface ProviderStatus {
  /** As in the list of actors: `provider:1`. */
  readonly id: string;
  /** `openai`, or the server's host. */
  readonly provider: string;
  readonly state: ProviderState;
  /** Why it is not available, or was not until lately. */
  readonly failure: Failure | undefined;
  readonly failedAtMs: number | undefined;
  /** Until when nothing is sent, in Unix milliseconds. */
  readonly waitUntilMs: number | undefined;
  /** How often in a row the circuit opened. */
  readonly openCount: number;
  readonly inFlight: number;
  /** Requests that may be in flight now: fewer after the provider has complained, up to its limit while it does not. */
  readonly inFlightMax: number;
  readonly waitingDocumentRequests: number;
  readonly waitingQueries: number;
  /** Requests sent since the runtime was made. */
  readonly requestCount: number;
  readonly lastAnswerAtMs: number | undefined;
  readonly models: readonly ProviderModelStatus[];
}

export type ProviderSnapshot = SnapshotFrom<typeof providerMachine>;

/** The state in one word. */
export function providerState({ value }: ProviderSnapshot): ProviderState {
  return typeof value === 'string' ? value : 'probing';
}

export function viewProvider(
  { id, provider }: { readonly id: string; readonly provider: string },
  snapshot: ProviderSnapshot,
  { rates, ...standing }: GovernorStanding,
  limitsByModel: ReadonlyMap<string, () => EmbedderLimits>,
): ProviderStatus {
  const { failure, failedAtMs, waitUntilMs, openCount } = snapshot.context;
  const models = [...limitsByModel].map(([model, limitsOf]) => {
    const limits = limitsOf();
    const learned = rates.get(model)?.learned();
    return {
      model,
      itemsPerRequestMax: limits.itemsPerRequestMax,
      tokensPerRequestMax: limits.tokensPerRequestMax,
      requestsPerMinute: limits.requestsPerMinute ?? learned?.requestsPerMinute,
      tokensPerMinute: limits.tokensPerMinute ?? learned?.tokensPerMinute,
    };
  });
  const state = providerState(snapshot);
  return { id, provider, state, failure, failedAtMs, waitUntilMs, openCount, ...standing, models };
}
