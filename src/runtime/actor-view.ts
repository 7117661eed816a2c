import type { AnyActorRef, AnyMachineSnapshot, StateValue } from 'xstate';
import type { BatchContext } from '../actors/batch-machine.ts';
import type { DatasetContext } from '../actors/dataset-setup.ts';
import type { MachineName } from '../actors/machines.ts';
import type { ProviderContext } from '../actors/provider-machine.ts';
import type { DueRun, SchedulerContext } from '../actors/scheduler-machine.ts';
import type { SupervisorContext } from '../actors/supervisor-context.ts';
import type { WatcherContext } from '../actors/watcher-machine.ts';

/**
 * - `active`: it lives; `done`, `error`: it has ended, by itself or broken; `stopped`: it was let go of;
 * - `notStarted`: the supervisor of a runtime whose worker is not started;
 * - `resting`: a dataset without an actor, which gets one as soon as it is told something.
 */
export type ActorStatus = 'active' | 'done' | 'error' | 'stopped' | 'notStarted' | 'resting';

/** An actor as it stands, JSON-safe. */
export interface ActorView {
  /** `supervisor`, `dataset:12`, `call:12` for one that lives as long as an explicit call, `provider:1`, `batch:1`, or `scheduler:1`. */
  readonly id: string;
  readonly machine: MachineName;
  /** `project/dataset`; `undefined` for actors that are not of one dataset. */
  readonly address: string | undefined;
  readonly status: ActorStatus;
  /** As XState has it: a name, or names within names. */
  readonly value: StateValue;
  /** Ids of the states that it is in, as in the machine's definition; outer ones first. */
  readonly activeNodes: readonly string[];
  readonly tags: readonly string[];
  /** Unix time in milliseconds of its last change of state, where that is known. */
  readonly sinceMs: number | undefined;
  /** What it remembers, as far as it is of interest, bounded. */
  readonly context: ActorContext | undefined;
  /** What it runs at the moment, by the ids in the machine's definition. */
  readonly invoked: readonly string[];
  /** Control events that it takes now. */
  readonly nextEvents: readonly ControlEventType[];
}

export type ActorContext =
  | DatasetActorContext
  | SupervisorActorContext
  | ProviderActorContext
  | BatchActorContext
  | WatcherActorContext
  | SchedulerActorContext;

/** Why an actor is paused; actors that cannot be paused have no reasons. */
export function pauseReasonsOf(context: ActorContext | undefined): readonly string[] {
  return context !== undefined && 'pauseReasons' in context ? context.pauseReasons : [];
}

/** What a batch job's actor remembers. */
export type BatchActorContext = Pick<
  BatchContext,
  'batchJobId' | 'failure' | 'failureCount' | 'pauseReasons'
>;

/** What a provider's actor remembers. */
export type ProviderActorContext = Pick<
  ProviderContext,
  'provider' | 'failure' | 'failedAtMs' | 'pauseCount' | 'openCount' | 'waitUntilMs'
>;

/** What a watcher remembers. */
export interface WatcherActorContext
  extends Pick<
    WatcherContext,
    'source' | 'mode' | 'failure' | 'failureCount' | 'watchFailure' | 'watchFailureCount' | 'deltaCount'
  > {
  /** Records that wait to be indexed; `undefined`: nobody knows which, so all do. */
  readonly pendingCount: number | undefined;
}

/** What the scheduler remembers. */
export interface SchedulerActorContext extends Pick<SchedulerContext, 'failure'> {
  /** Runs under way. */
  readonly running: readonly DueRun[];
  /** Due runs that wait for their turn. */
  readonly waitingCount: number;
}

/** What a dataset actor remembers. */
export type DatasetActorContext = Pick<
  DatasetContext,
  | 'backlog'
  | 'failure'
  | 'failureCount'
  | 'pauseReasons'
  | 'mend'
  | 'changedMeanwhile'
  | 'checkAsked'
  | 'maintenanceAsked'
>;

/** What the supervisor remembers, with counts where it has lists. */
export interface SupervisorActorContext
  extends Pick<SupervisorContext, 'failure' | 'failureCount' | 'pauseReasons' | 'hasLooked'> {
  /** Datasets that have an actor, by the phase that they reported last. */
  readonly phaseCounts: Readonly<Record<string, number>>;
  /** Datasets that wait for an actor. */
  readonly waitingCount: number;
  /** Datasets that were let go of with nothing to do. */
  readonly restingCount: number;
  /** Datasets that are paused by themselves. */
  readonly pausedCount: number;
}

/** Events by which people control actors, in the order in which they are listed. */
export const CONTROL_EVENT_TYPES = [
  'supervisor.start',
  'supervisor.pause',
  'supervisor.resume',
  'supervisor.stop',
  'dataset.pause',
  'dataset.resume',
  'dataset.check',
  'dataset.maintain',
  'provider.retry',
  'scheduler.look',
  'batch.look',
  'batch.pause',
  'batch.resume',
] as const;

export type ControlEventType = (typeof CONTROL_EVENT_TYPES)[number];

/** An event by which people control an actor. */
export interface ControlEvent {
  readonly type: ControlEventType;
  /** Of a pause and its resume: work goes on when every reason is gone. Default `asked for`. */
  readonly reason?: string;
}

/** A machine actor's snapshot; those of promises are of no interest here. */
export type MachineActor = AnyActorRef & { getSnapshot(): AnyMachineSnapshot };

/** Whether a snapshot is that of a machine (and not of a promise that a machine has invoked). */
export function isMachineSnapshot(snapshot: unknown): snapshot is AnyMachineSnapshot {
  return typeof snapshot === 'object' && snapshot !== null && 'machine' in snapshot;
}

/** An actor that lives, or has just ended. */
export function viewActor(
  id: string,
  snapshot: AnyMachineSnapshot,
  nextEvents: readonly ControlEventType[],
  sinceMs?: number,
): ActorView {
  const { machine, value, status, tags, children } = snapshot;
  return {
    id,
    machine: machine.id as MachineName,
    address: addressOf(snapshot),
    status,
    value,
    activeNodes: activeNodes(machine.id, value),
    tags: [...tags],
    sinceMs,
    context: CONTEXTS[machine.id as MachineName](snapshot.context),
    // The supervisor's datasets are actors of their own.
    invoked: Object.keys(children).filter((child) => !child.startsWith('dataset:')),
    nextEvents,
  };
}

/** The address of a dataset's actor. */
export function addressOf(snapshot: AnyMachineSnapshot): string | undefined {
  const { address } = snapshot.context as { readonly address?: string };
  return address;
}

/** Ids of the states in `value`, outer ones first. */
function activeNodes(machineId: string, value: StateValue): string[] {
  if (typeof value === 'string') return [machineId, `${machineId}.${value}`];
  const inner = Object.entries(value).flatMap(([key, below]) =>
    below === undefined || isEmpty(below)
      ? [`${machineId}.${key}`]
      : activeNodes(`${machineId}.${key}`, below),
  );
  return [machineId, ...inner];
}

function isEmpty(value: StateValue): boolean {
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** What is shown of each machine's memory. */
const CONTEXTS = {
  supervisor: supervisorContext,
  dataset: datasetContext,
  provider: providerContext,
  watcher: watcherContext,
  scheduler: schedulerContext,
  batch: batchContext,
} as const satisfies Record<MachineName, unknown>;

function batchContext({ batchJobId, failure, failureCount, pauseReasons }: BatchContext): BatchActorContext {
  return { batchJobId, failure, failureCount, pauseReasons };
}

function providerContext(context: ProviderContext): ProviderActorContext {
  const { provider, failure, failedAtMs, pauseCount, openCount, waitUntilMs } = context;
  return { provider, failure, failedAtMs, pauseCount, openCount, waitUntilMs };
}

function watcherContext(context: WatcherContext): WatcherActorContext {
  const { source, mode, failure, failureCount, watchFailure, watchFailureCount, deltaCount } = context;
  const pendingCount = context.pendingIds?.length;
  return { source, mode, failure, failureCount, watchFailure, watchFailureCount, deltaCount, pendingCount };
}

function schedulerContext({ failure, running, waiting }: SchedulerContext): SchedulerActorContext {
  return { failure, running: Object.values(running), waitingCount: waiting.length };
}

function datasetContext(context: DatasetContext): DatasetActorContext {
  const { backlog, failure, failureCount, pauseReasons, mend } = context;
  const { changedMeanwhile, checkAsked, maintenanceAsked } = context;
  return {
    backlog,
    failure,
    failureCount,
    pauseReasons,
    mend,
    changedMeanwhile,
    checkAsked,
    maintenanceAsked,
  };
}

function supervisorContext(context: SupervisorContext): SupervisorActorContext {
  const phaseCounts: Record<string, number> = {};
  for (const { phase } of context.datasets) phaseCounts[phase] = (phaseCounts[phase] ?? 0) + 1;
  const { failure, failureCount, pauseReasons, hasLooked } = context;
  return {
    failure,
    failureCount,
    pauseReasons,
    hasLooked,
    phaseCounts,
    waitingCount: context.waiting.length,
    restingCount: Object.keys(context.resting).length,
    pausedCount: Object.keys(context.datasetPauses).length,
  };
}
