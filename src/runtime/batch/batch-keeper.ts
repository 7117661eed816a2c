import { type Actor, type AnyMachineSnapshot, createActor } from 'xstate';
import type { BatchContext, BatchEvent, batchMachine } from '../../actors/batch-machine.ts';
import { DEFAULT_BACKOFF, type Failure, toFailure } from '../../actors/failure.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { Clock } from '../../domain/clock.ts';
import { throwIfAborted } from '../../domain/errors.ts';
import type { ActorKind } from '../actor-kinds.ts';
import type { ControlEvent, ControlEventType } from '../actor-view.ts';
import type { Inspection } from '../inspection.ts';
import { machineClock } from '../system-clock.ts';

/** Actors of jobs alive at the same time; where there are more jobs, those that rest make room for those that wait for a turn. */
const ACTORS_MAX = 64;
/** Jobs without an actor whose failures in a row are remembered. */
const REMEMBERED_MAX = 10_000;
const JOBS_PER_PAGE = 200;
/** Reasons for which one actor may be paused at a time. */
const PAUSE_REASONS_MAX = 32;
/** Why actors are paused while the supervisor is. */
export const SUPERVISOR_REASON = 'supervisor';
/** Why actors are paused whose session ends. */
const ENDING = 'the session ends';

export interface BatchKeeperParts {
  readonly logic: () => typeof batchMachine;
  readonly catalog: () => Promise<Pick<Catalog, 'listUntidiedBatchJobs'>>;
  readonly clock: Clock;
  readonly inspection: Inspection;
  readonly pollMs: number;
  readonly drainTimeoutMs: number;
}

/** The actors of batch jobs: at most one per job. They live within a session, which holds the lease. */
export interface BatchKeeper {
  /**
   * Gives every unfinished job an actor until the session ends. Where there are more jobs than there may be actors, they take
   * turns: one that ends makes room at once, one that rests (it waits, or backs off) within half of a poll.
   */
  attend(): Promise<void>;
  /** Gives a new job an actor, or a turn soon. */
  adopt(batchJobId: number): void;
  /** Some job may be there of which nobody told: it gets a turn soon. */
  lookAround(): void;
  /** Has a job looked at now and waits until it rests, is done, or has failed, which is returned. */
  visit(batchJobId: number, signal: AbortSignal): Promise<Failure | undefined>;
  held(): { readonly batchJobId: number; readonly actor: Actor<typeof batchMachine> }[];
  /** The actors as the registry knows them. */
  readonly kind: ActorKind;
  /** Sends to the actors there are, and those that come. */
  pause(reason: string): void;
  resume(reason: string): void;
  /** Lets every actor go; steps under way may end for some time. */
  endSession(): Promise<void>;
}

interface Entry {
  readonly actor: Actor<typeof batchMachine>;
  visitors: number;
  /** It stays without visitors. */
  isAdopted: boolean;
  /** The round in which it came. */
  readonly round: number;
}

/** What a keeper remembers. */
interface Keeper {
  readonly parts: BatchKeeperParts;
  readonly entries: Map<number, Entry>;
  readonly pauseReasons: Set<string>;
  isAttending: boolean;
  isEnding: boolean;
  /** Jobs up to this one had their turn; then it is that of the first again. */
  afterBatchJobId: number;
  /** Grows whenever those that rest make room. */
  round: number;
  /** Some job may have no actor. */
  isCrowded: boolean;
  /** Ends the wait for the next round. */
  callOffRound: (() => void) | undefined;
  isFilling: boolean;
  /** Failures in a row of jobs that made room while they backed off. */
  readonly failureCounts: Map<number, number>;
}

export function createBatchKeeper(parts: BatchKeeperParts): BatchKeeper {
  const keeper: Keeper = {
    parts,
    entries: new Map(),
    pauseReasons: new Set(),
    isAttending: false,
    isEnding: false,
    afterBatchJobId: 0,
    round: 0,
    isCrowded: false,
    callOffRound: undefined,
    isFilling: false,
    failureCounts: new Map(),
  };
  const { entries, pauseReasons } = keeper;
  return {
    async attend() {
      keeper.isAttending = true;
      keeper.isCrowded = true;
      await fillPlaces(keeper);
    },
    adopt(batchJobId) {
      if (keeper.isEnding) return;
      if (entries.has(batchJobId) || hasRoom(keeper)) hold(keeper, batchJobId).isAdopted = true;
      else beCrowded(keeper);
    },
    lookAround: () => beCrowded(keeper),
    visit: (batchJobId, signal) => visit(keeper, batchJobId, signal),
    held: () => [...entries].map(([batchJobId, { actor }]) => ({ batchJobId, actor })),
    kind: {
      machine: 'batch',
      live: () => [...entries].map(([batchJobId, { actor }]) => ({ id: `batch:${batchJobId}`, actor })),
      allowedEvents,
      send(id, event) {
        entries.get(Number(id.slice('batch:'.length)))?.actor.send(toBatchEvent(event));
      },
    },
    pause(reason) {
      pauseReasons.add(reason);
      tellAll(keeper, { type: 'batch.pause', reason });
    },
    resume(reason) {
      pauseReasons.delete(reason);
      tellAll(keeper, { type: 'batch.resume', reason });
    },
    async endSession() {
      keeper.isAttending = false;
      keeper.isEnding = true;
      keeper.callOffRound?.();
      keeper.callOffRound = undefined;
      tellAll(keeper, { type: 'batch.pause', reason: ENDING });
      await drain(keeper);
      for (const { actor } of entries.values()) actor.stop();
      entries.clear();
      keeper.failureCounts.clear();
      keeper.afterBatchJobId = 0;
      keeper.isEnding = false;
    },
  };
}

/** A job that is being looked at cannot be asked to look. */
function allowedEvents(snapshot: AnyMachineSnapshot): ControlEventType[] {
  if (snapshot.status !== 'active') return [];
  const { pauseReasons } = snapshot.context as BatchContext;
  const own = pauseReasons.filter((reason) => reason !== SUPERVISOR_REASON);
  return [
    ...(snapshot.hasTag('ready') || snapshot.hasTag('error') ? (['batch.look'] as const) : []),
    ...(pauseReasons.length < PAUSE_REASONS_MAX ? (['batch.pause'] as const) : []),
    ...(own.length > 0 ? (['batch.resume'] as const) : []),
  ];
}

function toBatchEvent({ type, reason = 'asked for' }: ControlEvent): BatchEvent {
  if (type === 'batch.pause' || type === 'batch.resume') return { type, reason };
  return { type: 'batch.look' };
}

function hold(keeper: Keeper, batchJobId: number): Entry {
  const { parts, entries } = keeper;
  const known = entries.get(batchJobId);
  if (known !== undefined) return known;
  const actor = createActor(parts.logic(), {
    input: {
      batchJobId,
      pollMs: parts.pollMs,
      backoff: DEFAULT_BACKOFF,
      failureCount: keeper.failureCounts.get(batchJobId) ?? 0,
    },
    id: `batch:${batchJobId}`,
    inspect: parts.inspection.next,
    clock: machineClock(parts.clock),
  });
  const entry: Entry = { actor, visitors: 0, isAdopted: false, round: keeper.round };
  keeper.failureCounts.delete(batchJobId);
  entries.set(batchJobId, entry);
  const leave = (): void => {
    if (entries.get(batchJobId) === entry) entries.delete(batchJobId);
  };
  actor.subscribe({
    complete() {
      leave();
      void fillPlaces(keeper);
    },
    // An error of the machine itself would end the process without an observer; the job gets another actor at the next round.
    error() {
      leave();
      beCrowded(keeper);
    },
  });
  actor.start();
  for (const reason of keeper.pauseReasons) actor.send({ type: 'batch.pause', reason });
  return entry;
}

async function visit(keeper: Keeper, batchJobId: number, signal: AbortSignal): Promise<Failure | undefined> {
  throwIfAborted(signal);
  const isNew = !keeper.entries.has(batchJobId);
  const entry = hold(keeper, batchJobId);
  entry.visitors += 1;
  try {
    if (!isNew && entry.actor.getSnapshot().status === 'active') entry.actor.send({ type: 'batch.look' });
    await untilResting(entry.actor, signal);
    throwIfAborted(signal);
    const { status, context, error } = entry.actor.getSnapshot();
    return status === 'error' ? toFailure(error) : context.failure;
  } finally {
    entry.visitors -= 1;
    letGo(keeper, batchJobId, entry);
  }
}

function letGo(keeper: Keeper, batchJobId: number, entry: Entry): void {
  const { entries } = keeper;
  if (entry.visitors > 0 || entry.isAdopted || entries.get(batchJobId) !== entry) return;
  entries.delete(batchJobId);
  entry.actor.stop();
  // Those who gave every job an actor meanwhile took this one for its own.
  beCrowded(keeper);
}

/** Whether one more actor may be; one that has rested since an earlier round makes room for it. */
function hasRoom(keeper: Keeper): boolean {
  const { entries, round } = keeper;
  if (entries.size < ACTORS_MAX) return true;
  for (const [batchJobId, entry] of entries) {
    const { actor, visitors } = entry;
    const snapshot = actor.getSnapshot();
    if (entry.round === round || visitors > 0 || !(snapshot.hasTag('ready') || snapshot.hasTag('error')))
      continue;
    if (snapshot.context.failureCount > 0) remember(keeper, batchJobId, snapshot.context.failureCount);
    entries.delete(batchJobId);
    actor.stop();
    beCrowded(keeper);
    return true;
  }
  return false;
}

function remember({ failureCounts }: Keeper, batchJobId: number, failureCount: number): void {
  failureCounts.set(batchJobId, failureCount);
  const [oldest] = failureCounts.keys();
  if (failureCounts.size > REMEMBERED_MAX && oldest !== undefined) failureCounts.delete(oldest);
}

/** Some job has no actor: it gets one at the next round, if none ends before that. */
function beCrowded(keeper: Keeper): void {
  keeper.isCrowded = true;
  if (!keeper.isAttending) return;
  // Half-way between two polls of those that have their turn: then they rest.
  keeper.callOffRound ??= keeper.parts.clock.setTimer(keeper.parts.pollMs / 2, () => {
    keeper.callOffRound = undefined;
    keeper.round += 1;
    void fillPlaces(keeper);
  });
}

/** Gives places to those whose turn it is, as far as there are any. */
async function fillPlaces(keeper: Keeper): Promise<void> {
  if (!keeper.isAttending || !keeper.isCrowded || keeper.isFilling) return;
  keeper.isFilling = true;
  // What happens meanwhile says so again.
  keeper.isCrowded = false;
  try {
    if (!(await fillInTurn(keeper))) keeper.isCrowded = true;
  } catch {
    // The catalog cannot be read at the moment, which those who write to it tell; it is asked again.
    keeper.isCrowded = true;
  }
  keeper.isFilling = false;
  if (keeper.isCrowded) beCrowded(keeper);
}

/** Goes through all jobs once, from where the last turn ended. Whether each had an actor, or got one. */
async function fillInTurn(keeper: Keeper): Promise<boolean> {
  const { entries, parts } = keeper;
  const catalog = await parts.catalog();
  const begin = keeper.afterBatchJobId;
  for (let isSecondHalf = begin === 0; ; ) {
    const page = { afterBatchJobId: keeper.afterBatchJobId, limit: JOBS_PER_PAGE };
    const jobs = await catalog.listUntidiedBatchJobs(page);
    for (const { batchJobId } of jobs) {
      if (!keeper.isAttending || (isSecondHalf && begin > 0 && batchJobId > begin)) return true;
      if (!entries.has(batchJobId)) {
        if (!hasRoom(keeper)) return false;
        hold(keeper, batchJobId).isAdopted = true;
      }
      keeper.afterBatchJobId = batchJobId;
    }
    if (jobs.length === JOBS_PER_PAGE) continue;
    if (isSecondHalf) return true;
    isSecondHalf = true;
    keeper.afterBatchJobId = 0;
  }
}

function tellAll({ entries }: Keeper, event: BatchEvent): void {
  for (const { actor } of entries.values()) if (actor.getSnapshot().status === 'active') actor.send(event);
}

/** Waits until no step is under way, within limits. */
async function drain({ entries, parts }: Keeper): Promise<void> {
  if (entries.size === 0) return;
  const over = Promise.withResolvers<void>();
  const callOff = parts.clock.setTimer(parts.drainTimeoutMs, over.resolve);
  const quiet = [...entries.values()].map(({ actor }) => untilResting(actor));
  await Promise.race([Promise.all(quiet), over.promise]);
  callOff();
}

/** Resolves when nothing is under way in an actor. */
function untilResting(actor: Actor<typeof batchMachine>, signal?: AbortSignal): Promise<void> {
  const isResting = (): boolean => {
    const snapshot = actor.getSnapshot();
    return snapshot.status !== 'active' || !snapshot.hasTag('busy');
  };
  return new Promise((resolve) => {
    const end = (): void => {
      subscription.unsubscribe();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const subscription = actor.subscribe({
      next: () => {
        if (isResting()) end();
      },
      error: () => end(),
      complete: () => end(),
    });
    signal?.addEventListener('abort', end, { once: true });
    if (isResting() || signal?.aborted) end();
  });
}
