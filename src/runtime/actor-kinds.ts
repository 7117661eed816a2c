import type { AnyActor, AnyMachineSnapshot } from 'xstate';
import type { MachineName } from '../actors/machines.ts';
import type { ControlEvent, ControlEventType } from './actor-view.ts';

/** A machine actor that lives, with the id that it has in the registry. */
export interface LiveActor {
  readonly id: string;
  readonly actor: AnyActor;
}

/** Actors of one machine beside the supervisor and the datasets, as the registry needs to know them. */
export interface ActorKind {
  /** Their machine, and what their ids begin with: `provider` of `provider:1`. */
  readonly machine: MachineName;
  live(): readonly LiveActor[];
  /** The control events that one takes now. */
  allowedEvents(snapshot: AnyMachineSnapshot): readonly ControlEventType[];
  /** Passes on an event that is allowed. */
  send(id: string, event: ControlEvent): void;
}

/** What ids begin with, in the order in which actors are listed. */
export const ACTOR_ID_KINDS = [
  'supervisor',
  'dataset',
  'call',
  'provider',
  'batch',
  'watcher',
  'scheduler',
] as const;

/** Orders ids by kind, then by number. */
export function compareActorIds(a: string, b: string): number {
  const rank = (id: string): [number, number] => {
    const [kind = '', number = '0'] = id.split(':');
    return [ACTOR_ID_KINDS.indexOf(kind as (typeof ACTOR_ID_KINDS)[number]), Number(number)];
  };
  const [[kindA, numberA], [kindB, numberB]] = [rank(a), rank(b)];
  return kindA - kindB || numberA - numberB;
}
