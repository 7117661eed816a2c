import { and, type ErrorActorEvent, not } from 'xstate';
import { supervisorSetup } from './supervisor-setup.ts';

/*
 * The worker's life. The full table of states and events is in SPEC.md.
 *
 *   boot ──▶ dbEnsure ──▶ running { work: syncCheck → processing ⇄ rebuilding ⇄ idle  ∥  discovery: looking ⇄ waiting }
 *     │          │            │ ▲
 *     └──────────┴─▶ backingOff └┴─ paused          stop ──▶ stopping ──▶ releasing ──▶ stopped (final)
 */

export type { DatasetListing, DatasetOrder } from './dataset-room.ts';
export type { SupervisorSettings } from './supervisor-context.ts';
export { datasetActorId } from './supervisor-setup.ts';

/** Far above the longest chain of transitions that one event sets off (about ten). */
const MICROSTEPS_MAX = 1_000;

const lookedActions = ['reconcile', 'admitAtLook', 'forgetFailure'] as const;

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
export const supervisorMachine = supervisorSetup.createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    ...input,
    datasets: [],
    waiting: [],
    resting: {},
    datasetPauses: {},
    pauseReasons: [],
    failure: undefined,
    failureCount: 0,
    hasLooked: false,
    lookAgain: false,
    lookCount: 0,
    reportCount: 0,
  }),
  output: ({ context }) => ({ failure: context.failure }),
  initial: 'boot',
  // A loop of transitions without an event would hang the process; this ends it with an error.
  options: { maxIterations: MICROSTEPS_MAX },
  on: {
    'supervisor.stop': '.stopping',
    'supervisor.pause': { actions: ['addPauseReason', 'pauseAll'] },
    'supervisor.resume': { actions: 'removePauseReason' },
    'dataset.tell': { actions: 'hear' },
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
        // The failures before count until the catalog could be asked for its datasets as well.
        onDone: 'starting',
        onError: failed,
      },
    },
    /** Paused before it ever ran, or on to work; passed through at once. */
    starting: { always: [{ guard: 'isPaused', target: 'paused' }, { target: 'running' }] },

    running: {
      type: 'parallel',
      entry: ['resumeAll', 'forgetLook', 'admit'],
      states: {
        work: {
          initial: 'syncCheck',
          states: {
            /** Until every dataset that was found has checked its table. */
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
                { guard: 'isAnyChecking', target: 'syncCheck' },
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
                    actions: lookedActions,
                  },
                  { target: 'waiting', actions: lookedActions },
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
        'dataset.tell': { actions: ['hear', 'admit'] },
        'dataset.reported': { actions: ['recordReport', 'grantPlaces', 'admit'] },
        'xstate.done.actor.*': { actions: ['letGo', 'grantPlaces', 'admit'] },
        'xstate.error.actor.*': { actions: ['letGo', 'grantPlaces', 'admit'] },
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
        // Who is told something has an actor to answer, also while all are paused.
        'dataset.tell': { actions: ['hear', 'admit'] },
        'dataset.reported': { actions: ['recordReport', 'admit'] },
        'xstate.done.actor.*': { actions: ['letGo', 'admit'] },
        'xstate.error.actor.*': { actions: ['letGo', 'admit'] },
      },
    },

    /** Datasets at work go on; nobody gets a place, and what is told to those without an actor waits. */
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
      on: { 'supervisor.stop': {} },
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
