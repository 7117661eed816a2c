import { createActor } from 'xstate';
import { toFailure } from '../../actors/failure.ts';
import {
  DEFAULT_PROVIDER_SETTINGS,
  faultKind,
  type ProviderSettings,
  providerMachine,
} from '../../actors/provider-machine.ts';
import type { ProviderStanding } from '../../catalog/catalog.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Embedder, EmbedderLimits } from '../../embedders/embedder.ts';
import type { ActorKind } from '../actor-kinds.ts';
import type { EventHub } from '../events.ts';
import type { Inspection } from '../inspection.ts';
import { machineClock } from '../system-clock.ts';
import { type BatchGateParts, gateBatch } from './batch-gate.ts';
import { createGovernor, type Governor } from './governor.ts';
import { createLearnedLimits, type LearnedLimits } from './learned-limits.ts';
import {
  type OwnProviderStatus,
  type ProviderSnapshot,
  providerState,
  type SeenProvider,
  standingOf,
  viewProvider,
} from './provider-status.ts';

/** The embedder that asks nobody: there is nothing to govern. */
const LOCAL_PROVIDER = 'local';
/** Datasets that are woken to try a provider again: the first has something to ask, as a rule. */
const WOKEN_TO_PROBE = 1;

export interface ProviderFleetParts {
  readonly clock: Clock;
  readonly hub: EventHub;
  readonly inspection: Inspection;
  readonly settings?: ProviderSettings;
  /** Has a dataset try again that backs off because of its provider. */
  readonly wake: (datasetId: number) => void;
  /** Told of every account, when it is first asked and whenever its standing changes. */
  readonly onStanding: (standing: ProviderStanding) => void;
}

/** The provider accounts that a runtime sends requests to: an actor and a governor for each. */
export interface ProviderFleet {
  /** The same embedder, with its requests sent when their turn has come. */
  govern(embedder: Embedder): Embedder;
  list(): OwnProviderStatus[];
  /**
   * Somebody asks for work to be done now: an open circuit is tried again. Not where the provider limits our rate and said
   * for how long, unless `isUrgent`.
   */
  tryAgain(embedder: Embedder, isUrgent: boolean): void;
  /** Ends all requests of a dataset at once, those that wait and those under way. */
  cancel(datasetId: number): void;
  /** For the list of actors. */
  readonly kind: ActorKind;
  stop(): void;
}

interface Member extends Governor {
  readonly gate: BatchGateParts;
  snapshot(): ProviderSnapshot;
  seen(): SeenProvider;
  readonly learnedByModel: Map<string, LearnedLimits>;
}

export function createProviderFleet(parts: ProviderFleetParts): ProviderFleet {
  /** By account. */
  const members = new Map<string, Member>();
  const governed = new WeakMap<Embedder, Embedder>();
  let isStopped = false;
  const memberFor = (embedder: Embedder): Member => {
    const account = accountOf(embedder);
    const member =
      members.get(account) ?? createMember(`provider:${members.size + 1}`, embedder.provider, parts);
    members.set(account, member);
    return member;
  };
  return {
    govern(embedder) {
      if (embedder.provider === LOCAL_PROVIDER || isStopped) return embedder;
      const known = governed.get(embedder) ?? governedBy(() => memberFor(embedder), embedder);
      governed.set(embedder, known);
      return known;
    },
    list: () => [...members.values()].map(viewMember),
    tryAgain(embedder, isUrgent) {
      const member = members.get(accountOf(embedder));
      const snapshot = member?.snapshot();
      if (snapshot === undefined || snapshot.status !== 'active' || !snapshot.matches('unavailable')) return;
      const { failure } = snapshot.context;
      if (isUrgent || failure?.retryAfterMs === undefined || faultKind(failure) === 'outage')
        member?.actor.send({ type: 'provider.retry' });
    },
    cancel(datasetId) {
      for (const member of members.values()) member.cancel(datasetId);
    },
    kind: {
      machine: 'provider',
      live: () => [...members.values()],
      allowedEvents: (snapshot) => {
        const mayRetry = snapshot.matches('throttled') || snapshot.matches('unavailable');
        return snapshot.status === 'active' && mayRetry ? ['provider.retry'] : [];
      },
      send(id) {
        const member = [...members.values()].find((one) => one.id === id);
        member?.actor.send({ type: 'provider.retry' });
      },
    },
    stop() {
      isStopped = true;
      for (const member of members.values()) member.stop();
      members.clear();
    },
  };
}

function accountOf({ account, provider }: Embedder): string {
  return account ?? provider;
}

function viewMember(member: Member): OwnProviderStatus {
  const limits = new Map<string, () => EmbedderLimits>();
  for (const [model, learned] of member.learnedByModel) limits.set(model, learned.limits);
  return viewProvider(member.seen(), member.standing(), limits);
}

function createMember(
  id: string,
  provider: string,
  { clock, hub, inspection, wake, onStanding, settings = DEFAULT_PROVIDER_SETTINGS }: ProviderFleetParts,
): Member {
  const actor = createActor(providerMachine, {
    input: { provider, settings },
    id,
    inspect: inspection.next,
    clock: machineClock(clock),
  });
  const governor = createGovernor({ actor, provider, clock });
  let last = actor.getSnapshot();
  let sinceMs = clock.nowMs();
  const seen = (): SeenProvider => ({ id, provider, snapshot: actor.getSnapshot(), sinceMs });
  actor.subscribe({
    next(snapshot) {
      const state = providerState(snapshot);
      const isOther = state !== providerState(last);
      const hasChanged = isOther || snapshot.context.waitUntilMs !== last.context.waitUntilMs;
      last = snapshot;
      if (!hasChanged) return;
      if (isOther) sinceMs = clock.nowMs();
      onStanding(standingOf({ id, provider, snapshot, sinceMs }));
      const { failure, waitUntilMs } = snapshot.context;
      hub.emit({ type: 'provider.state', providerId: id, provider, state, failure, waitUntilMs });
      if (state === 'probing') for (const datasetId of governor.takeWaiting(WOKEN_TO_PROBE)) wake(datasetId);
      if (state === 'available')
        for (const datasetId of governor.takeWaiting(Number.MAX_SAFE_INTEGER)) wake(datasetId);
      governor.noteStateChange();
    },
    // Without an observer an error of the machine itself would end the process. Those who ask are told.
    error(error) {
      hub.emit({
        type: 'provider.state',
        providerId: id,
        provider,
        state: 'unavailable',
        failure: toFailure(error),
        waitUntilMs: undefined,
      });
    },
  });
  actor.start();
  onStanding(standingOf(seen()));
  return {
    ...governor,
    snapshot: () => actor.getSnapshot(),
    seen,
    gate: { actor, provider, clock },
    learnedByModel: new Map(),
  };
}

/** The provider's actor is there from the first request on. */
function governedBy(memberOf: () => Member, embedder: Embedder): Embedder {
  const learned = (): LearnedLimits => {
    const { learnedByModel } = memberOf();
    const known = learnedByModel.get(embedder.model) ?? createLearnedLimits(embedder);
    learnedByModel.set(embedder.model, known);
    return known;
  };
  const embed: Embedder['embed'] = (texts, options) => {
    // Known from now on, with its limits.
    learned();
    return memberOf().embed(embedder, texts, options);
  };
  const { batch } = embedder;
  const gatedBatch = batch && gateBatch(() => memberOf().gate, batch);
  // An embedder of the host may be an object of a class: all else is asked of itself.
  return new Proxy(embedder, {
    get: (target, name) => {
      if (name === 'embed') return embed;
      if (name === 'batch') return gatedBatch;
      if (name === 'limits') return learned().limits();
      if (name === 'noteTooLarge') return learned().noteTooLarge;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
