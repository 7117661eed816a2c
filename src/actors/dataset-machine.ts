import { and, or } from 'xstate';
import {
  type DatasetContext,
  datasetSetup,
  type Measured,
  STAGES,
  type Stage,
  type StageInput,
} from './dataset-setup.ts';

/*
 * One dataset's life. The full table of states and events, and what must always hold, is in SPEC.md.
 *
 *   checking ──sound──▶ settling ──▶ idle ◀──────────────┐
 *      │ unsound           │ ▲          │ changed         │
 *      ▼                   │ │          ▼                 │
 *   queued ◀───────────────┘ │   queued.measuring ──nothing
 *      │ proceed             │          │ work
 *      ▼                     │          ▼ (asks the supervisor for a place)
 *   repairing, rebuilding ───┤   queued.waiting ──proceed──▶ processing { chunk ∥ embed ∥ write } ──▶ maintaining ─┐
 *                            └─────────────────────────────────────────────────────────────────────────────────────┘
 *   any failure ──▶ backingOff ──delay──▶ checking      too many ──▶ parked      pause ──▶ paused      delete ──▶ deleting ──▶ deleted
 *
 * A stage that fails does not tear the others down: they finish what is under way (paid answers are stored, what is ready
 * is written), and only then does the dataset back off.
 */

export type { DatasetEvent, DatasetPhase, DatasetReport } from './dataset-messages.ts';
export { datasetBackoffMs, datasetReport, type Measured, SPEND_PAUSE_REASON } from './dataset-setup.ts';

/** Far above the longest chain of transitions that one event sets off (about ten). */
const MICROSTEPS_MAX = 1_000;

const stageInput = ({ context }: { context: DatasetContext }): StageInput => ({
  datasetId: context.datasetId,
});

const recordError = {
  type: 'recordFailure',
  params: ({ event }: { event: { readonly error: unknown } }) => ({ error: event.error }),
} as const;

const measuredParams = ({ event }: { event: { readonly output: Measured } }): { measured: Measured } => ({
  measured: event.output,
});

const rememberMeasured = { type: 'rememberMeasured', params: measuredParams } as const;

const pauseParams = ({ event }: { event: { readonly reason: string } }): { reason: string } => ({
  reason: event.reason,
});

const STAGE_SOURCES = { chunk: 'chunkIncoming', embed: 'embedPending', write: 'writeReady' } as const;

const askAgain = (...stages: Stage[]) => ({ type: 'askAgain', params: { stages } }) as const;

/** Stages that look once more when another ends: texts of ours that another dataset embedded are announced by nobody else. */
const STAGES_AFTER: Readonly<Record<Stage, readonly Stage[]>> = { chunk: [], embed: ['write'], write: [] };

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
          onDone: { target: 'drained', actions: askAgain(...STAGES_AFTER[stage]) },
          onError: [
            {
              guard: 'hasFailedStage',
              target: 'failed',
              actions: { ...recordError, type: 'recordFurtherFailure' },
            },
            { target: 'failed', actions: [recordError, 'holdWork'] },
          ],
        },
      },
      drained: { always: { guard: { type: 'isAskedAgain', params: { stage } }, target: 'running' } },
      failed: {},
    },
  });
}

/** The table is put right: what is queued for it is written afterwards, in `processing`. */
function mendState(phase: 'repairing' | 'rebuilding', source: 'repairTable' | 'rebuildTable') {
  return datasetSetup.createStateConfig({
    tags: 'busy',
    entry: ['releaseWork', { type: 'reportPhase', params: { phase } }],
    invoke: {
      id: source,
      src: source,
      input: ({ context }: { context: DatasetContext }) => ({
        datasetId: context.datasetId,
        reason: context.mend?.reason ?? 'asked for',
      }),
      onDone: { target: '#dataset.settling', actions: ['forgetMend', 'rememberChange'] },
      onError: { target: '#dataset.failing', actions: recordError },
    },
    on: { 'dataset.pause': { actions: { type: 'addPauseReason', params: pauseParams } } },
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
    mend: undefined,
    changedMeanwhile: false,
    checkAsked: false,
    maintenanceAsked: false,
    retryAsked: false,
    again: { chunk: false, embed: false, write: false },
  }),
  initial: 'checking',
  // A loop of transitions without an event would hang the process; this ends it with an error.
  options: { maxIterations: MICROSTEPS_MAX },
  on: {
    'dataset.changed': { actions: 'rememberChange' },
    'dataset.check': { actions: 'rememberCheck' },
    'dataset.maintain': { actions: 'rememberMaintenance' },
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
          actions: [
            { type: 'rememberVerdict', params: ({ event }) => ({ verdict: event.output }) },
            'rememberChange',
          ],
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
        { guard: or(['needsMending', 'hasChanged', 'isMaintenanceAsked']), target: 'queued' },
        { target: 'idle' },
      ],
    },

    idle: {
      tags: 'ready',
      entry: { type: 'reportPhase', params: { phase: 'idle' } },
      on: {
        'dataset.changed': 'queued',
        'dataset.check': 'checking',
        'dataset.maintain': { target: 'queued', actions: 'rememberMaintenance' },
      },
    },

    queued: {
      tags: 'busy',
      initial: 'measuring',
      // Whoever asks for a check does not wait for a place.
      on: { 'dataset.check': 'checking' },
      states: {
        measuring: {
          entry: ['forgetChange', { type: 'reportPhase', params: { phase: 'measuring' } }],
          invoke: {
            id: 'measureBacklog',
            src: 'measureBacklog',
            input: stageInput,
            onDone: [
              {
                guard: { type: 'hasWork', params: measuredParams },
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
            { guard: 'needsRepair', target: '#dataset.repairing' },
            { guard: 'needsRebuild', target: '#dataset.rebuilding' },
            { target: '#dataset.processing' },
          ],
        },
      },
    },

    processing: {
      tags: 'busy',
      type: 'parallel',
      entry: ['releaseWork', 'forgetRetry', { type: 'reportPhase', params: { phase: 'processing' } }],
      states: {
        chunk: stageRegion('chunk'),
        embed: stageRegion('embed'),
        write: stageRegion('write'),
      },
      always: [
        { guard: and(['haveAllStagesEnded', 'hasFailedStage']), target: 'failing' },
        { guard: and(['haveAllStagesEnded', 'isPaused']), target: 'paused' },
        { guard: 'haveAllStagesEnded', target: 'maintaining', actions: 'forgetFailure' },
      ],
      on: {
        // Measured again afterwards: what was asked for may be a new table, which is due when the stages have ended.
        'dataset.changed': { actions: [askAgain(...STAGES), 'rememberChange'] },
        'work.chunked': { actions: askAgain('embed', 'write') },
        'work.embedded': { actions: askAgain('write') },
        'dataset.retry': { guard: 'hasFailedStage', actions: 'rememberRetry' },
        // What is under way is finished and kept; nothing new is started. The stages then drain by themselves.
        'dataset.pause': { actions: ['holdWork', { type: 'addPauseReason', params: pauseParams }] },
        'dataset.resume': [
          // After a failure the stages stay held until all of them have ended.
          { guard: 'hasFailedStage', actions: { type: 'removePauseReason', params: pauseParams } },
          {
            guard: { type: 'isLastPauseReason', params: pauseParams },
            actions: [{ type: 'removePauseReason', params: pauseParams }, 'releaseWork', askAgain(...STAGES)],
          },
          { actions: { type: 'removePauseReason', params: pauseParams } },
        ],
      },
    },

    maintaining: {
      tags: 'busy',
      entry: ['forgetMaintenance', { type: 'reportPhase', params: { phase: 'maintaining' } }],
      invoke: {
        id: 'maintainTable',
        src: 'maintainTable',
        input: stageInput,
        onDone: { target: 'settling', actions: 'rememberSwitch' },
        onError: { target: 'failing', actions: recordError },
      },
      on: { 'dataset.pause': { actions: { type: 'addPauseReason', params: pauseParams } } },
    },

    repairing: mendState('repairing', 'repairTable'),
    rebuilding: mendState('rebuilding', 'rebuildTable'),

    /** Decides between mending, waiting, holding and giving up; passed through at once. */
    failing: {
      always: [
        { guard: 'isSpendCapReached', target: 'paused', actions: 'pauseForSpend' },
        { guard: 'isPaused', target: 'paused' },
        { guard: 'isHopeless', target: 'parked' },
        { guard: or(['isTableDamaged', 'isRetryAsked']), target: 'checking' },
        { target: 'backingOff' },
      ],
    },

    backingOff: {
      tags: 'error',
      entry: { type: 'reportPhase', params: { phase: 'backingOff' } },
      after: { backoff: 'retrying' },
      on: { 'dataset.check': { target: 'checking' }, 'dataset.retry': 'retrying' },
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
