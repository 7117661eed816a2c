import type { AnyActor, AnyActorRef, AnyMachineSnapshot, InspectionEvent } from 'xstate';
import type { DatasetEvent } from '../actors/dataset-messages.ts';
import { type MachineModel, machineModel } from '../actors/machine-model.ts';
import { MACHINES, type MachineName } from '../actors/machines.ts';
import { OWN_PAUSE_REASON } from '../actors/supervisor-context.ts';
import { formatAddress } from '../domain/address.ts';
import { SynclineError } from '../domain/errors.ts';
import { type ActorKind, compareActorIds, type LiveActor } from './actor-kinds.ts';
import { type ActorTransition, createTransitionFeed } from './actor-transitions.ts';
import {
  type ActorView,
  type ControlEvent,
  type ControlEventType,
  isMachineSnapshot,
  pauseReasonsOf,
  viewActor,
} from './actor-view.ts';
import type { RuntimeCore } from './core.ts';
import { noteResume } from './spend-runs.ts';

/** What a page of actors is cut by. */
export interface ActorPage {
  /** Only those after this one. */
  readonly afterId?: string;
  readonly limit: number;
  /** Only those that run this machine. */
  readonly machine?: MachineName;
  /** Only those whose state has this tag, such as `error`. */
  readonly tag?: string;
}

/** The actors of a runtime: how each stands, what its machine is like, and how to control it. */
export interface ActorRegistry {
  /** The supervisor, the actors of datasets by number, those of explicit calls, then those of providers. */
  list(page: ActorPage): ActorView[];
  /** @throws SynclineError `ACTOR_NOT_FOUND`. */
  get(id: string): Promise<ActorView>;
  /**
   * The definition of an actor's machine.
   *
   * @throws SynclineError `ACTOR_NOT_FOUND`.
   */
  machine(id: string): Promise<MachineModel>;
  /**
   * What an actor did, newest first: its latest changes of state. Also of one that is gone, for a while.
   *
   * @throws SynclineError `ACTOR_NOT_FOUND`.
   */
  history(id: string): Promise<ActorTransition[]>;
  /**
   * Controls an actor; answers how it stands afterwards. What it was told to do may take a while.
   *
   * @throws SynclineError `ACTOR_NOT_FOUND`, `EVENT_NOT_ALLOWED` with those that are in `details.allowed`; for
   * `supervisor.start` as `start()`.
   */
  send(id: string, event: ControlEvent): Promise<ActorView>;
  /** Calls `listener` with every change of state of every actor; returns the function that ends that. */
  onTransition(listener: (transition: ActorTransition) => void): () => void;
  /** The same with all that XState tells, for its tools. */
  onInspection(listener: (event: InspectionEvent) => void): () => void;
  /** The actors themselves, with the ids that they have here. */
  live(): LiveActor[];
}

/** Worker control that the registry passes on. */
export interface WorkerControl {
  readonly start: () => Promise<void>;
  /** Returns at once; the worker drains. */
  readonly halt: () => void;
}

const SUPERVISOR = 'supervisor';
const DATASET_PREFIX = 'dataset:';

export type { LiveActor } from './actor-kinds.ts';
export type { ControlEvent } from './actor-view.ts';

export const DEFAULT_PAUSE_REASON = 'asked for';
/** Reasons for which one actor may be paused at a time by control events. */
const PAUSE_REASONS_MAX = 32;
/** States of a dataset in which nothing can be asked of it any more. */
const DELETING_STATES: readonly unknown[] = ['deleting', 'deletionFailed', 'deleted'];
const ENDING_STATES: readonly unknown[] = ['stopping', 'releasing', 'stopped'];

export function createActorRegistry(core: RuntimeCore, worker: WorkerControl): ActorRegistry {
  const live = (): LiveActor[] => liveActors(core);
  const feed = createTransitionFeed(core.inspection, core.clock.nowMs);
  const view = ({ id, actor }: LiveActor): ActorView => {
    const snapshot = actor.getSnapshot() as AnyMachineSnapshot;
    const allowed = kindOf(core, id)?.allowedEvents(snapshot) ?? allowedEvents(id, snapshot);
    return viewActor(id, snapshot, allowed, feed.last(id)?.atMs);
  };
  const get = async (id: string): Promise<ActorView> => {
    const actor = findActor(core, id);
    if (actor !== undefined) return view({ id, actor });
    if (id === SUPERVISOR) return supervisorAtRest(core);
    return (await restingDataset(core, id)) ?? unknownActor(id);
  };
  return {
    list({ afterId, limit, machine, tag }) {
      const all = live();
      const hasSupervisor = all[0]?.id === SUPERVISOR;
      const isWanted = (one: LiveActor | undefined): boolean =>
        (afterId === undefined || isAfter(one?.id ?? SUPERVISOR, afterId)) &&
        (machine === undefined || machineOf(one) === machine) &&
        (tag === undefined ||
          (one?.actor.getSnapshot() as AnyMachineSnapshot | undefined)?.hasTag(tag) === true);
      return (hasSupervisor ? all : [undefined, ...all])
        .filter(isWanted)
        .slice(0, limit)
        .map((one) => (one === undefined ? supervisorAtRest(core) : view(one)));
    },
    get,
    async machine(id) {
      const { machine } = await get(id);
      return machineModel(MACHINES[machine]);
    },
    async history(id) {
      const known = feed.history(id);
      if (known.length === 0) await get(id);
      return known;
    },
    async send(id, event) {
      const before = await get(id);
      assertAllowed(before, event);
      await passOn(core, worker, before, event);
      return get(id);
    },
    onTransition: feed.on,
    onInspection: (listener) => core.inspection.on(listener),
    live,
  };
}

function liveActors(core: RuntimeCore): LiveActor[] {
  const supervisor = core.supervision?.actor;
  const datasets = Object.keys(supervisor?.getSnapshot().children ?? {}).flatMap((id) => {
    const actor = datasetActor(core, id);
    return actor === undefined ? [] : [{ id, actor }];
  });
  const calls = callActors(core);
  const all = supervisor === undefined ? [] : [{ id: SUPERVISOR, actor: supervisor as AnyActor }];
  const others = core.actorKinds.flatMap((kind) => kind.live());
  return [...all, ...datasets, ...calls, ...others].sort((a, b) => compareActorIds(a.id, b.id));
}

/** The one with this id, without a list of all: there may be a thousand. */
function findActor(core: RuntimeCore, id: string): AnyActor | undefined {
  if (id === SUPERVISOR) return core.supervision?.actor;
  if (id.startsWith(DATASET_PREFIX)) return datasetActor(core, id);
  const others = kindOf(core, id)?.live() ?? callActors(core);
  return others.find((other) => other.id === id)?.actor;
}

function datasetActor({ supervision }: RuntimeCore, id: string): AnyActor | undefined {
  const children: Readonly<Record<string, AnyActorRef | undefined>> =
    supervision?.actor.getSnapshot().children ?? {};
  const child = Object.hasOwn(children, id) ? children[id] : undefined;
  return id.startsWith(DATASET_PREFIX) && isMachineSnapshot(child?.getSnapshot())
    ? (child as AnyActor)
    : undefined;
}

function callActors({ actors }: RuntimeCore): LiveActor[] {
  return actors.held().map(({ datasetId, actor }) => ({ id: `call:${datasetId}`, actor }));
}

/** The kind of an actor beside the supervisor and the datasets. */
function kindOf(core: RuntimeCore, id: string): ActorKind | undefined {
  return core.actorKinds.find(({ machine }) => id.startsWith(`${machine}:`));
}

/** Of the supervisor, also where it is at rest and has no actor. */
function machineOf(one: LiveActor | undefined): string {
  return one === undefined ? SUPERVISOR : (one.actor.getSnapshot() as AnyMachineSnapshot).machine.id;
}

/** Also after one that has ended since. */
function isAfter(id: string, afterId: string): boolean {
  return compareActorIds(id, afterId) > 0;
}

function allowedEvents(id: string, snapshot: AnyMachineSnapshot): ControlEventType[] {
  // An actor of a call is controlled by its call.
  if (snapshot.status !== 'active' || (id !== SUPERVISOR && !id.startsWith(DATASET_PREFIX))) return [];
  const { pauseReasons } = snapshot.context as { readonly pauseReasons: readonly string[] };
  const mayPause = pauseReasons.length < PAUSE_REASONS_MAX;
  if (id === SUPERVISOR) {
    if (ENDING_STATES.includes(snapshot.value)) return [];
    const resume = pauseReasons.length > 0 ? (['supervisor.resume'] as const) : [];
    return [...(mayPause ? (['supervisor.pause'] as const) : []), ...resume, 'supervisor.stop'];
  }
  if (DELETING_STATES.includes(snapshot.value)) return [];
  const own = pauseReasons.filter((reason) => reason !== OWN_PAUSE_REASON);
  return [
    ...(mayPause ? (['dataset.pause'] as const) : []),
    ...(own.length > 0 ? (['dataset.resume'] as const) : []),
    'dataset.check',
    'dataset.maintain',
  ];
}

function assertAllowed(view: ActorView, { type, reason = DEFAULT_PAUSE_REASON }: ControlEvent): void {
  const { id, nextEvents: allowed, status, value } = view;
  if (!allowed.includes(type)) {
    const takes = allowed.length === 0 ? 'it takes none now' : `it takes ${allowed.join(', ')}`;
    const stands = status === 'active' ? describeValue(value) : status;
    throw new SynclineError('EVENT_NOT_ALLOWED', `${id} is ${stands} and does not take ${type}; ${takes}.`, {
      details: { allowed },
    });
  }
  const isDataset = type.startsWith('dataset.');
  if (isDataset && reason === OWN_PAUSE_REASON && (type === 'dataset.pause' || type === 'dataset.resume')) {
    throw new SynclineError(
      'EVENT_NOT_ALLOWED',
      `The reason "${reason}" is the supervisor's own; pause and resume the supervisor, or give another reason.`,
      { details: { allowed } },
    );
  }
  const reasons = pauseReasonsOf(view.context);
  if (type.endsWith('.resume') && status === 'active' && !reasons.includes(reason)) {
    throw new SynclineError(
      'EVENT_NOT_ALLOWED',
      `${id} is not paused for the reason "${reason}", but for: ${reasons.join(', ')}.`,
      { details: { allowed } },
    );
  }
}

function describeValue(value: ActorView['value']): string {
  return typeof value === 'string' ? value : Object.keys(value).join(', ');
}

async function passOn(
  core: RuntimeCore,
  worker: WorkerControl,
  { id, address }: ActorView,
  event: ControlEvent,
): Promise<void> {
  const { type, reason = DEFAULT_PAUSE_REASON } = event;
  switch (type) {
    case 'supervisor.start':
      return worker.start();
    case 'supervisor.stop':
      return worker.halt();
    case 'supervisor.pause':
    case 'supervisor.resume':
      return core.supervision?.actor.send({ type, reason });
    case 'dataset.pause':
    case 'dataset.resume':
      return tell(core, id, address, { type, reason });
    case 'dataset.check':
    case 'dataset.maintain':
      return tell(core, id, address, { type });
    default:
      return kindOf(core, id)?.send(id, event);
  }
}

async function tell(
  core: RuntimeCore,
  id: string,
  address: string | undefined,
  event: DatasetEvent,
): Promise<void> {
  const datasetId = Number(id.slice(DATASET_PREFIX.length));
  await noteResume(core, datasetId, event);
  core.supervision?.tell(datasetId, address ?? '', event);
}

function supervisorAtRest({ options, stopAsked }: RuntimeCore): ActorView {
  return {
    id: SUPERVISOR,
    machine: 'supervisor',
    address: undefined,
    status: 'notStarted',
    value: 'notStarted',
    activeNodes: [],
    tags: [],
    sinceMs: undefined,
    context: undefined,
    invoked: [],
    nextEvents: options.access === 'readOnly' || stopAsked ? [] : ['supervisor.start'],
  };
}

/** A dataset that a started worker has no actor for at the moment: what it is told brings one up. */
async function restingDataset(core: RuntimeCore, id: string): Promise<ActorView | undefined> {
  const datasetId = /^dataset:([1-9]\d{0,14})$/.exec(id)?.[1];
  if (datasetId === undefined || core.supervision === undefined) return undefined;
  const page = { afterDatasetId: Number(datasetId) - 1, limit: 1 };
  const [dataset] = await (await core.catalog()).listDatasets(page);
  if (dataset?.datasetId !== Number(datasetId) || dataset.state !== 'active') return undefined;
  return {
    id,
    machine: 'dataset',
    address: formatAddress(dataset.address),
    status: 'resting',
    value: 'resting',
    activeNodes: [],
    tags: [],
    sinceMs: undefined,
    context: undefined,
    invoked: [],
    nextEvents: ['dataset.pause', 'dataset.resume', 'dataset.check', 'dataset.maintain'],
  };
}

function unknownActor(id: string): never {
  throw new SynclineError(
    'ACTOR_NOT_FOUND',
    `There is no actor "${id}". Actors come and go with the work; list them to see which there are.`,
    { details: { id } },
  );
}
