import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

/*
 * A machine as a picture needs it, read from its live state nodes: XState's own JSON loses whatever is a function.
 */

/** One state. */
export interface MachineNode {
  /** `machine.state.substate`, as in an actor's `activeNodes`. */
  readonly id: string;
  readonly key: string;
  /** `undefined` for the machine itself. */
  readonly parentId: string | undefined;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** Where a compound state begins. */
  readonly initialId: string | undefined;
  readonly tags: readonly string[];
  readonly entryActions: readonly string[];
  readonly exitActions: readonly string[];
  /** What runs while the state lasts. */
  readonly invokes: readonly { readonly id: string; readonly source: string }[];
}

/** What sets a transition off: an event, the end or failure of what was invoked, a delay, or nothing (at once). */
export type EdgeKind = 'event' | 'done' | 'error' | 'after' | 'always';

/** One transition. */
export interface MachineEdge {
  readonly id: string;
  readonly sourceId: string;
  /** Empty for a transition that only acts. */
  readonly targetIds: readonly string[];
  readonly kind: EdgeKind;
  /** Its event as XState names it; empty for `always`. */
  readonly event: string;
  /** The event, the invocation or the delay, for people. */
  readonly label: string;
  /** In words, such as `and(hasWork, not(isPaused))`. */
  readonly guard: string | undefined;
  readonly actions: readonly string[];
  /** The name of the delay, or its milliseconds, of an `after`. */
  readonly delay: string | undefined;
}

/** A machine's definition. */
export interface MachineModel {
  readonly id: string;
  readonly nodes: readonly MachineNode[];
  readonly edges: readonly MachineEdge[];
  /** Names that the definition calls things by, each sorted. */
  readonly guards: readonly string[];
  readonly actions: readonly string[];
  readonly delays: readonly string[];
  readonly sources: readonly string[];
}

/** What has no name. */
const INLINE = '(inline)';

/** Reads a machine's definition; the same machine gives an equal model each time. */
export function machineModel(machine: AnyStateMachine): MachineModel {
  const stateNodes = withDescendants(machine.root);
  const edges = stateNodes.flatMap(edgesOf);
  const { implementations } = machine;
  const named = (names: object): string[] => Object.keys(names).sort();
  return {
    id: machine.id,
    nodes: stateNodes.map(nodeOf),
    edges,
    guards: named(implementations.guards),
    actions: named(implementations.actions),
    delays: named(implementations.delays),
    sources: named(implementations.actors),
  };
}

function withDescendants(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(withDescendants)];
}

function nodeOf(node: AnyStateNode): MachineNode {
  return {
    id: node.id,
    key: node.key,
    parentId: node.parent?.id,
    type: node.type,
    initialId: node.type === 'compound' ? node.initial.target?.[0]?.id : undefined,
    tags: [...node.tags],
    entryActions: namesOf(node.entry),
    exitActions: namesOf(node.exit),
    invokes: node.invoke.map(({ id, src }) => ({ id, source: nameOf(src) })),
  };
}

const knownEdgeIds = new WeakMap<object, ReadonlyMap<object, string>>();

/** The ids that a machine's transitions have as edges of its model. */
export function edgeIds(machine: AnyStateMachine): ReadonlyMap<object, string> {
  const known =
    knownEdgeIds.get(machine) ??
    new Map(
      withDescendants(machine.root).flatMap((node) =>
        transitionsOf(node).map((transition, index) => [transition, edgeId(node, index)] as const),
      ),
    );
  knownEdgeIds.set(machine, known);
  return known;
}

function transitionsOf(node: AnyStateNode): AnyTransitionDefinition[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function edgeId(node: AnyStateNode, index: number): string {
  return `${node.id}:${index}`;
}

function edgesOf(node: AnyStateNode): MachineEdge[] {
  return transitionsOf(node).map((transition, index) => {
    const { kind, label, delay } = describeEvent(node, transition.eventType);
    return {
      id: edgeId(node, index),
      sourceId: node.id,
      targetIds: transition.target?.map((target) => target.id) ?? [],
      kind,
      event: transition.eventType,
      label,
      guard: transition.guard === undefined ? undefined : describeGuard(transition.guard),
      actions: namesOf(transition.actions),
      delay,
    };
  });
}

/** XState's names of its own events, such as `xstate.done.actor.checkTable`, in a form that can be drawn. */
function describeEvent(
  node: AnyStateNode,
  event: string,
): { kind: EdgeKind; label: string; delay: string | undefined } {
  if (event === '') return { kind: 'always', label: '', delay: undefined };
  for (const kind of ['done', 'error'] as const) {
    const match = new RegExp(`^xstate\\.${kind}\\.(?:actor|state)\\.(.+)$`).exec(event);
    if (match !== null) return { kind, label: match[1] ?? '', delay: undefined };
  }
  const delayed = node.after.find(({ eventType }) => eventType === event);
  if (delayed === undefined) return { kind: 'event', label: event, delay: undefined };
  const delay = typeof delayed.delay === 'function' ? INLINE : String(delayed.delay);
  return { kind: 'after', label: delay, delay };
}

type Guard = NonNullable<AnyTransitionDefinition['guard']>;

/** A guard made of others (`and`, `or`, `not`, `stateIn`) carries what it was made of. */
interface Combined {
  readonly guards?: readonly Guard[];
  readonly stateValue?: unknown;
}

function describeGuard(guard: Guard): string {
  if (typeof guard !== 'function') return nameOf(guard);
  const { name, guards, stateValue } = guard as Combined & { readonly name: string };
  if (guards !== undefined) return `${name}(${guards.map(describeGuard).join(', ')})`;
  if (stateValue !== undefined) return `${name}(${describeValue(stateValue)})`;
  return INLINE;
}

/** A state value as a path: `processing.chunk.failed`. */
function describeValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key}.${describeValue(inner)}`)
    .join(' ');
}

/** Without those that XState adds for itself, to start and to call off the timer of a delay. */
function namesOf(actions: readonly unknown[]): string[] {
  return actions.filter((action) => !isOwnOfXState(action)).map(nameOf);
}

function isOwnOfXState(action: unknown): boolean {
  return typeof action === 'function' && 'type' in action && String(action.type).startsWith('xstate.');
}

/** The name by which the definition calls a guard, action or source, with its fixed parameters. */
function nameOf(called: unknown): string {
  if (typeof called === 'string') return called;
  if (typeof called !== 'object' || called === null) return INLINE;
  const { type, params } = called as { readonly type?: unknown; readonly params?: unknown };
  if (typeof type !== 'string') return INLINE;
  if (typeof params !== 'object' || params === null) return type;
  const values = Object.values(params).flat().join(', ');
  return values === '' ? type : `${type}(${values})`;
}
