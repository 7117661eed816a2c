import { type BatchStep, batchSetup, type StepEnd } from './batch-setup.ts';

/*
 * One batch job's life. The full table of states and events, and what must always hold, is in SPEC.md.
 *
 *   deciding ──▶ uploading, submitting, looking, harvesting, tidying ──on──▶ deciding ──▶ done (final)
 *      ▲                                   │ wait          │ failure
 *      └──── poll, look ── waiting ◀───────┘               └──▶ backingOff ── backoff, look ──▶ deciding
 *
 * Each step writes down in the catalog what it is about to do, does it, and writes down what came of it; the next is decided by
 * what is written there, and by nothing else. So an actor can be lost at any moment and spawned again.
 */

export type { BatchContext, BatchEvent, BatchInput, BatchStep, StepEnd } from './batch-setup.ts';
export { batchBackoffMs } from './batch-setup.ts';

/** Far above the longest chain of transitions that one event sets off. */
const MICROSTEPS_MAX = 1_000;

const jobInput = ({ context }: { context: { readonly batchJobId: number } }) => ({
  batchJobId: context.batchJobId,
});

const recordError = {
  type: 'recordFailure',
  params: ({ event }: { event: { readonly error: unknown } }) => ({ error: event.error }),
} as const;

const pauseParams = ({ event }: { event: { readonly reason: string } }): { reason: string } => ({
  reason: event.reason,
});

/** A fixed parameter, which the picture of the machine shows. */
const isStep = (step: BatchStep) => ({ type: 'isStep', params: { step } }) as const;

type StepSource = 'uploadJob' | 'submitJob' | 'lookAtJob' | 'harvestJob' | 'tidyJob';

/** A step that is under way. A pause lets it end. */
function stepState(source: StepSource) {
  return batchSetup.createStateConfig({
    tags: 'busy',
    invoke: {
      id: source,
      src: source,
      input: jobInput,
      onDone: [
        {
          guard: {
            type: 'mustWait',
            params: ({ event }: { event: { readonly output: StepEnd } }) => ({ end: event.output }),
          },
          target: 'resting',
          actions: 'forgetFailure',
        },
        { target: 'deciding', actions: 'forgetFailure' },
      ],
      onError: { target: 'failing', actions: recordError },
    },
  });
}

/** See the head of this file and SPEC.md. */
export const batchMachine = batchSetup.createMachine({
  id: 'batch',
  context: ({ input }) => ({
    ...input,
    failure: undefined,
    pauseReasons: [],
    lookAsked: false,
  }),
  initial: 'deciding',
  options: { maxIterations: MICROSTEPS_MAX },
  on: {
    'batch.look': { actions: 'rememberLook' },
    'batch.pause': { actions: { type: 'addPauseReason', params: pauseParams } },
    'batch.resume': { actions: { type: 'removePauseReason', params: pauseParams } },
  },
  states: {
    deciding: {
      tags: 'busy',
      entry: 'forgetLook',
      invoke: {
        id: 'decideStep',
        src: 'decideStep',
        input: jobInput,
        onDone: [
          { guard: isStep('done'), target: 'done' },
          { guard: 'isPaused', target: 'paused' },
          { guard: isStep('upload'), target: 'uploading' },
          { guard: isStep('submit'), target: 'submitting' },
          { guard: isStep('look'), target: 'looking' },
          { guard: isStep('harvest'), target: 'harvesting' },
          { target: 'tidying' },
        ],
        onError: { target: 'failing', actions: recordError },
      },
    },
    uploading: stepState('uploadJob'),
    submitting: stepState('submitJob'),
    looking: stepState('lookAtJob'),
    harvesting: stepState('harvestJob'),
    tidying: stepState('tidyJob'),

    /** Paused, asked to look meanwhile, or to wait; passed through at once. */
    resting: {
      always: [
        { guard: 'isPaused', target: 'paused' },
        { guard: 'isLookAsked', target: 'deciding' },
        { target: 'waiting' },
      ],
    },
    waiting: {
      tags: 'ready',
      after: { poll: 'deciding' },
      on: {
        'batch.look': 'deciding',
        'batch.pause': { target: 'paused', actions: { type: 'addPauseReason', params: pauseParams } },
      },
    },

    /** Passed through at once. */
    failing: { always: [{ guard: 'isPaused', target: 'paused' }, { target: 'backingOff' }] },
    backingOff: {
      tags: 'error',
      after: { backoff: 'deciding' },
      on: {
        'batch.look': 'deciding',
        'batch.pause': { target: 'paused', actions: { type: 'addPauseReason', params: pauseParams } },
      },
    },

    paused: {
      tags: 'paused',
      on: {
        'batch.resume': [
          {
            guard: { type: 'isLastPauseReason', params: pauseParams },
            target: 'deciding',
            actions: { type: 'removePauseReason', params: pauseParams },
          },
          { actions: { type: 'removePauseReason', params: pauseParams } },
        ],
      },
    },

    done: { type: 'final' },
  },
});
