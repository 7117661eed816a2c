import {
  assertEvent,
  assign,
  type DoneActorEvent,
  type ErrorActorEvent,
  fromPromise,
  type PromiseActorLogic,
  setup,
} from 'xstate';
import { datasetMachine } from './dataset-machine.ts';
import type { DatasetEvent, DatasetReport } from './dataset-messages.ts';
import {
  chooseNext,
  type DatasetListing,
  isBusy,
  isMending,
  isProcessing,
  planAdmission,
} from './dataset-room.ts';
import { backoffMs, type Failure, toFailure } from './failure.ts';
import {
  addWaiting,
  afterTelling,
  compareListings,
  entryOf,
  firstEvents,
  newEntry,
  OWN_PAUSE_REASON,
  pausesAfter,
  type SupervisorContext,
  type SupervisorInput,
  withEntry,
  without,
  withoutEntry,
} from './supervisor-context.ts';

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
  | { readonly type: 'lease.lost'; readonly failure: Failure }
  | DatasetReport
  | DoneActorEvent
  | ErrorActorEvent;

export type SupervisorTag = 'busy' | 'ready' | 'error' | 'paused';

export type LifecycleLogic = PromiseActorLogic<void>;
export type ListDatasetsLogic = PromiseActorLogic<readonly DatasetListing[]>;

function notProvided(): Promise<never> {
  return Promise.reject(new Error('This actor is provided by the composition root.'));
}

/** The id of a dataset's actor, in the supervisor's children and in the system. */
export function datasetActorId(datasetId: number): string {
  return `dataset:${datasetId}`;
}

const baseSetup = setup({
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
  actions: {
    /** Provided: tells whoever watches that a dataset has no actor now; where it stood is out of date. */
    noteLetGo: (_, _params: { datasetId: number }) => undefined,
  },
  guards: {
    isPaused: ({ context }) => context.pauseReasons.length > 0,
    isLastPauseReason: ({ context, event }) =>
      event.type === 'supervisor.resume' && context.pauseReasons.every((reason) => reason === event.reason),
    hasLooked: ({ context }) => context.hasLooked,
    isRetryable: (_, params: { error: unknown }) => toFailure(params.error).retryable,
    isAskedAgain: ({ context }) => context.lookAgain,
    isAnyChecking: ({ context }) => context.datasets.some((entry) => entry.phase === 'checking'),
    isAnyProcessing: ({ context }) => context.datasets.some(isProcessing),
    isAnyRebuilding: ({ context }) => context.datasets.some(isMending),
    isNothingUnderWay: ({ context }) => !context.datasets.some((entry) => isBusy(entry) || entry.told),
  },
  delays: {
    poll: ({ context }) => context.settings.pollIntervalMs,
    drain: ({ context }) => context.settings.drainTimeoutMs,
    backoff: ({ context }) =>
      backoffMs(context.failureCount, context.failure, context.settings.backoff, () => 1),
  },
});

function datasetIdOf(actorId: string): number | undefined {
  return actorId.startsWith('dataset:') ? Number(actorId.slice('dataset:'.length)) : undefined;
}

/** Sends to a dataset's actor; only called for datasets that have one (sending to an absent child breaks the sender). */
function tell(
  enqueue: Enqueue,
  datasetId: number,
  event: DatasetEvent,
  options?: { readonly delay: number; readonly id: string },
): void {
  enqueue.sendTo(datasetActorId(datasetId), event, options);
}

interface Enqueue {
  sendTo(
    target: string,
    event: DatasetEvent,
    options?: { readonly delay: number; readonly id: string },
  ): void;
  cancel(id: string): void;
}

/** Actors that answer in one turn of the event loop, each in a fraction of a millisecond, and how long the next ones wait. */
const TOLD_AT_ONCE = 32;
const TELL_EVERY_MS = 12;

/**
 * Tells all datasets the same, a thousand of them over some turns: their answers would hold the event loop for long. What one was
 * to be told before and was not yet is called off: a pause must not arrive after its end.
 */
function tellAll(enqueue: Enqueue, { datasets }: SupervisorContext, event: DatasetEvent): void {
  for (const [place, { datasetId }] of datasets.entries()) {
    const delay = Math.floor(place / TOLD_AT_ONCE) * TELL_EVERY_MS;
    const id = `tellAll:${datasetId}`;
    enqueue.cancel(id);
    tell(enqueue, datasetId, event, delay === 0 ? undefined : { delay, id });
  }
}

function admitWhere(rule: { readonly mayBackingOffGo: boolean }) {
  return baseSetup.enqueueActions(({ context, enqueue }) => {
    if (context.waiting.length === 0) return;
    const { admitted, resting, deferred } = planAdmission({
      ...rule,
      entries: context.datasets,
      waiting: context.waiting,
      datasetActorsMax: context.settings.datasetActorsMax,
      hasPauses: (datasetId) => context.datasetPauses[datasetId] !== undefined,
    });
    let { datasets } = context;
    for (const { datasetId } of [...resting, ...deferred]) {
      enqueue.stopChild(datasetActorId(datasetId));
      enqueue({ type: 'noteLetGo', params: { datasetId } });
      datasets = withoutEntry(datasets, datasetId);
    }
    for (const listing of admitted) {
      const { datasetId, address } = listing;
      const id = datasetActorId(datasetId);
      const { backoff } = context.settings;
      enqueue.spawnChild('dataset', {
        id,
        systemId: id,
        input: { datasetId, address, grantsItself: false, backoff },
      });
      for (const event of firstEvents(context, listing)) tell(enqueue, datasetId, event);
      datasets = withEntry(datasets, newEntry(listing, context.lookCount));
    }
    enqueue.assign({
      datasets,
      waiting: [
        ...context.waiting.slice(admitted.length),
        ...deferred.map(({ datasetId, address }) => ({ datasetId, address, deleting: false })),
      ],
      resting: {
        ...context.resting,
        ...Object.fromEntries(resting.map(({ datasetId }) => [datasetId, true as const])),
      },
    });
  });
}

/** Everything the chart in `supervisor-machine.ts` calls by name. I/O is provided by the composition root. */
export const supervisorSetup = baseSetup.extend({
  actions: {
    /** Takes in what the catalog has: new datasets wait for an actor, deleted ones are told or let go of. */
    reconcile: baseSetup.enqueueActions(({ context, event, enqueue }) => {
      const { output } = event as DoneActorEvent<readonly DatasetListing[]>;
      const { gone, toDelete, ...found } = compareListings(context, output);
      let { datasets } = context;
      for (const entry of gone) {
        enqueue.stopChild(datasetActorId(entry.datasetId));
        enqueue({ type: 'noteLetGo', params: { datasetId: entry.datasetId } });
        datasets = withoutEntry(datasets, entry.datasetId);
      }
      for (const entry of toDelete) {
        const event: DatasetEvent = { type: 'dataset.delete' };
        tell(enqueue, entry.datasetId, event);
        datasets = withEntry(datasets, afterTelling(entry, event));
      }
      enqueue.assign({ ...found, datasets, hasLooked: true });
    }),
    /** Gives actors to those that wait, as far as there is room. */
    admit: admitWhere({ mayBackingOffGo: false }),
    /** The same, also in the place of datasets that back off. */
    admitAtLook: admitWhere({ mayBackingOffGo: true }),
    /** Passes an event on to a dataset's actor; one that has none waits for an actor, which begins with looking for work. */
    hear: baseSetup.enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, 'dataset.tell');
      const { datasetId, address, event: told } = event;
      const datasetPauses = pausesAfter(context, datasetId, told);
      const entry = entryOf(context, datasetId);
      if (entry === undefined) {
        const listing = { datasetId, address, deleting: told.type === 'dataset.delete' };
        enqueue.assign({
          datasetPauses,
          waiting: addWaiting(context.waiting, listing),
          resting: without(context.resting, datasetId),
        });
        return;
      }
      tell(enqueue, datasetId, told);
      enqueue.assign({
        datasetPauses,
        datasets: withEntry(context.datasets, afterTelling(entry, told)),
      });
    }),
    recordReport: assign(({ context, event }) => {
      assertEvent(event, 'dataset.reported');
      const entry = entryOf(context, event.datasetId);
      if (entry === undefined) return {};
      const { phase, backlog, failure } = event;
      const reportSeq = context.reportCount + 1;
      const reported = { ...entry, phase, backlog, failure, reportSeq, granted: false, told: false };
      return { reportCount: reportSeq, datasets: withEntry(context.datasets, reported) };
    }),
    grantPlaces: baseSetup.enqueueActions(({ context, enqueue }) => {
      const chosen = chooseNext(context.datasets, context.settings);
      if (chosen.length === 0) return;
      enqueue.assign({
        datasets: chosen.reduce(
          (datasets, entry) => withEntry(datasets, { ...entry, granted: true }),
          context.datasets,
        ),
      });
      for (const entry of chosen) tell(enqueue, entry.datasetId, { type: 'dataset.proceed' });
    }),
    /** A dataset actor ended: deleted, or broken. A broken one is found and spawned again by the next look at the catalog. */
    letGo: baseSetup.enqueueActions(({ context, event, enqueue }) => {
      const { actorId, type } = event as DoneActorEvent | ErrorActorEvent;
      const datasetId = datasetIdOf(actorId);
      if (datasetId === undefined) return;
      enqueue.stopChild(actorId);
      const isDeleted = type.startsWith('xstate.done.');
      if (!isDeleted) enqueue({ type: 'noteLetGo', params: { datasetId } });
      enqueue.assign({
        datasets: withoutEntry(context.datasets, datasetId),
        datasetPauses: isDeleted ? without(context.datasetPauses, datasetId) : context.datasetPauses,
      });
    }),
    letAllGo: baseSetup.enqueueActions(({ context, enqueue }) => {
      for (const { datasetId } of context.datasets) {
        enqueue.stopChild(datasetActorId(datasetId));
        enqueue({ type: 'noteLetGo', params: { datasetId } });
      }
      enqueue.assign({ datasets: [], waiting: [], resting: {} });
    }),
    pauseAll: baseSetup.enqueueActions(({ context, enqueue }) => {
      const event: DatasetEvent = { type: 'dataset.pause', reason: OWN_PAUSE_REASON };
      tellAll(enqueue, context, event);
      enqueue.assign({ datasets: context.datasets.map((entry) => afterTelling(entry, event)) });
    }),
    resumeAll: baseSetup.enqueueActions(({ context, enqueue }) => {
      tellAll(enqueue, context, { type: 'dataset.resume', reason: OWN_PAUSE_REASON });
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
    forgetLook: assign({ hasLooked: false }),
    askAgain: assign({ lookAgain: true }),
    startLooking: assign({ lookAgain: false, lookCount: ({ context }) => context.lookCount + 1 }),
  },
});
