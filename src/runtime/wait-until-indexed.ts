import { waitingCount } from '../actors/backlog.ts';
import type { Catalog, GenerationRecord } from '../catalog/catalog.ts';
import { type ErrorCode, SynclineError, throwIfAborted } from '../domain/errors.ts';
import type { DatasetWork } from '../pipeline/work.ts';
import type { DatasetActors, DatasetStanding } from './dataset-actors.ts';

export interface WaitParts {
  readonly catalog: Catalog;
  readonly actors: DatasetActors;
  /** Makes the dataset look for work once more. */
  readonly wake: () => void;
  readonly signal: AbortSignal;
}

/** How often an idle dataset is woken for changes that it leaves unwritten, before that is called an error. */
const IDLE_WAKES_MAX = 3;

/**
 * Waits until every change that was in the catalog when this was called is searchable, or waits for batch jobs alone.
 *
 * @throws SynclineError with the code of the dataset's failure when it backs off or is parked, `ABORTED` when it is paused:
 * the changes stay in the catalog and are indexed when it goes on.
 */
export function waitUntilIndexed(datasetId: number, address: string, parts: WaitParts): Promise<void> {
  let lastSeq: number | undefined;
  return waitUntil(datasetId, address, parts, async () => {
    const span = await readQueueSpan(parts.catalog, datasetId);
    if (span === undefined) return false;
    lastSeq ??= span.lastGivenSeq;
    if (span.firstWaitingSeq === undefined || span.firstWaitingSeq > lastSeq) return true;
    // What is left waits for batch jobs alone, which nobody wants to wait for here.
    const backlog = await parts.catalog.datasetBacklog(datasetId);
    return backlog.batchedChunks > 0 && waitingCount(backlog) === 0;
  });
}

/**
 * Waits until nothing of a dataset waits any more: no queued document, no pending chunk, no unwritten row, no switch, no check
 * that somebody asked for, and no table that is being checked or put right. Throws as {@link waitUntilIndexed}.
 */
export function waitUntilNothingWaits(work: DatasetWork, address: string, parts: WaitParts): Promise<void> {
  const { datasetId } = work.dataset;
  return waitUntil(datasetId, address, parts, async () => {
    const backlog = await parts.catalog.datasetBacklog(datasetId);
    // Looked at last: a check that began meanwhile has taken its table away.
    // A switch that waits for batch jobs may be a day away.
    const isSwitchPending = backlog.isSwitchPending && backlog.batchedChunks === 0;
    if (waitingCount(backlog) > 0 || isSwitchPending || work.serving.current === undefined) return false;
    // One that works ends that first. One that is paused looks when it is resumed, which may be never.
    return work.checkAsked.level === undefined || parts.actors.standing(datasetId)?.phase === 'paused';
  });
}

/**
 * Waits until as many texts were embedded as a call allows, and what is complete with them was written; or until nothing waits.
 * Throws as {@link waitUntilIndexed}.
 */
export function waitUntilLimit(
  work: DatasetWork,
  address: string,
  parts: WaitParts,
  hasNothingToWrite: () => Promise<boolean>,
): Promise<void> {
  const { datasetId } = work.dataset;
  return waitUntil(datasetId, address, parts, async () => {
    if (work.serving.current === undefined) return false;
    const backlog = await parts.catalog.datasetBacklog(datasetId);
    if (waitingCount(backlog) === 0 && !backlog.isSwitchPending) return true;
    const isUsedUp = (work.quota.current?.textsLeft ?? 0) <= 0 && work.producers.embedding === 0;
    return isUsedUp && backlog.incomingDocuments + backlog.uncutDocuments === 0 && hasNothingToWrite();
  });
}

/** Waits until a dataset rests on a table that was found sound, or was mended, with nothing of it waiting. Throws as {@link waitUntilIndexed}. */
export function waitUntilMended(
  datasetId: number,
  address: string,
  work: DatasetWork,
  parts: WaitParts,
): Promise<void> {
  return waitUntil(datasetId, address, parts, async () => {
    if (work.serving.current === undefined || work.checkAsked.level !== undefined) return false;
    const backlog = await parts.catalog.datasetBacklog(datasetId);
    return waitingCount(backlog) === 0;
  });
}

/** What {@link waitUntilSwitched} waits for. */
export interface AwaitedSwitch {
  readonly datasetId: number;
  readonly address: string;
  readonly configurationId: number;
  /** The generation that served when the switch was asked for. */
  readonly before: number | undefined;
  /** Called at every look while it is not done. */
  readonly onLook?: (() => Promise<void>) | undefined;
}

/**
 * Waits until another generation, of the wanted configuration, serves.
 *
 * @throws SynclineError `ABORTED` when that was cancelled meanwhile; else as {@link waitUntilIndexed}.
 */
export async function waitUntilSwitched(
  { datasetId, address, configurationId, before, onLook }: AwaitedSwitch,
  parts: WaitParts,
): Promise<GenerationRecord> {
  let serving: GenerationRecord | undefined;
  await waitUntil(datasetId, address, parts, async () => {
    // Asked before the generations are: a switch in between is then seen as done, not as cancelled.
    const { isSwitchPending } = await parts.catalog.datasetBacklog(datasetId);
    const generations = await parts.catalog.listGenerations(datasetId);
    serving = generations.find((generation) => generation.state === 'serving');
    if (serving?.configurationId === configurationId && serving.generationId !== before) return true;
    if (serving !== undefined && !isSwitchPending) throw switchCancelled(address);
    await onLook?.();
    return false;
  });
  if (serving === undefined) throw leftWaiting(address);
  return serving;
}

function switchCancelled(address: string): SynclineError {
  return new SynclineError(
    'ABORTED',
    `The new table of "${address}" was cancelled before it served; the present one goes on.`,
  );
}

/** Waits until the dataset's table was found sound, or was built. Throws as {@link waitUntilIndexed}. */
export function waitUntilServing(work: DatasetWork, address: string, parts: WaitParts): Promise<void> {
  const isServing = async (): Promise<boolean> => work.serving.current !== undefined;
  return waitUntil(work.dataset.datasetId, address, parts, isServing);
}

/** Looks at every report of the dataset whether it is done; wakes it when it rests before that. */
async function waitUntil(
  datasetId: number,
  address: string,
  parts: WaitParts,
  isDone: () => Promise<boolean>,
): Promise<void> {
  let idleWakes = 0;
  for (;;) {
    throwIfAborted(parts.signal);
    // Both taken before looking: what changes meanwhile is not missed.
    const rung = parts.actors.notifier(datasetId).next();
    const standing = parts.actors.standing(datasetId);
    if (await isDone()) return;
    throwIfHeldUp(address, standing);
    if (standing?.phase === 'idle') {
      // Jobs ring when they bring something; until then there is nothing to wake it for.
      if ((await parts.catalog.datasetBacklog(datasetId)).batchedChunks > 0) {
        await untilRungOrAborted(rung, parts.signal);
        continue;
      }
      idleWakes += 1;
      if (idleWakes > IDLE_WAKES_MAX) throw leftWaiting(address);
      parts.wake();
      continue;
    }
    await untilRungOrAborted(rung, parts.signal);
  }
}

/** Waits until a dataset that is marked for deletion is gone. */
export async function waitUntilDeleted(
  datasetId: number,
  address: string,
  parts: Pick<WaitParts, 'actors' | 'signal'>,
): Promise<void> {
  for (;;) {
    throwIfAborted(parts.signal);
    const rung = parts.actors.notifier(datasetId).next();
    const standing = parts.actors.standing(datasetId);
    if (standing?.phase === 'deleted') return;
    throwIfHeldUp(address, standing);
    await untilRungOrAborted(rung, parts.signal);
  }
}

function leftWaiting(address: string): SynclineError {
  return new SynclineError(
    'INTERNAL',
    `The dataset "${address}" is idle although changes wait to be written.`,
  );
}

/** The queue of the serving generation; `undefined` while the dataset has none. */
async function readQueueSpan(
  catalog: Catalog,
  datasetId: number,
): Promise<{ readonly lastGivenSeq: number; readonly firstWaitingSeq: number | undefined } | undefined> {
  const generations = await catalog.listGenerations(datasetId);
  if (!generations.some((generation) => generation.state === 'serving')) return undefined;
  return catalog.queueSpan(datasetId);
}

function throwIfHeldUp(address: string, standing: DatasetStanding | undefined): void {
  if (standing === undefined) return;
  const { phase, failure } = standing;
  if (phase === 'deleted') {
    throw new SynclineError('DATASET_NOT_FOUND', `The dataset "${address}" was deleted meanwhile.`);
  }
  if (phase === 'paused' && failure?.code === 'SPEND_CAP_REACHED') {
    throw new SynclineError(
      'SPEND_CAP_REACHED',
      `The dataset "${address}" is paused. ${failure.message} Its changes are stored and are indexed when it goes on.`,
      { retryable: failure.retryable, details: { retryAfterMs: failure.retryAfterMs } },
    );
  }
  if (phase === 'paused') {
    throw new SynclineError(
      'ABORTED',
      `The dataset "${address}" is paused; its changes are stored and are indexed when it is resumed.`,
    );
  }
  if ((phase === 'backingOff' || phase === 'parked') && failure !== undefined) {
    throw new SynclineError(
      failure.code as ErrorCode,
      `The dataset "${address}" cannot be indexed now: ${failure.message} Its changes are stored and are indexed when this is mended.`,
      { retryable: failure.retryable, details: { retryAfterMs: failure.retryAfterMs } },
    );
  }
}

async function untilRungOrAborted(rung: Promise<void>, signal: AbortSignal): Promise<void> {
  // A signal that was aborted while the catalog was asked calls no listener any more.
  if (signal.aborted) return;
  const aborted = Promise.withResolvers<void>();
  const end = (): void => aborted.resolve();
  signal.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([rung, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
