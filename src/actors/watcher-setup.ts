import { assign, type ErrorActorEvent, fromCallback, fromPromise, setup } from 'xstate';
import { type BackoffSettings, backoffMs, type Failure, toFailure } from './failure.ts';

/** What has changed: ids, or `undefined` when nobody knows which, so that everything is to be read. */
export interface WatchDelta {
  readonly ids: readonly string[] | undefined;
}

/** How patient and how large a watcher is. */
export interface WatcherSettings {
  /** How long nothing has to happen before changes are handed on, in milliseconds. */
  readonly settleMs: number;
  /** After this long they are handed on, however much happens. */
  readonly settleMsMax: number;
  /** Ids of one delta; more are "everything". */
  readonly idsMax: number;
  /** Events between two deltas beyond which some may have been lost on their way: then it is "everything", too. */
  readonly eventsMax: number;
  readonly backoff: BackoffSettings;
}

export const DEFAULT_WATCHER_SETTINGS: WatcherSettings = {
  settleMs: 300,
  settleMsMax: 3_000,
  idsMax: 2_000,
  // Linux queues 16,384 events, and not every engine tells when some did not fit; saving a file makes one to four.
  eventsMax: 8_000,
  backoff: { firstMs: 1_000, maxMs: 60_000, failuresMax: Number.MAX_SAFE_INTEGER },
};

/** What a watcher is started with. */
export interface WatcherInput {
  /** `project/dataset` that is kept in line. */
  readonly address: string;
  /** The source that is watched. */
  readonly source: string;
  readonly settings: WatcherSettings;
}

/** What the machine remembers; JSON-safe. */
export interface WatcherContext extends WatcherInput {
  /** Ids that are to be handed on; `undefined`: everything. */
  readonly pendingIds: readonly string[] | undefined;
  /** A delta was lost, and nobody knows what was in it by now: the next one is everything. */
  readonly isBehind: boolean;
  /** Events since the last delta. */
  readonly eventCount: number;
  /** What is being handed on. */
  readonly delta: WatchDelta | undefined;
  /** How changes are noticed; `undefined` before the first time. */
  readonly mode: WatchMode | undefined;
  /** Why nothing is noticed at the moment, and how often in a row that was so. */
  readonly watchFailure: Failure | undefined;
  readonly watchFailureCount: number;
  /** Why the last delta could not be handed on. */
  readonly failure: Failure | undefined;
  readonly failureCount: number;
  /** Deltas that were handed on. */
  readonly deltaCount: number;
}

/** The system tells of changes, or they are looked for again and again. */
export type WatchMode = 'native' | 'polling';

export type WatcherEvent =
  /** From now on changes are noticed; those before were not. */
  | { readonly type: 'watch.ready'; readonly mode: WatchMode }
  | { readonly type: 'watch.changed'; readonly ids: readonly string[]; readonly eventCount: number }
  /** Changes were missed. */
  | { readonly type: 'watch.lost' }
  | { readonly type: 'watch.failed'; readonly failure: Failure }
  | { readonly type: 'watcher.stop' };

export type WatcherTag = 'ready' | 'busy' | 'error';

/** What the source that notices changes is started with. */
export type WatchInput = Pick<WatcherContext, 'address' | 'source'>;

/** What the source that hands on is started with. */
export interface HandOnInput extends WatchInput {
  readonly delta: WatchDelta;
}

type Failed = { readonly error: unknown };

function mergeIds(
  { settings, pendingIds, eventCount }: WatcherContext,
  ids: readonly string[],
  events: number,
): Pick<WatcherContext, 'pendingIds' | 'eventCount'> {
  const count = eventCount + events;
  if (pendingIds === undefined || count > settings.eventsMax)
    return { pendingIds: undefined, eventCount: count };
  const merged = new Set([...pendingIds, ...ids]);
  return { pendingIds: merged.size > settings.idsMax ? undefined : [...merged], eventCount: count };
}

export const watcherSetup = setup({
  types: {
    context: {} as WatcherContext,
    events: {} as WatcherEvent,
    input: {} as WatcherInput,
    tags: {} as WatcherTag,
  },
  actors: {
    /** Notices changes until it is stopped. */
    watch: fromCallback<WatcherEvent, WatchInput>(() => {
      throw new Error('The source "watch" has to be provided.');
    }),
    /** Brings the dataset in line with what has changed. */
    handOn: fromPromise<void, HandOnInput>(() => {
      throw new Error('The source "handOn" has to be provided.');
    }),
  },
  actions: {
    noteReady: assign((_, { mode }: { readonly mode: WatchMode }) => ({
      mode,
      // What happened before is known to nobody.
      pendingIds: undefined,
      watchFailure: undefined,
      watchFailureCount: 0,
    })),
    noteChanges: assign(
      ({ context }, { ids, eventCount }: { readonly ids: readonly string[]; readonly eventCount: number }) =>
        mergeIds(context, ids, eventCount),
    ),
    noteLoss: assign({ pendingIds: undefined }),
    noteWatchFailure: assign(({ context }, { failure }: { readonly failure: Failure }) => ({
      watchFailure: failure,
      watchFailureCount: context.watchFailureCount + 1,
    })),
    takeDelta: assign(({ context }) => ({
      delta: { ids: context.isBehind ? undefined : context.pendingIds },
      pendingIds: [],
      isBehind: false,
      eventCount: 0,
    })),
    forgetDelta: assign(({ context }) => ({
      delta: undefined,
      failure: undefined,
      failureCount: 0,
      deltaCount: context.deltaCount + 1,
    })),
    /** It is handed on again, with what has changed since. */
    putDeltaBack: assign(({ context }) => {
      const ids = context.delta?.ids;
      return {
        delta: undefined,
        ...(ids === undefined ? { pendingIds: undefined } : mergeIds(context, ids, 0)),
      };
    }),
    /** What the guard against mass deletions refused was read, and would be refused again. */
    dropDelta: assign(({ context }) => ({
      delta: undefined,
      isBehind: context.failure?.code !== 'MASS_DELETION_REFUSED',
    })),
    /** Provided: tells whoever listens to the runtime. */
    tellReady: (_, _params: { readonly mode: WatchMode }) => undefined,
    tellFailure: (_, _params: { readonly failure: Failure; readonly willRetry: boolean }) => undefined,
    recordFailure: assign(({ context }, { error }: Failed) => ({
      failure: toFailure(error),
      failureCount: context.failureCount + 1,
    })),
  },
  guards: {
    hasChanges: ({ context: { pendingIds } }) => pendingIds === undefined || pendingIds.length > 0,
    isRetryable: (_, { error }: Failed) => toFailure(error).retryable,
  },
  delays: {
    settle: ({ context }) => context.settings.settleMs,
    settleMax: ({ context }) => context.settings.settleMsMax,
    watchBackoff: ({ context: { watchFailureCount, watchFailure, settings } }) =>
      backoffMs(watchFailureCount, watchFailure, settings.backoff, noJitter),
    backoff: ({ context: { failureCount, failure, settings } }) =>
      backoffMs(failureCount, failure, settings.backoff, noJitter),
  },
});

/** Watchers of one process do not meet at one server: their waits need no jitter. */
function noJitter(): number {
  return 1;
}

/** The error of a promise that has failed, for actions and guards. */
export function failedParams({ event }: { readonly event: ErrorActorEvent }): Failed {
  return { error: event.error };
}
