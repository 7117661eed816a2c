import { assign, enqueueActions, fromPromise, setup } from 'xstate';
import { type Failure, toFailure } from './failure.ts';

/*
 * Runs what is due, beside the supervisor. The full table is in SPEC.md.
 *
 *   looking ──looked──▶ waiting ──wait, schedules.changed, a run ended──▶ looking
 *      └──failed──▶ waiting
 *
 * A run is an actor of its own. One dataset has one at a time: what is due meanwhile is found by the look that follows its end.
 */

/** Something that is due: a scheduled run, or changes that were noted and not read. */
export interface DueRun {
  readonly datasetId: number;
  /** `project/dataset`. */
  readonly address: string;
  readonly run: 'full' | 'index' | 'noted';
}

/** What a look finds. */
export interface Look {
  /** The one that has been due for longest comes first. */
  readonly due: readonly DueRun[];
  /** How long until the next look. */
  readonly waitMs: number;
}

export interface SchedulerSettings {
  /** Runs at the same time. */
  readonly runsMax: number;
  /** Wait after a look that failed. */
  readonly retryMs: number;
}

export const DEFAULT_SCHEDULER_SETTINGS: SchedulerSettings = { runsMax: 2, retryMs: 30_000 };

export interface SchedulerInput {
  readonly settings: SchedulerSettings;
}

/** What the machine remembers; JSON-safe. */
export interface SchedulerContext extends SchedulerInput {
  /** The runs under way, by dataset. */
  readonly running: Readonly<Record<number, DueRun>>;
  /** Due runs that wait for their turn. */
  readonly waiting: readonly DueRun[];
  readonly waitMs: number;
  /** Something changed during a look, which may have missed it. */
  readonly lookAgain: boolean;
  /** Why the last look failed. */
  readonly failure: Failure | undefined;
}

export type SchedulerEvent =
  /** Schedules, sources or noted changes are others than at the last look; or somebody asks for a look. */
  | { readonly type: 'schedules.changed' }
  | { readonly type: 'xstate.done.actor.*'; readonly actorId: string }
  | { readonly type: 'xstate.error.actor.*'; readonly actorId: string };

/** Far above the longest chain of transitions that one event sets off (two). */
const MICROSTEPS_MAX = 100;

const RUN_PREFIX = 'run:';

/** The id of a dataset's run. */
export function scheduledRunId(datasetId: number): string {
  return `${RUN_PREFIX}${datasetId}`;
}

const actors = {
  /** Finds out what is due. */
  look: fromPromise<Look>(() => Promise.reject(new Error('Not provided: look.'))),
  /** Does what is due; it tells of its failure itself, and never rejects. */
  run: fromPromise<void, DueRun>(() => Promise.reject(new Error('Not provided: run.'))),
};

export const schedulerSetup = setup({
  types: {
    context: {} as SchedulerContext,
    events: {} as SchedulerEvent,
    input: {} as SchedulerInput,
    tags: {} as 'busy' | 'ready',
    children: {} as { look: 'look' } & { [id: `run:${number}`]: 'run' },
  },
  actors,
  actions: {
    noteLook: assign((_, { due, waitMs }: Look) => ({ waiting: due, waitMs, failure: undefined })),
    noteFailure: assign(({ context }, { error }: { readonly error: unknown }) => ({
      failure: toFailure(error),
      waitMs: context.settings.retryMs,
    })),
    /** Starts what is due, as far as there is room, and its dataset has no other run. */
    startDue: enqueueActions(({ context, enqueue }) => {
      const running: Record<number, DueRun> = { ...context.running };
      const waiting: DueRun[] = [];
      for (const due of context.waiting) {
        const isFull = Object.keys(running).length >= context.settings.runsMax;
        if (isFull || running[due.datasetId] !== undefined) waiting.push(due);
        else {
          running[due.datasetId] = due;
          enqueue.spawnChild('run', { id: scheduledRunId(due.datasetId) as `run:${number}`, input: due });
        }
      }
      enqueue.assign({ running, waiting });
    }),
    endRun: enqueueActions(({ context, enqueue }, { actorId }: { readonly actorId: string }) => {
      if (!actorId.startsWith(RUN_PREFIX)) return;
      const { [Number(actorId.slice(RUN_PREFIX.length))]: _, ...running } = context.running;
      enqueue.assign({ running });
      enqueue.stopChild(actorId as `run:${number}`);
    }),
    askAgain: assign({ lookAgain: true }),
    beginLook: assign({ lookAgain: false }),
  },
  guards: { isAskedAgain: ({ context }) => context.lookAgain },
  delays: { nextLook: ({ context }) => context.waitMs },
});

const ended = {
  type: 'endRun',
  params: ({ event }: { event: { readonly actorId: string } }) => event,
} as const;
const looked = {
  type: 'noteLook',
  params: ({ event }: { event: { readonly output: Look } }) => event.output,
} as const;
const failed = {
  type: 'noteFailure',
  params: ({ event }: { event: { readonly error: unknown } }) => ({ error: event.error }),
} as const;

/** See the head of this file and SPEC.md. */
export const schedulerMachine = schedulerSetup.createMachine({
  id: 'scheduler',
  context: ({ input }) => ({
    ...input,
    running: {},
    waiting: [],
    waitMs: 0,
    lookAgain: false,
    failure: undefined,
  }),
  options: { maxIterations: MICROSTEPS_MAX },
  initial: 'looking',
  states: {
    looking: {
      tags: 'busy',
      entry: 'beginLook',
      invoke: {
        id: 'look',
        src: 'look',
        onDone: [
          // What is due is then asked for once more: a run that ended during the look was still due for it.
          { guard: 'isAskedAgain', target: 'looking', reenter: true },
          { target: 'waiting', actions: [looked, 'startDue'] },
        ],
        onError: { target: 'waiting', actions: failed },
      },
      on: {
        'schedules.changed': { actions: 'askAgain' },
        'xstate.done.actor.*': { actions: [ended, 'askAgain'] },
        'xstate.error.actor.*': { actions: [ended, 'askAgain'] },
      },
    },
    waiting: {
      tags: 'ready',
      after: { nextLook: 'looking' },
      on: {
        'schedules.changed': 'looking',
        'xstate.done.actor.*': { target: 'looking', actions: ended },
        'xstate.error.actor.*': { target: 'looking', actions: ended },
      },
    },
  },
});
