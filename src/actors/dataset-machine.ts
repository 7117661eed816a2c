import { and, assign, fromPromise, or, type PromiseActorLogic, setup, stateIn } from 'xstate';
import type { DatasetBacklog } from '../catalog/catalog.ts';
import { type BackoffSettings, backoffMs, type Failure, toFailure } from './failure.ts';

/*
 * One dataset's life. The full table of states and events, and what must always hold, is in SPEC.md.
 *
 *   checking ──sound──▶ settling ──▶ idle ◀──────────────┐
 *      │ unsound           │ ▲          │ changed         │
 *      ▼                   │ │          ▼                 │
 *   queued ◀───────────────┘ │   queued.measuring ──nothing
 *      │ proceed             │          │ work
 *      ▼                     │          ▼ (asks the supervisor for a place)
 *   rebuilding ──────────────┤   queued.waiting ──proceed──▶ processing { chunk ∥ embed ∥ write } ──▶ maintaining ─┐
 *                            └─────────────────────────────────────────────────────────────────────────────────────┘
 *   any failure ──▶ backingOff ──delay──▶ checking      too many ──▶ parked      pause ──▶ paused      delete ──▶ deleting ──▶ deleted
 */

/** Where a dataset actor stands, in one word, for its supervisor and for people. */
export type DatasetPhase =
  | 'checking'
  | 'queued'
  | 'processing'
  | 'maintaining'
  | 'rebuilding'
  | 'idle'
  | 'backingOff'
  | 'parked'
  | 'paused'
  | 'deleting'
  | 'deleted';

/** What a dataset actor tells its supervisor at every change of phase. */
export interface DatasetReport {
  readonly type: 'dataset.reported';
  readonly datasetId: number;
  readonly address: string;
  readonly phase: DatasetPhase;
  readonly backlog: DatasetBacklog | undefined;
  readonly failure: Failure | undefined;
}

export type DatasetEvent =
  /** There may be new work; never lost, whatever the state. */
  | { readonly type: 'dataset.changed' }
  /** The supervisor grants a place to work. */
  | { readonly type: 'dataset.proceed' }
  | { readonly type: 'dataset.pause'; readonly reason: string }
  | { readonly type: 'dataset.resume'; readonly reason: string }
  /** Look at the table again, now; also ends backing off and parking. */
  | { readonly type: 'dataset.check' }
  /** It was marked as deleting in the catalog: let go of all work and remove it. */
  | { readonly type: 'dataset.delete' }
  /** From the stages: documents were brought into the catalog. */
  | { readonly type: 'work.chunked' }
  /** From the stages: vectors were stored. */
  | { readonly type: 'work.embedded' };

type Stage = 'chunk' | 'embed' | 'write';

/** Which stages have something to do after which report of another stage. */
const CONCERNED_STAGES: Readonly<Record<'work.chunked' | 'work.embedded', readonly Stage[]>> = {
  'work.chunked': ['embed', 'write'],
  'work.embedded': ['write'],
};

/** What an actor of a dataset is started with. */
export interface DatasetInput {
  readonly datasetId: number;
  readonly address: string;
  /** Nobody grants places: the dataset starts work by itself. */
  readonly grantsItself: boolean;
  readonly backoff: BackoffSettings;
}

interface DatasetContext extends DatasetInput {
  readonly backlog: DatasetBacklog | undefined;
  readonly failure: Failure | undefined;
  readonly failureCount: number;
  readonly pauseReasons: readonly string[];
  /** Why the table must be built anew, if it must. */
  readonly rebuildReason: string | undefined;
  /** A change came while nobody could act on it. */
  readonly changedMeanwhile: boolean;
  readonly checkAsked: boolean;
  /** Stages that have to run once more when they end. */
  readonly again: { readonly chunk: boolean; readonly embed: boolean; readonly write: boolean };
}

export type DatasetTag = 'busy' | 'ready' | 'error' | 'paused';

/** What the stages are given to know which dataset they work for. */
export interface StageInput {
  readonly datasetId: number;
}
export interface RebuildInput extends StageInput {
  readonly reason: string;
}

export type CheckTableLogic = PromiseActorLogic<{ readonly rebuildReason: string | undefined }, StageInput>;
export type MeasureBacklogLogic = PromiseActorLogic<DatasetBacklog, StageInput>;
export type StageLogic = PromiseActorLogic<void, StageInput>;
export type RebuildLogic = PromiseActorLogic<void, RebuildInput>;

/** What an actor reports when it enters a phase. */
export function datasetReport(context: DatasetContext, phase: DatasetPhase): DatasetReport {
  const { datasetId, address, backlog, failure } = context;
  return { type: 'dataset.reported', datasetId, address, phase, backlog, failure };
}

/** How long to back off; `random` (0 ≤ random() < 1) spreads the returns of many actors. */
export function datasetBackoffMs(context: DatasetContext, random: () => number): number {
  return backoffMs(context.failureCount, context.failure, context.backoff, random);
}

function notProvided(): Promise<never> {
  return Promise.reject(new Error('This actor is provided by the composition root.'));
}

const datasetSetup = setup({
  types: {
    context: {} as DatasetContext,
    events: {} as DatasetEvent,
    input: {} as DatasetInput,
    tags: {} as DatasetTag,
  },
  actors: {
    checkTable: fromPromise(notProvided) as CheckTableLogic,
    measureBacklog: fromPromise(notProvided) as MeasureBacklogLogic,
    chunkIncoming: fromPromise(notProvided) as StageLogic,
    embedPending: fromPromise(notProvided) as StageLogic,
    writeReady: fromPromise(notProvided) as StageLogic,
    maintainTable: fromPromise(notProvided) as StageLogic,
    rebuildTable: fromPromise(notProvided) as RebuildLogic,
    deleteDataset: fromPromise(notProvided) as StageLogic,
  },
  actions: {
    /** Provided: tells whoever watches, with {@link datasetReport}. */
    reportPhase: (_, _params: { phase: DatasetPhase }) => undefined,
    rememberChange: assign({ changedMeanwhile: true }),
    forgetChange: assign({ changedMeanwhile: false }),
    rememberCheck: assign({ checkAsked: true }),
    forgetCheck: assign({ checkAsked: false }),
    rememberBacklog: assign({ backlog: (_, params: { backlog: DatasetBacklog }) => params.backlog }),
    rememberVerdict: assign({
      rebuildReason: (_, params: { rebuildReason: string | undefined }) => params.rebuildReason,
    }),
    forgetRebuild: assign({ rebuildReason: undefined }),
    askAgain: assign({
      again: ({ context }, params: { stage: Stage }) => ({ ...context.again, [params.stage]: true }),
    }),
    startStage: assign({
      again: ({ context }, params: { stage: Stage }) => ({ ...context.again, [params.stage]: false }),
    }),
    addPauseReason: assign({
      pauseReasons: ({ context }, params: { reason: string }) => [
        ...new Set([...context.pauseReasons, params.reason]),
      ],
    }),
    removePauseReason: assign({
      pauseReasons: ({ context }, params: { reason: string }) =>
        context.pauseReasons.filter((reason) => reason !== params.reason),
    }),
    recordFailure: assign({
      failure: (_, params: { error: unknown }) => toFailure(params.error),
      failureCount: ({ context }) => context.failureCount + 1,
    }),
    forgetFailure: assign({ failure: undefined, failureCount: 0 }),
    /** Provided: stages at work start nothing new. */
    holdWork: () => undefined,
    /** Provided: stages may start new work. */
    releaseWork: () => undefined,
  },
  guards: {
    isPaused: ({ context }) => context.pauseReasons.length > 0,
    isLastPauseReason: ({ context }, params: { reason: string }) =>
      context.pauseReasons.every((reason) => reason === params.reason),
    isCheckAsked: ({ context }) => context.checkAsked,
    hasChanged: ({ context }) => context.changedMeanwhile,
    needsRebuild: ({ context }) => context.rebuildReason !== undefined,
    grantsItself: ({ context }) => context.grantsItself,
    hasBacklog: (_, params: { backlog: DatasetBacklog }) =>
      params.backlog.incomingDocuments + params.backlog.queuedDocuments + params.backlog.pendingChunks > 0,
    concernsStage: ({ event }, params: { stage: Stage }) =>
      (event.type === 'work.chunked' || event.type === 'work.embedded') &&
      CONCERNED_STAGES[event.type].includes(params.stage),
    isAskedAgain: ({ context }, params: { stage: Stage }) => context.again[params.stage],
    /** Waiting will not mend it and it keeps failing. */
    isHopeless: ({ context }) =>
      context.failure?.retryable === false && context.failureCount >= context.backoff.failuresMax,
  },
  delays: {
    /** Provided with jitter. */
    backoff: ({ context }) => datasetBackoffMs(context, () => 1),
  },
});

const stageInput = ({ context }: { context: DatasetContext }): StageInput => ({
  datasetId: context.datasetId,
});

const recordError = {
  type: 'recordFailure',
  params: ({ event }: { event: { readonly error: unknown } }) => ({ error: event.error }),
} as const;

const rememberMeasured = {
  type: 'rememberBacklog',
  params: ({ event }: { event: { readonly output: DatasetBacklog } }) => ({ backlog: event.output }),
} as const;

const pauseParams = ({ event }: { event: { readonly reason: string } }): { reason: string } => ({
  reason: event.reason,
});

const STAGE_SOURCES = { chunk: 'chunkIncoming', embed: 'embedPending', write: 'writeReady' } as const;

/**
 * One region of `processing`: its stage runs until it finds nothing to do, and runs once more for every wake-up that came
 * while it ran. (A stage that looks and finds nothing has not ended yet when new work arrives: without `again` that
 * wake-up would be lost.)
 */
function stageRegion(stage: Stage) {
  return datasetSetup.createStateConfig({
    initial: 'running',
    states: {
      running: {
        entry: { type: 'startStage', params: { stage } },
        invoke: {
          id: STAGE_SOURCES[stage],
          src: STAGE_SOURCES[stage],
          input: stageInput,
          onDone: [
            { guard: { type: 'isAskedAgain', params: { stage } }, target: 'running', reenter: true },
            { target: 'drained' },
          ],
          onError: { target: '#dataset.failing', actions: recordError },
        },
        on: {
          'dataset.changed': { actions: { type: 'askAgain', params: { stage } } },
          'work.*': {
            guard: { type: 'concernsStage', params: { stage } },
            actions: { type: 'askAgain', params: { stage } },
          },
        },
      },
      drained: {
        on: {
          'dataset.changed': 'running',
          'work.*': { guard: { type: 'concernsStage', params: { stage } }, target: 'running' },
        },
      },
    },
  });
}

/** See the head of this file and SPEC.md. */
export const datasetMachine = datasetSetup.createMachine({
  id: 'dataset',
  context: ({ input }) => ({
    ...input,
    backlog: undefined,
    failure: undefined,
    failureCount: 0,
    pauseReasons: [],
    rebuildReason: undefined,
    changedMeanwhile: false,
    checkAsked: false,
    again: { chunk: false, embed: false, write: false },
  }),
  initial: 'checking',
  on: {
    'dataset.changed': { actions: 'rememberChange' },
    'dataset.check': { actions: 'rememberCheck' },
    'dataset.pause': { target: '.paused', actions: { type: 'addPauseReason', params: pauseParams } },
    'dataset.resume': { actions: { type: 'removePauseReason', params: pauseParams } },
    'dataset.delete': { target: '.deleting' },
  },
  states: {
    checking: {
      tags: 'busy',
      entry: ['forgetCheck', { type: 'reportPhase', params: { phase: 'checking' } }],
      invoke: {
        id: 'checkTable',
        src: 'checkTable',
        input: stageInput,
        onDone: {
          target: 'settling',
          actions: [{ type: 'rememberVerdict', params: ({ event }) => event.output }, 'rememberChange'],
        },
        onError: { target: 'failing', actions: recordError },
      },
      on: { 'dataset.pause': { actions: { type: 'addPauseReason', params: pauseParams } } },
    },

    /** Decides what comes next; passed through at once. */
    settling: {
      always: [
        { guard: 'isPaused', target: 'paused' },
        { guard: 'isCheckAsked', target: 'checking' },
        { guard: or(['needsRebuild', 'hasChanged']), target: 'queued' },
        { target: 'idle' },
      ],
    },

    idle: {
      tags: 'ready',
      entry: { type: 'reportPhase', params: { phase: 'idle' } },
      on: { 'dataset.changed': 'queued', 'dataset.check': 'checking' },
    },

    queued: {
      tags: 'busy',
      initial: 'measuring',
      states: {
        measuring: {
          entry: 'forgetChange',
          invoke: {
            id: 'measureBacklog',
            src: 'measureBacklog',
            input: stageInput,
            onDone: [
              { guard: 'needsRebuild', target: 'waiting', actions: rememberMeasured },
              {
                guard: { type: 'hasBacklog', params: ({ event }) => ({ backlog: event.output }) },
                target: 'waiting',
                actions: rememberMeasured,
              },
              { target: '#dataset.settling', actions: [rememberMeasured, 'forgetFailure'] },
            ],
            onError: { target: '#dataset.failing', actions: recordError },
          },
        },
        waiting: {
          entry: { type: 'reportPhase', params: { phase: 'queued' } },
          always: { guard: 'grantsItself', target: 'granted' },
          on: { 'dataset.proceed': 'granted' },
        },
        granted: {
          always: [
            { guard: 'needsRebuild', target: '#dataset.rebuilding' },
            { target: '#dataset.processing' },
          ],
        },
      },
    },

    processing: {
      tags: 'busy',
      type: 'parallel',
      entry: ['releaseWork', { type: 'reportPhase', params: { phase: 'processing' } }],
      states: {
        chunk: stageRegion('chunk'),
        embed: stageRegion('embed'),
        write: stageRegion('write'),
      },
      always: {
        guard: and([
          stateIn({ processing: { chunk: 'drained' } }),
          stateIn({ processing: { embed: 'drained' } }),
          stateIn({ processing: { write: 'drained' } }),
        ]),
        target: 'maintaining',
        actions: 'forgetFailure',
      },
      on: {
        // What is under way is finished and kept; nothing new is started. The stages then drain by themselves.
        'dataset.pause': { actions: ['holdWork', { type: 'addPauseReason', params: pauseParams }] },
        'dataset.resume': [
          {
            guard: { type: 'isLastPauseReason', params: pauseParams },
            actions: [{ type: 'removePauseReason', params: pauseParams }, 'releaseWork', 'rememberChange'],
          },
          { actions: { type: 'removePauseReason', params: pauseParams } },
        ],
      },
    },

    maintaining: {
      tags: 'busy',
      entry: { type: 'reportPhase', params: { phase: 'maintaining' } },
      invoke: {
        id: 'maintainTable',
        src: 'maintainTable',
        input: stageInput,
        onDone: 'settling',
        onError: { target: 'failing', actions: recordError },
      },
      on: { 'dataset.pause': { actions: { type: 'addPauseReason', params: pauseParams } } },
    },

    rebuilding: {
      tags: 'busy',
      entry: { type: 'reportPhase', params: { phase: 'rebuilding' } },
      invoke: {
        id: 'rebuildTable',
        src: 'rebuildTable',
        input: ({ context }) => ({
          datasetId: context.datasetId,
          reason: context.rebuildReason ?? 'asked for',
        }),
        onDone: { target: 'settling', actions: ['forgetRebuild', 'rememberChange', 'forgetFailure'] },
        onError: { target: 'failing', actions: recordError },
      },
      on: { 'dataset.pause': { actions: { type: 'addPauseReason', params: pauseParams } } },
    },

    /** Decides between waiting and giving up; passed through at once. */
    failing: {
      always: [
        { guard: 'isPaused', target: 'paused' },
        { guard: 'isHopeless', target: 'parked' },
        { target: 'backingOff' },
      ],
    },

    backingOff: {
      tags: 'error',
      entry: { type: 'reportPhase', params: { phase: 'backingOff' } },
      after: { backoff: 'retrying' },
      on: { 'dataset.check': { target: 'checking' } },
    },

    /** Checks the table again before working on, keeping the count of failures; passed through at once. */
    retrying: { always: 'checking' },

    parked: {
      tags: 'error',
      entry: { type: 'reportPhase', params: { phase: 'parked' } },
      on: { 'dataset.check': { target: 'checking', actions: 'forgetFailure' } },
    },

    paused: {
      tags: 'paused',
      entry: { type: 'reportPhase', params: { phase: 'paused' } },
      on: {
        'dataset.pause': { actions: { type: 'addPauseReason', params: pauseParams } },
        'dataset.resume': [
          {
            guard: { type: 'isLastPauseReason', params: pauseParams },
            target: 'checking',
            actions: { type: 'removePauseReason', params: pauseParams },
          },
          { actions: { type: 'removePauseReason', params: pauseParams } },
        ],
      },
    },

    deleting: {
      tags: 'busy',
      entry: ['holdWork', { type: 'reportPhase', params: { phase: 'deleting' } }],
      invoke: {
        id: 'deleteDataset',
        src: 'deleteDataset',
        input: stageInput,
        onDone: 'deleted',
        onError: { target: 'deletionFailed', actions: recordError },
      },
      on: { 'dataset.pause': {}, 'dataset.delete': {} },
    },

    deletionFailed: {
      tags: 'error',
      entry: { type: 'reportPhase', params: { phase: 'backingOff' } },
      after: { backoff: 'deleting' },
      on: { 'dataset.pause': {} },
    },

    deleted: { type: 'final', entry: { type: 'reportPhase', params: { phase: 'deleted' } } },
  },
});
