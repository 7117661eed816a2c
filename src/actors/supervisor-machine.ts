import {
  and,
  assertEvent,
  assign,
  type DoneActorEvent,
  type ErrorActorEvent,
  fromPromise,
  not,
  type PromiseActorLogic,
  setup,
} from 'xstate';
import type { DatasetBacklog } from '../catalog/catalog.ts';
import {
  type DatasetEvent,
  type DatasetPhase,
  type DatasetReport,
  datasetMachine,
} from './dataset-machine.ts';
import { type BackoffSettings, backoffMs, type Failure, toFailure } from './failure.ts';

/*
 * The worker's life. The full table of states and events is in SPEC.md.
 *
 *   boot ──▶ dbEnsure ──▶ running { work: syncCheck → processing ⇄ rebuilding ⇄ idle  ∥  discovery: looking ⇄ waiting }
 *     │          │            │ ▲
 *     └──────────┴─▶ backingOff └┴─ paused          stop ──▶ stopping ──▶ releasing ──▶ stopped (final)
 */

/** A dataset as the supervisor finds it in the catalog. */
export interface DatasetListing {
  readonly datasetId: number;
  readonly address: string;
  readonly deleting: boolean;
}

/** What the supervisor knows of a dataset actor. */
export interface DatasetEntry {
  readonly datasetId: number;
  readonly address: string;
  readonly phase: DatasetPhase;
  readonly backlog: DatasetBacklog | undefined;
  readonly failure: Failure | undefined;
  /** A place was given to it and its answer has not come yet. */
  readonly granted: boolean;
}

/** Which waiting dataset gets the next place. */
export type DatasetOrder = 'largestBacklog' | 'oldestChange';

export interface SupervisorSettings {
  /** Datasets at work at the same time. */
  readonly datasetsAtWorkMax: number;
  /** Dataset actors alive at the same time; idle ones are let go of to make room. Stopping children costs the square of their number. */
  readonly datasetActorsMax: number;
  readonly datasetOrder: DatasetOrder;
  /** How often the catalog is asked for datasets that others created, changed or deleted. */
  readonly pollIntervalMs: number;
  /** How long stopping waits for work under way before it is aborted. */
  readonly drainTimeoutMs: number;
  readonly backoff: BackoffSettings;
}

export type SupervisorEvent =
  | { readonly type: 'supervisor.pause'; readonly reason: string }
  | { readonly type: 'supervisor.resume'; readonly reason: string }
  | { readonly type: 'supervisor.stop' }
  /** Datasets were created or marked for deletion: ask the catalog now. */
  | { readonly type: 'datasets.changed' }
  /** Passes an event on to one dataset's actor, spawning it where it was let go of. */
  | {
      readonly type: 'dataset.tell';
      readonly datasetId: number;
      readonly address: string;
      readonly event: DatasetEvent;
    }
  /** Raised by the supervisor itself for each dataset that has no actor yet. */
  | { readonly type: 'dataset.found'; readonly listing: DatasetListing }
  | { readonly type: 'lease.lost'; readonly failure: Failure }
  | DatasetReport
  | DoneActorEvent
  | ErrorActorEvent;

export interface SupervisorInput {
  readonly settings: SupervisorSettings;
}

interface SupervisorContext extends SupervisorInput {
  readonly datasets: Readonly<Record<number, DatasetEntry>>;
  /** Datasets that wait for room among the actors. */
  readonly waitingForRoom: readonly DatasetListing[];
  readonly pauseReasons: readonly string[];
  readonly failure: Failure | undefined;
  readonly failureCount: number;
  readonly hasLooked: boolean;
  readonly lookAgain: boolean;
}

export type SupervisorTag = 'busy' | 'ready' | 'error' | 'paused';

export type LifecycleLogic = PromiseActorLogic<void>;
export type ListDatasetsLogic = PromiseActorLogic<readonly DatasetListing[]>;

function notProvided(): Promise<never> {
  return Promise.reject(new Error('This actor is provided by the composition root.'));
}

const BUSY_PHASES: readonly DatasetPhase[] = [
  'checking',
  'queued',
  'processing',
  'maintaining',
  'rebuilding',
  'deleting',
];
const WORKING_PHASES: readonly DatasetPhase[] = ['processing', 'maintaining', 'rebuilding'];

/** The id of a dataset's actor, in the supervisor's children and in the system. */
export function datasetActorId(datasetId: number): string {
  return `dataset:${datasetId}`;
}

const supervisorSetup = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as SupervisorInput,
    output: {} as { readonly failure: Failure | undefined },
    tags: {} as SupervisorTag,
  },
  actors: {
    takeLease: fromPromise(notProvided) as LifecycleLogic,
    ensureCatalog: fromPromise(notProvided) as LifecycleLogic,
    listDatasets: fromPromise(notProvided) as ListDatasetsLogic,
    releaseLease: fromPromise(notProvided) as LifecycleLogic,
    dataset: datasetMachine,
  },
  guards: {
    isPaused: ({ context }) => context.pauseReasons.length > 0,
    isLastPauseReason: ({ context, event }) =>
      event.type === 'supervisor.resume' && context.pauseReasons.every((reason) => reason === event.reason),
    /** The catalog was asked for its datasets at least once. */
    hasLooked: ({ context }) => context.hasLooked,
    isRetryable: (_, params: { error: unknown }) => toFailure(params.error).retryable,
    isAskedAgain: ({ context }) => context.lookAgain,
    isAnyChecking: ({ context }) => entries(context).some((entry) => entry.phase === 'checking'),
    isAnyProcessing: ({ context }) => entries(context).some(isProcessing),
    isAnyRebuilding: ({ context }) => entries(context).some((entry) => entry.phase === 'rebuilding'),
    isNothingUnderWay: ({ context }) => !entries(context).some(isBusy),
  },
  delays: {
    poll: ({ context }) => context.settings.pollIntervalMs,
    drain: ({ context }) => context.settings.drainTimeoutMs,
    backoff: ({ context }) =>
      backoffMs(context.failureCount, context.failure, context.settings.backoff, () => 1),
  },
});
function entries(context: SupervisorContext): DatasetEntry[] {
  return Object.values(context.datasets);
}

function isBusy(entry: DatasetEntry): boolean {
  return BUSY_PHASES.includes(entry.phase);
}

function isProcessing(entry: DatasetEntry): boolean {
  return isBusy(entry) && entry.phase !== 'rebuilding' && entry.phase !== 'checking';
}

function isWorking(entry: DatasetEntry): boolean {
  return entry.granted || WORKING_PHASES.includes(entry.phase);
}

/** The waiting datasets that get a place now, best first. */
export function chooseNext(all: readonly DatasetEntry[], settings: SupervisorSettings): DatasetEntry[] {
  const free = settings.datasetsAtWorkMax - all.filter(isWorking).length;
  const waiting = all.filter((entry) => entry.phase === 'queued' && !entry.granted);
  const bySize = (entry: DatasetEntry): number =>
    (entry.backlog?.pendingChunks ?? 0) +
    (entry.backlog?.queuedDocuments ?? 0) +
    (entry.backlog?.incomingDocuments ?? 0);
  const byAge = (entry: DatasetEntry): number =>
    -(entry.backlog?.oldestChangeAtMs ?? Number.POSITIVE_INFINITY);
  const rank = settings.datasetOrder === 'largestBacklog' ? bySize : byAge;
  return waiting.sort((a, b) => rank(b) - rank(a) || a.datasetId - b.datasetId).slice(0, Math.max(0, free));
}

function newEntry(listing: { readonly datasetId: number; readonly address: string }): DatasetEntry {
  return { ...listing, phase: 'checking', backlog: undefined, failure: undefined, granted: false };
}

function withoutDataset(context: SupervisorContext, datasetId: number): SupervisorContext['datasets'] {
  const { [datasetId]: _, ...others } = context.datasets;
  return others;
}

function datasetIdOf(actorId: string): number | undefined {
  return actorId.startsWith('dataset:') ? Number(actorId.slice('dataset:'.length)) : undefined;
}

const supervisor = supervisorSetup.extend({
  actions: {
    /** Spawns actors for datasets that have none and tells those marked for deletion. */
    reconcile: supervisorSetup.enqueueActions(({ context, event, enqueue }) => {
      const { output } = event as DoneActorEvent<readonly DatasetListing[]>;
      for (const listing of output) {
        const entry = context.datasets[listing.datasetId];
        if (entry === undefined) enqueue.raise({ type: 'dataset.found', listing });
        else if (listing.deleting) tell(enqueue, listing.datasetId, { type: 'dataset.delete' });
      }
    }),
    /** Spawns an actor, in the place of an idle one when there is no room; else the dataset waits for room. */
    spawnDataset: supervisorSetup.enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, ['dataset.found', 'dataset.tell']);
      const listing =
        event.type === 'dataset.found'
          ? event.listing
          : {
              datasetId: event.datasetId,
              address: event.address,
              deleting: event.event.type === 'dataset.delete',
            };
      if (context.datasets[listing.datasetId] !== undefined) return;
      let datasets = context.datasets;
      if (entries(context).length >= context.settings.datasetActorsMax) {
        const idle = entries(context).find((entry) => entry.phase === 'idle');
        if (idle === undefined) {
          const others = context.waitingForRoom.filter((other) => other.datasetId !== listing.datasetId);
          enqueue.assign({ waitingForRoom: [...others, listing] });
          return;
        }
        enqueue.stopChild(datasetActorId(idle.datasetId));
        datasets = withoutDataset(context, idle.datasetId);
      }
      const id = datasetActorId(listing.datasetId);
      enqueue.spawnChild('dataset', {
        id,
        systemId: id,
        input: {
          datasetId: listing.datasetId,
          address: listing.address,
          grantsItself: false,
          backoff: context.settings.backoff,
        },
      });
      enqueue.assign({ datasets: { ...datasets, [listing.datasetId]: newEntry(listing) } });
      if (listing.deleting) tell(enqueue, listing.datasetId, { type: 'dataset.delete' });
    }),
    /** Someone became idle: the first that waits for room takes its place. */
    admitWaiting: supervisorSetup.enqueueActions(({ context, enqueue }) => {
      const [listing, ...rest] = context.waitingForRoom;
      if (listing === undefined) return;
      enqueue.assign({ waitingForRoom: rest });
      enqueue.raise({ type: 'dataset.found', listing });
    }),
    passOn: supervisorSetup.enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, 'dataset.tell');
      if (context.datasets[event.datasetId] !== undefined) tell(enqueue, event.datasetId, event.event);
    }),
    recordReport: assign({
      datasets: ({ context, event }) => {
        assertEvent(event, 'dataset.reported');
        const entry = context.datasets[event.datasetId];
        if (entry === undefined) return context.datasets;
        const { phase, backlog, failure } = event;
        return {
          ...context.datasets,
          [event.datasetId]: { ...entry, phase, backlog, failure, granted: false },
        };
      },
    }),
    grantPlaces: supervisorSetup.enqueueActions(({ context, enqueue }) => {
      const chosen = chooseNext(entries(context), context.settings);
      if (chosen.length === 0) return;
      const granted = Object.fromEntries(
        chosen.map((entry) => [entry.datasetId, { ...entry, granted: true }]),
      );
      enqueue.assign({ datasets: { ...context.datasets, ...granted } });
      for (const entry of chosen) tell(enqueue, entry.datasetId, { type: 'dataset.proceed' });
    }),
    /** A dataset actor ended: deleted, or broken. A broken one is found and spawned again by the next look at the catalog. */
    letGo: supervisorSetup.enqueueActions(({ context, event, enqueue }) => {
      const { actorId } = event as DoneActorEvent | ErrorActorEvent;
      const datasetId = datasetIdOf(actorId);
      if (datasetId === undefined) return;
      enqueue.stopChild(actorId);
      enqueue.assign({ datasets: withoutDataset(context, datasetId) });
    }),
    letAllGo: supervisorSetup.enqueueActions(({ context, enqueue }) => {
      for (const entry of entries(context)) enqueue.stopChild(datasetActorId(entry.datasetId));
      enqueue.assign({ datasets: {}, waitingForRoom: [] });
    }),
    pauseAll: supervisorSetup.enqueueActions(({ context, enqueue }) => {
      for (const entry of entries(context))
        tell(enqueue, entry.datasetId, { type: 'dataset.pause', reason: 'supervisor' });
    }),
    resumeAll: supervisorSetup.enqueueActions(({ context, enqueue }) => {
      for (const entry of entries(context))
        tell(enqueue, entry.datasetId, { type: 'dataset.resume', reason: 'supervisor' });
    }),
    addPauseReason: assign({
      pauseReasons: ({ context, event }) => {
        assertEvent(event, 'supervisor.pause');
        return [...new Set([...context.pauseReasons, event.reason])];
      },
    }),
    removePauseReason: assign({
      pauseReasons: ({ context, event }) => {
        assertEvent(event, 'supervisor.resume');
        return context.pauseReasons.filter((reason) => reason !== event.reason);
      },
    }),
    recordFailure: assign({
      failure: ({ event }) => toFailure((event as ErrorActorEvent).error),
      failureCount: ({ context }) => context.failureCount + 1,
    }),
    recordLostLease: assign({
      failure: ({ event }) => {
        assertEvent(event, 'lease.lost');
        return event.failure;
      },
    }),
    forgetFailure: assign({ failure: undefined, failureCount: 0 }),
    rememberLook: assign({ hasLooked: true }),
    askAgain: assign({ lookAgain: true }),
    startLooking: assign({ lookAgain: false }),
  },
});

/** Sends to a dataset's actor; only called for datasets that have one (sending to an absent child breaks the sender). */
function tell(
  enqueue: { sendTo: (target: string, event: DatasetEvent) => void },
  datasetId: number,
  event: DatasetEvent,
): void {
  enqueue.sendTo(datasetActorId(datasetId), event);
}

const failed = [
  {
    guard: {
      type: 'isRetryable',
      params: ({ event }: { event: ErrorActorEvent }) => ({ error: event.error }),
    },
    target: '#supervisor.backingOff',
    actions: 'recordFailure',
  },
  { target: '#supervisor.releasing', actions: 'recordFailure' },
] as const;

/** See the head of this file and SPEC.md. */
export const supervisorMachine = supervisor.createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    ...input,
    datasets: {},
    waitingForRoom: [],
    pauseReasons: [],
    failure: undefined,
    failureCount: 0,
    hasLooked: false,
    lookAgain: false,
  }),
  output: ({ context }) => ({ failure: context.failure }),
  initial: 'boot',
  on: {
    'supervisor.stop': '.stopping',
    'supervisor.pause': { actions: 'addPauseReason' },
    'supervisor.resume': { actions: 'removePauseReason' },
    'lease.lost': { target: '.releasing', actions: 'recordLostLease' },
    'dataset.reported': { actions: 'recordReport' },
    'xstate.done.actor.*': { actions: 'letGo' },
    'xstate.error.actor.*': { actions: 'letGo' },
  },
  states: {
    boot: {
      tags: 'busy',
      invoke: { id: 'takeLease', src: 'takeLease', onDone: 'dbEnsure', onError: failed },
    },
    dbEnsure: {
      tags: 'busy',
      invoke: {
        id: 'ensureCatalog',
        src: 'ensureCatalog',
        onDone: { target: 'starting', actions: 'forgetFailure' },
        onError: failed,
      },
    },
    /** Paused before it ever ran, or on to work; passed through at once. */
    starting: { always: [{ guard: 'isPaused', target: 'paused' }, { target: 'running' }] },

    running: {
      type: 'parallel',
      entry: 'resumeAll',
      states: {
        work: {
          initial: 'syncCheck',
          states: {
            /** Until every dataset found at the start has checked its table. */
            syncCheck: {
              tags: 'busy',
              always: { guard: and(['hasLooked', not('isAnyChecking')]), target: 'processing' },
            },
            processing: {
              tags: 'busy',
              entry: 'grantPlaces',
              always: { guard: not('isAnyProcessing'), target: 'rebuilding' },
            },
            rebuilding: {
              tags: 'busy',
              always: [
                { guard: 'isAnyProcessing', target: 'processing' },
                { guard: not('isAnyRebuilding'), target: 'idle' },
              ],
            },
            idle: {
              tags: 'ready',
              always: [
                { guard: 'isAnyProcessing', target: 'processing' },
                { guard: 'isAnyRebuilding', target: 'rebuilding' },
              ],
            },
          },
        },
        discovery: {
          initial: 'looking',
          states: {
            looking: {
              entry: 'startLooking',
              invoke: {
                id: 'listDatasets',
                src: 'listDatasets',
                onDone: [
                  {
                    guard: 'isAskedAgain',
                    target: 'looking',
                    reenter: true,
                    actions: ['rememberLook', 'reconcile'],
                  },
                  { target: 'waiting', actions: ['rememberLook', 'reconcile', 'forgetFailure'] },
                ],
                onError: failed,
              },
              on: { 'datasets.changed': { actions: 'askAgain' } },
            },
            waiting: { after: { poll: 'looking' }, on: { 'datasets.changed': 'looking' } },
          },
        },
      },
      on: {
        'supervisor.pause': { target: 'paused', actions: 'addPauseReason' },
        'dataset.found': { actions: 'spawnDataset' },
        'dataset.tell': { actions: ['spawnDataset', 'passOn'] },
        'dataset.reported': { actions: ['recordReport', 'grantPlaces', 'admitWaiting'] },
      },
    },

    paused: {
      tags: 'paused',
      entry: 'pauseAll',
      on: {
        'supervisor.pause': { actions: 'addPauseReason' },
        'supervisor.resume': [
          { guard: 'isLastPauseReason', target: 'running', actions: 'removePauseReason' },
          { actions: 'removePauseReason' },
        ],
        'dataset.tell': { actions: 'passOn' },
      },
    },

    backingOff: {
      tags: 'error',
      after: { backoff: 'boot' },
    },

    /** Work under way is finished and kept, nothing new is started; after the drain timeout it is aborted. */
    stopping: {
      tags: 'busy',
      entry: 'pauseAll',
      after: { drain: 'releasing' },
      always: { guard: 'isNothingUnderWay', target: 'releasing' },
      on: { 'supervisor.stop': {}, 'dataset.tell': { actions: 'passOn' } },
    },
    releasing: {
      tags: 'busy',
      entry: 'letAllGo',
      invoke: {
        id: 'releaseLease',
        src: 'releaseLease',
        onDone: 'stopped',
        onError: { target: 'stopped', actions: 'recordFailure' },
      },
      on: { 'supervisor.stop': {}, 'lease.lost': {} },
    },
    stopped: { type: 'final' },
  },
});
