import type { AnyActorRef, AnyMachineSnapshot, InspectionEvent, StateValue } from 'xstate';
import { edgeIds } from '../actors/machine-model.ts';
import { addressOf, isMachineSnapshot } from './actor-view.ts';
import type { Inspection } from './inspection.ts';

/** A change of state of one actor. */
export interface ActorTransition {
  /** As in `ActorView.id`. */
  readonly actorId: string;
  /** `project/dataset`; `undefined` for the supervisor. */
  readonly address: string | undefined;
  /** What set it off, as in the machine's definition; `xstate.init` and `xstate.stop` for its beginning and its end. */
  readonly event: string;
  /** `undefined` for an actor that has just begun. */
  readonly from: StateValue | undefined;
  readonly to: StateValue;
  /** The edges of the machine's definition that were taken, in their order: also those through states that it did not stay in. */
  readonly edgeIds: readonly string[];
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly tags: readonly string[];
  /** Unix time in milliseconds. */
  readonly atMs: number;
}

/** Tells of changes of state, and remembers the newest ones of each actor. */
export interface TransitionFeed {
  on(listener: (transition: ActorTransition) => void): () => void;
  /** What an actor did, newest first; also of one that is gone, as long as it is not forgotten. */
  history(actorId: string): ActorTransition[];
  /** The newest of those; `undefined` where none is known. */
  last(actorId: string): ActorTransition | undefined;
}

/** How much is remembered of each actor, and of all together: of those that did nothing for the longest, it is forgotten. */
export interface HistoryLimits {
  readonly perActorMax: number;
  readonly transitionsMax: number;
}

/** Two or three runs of a dataset; about 5 MB for all. */
export const HISTORY_LIMITS: HistoryLimits = { perActorMax: 64, transitionsMax: 16_384 };

/** Far above the longest chain of transitions that one event sets off (about ten). */
const EDGES_MAX = 32;

export function createTransitionFeed(
  inspection: Inspection,
  nowMs: () => number,
  limits: HistoryLimits = HISTORY_LIMITS,
): TransitionFeed {
  const listeners = new Set<(transition: ActorTransition) => void>();
  const histories = createHistories(limits);
  /** Where an actor stood when it was last seen. */
  const seen = new WeakMap<object, { readonly value: StateValue; readonly key: string }>();
  /** What an actor has taken since then. */
  const taken = new WeakMap<object, string[]>();

  const note = (actor: AnyActorRef, snapshot: AnyMachineSnapshot, event: string): void => {
    const { value, status, tags } = snapshot;
    const before = seen.get(actor);
    // An actor that ends in the state that it is in has changed, too.
    const key = `${status} ${JSON.stringify(value)}`;
    const edges = taken.get(actor) ?? [];
    taken.delete(actor);
    if (before?.key === key) return;
    seen.set(actor, { value, key });
    const transition: ActorTransition = {
      actorId: actor.id,
      address: addressOf(snapshot),
      event,
      from: before?.value,
      to: value,
      edgeIds: edges,
      status,
      tags: [...tags],
      atMs: nowMs(),
    };
    histories.add(transition);
    for (const listener of listeners) listener(transition);
  };

  const noteEdges = (actor: object, snapshot: AnyMachineSnapshot, transitions: readonly object[]): void => {
    if (transitions.length === 0) return;
    const ids = edgeIds(snapshot.machine);
    const edges = taken.get(actor) ?? [];
    for (const transition of transitions) {
      const id = ids.get(transition);
      if (id !== undefined && edges.length < EDGES_MAX) edges.push(id);
    }
    taken.set(actor, edges);
  };

  inspection.on((event: InspectionEvent) => {
    if (event.type !== '@xstate.snapshot' && event.type !== '@xstate.microstep') return;
    const { snapshot } = event;
    if (!isMachineSnapshot(snapshot)) return;
    if (event.type === '@xstate.microstep') noteEdges(event.actorRef, snapshot, event._transitions);
    else note(event.actorRef as AnyActorRef, snapshot, event.event.type);
  });

  return {
    on(listener) {
      const own = (transition: ActorTransition): void => listener(transition);
      listeners.add(own);
      return () => listeners.delete(own);
    },
    history: (actorId) => histories.of(actorId).toReversed(),
    last: (actorId) => histories.of(actorId).at(-1),
  };
}

function createHistories({ perActorMax, transitionsMax }: HistoryLimits) {
  /** Oldest first; those that did something last stand at the end. */
  const byActor = new Map<string, ActorTransition[]>();
  let count = 0;
  return {
    add(transition: ActorTransition): void {
      const { actorId } = transition;
      const own = byActor.get(actorId) ?? [];
      own.push(transition);
      count += 1;
      if (own.length > perActorMax) {
        own.shift();
        count -= 1;
      }
      byActor.delete(actorId);
      byActor.set(actorId, own);
      for (const [id, oldest] of byActor) {
        if (count <= transitionsMax) break;
        byActor.delete(id);
        count -= oldest.length;
      }
    },
    of: (actorId: string): readonly ActorTransition[] => byActor.get(actorId) ?? [],
  };
}
