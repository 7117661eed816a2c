import { assign, fromPromise, setup } from 'xstate';
import { type BackoffSettings, backoffMs, type Failure, toFailure } from './failure.ts';

/** What comes next for a job; the catalog decides. */
export type BatchStep = 'upload' | 'submit' | 'look' | 'harvest' | 'tidy' | 'done';

/** After a step: go on at once, or look again some time from now. */
export type StepEnd = 'on' | 'wait';

export interface BatchInput {
  readonly batchJobId: number;
  /** Times between two looks at a job that is with its provider. */
  readonly pollMs: number;
  readonly backoff: BackoffSettings;
  /** Failures in a row, those before this actor was spawned included. */
  readonly failureCount: number;
}

/** What the machine remembers; JSON-safe. */
export interface BatchContext extends BatchInput {
  readonly failure: Failure | undefined;
  readonly pauseReasons: readonly string[];
  /** It was asked to look while it could not. */
  readonly lookAsked: boolean;
}

/** What the outside sends. */
export type BatchEvent =
  /** Look at once. */
  | { readonly type: 'batch.look' }
  | { readonly type: 'batch.pause'; readonly reason: string }
  | { readonly type: 'batch.resume'; readonly reason: string };

export type BatchTag = 'busy' | 'ready' | 'error' | 'paused';

export interface StepInput {
  readonly batchJobId: number;
}

const notProvided = (name: string) => (): never => {
  throw new Error(`The source "${name}" was not provided.`);
};

const step = (name: string) => fromPromise<StepEnd, StepInput>(async () => notProvided(name)());

/** All that the machine calls by name. Steps are provided where there is I/O. */
export const batchSetup = setup({
  types: {
    input: {} as BatchInput,
    context: {} as BatchContext,
    events: {} as BatchEvent,
    tags: {} as BatchTag,
  },
  actors: {
    decideStep: fromPromise<BatchStep, StepInput>(async () => notProvided('decideStep')()),
    uploadJob: step('uploadJob'),
    submitJob: step('submitJob'),
    lookAtJob: step('lookAtJob'),
    harvestJob: step('harvestJob'),
    tidyJob: step('tidyJob'),
  },
  guards: {
    /** For the end of `decideStep`: the events above know nothing of its output. */
    isStep: ({ event }, { step }: { readonly step: BatchStep }) => 'output' in event && event.output === step,
    mustWait: (_, { end }: { readonly end: StepEnd }) => end === 'wait',
    isPaused: ({ context }) => context.pauseReasons.length > 0,
    isLookAsked: ({ context }) => context.lookAsked,
    isLastPauseReason: ({ context }, { reason }: { readonly reason: string }) =>
      context.pauseReasons.length === 1 && context.pauseReasons[0] === reason,
  },
  actions: {
    recordFailure: assign({
      failure: (_, { error }: { readonly error: unknown }) => toFailure(error),
      failureCount: ({ context }) => context.failureCount + 1,
    }),
    forgetFailure: assign({ failure: undefined, failureCount: 0 }),
    rememberLook: assign({ lookAsked: true }),
    forgetLook: assign({ lookAsked: false }),
    addPauseReason: assign({
      pauseReasons: ({ context }, { reason }: { readonly reason: string }) =>
        context.pauseReasons.includes(reason) ? context.pauseReasons : [...context.pauseReasons, reason],
    }),
    removePauseReason: assign({
      pauseReasons: ({ context }, { reason }: { readonly reason: string }) =>
        context.pauseReasons.filter((one) => one !== reason),
    }),
  },
  delays: {
    poll: ({ context }) => context.pollMs,
    backoff: ({ context }) => batchBackoffMs(context, Math.random),
  },
});

/** How long a job rests after its provider, or the catalog, has failed. */
export function batchBackoffMs(
  { failureCount, failure, backoff }: BatchContext,
  random: () => number,
): number {
  return backoffMs(failureCount, failure, backoff, random);
}
