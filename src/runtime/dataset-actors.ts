import { type Actor, createActor } from 'xstate';
import type { DatasetEvent, DatasetPhase, DatasetReport, datasetMachine } from '../actors/dataset-machine.ts';
import { DEFAULT_BACKOFF, type Failure, toFailure } from '../actors/failure.ts';
import type { Clock } from '../domain/clock.ts';
import { isSynclineError } from '../domain/errors.ts';
import { createNotifier, type Notifier } from '../pipeline/notifier.ts';
import type { Inspection } from './inspection.ts';
import { machineClock } from './system-clock.ts';

/** Where a dataset's actor stands, as far as it was told. */
export interface DatasetStanding {
  readonly phase: DatasetPhase;
  readonly failure: Failure | undefined;
}

/**
 * The dataset actors that explicit calls use while no supervisor runs, and what is known of every dataset's standing,
 * whoever runs it. Nothing lives here longer than the calls that need it.
 */
export interface DatasetActors {
  /** Runs `task` while the dataset has an actor; afterwards lets its work under way end, and the actor with it. */
  during<Result>(
    dataset: { readonly datasetId: number; readonly address: string },
    task: () => Promise<Result>,
  ): Promise<Result>;
  /** The actors that explicit calls use at the moment. */
  held(): { readonly datasetId: number; readonly actor: Actor<typeof datasetMachine> }[];
  /** Waits until this holds no actor for the dataset. */
  untilFree(datasetId: number): Promise<void>;
  /** Sends to the dataset's actor, if this holds one. */
  send(datasetId: number, event: DatasetEvent): void;
  /** To be called with every report of a dataset actor, ours or the supervisor's. */
  noteReport(report: DatasetReport): void;
  /** To be called when the supervisor lets an actor go: nothing is known of the dataset's standing until its next one. */
  noteLetGo(datasetId: number): void;
  standing(datasetId: number): DatasetStanding | undefined;
  /** Rings at every report and every piece of work done for the dataset. */
  notifier(datasetId: number): Notifier;
}

interface HeldActor {
  readonly actor: Actor<typeof datasetMachine>;
  users: number;
  /** Resolved when the actor was let go of. */
  readonly free: PromiseWithResolvers<void>;
}

/** Why the actor of a call that failed is paused. */
const GAVE_UP = 'the call gave up';

/** An actor that has ended (its dataset was deleted) hears nothing more; XState would warn. */
function tell({ actor }: HeldActor, event: DatasetEvent): void {
  if (actor.getSnapshot().status === 'active') actor.send(event);
}

export interface DatasetActorsParts {
  readonly logic: () => typeof datasetMachine;
  readonly clock: Clock;
  readonly inspection: Inspection;
  /** How long work under way may take to end after its call has failed; then it is aborted. */
  readonly drainTimeoutMs: number;
  /** Ends the dataset's requests to embedding providers at once. */
  readonly cancelRequests: (datasetId: number) => void;
  /** Waits for what cannot be aborted: a catalog transaction, or a table commit with its mark. */
  readonly untilQuiet: (datasetId: number) => Promise<void>;
}

export function createDatasetActors({
  logic,
  clock,
  inspection,
  drainTimeoutMs,
  cancelRequests,
  untilQuiet,
}: DatasetActorsParts): DatasetActors {
  const held = new Map<number, HeldActor>();
  const standings = new Map<number, DatasetStanding>();
  const notifiers = new Map<number, Notifier>();
  const notifier = (datasetId: number): Notifier => {
    const found = notifiers.get(datasetId) ?? createNotifier();
    notifiers.set(datasetId, found);
    return found;
  };

  const hold = (dataset: { readonly datasetId: number; readonly address: string }): HeldActor => {
    const known = held.get(dataset.datasetId);
    if (known !== undefined) {
      known.users += 1;
      tell(known, { type: 'dataset.resume', reason: GAVE_UP });
      return known;
    }
    const actor = createActor(logic(), {
      input: { ...dataset, grantsItself: true, backoff: DEFAULT_BACKOFF },
      id: `call:${dataset.datasetId}`,
      inspect: inspection.next,
      clock: machineClock(clock),
    });
    const entry = { actor, users: 1, free: Promise.withResolvers<void>() };
    held.set(dataset.datasetId, entry);
    // Without an observer an error of the machine itself would end the process. It will do nothing more.
    actor.subscribe({
      error(error) {
        standings.set(dataset.datasetId, { phase: 'parked', failure: toFailure(error) });
        notifier(dataset.datasetId).ring();
      },
    });
    actor.start();
    return entry;
  };

  /** Lets the actor's work under way end, and then the actor; unless someone needs it again meanwhile. */
  const letGo = async (datasetId: number, entry: HeldActor, isOver: Promise<'over'>): Promise<void> => {
    entry.users -= 1;
    for (;;) {
      if (entry.users > 0) return;
      const rung = notifier(datasetId).next();
      const snapshot = entry.actor.getSnapshot();
      if (snapshot.status !== 'active' || !snapshot.hasTag('busy')) break;
      if ((await Promise.race([rung, isOver])) === 'over') break;
    }
    held.delete(datasetId);
    entry.actor.stop();
    // Before anything is waited for: the next actor has a standing of its own.
    standings.delete(datasetId);
    await untilQuiet(datasetId);
    entry.free.resolve();
  };

  return {
    async during(dataset, task) {
      const entry = hold(dataset);
      const deadline = Promise.withResolvers<'over'>();
      let callOff: (() => void) | undefined;
      try {
        return await task();
      } catch (error) {
        // The caller gives up: what is under way is finished and kept, within limits, and nothing new is begun.
        if (entry.users === 1) {
          tell(entry, { type: 'dataset.pause', reason: GAVE_UP });
          // Whoever cancels does not want to pay for more: only what was answered is kept.
          if (isSynclineError(error, 'ABORTED')) cancelRequests(dataset.datasetId);
        }
        callOff = clock.setTimer(drainTimeoutMs, () => deadline.resolve('over'));
        throw error;
      } finally {
        await letGo(dataset.datasetId, entry, deadline.promise);
        callOff?.();
      }
    },
    held: () => [...held].map(([datasetId, { actor }]) => ({ datasetId, actor })),
    untilFree: async (datasetId) => held.get(datasetId)?.free.promise,
    send(datasetId, event) {
      const entry = held.get(datasetId);
      if (entry !== undefined) tell(entry, event);
    },
    noteReport(report) {
      standings.set(report.datasetId, { phase: report.phase, failure: report.failure });
      notifier(report.datasetId).ring();
    },
    noteLetGo(datasetId) {
      standings.delete(datasetId);
      notifier(datasetId).ring();
    },
    standing: (datasetId) => standings.get(datasetId),
    notifier,
  };
}
