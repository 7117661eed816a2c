import type { AnyActor, AnyActorRef, AnyStateMachine, InspectionEvent } from 'xstate';
import { toSynclineError } from '../../domain/errors.ts';
import { isMachineSnapshot, viewActor } from '../../runtime/actor-view.ts';
import type { Runtime } from '../../runtime/create-runtime.ts';
import { publicMessage } from '../problem-kinds.ts';
import { presentActor, withoutPaths } from './present.ts';
import type { LiveSocket, SocketHandlers } from './socket.ts';

/*
 * Stately's inspection protocol, as `@statelyai/inspect` 0.7 writes it to a WebSocket: one JSON object per message, of the
 * types `@xstate.actor`, `@xstate.event` and `@xstate.snapshot`. Only machines are told of, not the promises they invoke.
 */

/** The version of the protocol that is spoken. */
const PROTOCOL_VERSION = '0.7.2';
/** Tools that look on at the same time. */
const INSPECTORS_MAX = 16;
/** One that does not read is dropped when so much waits for it. */
const BUFFERED_BYTES_MAX = 4_194_304;
/** Events that are larger are told by their type alone. */
const EVENT_LENGTH_MAX = 16_384;

/** What WebSockets of tools are handled by. */
export interface Inspectors {
  /** `undefined` when there are as many as there may be. */
  accept(): SocketHandlers | undefined;
  close(): void;
}

export function createInspectors(runtime: Runtime): Inspectors {
  const sockets = new Set<LiveSocket>();
  let stopListening: (() => void) | undefined;
  const drop = (socket: LiveSocket): void => {
    sockets.delete(socket);
    if (sockets.size > 0) return;
    stopListening?.();
    stopListening = undefined;
  };
  const tell = (event: InspectionEvent): void => {
    const message = messageOf(event);
    if (message === undefined) return;
    const text = JSON.stringify(message);
    for (const socket of sockets) {
      if (socket.bufferedBytes <= BUFFERED_BYTES_MAX) socket.send(text);
      else {
        drop(socket);
        socket.close(1_013, 'too slow');
      }
    }
  };
  return {
    accept() {
      if (sockets.size >= INSPECTORS_MAX) return undefined;
      let own: LiveSocket | undefined;
      return {
        open(socket) {
          own = socket;
          sockets.add(socket);
          stopListening ??= runtime.actors.onInspection(tell);
          for (const { actor } of runtime.actors.live())
            socket.send(JSON.stringify(actorMessage(actor, actor.getSnapshot())));
        },
        close() {
          if (own !== undefined) drop(own);
        },
      };
    },
    close() {
      for (const socket of [...sockets]) {
        drop(socket);
        socket.close(1_001, 'stopping');
      }
    },
  };
}

function messageOf(event: InspectionEvent): object | undefined {
  const actor = event.actorRef as AnyActor;
  if (!isMachine(actor.logic)) return undefined;
  switch (event.type) {
    case '@xstate.actor':
      // It has no snapshot yet, and asking for one would throw.
      return actorMessage(actor, undefined);
    case '@xstate.event':
      return {
        ...baseOf(actor),
        type: event.type,
        event: presentMachineEvent(event.event),
        sourceId: event.sourceRef?.sessionId,
      };
    case '@xstate.snapshot':
      return {
        ...baseOf(actor),
        type: event.type,
        event: presentMachineEvent(event.event),
        snapshot: presentSnapshot(actor.id, event.snapshot),
      };
    default:
      return undefined;
  }
}

function isMachine(logic: unknown): logic is AnyStateMachine {
  return typeof logic === 'object' && logic !== null && 'root' in logic && 'config' in logic;
}

function actorMessage(actor: AnyActor, snapshot: unknown): object {
  return {
    ...baseOf(actor),
    type: '@xstate.actor',
    name: actor.id,
    parentId: actor._parent?.sessionId,
    definition: isMachine(actor.logic) ? definitionOf(actor.logic) : undefined,
    snapshot: presentSnapshot(actor.id, snapshot),
  };
}

function baseOf(actor: AnyActorRef) {
  let root = actor;
  while (root._parent !== undefined) root = root._parent;
  return {
    sessionId: actor.sessionId,
    rootId: root.sessionId,
    // XState's own inspector sends none; tools number what comes.
    id: null,
    createdAt: Date.now().toString(),
    _version: PROTOCOL_VERSION,
  };
}

const definitions = new WeakMap<AnyStateMachine, string>();

/** The machine's configuration, with functions by their names. */
function definitionOf(machine: AnyStateMachine): string {
  const known =
    definitions.get(machine) ??
    JSON.stringify(machine.config, (_, value: unknown) =>
      typeof value === 'function' ? { type: value.name } : value,
    );
  definitions.set(machine, known);
  return known;
}

function presentSnapshot(id: string, snapshot: unknown): object {
  if (!isMachineSnapshot(snapshot)) return { status: 'active' };
  const { value, status, tags, context } = presentActor(viewActor(id, snapshot, []));
  return { status, value, tags, context: context ?? {}, children: {}, historyValue: {} };
}

/** An event without anything of this host: errors by code, texts without paths. */
function presentMachineEvent(event: { readonly type: string }): object {
  const text = JSON.stringify(event, (name, value: unknown) => {
    if (name === 'failure' || value instanceof Error) return presentError(value);
    return typeof value === 'string' ? withoutPaths(value) : value;
  });
  return text.length > EVENT_LENGTH_MAX ? { type: event.type } : JSON.parse(text);
}

function presentError(error: unknown): object | undefined {
  if (error === undefined || error === null) return undefined;
  const { code, message } =
    error instanceof Error ? toSynclineError(error) : (error as { code: string; message: string });
  return { code, message: publicMessage(code, message) };
}
