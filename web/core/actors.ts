import { batch, type Signal, signal } from '@preact/signals';
import { ask, client, ProblemError } from './api.ts';
import { type LiveEvent, onLive } from './live.ts';
import type { Actor } from './types.ts';

/** An actor in the list: what a transition tells, too. */
export type ActorRow = Pick<Actor, 'id' | 'machine' | 'address' | 'status' | 'value' | 'tags' | 'since'>;

/** All actors by id. A new map when one comes or goes. */
export const actors = signal<ReadonlyMap<string, Signal<ActorRow>>>(new Map());

/** Whether the list of actors is whole. */
export const areActorsLoaded = signal(false);

const PAGE = 500;

/** A change of state as the stream and an actor's history tell it. */
export interface Transition {
  readonly actorId: string;
  readonly address?: string;
  readonly event: string;
  readonly from?: Actor['value'];
  readonly to: Actor['value'];
  readonly edgeIds: readonly string[];
  readonly status: Actor['status'];
  readonly tags: string[];
  readonly at: string;
}

/** The change of state that an event of the stream tells, if it tells one. */
export function transitionOf({ type, data }: LiveEvent): Transition | undefined {
  return type === 'transition' ? (data as unknown as Transition) : undefined;
}

/** The machine of an actor, by its id: one of an explicit call is of a dataset. */
export function machineOf(id: string): string {
  const [kind = ''] = id.split(':');
  return kind === 'call' ? 'dataset' : kind;
}

/** Follows all actors, for as long as somebody looks at them: until the function that it returns is called. */
export function followActors(): () => void {
  const stop = onLive((event) => {
    // The stream began again: what happened meanwhile is not known.
    if (event.type === 'snapshot') void loadActors();
    const transition = transitionOf(event);
    if (transition !== undefined) take(transition);
  });
  void loadActors();
  return stop;
}

function take({ actorId: id, address, to: value, status, tags, at: since }: Transition): void {
  const known = actors.peek().get(id);
  if (status !== 'active' && id !== 'supervisor') {
    if (known === undefined) return;
    const left = new Map(actors.peek());
    left.delete(id);
    actors.value = left;
    return;
  }
  const machine = machineOf(id) as Actor['machine'];
  const row = { id, machine, ...(address !== undefined && { address }), status, value, tags, since };
  if (known === undefined) actors.value = new Map([...actors.peek(), [id, signal<ActorRow>(row)]]);
  else known.value = row;
}

async function loadActors(): Promise<void> {
  const found = new Map<string, Signal<ActorRow>>();
  let after: string | undefined;
  try {
    do {
      const query = { limit: String(PAGE), ...(after !== undefined && { after }) };
      const { items, next } = await ask(client.value.v1.actors.$get({ query }));
      for (const actor of items) found.set(actor.id, keep(actor));
      after = next;
    } while (after !== undefined);
  } catch (error) {
    // What fails because the server is away comes again when it is back.
    if (!(error instanceof TypeError || error instanceof ProblemError)) throw error;
    return;
  }
  batch(() => {
    actors.value = found;
    areActorsLoaded.value = true;
  });
}

function keep(actor: ActorRow): Signal<ActorRow> {
  const known = actors.peek().get(actor.id);
  if (known === undefined) return signal(actor);
  known.value = actor;
  return known;
}
