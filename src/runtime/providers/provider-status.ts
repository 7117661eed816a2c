import type { SnapshotFrom } from 'xstate';
import type { providerMachine } from '../../actors/provider-machine.ts';
import type { ProviderStanding, ProviderState } from '../../catalog/catalog.ts';
import type { EmbedderLimits } from '../../embedders/embedder.ts';
import type { GovernorStanding } from './governor.ts';

/** Limits of one model at a provider, as they are kept to now. */
export interface ProviderModelStatus
  extends Pick<EmbedderLimits, 'itemsPerRequestMax' | 'tokensPerRequestMax'> {
  readonly model: string;
  /** By the options, or as the provider says with its answers; `undefined` where neither is known. */
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
}

/** What an account is sent now; known in the process that sends it alone. */
export interface ProviderTraffic {
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

/**
 * Who has seen how a provider stands:
 *
 * - `here`: this runtime, which sends it requests;
 * - `worker`: another one, which works on the catalog now;
 * - `formerWorker`: one that works no more: it stood like this at {@link ProviderStatus.seenAtMs}.
 */
export type ProviderWitness = 'here' | 'worker' | 'formerWorker';

/**
 * How one provider account stands: all that is sent to one host with one key. What it is sent and the limits of its models are
 * known of those that this runtime has sent requests to.
 */
export interface ProviderStatus extends ProviderStanding, Partial<ProviderTraffic> {
  readonly seenBy: ProviderWitness;
  readonly seenAtMs: number;
}

/** As this runtime sees it. */
export type OwnProviderStatus = ProviderStanding & ProviderTraffic;

export type ProviderSnapshot = SnapshotFrom<typeof providerMachine>;

/** The state in one word. */
export function providerState({ value }: ProviderSnapshot): ProviderState {
  return typeof value === 'string' ? value : 'probing';
}

/** A provider's actor, and since when it is in its state. */
export interface SeenProvider {
  readonly id: string;
  readonly provider: string;
  readonly snapshot: ProviderSnapshot;
  readonly sinceMs: number;
}

export function standingOf({ id, provider, snapshot, sinceMs }: SeenProvider): ProviderStanding {
  const { failure, failedAtMs, waitUntilMs, openCount } = snapshot.context;
  return {
    id,
    provider,
    state: providerState(snapshot),
    sinceMs,
    failure,
    failedAtMs,
    waitUntilMs,
    openCount,
  };
}

export function viewProvider(
  seen: SeenProvider,
  { rates, ...traffic }: GovernorStanding,
  limitsByModel: ReadonlyMap<string, () => EmbedderLimits>,
): OwnProviderStatus {
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
  return { ...standingOf(seen), ...traffic, models };
}
