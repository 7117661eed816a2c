import type { AnyActorRef, InspectionEvent, StateValue } from 'xstate';
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
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly tags: readonly string[];
}

/** Tells of changes of state; listens to the actors only while somebody listens to it. */
export interface TransitionFeed {
  on(listener: (transition: ActorTransition) => void): () => void;
}

/** Where an actor stood when it was last seen. */
interface Seen {
  readonly value: StateValue;
  readonly key: string;
}

export function createTransitionFeed(
  inspection: Inspection,
  live: () => readonly { readonly actor: AnyActorRef }[],
): TransitionFeed {
  const listeners = new Set<(transition: ActorTransition) => void>();
  let seen = new WeakMap<AnyActorRef, Seen>();
  let stopListening: (() => void) | undefined;

  const note = (actor: AnyActorRef, snapshot: unknown, event: string): ActorTransition | undefined => {
    if (!isMachineSnapshot(snapshot)) return undefined;
    const { value, status, tags } = snapshot;
    const before = seen.get(actor);
    // An actor that ends in the state that it is in has changed, too.
    const key = `${status} ${JSON.stringify(value)}`;
    if (before?.key === key) return undefined;
    seen.set(actor, { value, key });
    return {
      actorId: actor.id,
      address: addressOf(snapshot),
      event,
      from: before?.value,
      to: value,
      status,
      tags: [...tags],
    };
  };

  const listen = (event: InspectionEvent): void => {
    if (event.type !== '@xstate.snapshot') return;
    const transition = note(event.actorRef as AnyActorRef, event.snapshot, event.event.type);
    if (transition === undefined) return;
    for (const listener of listeners) listener(transition);
  };

  const begin = (): void => {
    seen = new WeakMap();
    // Only what changes from now on is told.
    for (const { actor } of live()) note(actor, actor.getSnapshot(), '');
    stopListening = inspection.on(listen);
  };

  return {
    on(listener) {
      const own = (transition: ActorTransition): void => listener(transition);
      if (listeners.size === 0) begin();
      listeners.add(own);
      return () => {
        if (!listeners.delete(own) || listeners.size > 0) return;
        stopListening?.();
        stopListening = undefined;
      };
    },
  };
}
