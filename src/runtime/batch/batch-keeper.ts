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

/** Actors of jobs alive at the same time; all others wait for one to end. */
const ACTORS_MAX = 64;
const JOBS_PER_PAGE = 200;
/** Reasons for which one actor may be paused at a time. */
const PAUSE_REASONS_MAX = 32;
/** Why actors are paused while the supervisor is. */
export const SUPERVISOR_REASON = 'supervisor';
/** Why actors are paused whose session ends. */
const ENDING = 'the session ends';

export interface BatchKeeperParts {
  readonly logic: () => typeof batchMachine;
  readonly catalog: () => Promise<Catalog>;
  readonly clock: Clock;
  readonly inspection: Inspection;
  readonly pollMs: number;
  readonly drainTimeoutMs: number;
}

/** The actors of batch jobs: at most one per job. They live within a session, which holds the lease. */
export interface BatchKeeper {
  /** Gives every unfinished job an actor, as many as there may be; those that end make room for others, until the session ends. */
  attend(): Promise<void>;
  /** Gives a job an actor, for as long as the session lasts or the job has something to do. */
  adopt(batchJobId: number): void;
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
}

/** What a keeper remembers. */
interface Keeper {
  readonly parts: BatchKeeperParts;
  readonly entries: Map<number, Entry>;
  readonly pauseReasons: Set<string>;
  isAttending: boolean;
  isEnding: boolean;
  /** Jobs up to this one have, or had, an actor. */
  afterBatchJobId: number;
}

export function createBatchKeeper(parts: BatchKeeperParts): BatchKeeper {
  const keeper: Keeper = {
    parts,
    entries: new Map(),
    pauseReasons: new Set(),
    isAttending: false,
    isEnding: false,
    afterBatchJobId: 0,
  };
  const { entries, pauseReasons } = keeper;
  return {
    async attend() {
      keeper.isAttending = true;
      keeper.afterBatchJobId = 0;
      await attendMore(keeper);
    },
    adopt(batchJobId) {
      if (!keeper.isEnding && entries.size < ACTORS_MAX) hold(keeper, batchJobId).isAdopted = true;
    },
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
      tellAll(keeper, { type: 'batch.pause', reason: ENDING });
      await drain(keeper);
      for (const { actor } of entries.values()) actor.stop();
      entries.clear();
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
    input: { batchJobId, pollMs: parts.pollMs, backoff: DEFAULT_BACKOFF },
    id: `batch:${batchJobId}`,
    inspect: parts.inspection.next,
    clock: machineClock(parts.clock),
  });
  const entry: Entry = { actor, visitors: 0, isAdopted: false };
  entries.set(batchJobId, entry);
  const onEnd = (): void => {
    if (entries.get(batchJobId) === entry) entries.delete(batchJobId);
    if (keeper.isAttending) void attendMore(keeper);
  };
  // An error of the machine itself would end the process without an observer; the job waits for the next session.
  actor.subscribe({ complete: onEnd, error: onEnd });
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

function letGo({ entries }: Keeper, batchJobId: number, entry: Entry): void {
  if (entry.visitors > 0 || entry.isAdopted || entries.get(batchJobId) !== entry) return;
  entries.delete(batchJobId);
  entry.actor.stop();
}

async function attendMore(keeper: Keeper): Promise<void> {
  const { parts, entries } = keeper;
  const hasRoom = (): boolean => keeper.isAttending && !keeper.isEnding && entries.size < ACTORS_MAX;
  try {
    const catalog = await parts.catalog();
    while (hasRoom()) {
      const page = { afterBatchJobId: keeper.afterBatchJobId, limit: JOBS_PER_PAGE };
      const jobs = await catalog.listUntidiedBatchJobs(page);
      if (jobs.length === 0) return;
      for (const { batchJobId } of jobs) {
        if (!hasRoom()) return;
        keeper.afterBatchJobId = batchJobId;
        hold(keeper, batchJobId).isAdopted = true;
      }
    }
  } catch {
    // The catalog cannot be read at the moment, which those who write to it tell; it is asked again.
    if (hasRoom()) parts.clock.setTimer(parts.pollMs, () => void attendMore(keeper));
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
