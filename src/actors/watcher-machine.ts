import { toFailure } from './failure.ts';
import { failedParams, watcherSetup } from './watcher-setup.ts';

/*
 * Keeps a dataset in line with a source that changes: notices changes, waits until they have settled, hands them on as one delta.
 * The full table is in SPEC.md.
 *
 *   watch:  starting ──ready──▶ watching        any ──failed──▶ backingOff ──wait──▶ starting
 *   deltas: quiet ──changes──▶ settling ──quiet for a while, or for too long──▶ handingOn ──▶ quiet
 *                                                                              └failed─▶ backingOff ──▶ handingOn
 *
 * It works beside the supervisor: what it hands on is an index run like any other. Nothing is lost: what cannot be told one
 * by one, because there was too much of it or nobody was watching, is handed on as "everything".
 */

export type { WatchDelta, WatcherContext, WatcherEvent, WatcherInput, WatchMode } from './watcher-setup.ts';

/** Far above the longest chain of transitions that one event sets off (three). */
const MICROSTEPS_MAX = 100;

const noteChanges = {
  type: 'noteChanges',
  params: ({ event }: { event: { readonly ids: readonly string[]; readonly eventCount: number } }) => event,
} as const;

/** See the head of this file and SPEC.md. */
export const watcherMachine = watcherSetup.createMachine({
  id: 'watcher',
  context: ({ input }) => ({
    ...input,
    pendingIds: [],
    isBehind: false,
    eventCount: 0,
    delta: undefined,
    mode: undefined,
    watchFailure: undefined,
    watchFailureCount: 0,
    failure: undefined,
    failureCount: 0,
    deltaCount: 0,
  }),
  // A loop of transitions without an event would hang the process; this ends it with an error.
  options: { maxIterations: MICROSTEPS_MAX },
  initial: 'active',
  states: {
    active: {
      type: 'parallel',
      on: {
        'watcher.stop': 'stopped',
        'watch.changed': { actions: noteChanges },
        'watch.lost': { actions: 'noteLoss' },
      },
      states: {
        watch: {
          initial: 'on',
          states: {
            on: {
              invoke: {
                id: 'watch',
                src: 'watch',
                input: ({ context: { address, source } }) => ({ address, source }),
              },
              initial: 'starting',
              on: {
                'watch.ready': {
                  target: '.watching',
                  actions: [
                    { type: 'noteReady', params: ({ event }) => ({ mode: event.mode }) },
                    { type: 'tellReady', params: ({ event }) => ({ mode: event.mode }) },
                  ],
                },
                'watch.failed': {
                  target: 'backingOff',
                  actions: [
                    { type: 'noteWatchFailure', params: ({ event }) => ({ failure: event.failure }) },
                    {
                      type: 'tellFailure',
                      params: ({ event }) => ({ failure: event.failure, willRetry: true }),
                    },
                  ],
                },
              },
              states: { starting: { tags: 'busy' }, watching: { tags: 'ready' } },
            },
            backingOff: { tags: 'error', after: { watchBackoff: 'on' } },
          },
        },
        deltas: {
          initial: 'quiet',
          states: {
            quiet: { always: { guard: 'hasChanges', target: 'settling' } },
            settling: {
              tags: 'busy',
              after: { settleMax: 'handingOn' },
              initial: 'waiting',
              states: {
                waiting: {
                  after: { settle: '#watcher.active.deltas.handingOn' },
                  on: { 'watch.changed': { target: 'waiting', reenter: true, actions: noteChanges } },
                },
              },
            },
            handingOn: {
              tags: 'busy',
              entry: 'takeDelta',
              invoke: {
                id: 'handOn',
                src: 'handOn',
                input: ({ context: { address, source, delta } }) => ({
                  address,
                  source,
                  delta: delta ?? { ids: undefined },
                }),
                onDone: { target: 'quiet', actions: 'forgetDelta' },
                onError: [
                  {
                    guard: { type: 'isRetryable', params: failedParams },
                    target: 'backingOff',
                    actions: [
                      { type: 'recordFailure', params: failedParams },
                      {
                        type: 'tellFailure',
                        params: (args) => ({ failure: toFailure(args.event.error), willRetry: true }),
                      },
                      'putDeltaBack',
                    ],
                  },
                  // Waiting does not help, as the next change of the source, or somebody who looks at the failure, may.
                  {
                    target: 'failed',
                    actions: [
                      { type: 'recordFailure', params: failedParams },
                      {
                        type: 'tellFailure',
                        params: (args) => ({ failure: toFailure(args.event.error), willRetry: false }),
                      },
                      'dropDelta',
                    ],
                  },
                ],
              },
            },
            backingOff: { tags: 'error', after: { backoff: 'handingOn' } },
            failed: { tags: 'error', always: { guard: 'hasChanges', target: 'settling' } },
          },
        },
      },
    },
    stopped: { type: 'final' },
  },
});
