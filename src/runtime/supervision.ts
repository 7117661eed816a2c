import { type Actor, createActor, fromPromise } from 'xstate';
import type { DatasetEvent, DatasetReport } from '../actors/dataset-machine.ts';
import { DEFAULT_BACKOFF, type Failure, toFailure } from '../actors/failure.ts';
import {
  type DatasetListing,
  datasetActorId,
  type SupervisorSettings,
  supervisorMachine,
} from '../actors/supervisor-machine.ts';
import { formatAddress } from '../domain/address.ts';
import type { Clock } from '../domain/clock.ts';
import { type ErrorCode, isSynclineError, SynclineError } from '../domain/errors.ts';
import { SUPERVISOR_REASON } from './batch/batch-keeper.ts';
import type { RuntimeCore } from './core.ts';
import { stoppedError } from './session.ts';
import { machineClock } from './system-clock.ts';

/** A running supervisor and the ways to talk to it. */
export interface Supervision {
  readonly actor: Actor<typeof supervisorMachine>;
  /** Sends to a dataset's actor, spawning it where it was let go of. */
  tell(datasetId: number, address: string, event: DatasetEvent): void;
  /** Sends to a dataset's actor if it has one. */
  send(datasetId: number, event: DatasetEvent): void;
  noteReport(report: DatasetReport): void;
  noteLostLease(reason: unknown): void;
  /** Resolves when the supervisor runs. Rejects, after everything was given back, when it could not begin. */
  readonly started: Promise<void>;
  /** Aborted when it has ended, with the error to tell those who wait for its work. */
  readonly over: AbortSignal;
  /** Ends it, so that another may begin later. */
  halt(): void;
  readonly isHalting: boolean;
  /** Resolves when it has ended, with the failure that ended it if that was not asked for. */
  readonly ended: Promise<Failure | undefined>;
}

/** Why datasets are paused whose supervisor is no more. */
const BROKEN = 'the supervisor broke';
/** Datasets asked of the catalog at once. */
const DATASETS_PER_PAGE = 500;

export function createSupervision(core: RuntimeCore): Supervision {
  let beginError: unknown;
  const remember = (error: unknown): never => {
    beginError = error;
    throw error;
  };
  const lease = createLeaseUse(core);
  const logic = supervisorMachine.provide({
    actors: supervisorActors(core, lease, remember),
    actions: { noteLetGo: (_, { datasetId }) => core.actors.noteLetGo(datasetId) },
  });
  const actor = createActor(logic, {
    input: { settings: supervisorSettings(core) },
    id: 'supervisor',
    systemId: 'supervisor',
    inspect: core.inspection.next,
    clock: machineClock(core.clock),
  });
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Failure | undefined>();
  const over = new AbortController();
  const end = (failure: Failure | undefined): void => {
    over.abort(failure === undefined ? stoppedError() : failureError(failure));
    ended.resolve(failure);
  };
  const send = (datasetId: number, event: DatasetEvent): void =>
    actor.getSnapshot().children[datasetActorId(datasetId)]?.send(event);
  let lastState = '';
  let hasStarted = false;
  let isHalting = false;
  actor.subscribe({
    next(snapshot) {
      const state = describeState(snapshot.value);
      if (state !== lastState)
        core.hub.emit({ type: 'supervisor.state', state, failure: snapshot.context.failure });
      lastState = state;
      const { failure } = snapshot.context;
      if (snapshot.matches('running') || snapshot.matches('paused')) {
        if (!hasStarted) void core.batches.attend();
        hasStarted = true;
        started.resolve();
        if (snapshot.matches('paused')) core.batches.pause(SUPERVISOR_REASON);
        else core.batches.resume(SUPERVISOR_REASON);
      }
      // A runtime that cannot even begin says so at once; later failures are waited out.
      if (snapshot.matches('backingOff') && !hasStarted) actor.send({ type: 'supervisor.stop' });
      if (snapshot.status !== 'done') return;
      started.reject(
        beginError ?? new SynclineError('RUNTIME_STOPPED', 'The runtime was stopped before it ran.'),
      );
      end(failure);
    },
    /** The machine itself broke. XState lets its children live; they end what is under way and begin nothing new. */
    error(error) {
      started.reject(error);
      for (const { datasetId } of actor.getSnapshot().context.datasets)
        send(datasetId, { type: 'dataset.pause', reason: BROKEN });
      const endBroken = (): void => end(toFailure(error));
      lease.giveBack().then(endBroken, endBroken);
    },
  });
  // Whoever starts the runtime awaits `started`; nobody else is hurt by its rejection.
  started.promise.catch(() => undefined);
  return {
    actor,
    tell(datasetId, address, event) {
      // One that has ended hears nothing more; XState would warn.
      if (actor.getSnapshot().status === 'active')
        actor.send({ type: 'dataset.tell', datasetId, address, event });
    },
    send,
    // Reports come out of a child's own transition: the supervisor hears of it when that is over.
    noteReport: (report) => queueMicrotask(() => actor.send(report)),
    noteLostLease: (reason) => actor.send({ type: 'lease.lost', failure: toFailure(reason) }),
    halt() {
      isHalting = true;
      if (actor.getSnapshot().status === 'active') actor.send({ type: 'supervisor.stop' });
    },
    get isHalting() {
      return isHalting;
    },
    started: started.promise,
    over: over.signal,
    ended: ended.promise,
  };
}

function failureError({ code, message, retryable }: Failure): SynclineError {
  return new SynclineError(code as ErrorCode, message, { retryable });
}

/** The supervisor's part in the session: entered once, left once. */
interface LeaseUse {
  /** Waits while another worker holds it, as long as the options say or until `signal` is aborted. */
  take(signal: AbortSignal): Promise<void>;
  giveBack(): Promise<void>;
}

/** How often a lease is asked for that another worker holds. */
const LEASE_LOOK_MS = 1_000;

function createLeaseUse(core: RuntimeCore): LeaseUse {
  let entered = false;
  return {
    async take(signal) {
      if (entered) return;
      const endMs = core.clock.monotonicMs() + core.options.leaseWaitMs;
      let isTold = false;
      for (;;) {
        try {
          await core.sessions.enter();
          entered = true;
          return;
        } catch (error) {
          const leftMs = endMs - core.clock.monotonicMs();
          if (!isSynclineError(error, 'LEASE_HELD') || leftMs <= 0) throw error;
          if (!isTold) core.hub.emit({ type: 'lease.waiting', failure: toFailure(error) });
          isTold = true;
          await waitFor(core.clock, Math.min(leftMs, LEASE_LOOK_MS), signal);
          if (signal.aborted) return;
        }
      }
    },
    async giveBack() {
      if (!entered) return;
      entered = false;
      await core.sessions.leave();
    },
  };
}

function waitFor(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const callOff = clock.setTimer(delayMs, resolve);
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise.finally(callOff);
}

/** `remember` keeps the error that the runtime could not begin with: machines hold only what JSON can. */
function supervisorActors(core: RuntimeCore, lease: LeaseUse, remember: (error: unknown) => never) {
  return {
    takeLease: fromPromise<void>(async ({ signal }) => {
      await lease.take(signal).catch(remember);
      // Stopped while the lease was being taken: nobody else would give it back.
      if (signal.aborted) await lease.giveBack();
    }),
    ensureCatalog: fromPromise<void>(async () => {
      const catalog = await core.catalog();
      await catalog.migrate().catch(remember);
    }),
    listDatasets: fromPromise<readonly DatasetListing[]>(() => listAllDatasets(core)),
    releaseLease: fromPromise<void>(lease.giveBack),
    dataset: core.logic,
  };
}

async function listAllDatasets(core: RuntimeCore): Promise<DatasetListing[]> {
  const catalog = await core.catalog();
  const listings: DatasetListing[] = [];
  for (;;) {
    const afterDatasetId = listings.at(-1)?.datasetId ?? 0;
    const page = await catalog.listDatasets({ afterDatasetId, limit: DATASETS_PER_PAGE });
    for (const { datasetId, address, state } of page) {
      listings.push({ datasetId, address: formatAddress(address), deleting: state === 'deleting' });
    }
    if (page.length < DATASETS_PER_PAGE) return listings;
  }
}

function supervisorSettings(core: RuntimeCore): SupervisorSettings {
  const { datasetsAtWorkMax, datasetActorsMax, datasetOrder, pollIntervalMs, drainTimeoutMs } = core.options;
  return {
    datasetsAtWorkMax,
    datasetActorsMax,
    datasetOrder,
    pollIntervalMs,
    drainTimeoutMs,
    backoff: DEFAULT_BACKOFF,
  };
}

/** The state of the supervisor in one word: while it runs, what it works on. */
export function describeState(value: unknown): string {
  if (typeof value === 'string') return value;
  const running = (value as { running?: { work?: string } }).running;
  return running?.work ?? 'running';
}
