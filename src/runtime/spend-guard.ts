import { SPEND_PAUSE_REASON } from '../actors/dataset-machine.ts';
import type { Catalog, CatalogWriter } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import { dayName, dayOf } from '../domain/cost.ts';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import { createMutex } from '../pipeline/mutex.ts';
import type { SpendGate, SpendRequest } from '../pipeline/spend-gate.ts';
import { batchedUsd } from './batch/batched-usd.ts';
import {
  createHeldDatasets,
  type HeldDataset,
  type HeldDatasetsParts,
  type ReachedCap,
} from './held-datasets.ts';
import type { PriceBook } from './price-book.ts';
import type { SpendCaps } from './spend-options.ts';

/** What may be spent, what was, and who waits because of that. */
export interface SpendStatus extends SpendCaps {
  /** `2026-11-26`, UTC. */
  readonly day: string;
  readonly spentTodayUsd: number;
  /** Datasets that wait because a cap was reached, in this runtime. */
  readonly held: readonly HeldDataset[];
}

/** Keeps what embedding costs below the caps. What was spent is read from the ledger before each request, so that it outlives the process. */
export interface SpendGuard extends SpendGate {
  caps(): SpendCaps;
  /** Other caps from now on; who waits because of the old ones tries again. */
  setCaps(caps: SpendCaps): void;
  held(): readonly HeldDataset[];
  /** One run of a dataset: what it costs is counted from its beginning to its end. */
  duringRun<Result>(run: SpendRun, task: () => Promise<Result>): Promise<Result>;
  /** A dataset is told to go on although a cap was reached: where it is that on a run, a new one begins. */
  letGoOn(datasetId: number, writer: CatalogWriter): Promise<void>;
}

/** A run that somebody asked for. */
export interface SpendRun {
  readonly datasetId: number;
  readonly writer: CatalogWriter;
  /** Instead of `usdPerRunMax`. */
  readonly usdMax: number | undefined;
}

export interface SpendGuardParts extends HeldDatasetsParts {
  readonly catalog: () => Promise<Catalog>;
  readonly caps: SpendCaps;
  readonly priceOf: PriceBook['priceOf'];
}

/** Money is added up in fractions: a difference below this is none. */
const USD_EPSILON = 1e-9;

const passes = (usd: number, usdMax: number): boolean => usd > usdMax + USD_EPSILON;

export function createSpendGuard({ catalog, caps: given, priceOf, ...parts }: SpendGuardParts): SpendGuard {
  let caps = given;
  const held = createHeldDatasets(parts);
  const reserves = createReserves();
  /** Runs that somebody asked for, by dataset. */
  const runs = new Map<number, { usdMax: number | undefined; users: number }>();
  const deciding = createMutex();

  const runMaxOf = (datasetId: number): number | undefined =>
    runs.get(datasetId)?.usdMax ?? caps.usdPerRunMax;

  const reachedBy = async ({ datasetId }: SpendRequest, usd: number): Promise<ReachedCap | undefined> => {
    const ledger = await catalog();
    if (caps.usdPerDayMax !== undefined) {
      // Jobs first: what is charged between the two reads must not be missed by both.
      const underWayUsd = await batchedUsd(ledger, priceOf);
      const { spentUsd, msLeft } = await ledger.spentToday();
      if (passes(spentUsd + underWayUsd + reserves.total() + usd, caps.usdPerDayMax))
        return { cap: 'day', usdMax: caps.usdPerDayMax, spentUsd, underWayUsd, msLeft };
    }
    const runMax = runMaxOf(datasetId);
    if (runMax === undefined) return undefined;
    const spentUsd = await ledger.runCostUsd(datasetId);
    if (!passes(spentUsd + reserves.of(datasetId) + usd, runMax)) return undefined;
    return { cap: 'run', usdMax: runMax, spentUsd, underWayUsd: 0, msLeft: undefined };
  };

  /** Outside of {@link SpendGuard.duringRun}, a run ends when nothing of its dataset waits any more. */
  const endRun = async ({ datasetId, writer }: SpendRequest): Promise<void> => {
    if (runs.has(datasetId) || caps.usdPerRunMax === undefined) return;
    try {
      if ((await (await catalog()).runCostUsd(datasetId)) > 0) await writer.beginRun(datasetId);
    } catch {
      // Tried again when it is idle the next time; until then, less may be spent than is allowed.
    }
  };

  const noteAsked = watchSpenders(parts, held, endRun);

  return {
    caps: () => caps,
    setCaps(next) {
      caps = next;
      held.release();
    },
    held: held.list,
    hasRunCap: (datasetId) => runMaxOf(datasetId) !== undefined,
    async admit(request) {
      const { datasetId, usd } = request;
      const isCapped = caps.usdPerDayMax !== undefined || runMaxOf(datasetId) !== undefined;
      if (!isCapped || usd === undefined || usd === 0) return () => undefined;
      noteAsked(request);
      return deciding.run(async () => {
        const reached = await reachedBy(request, usd);
        if (reached === undefined) return reserves.add(datasetId, usd);
        held.add(request, reached);
        throw capReached(request, reached);
      });
    },
    async duringRun({ datasetId, writer, usdMax }, task) {
      const run = runs.get(datasetId) ?? { usdMax: undefined, users: 0 };
      runs.set(datasetId, run);
      run.users += 1;
      run.usdMax = usdMax ?? run.usdMax;
      try {
        if (run.users === 1 && runMaxOf(datasetId) !== undefined) await writer.beginRun(datasetId);
        return await task();
      } finally {
        run.users -= 1;
        if (run.users === 0) runs.delete(datasetId);
      }
    },
    async letGoOn(datasetId, writer) {
      if (held.capOf(datasetId) !== 'run') return;
      await writer.beginRun(datasetId);
    },
  };
}

/** Money that was set aside for requests under way. */
function createReserves() {
  const reserved = new Map<number, number>();
  const change = (datasetId: number, usd: number): void => {
    const left = (reserved.get(datasetId) ?? 0) + usd;
    if (left > USD_EPSILON) reserved.set(datasetId, left);
    else reserved.delete(datasetId);
  };
  return {
    of: (datasetId: number): number => reserved.get(datasetId) ?? 0,
    total: (): number => [...reserved.values()].reduce((sum, usd) => sum + usd, 0),
    /** Returns what gives it back. */
    add(datasetId: number, usd: number): () => void {
      change(datasetId, usd);
      return () => change(datasetId, -usd);
    },
  };
}

/** Follows those that spend: when they go on, when a run of theirs ends. Returns what is to be called when one asks. */
function watchSpenders(
  { hub }: Pick<SpendGuardParts, 'hub'>,
  held: ReturnType<typeof createHeldDatasets>,
  onIdle: (spender: SpendRequest) => Promise<void>,
): (request: SpendRequest) => void {
  const spenders = new Map<string, SpendRequest>();
  hub.on((event) => {
    if (event.type === 'lease.released' || event.type === 'lease.lost') {
      held.clear();
      spenders.clear();
    }
    if (event.type !== 'dataset.state' || event.phase === 'paused') return;
    const spender = spenders.get(event.address);
    if (spender === undefined) return;
    held.remove(spender.datasetId);
    if (event.phase === 'idle') void onIdle(spender);
    if (event.phase === 'idle' || event.phase === 'deleted') spenders.delete(event.address);
  });
  return (request) => spenders.set(request.address, request);
}

/** What may be spent, what was, and who waits because of that. */
export async function spendStatus(
  catalog: () => Promise<Catalog>,
  guard: SpendGuard,
  clock: Pick<Clock, 'nowMs'>,
): Promise<SpendStatus> {
  const status = (day: number, spentTodayUsd: number): SpendStatus => ({
    ...guard.caps(),
    day: dayName(day),
    spentTodayUsd,
    held: guard.held(),
  });
  try {
    const { day, spentUsd } = await (await catalog()).spentToday();
    return status(day, spentUsd);
  } catch (error) {
    if (!isSynclineError(error, 'CATALOG_MISSING')) throw error;
    return status(dayOf(clock.nowMs()), 0);
  }
}

function capReached(
  { address }: SpendRequest,
  { cap, usdMax, spentUsd, underWayUsd, msLeft }: ReachedCap,
): SynclineError {
  const inJobs = underWayUsd > 0 ? ` (and ${inUsd(underWayUsd)} are in batch jobs)` : '';
  const spent = `${inUsd(spentUsd)}${inJobs}`;
  const message =
    cap === 'day'
      ? `The spend cap of $${usdMax} a day (UTC) is reached: ${spent} were spent today, and the next request would pass it. It ends with the day, or when the cap is raised: spend.usdPerDayMax in the configuration, or setSpendCaps() until the process ends.`
      : `The spend cap of $${usdMax} a run is reached: ${spent} were spent in this run of "${address}", and the next request would pass it. Index it again or resume it ("${SPEND_PAUSE_REASON}") to begin another run, or raise the cap: spend.usdPerRunMax in the configuration, or setSpendCaps() until the process ends.`;
  return new SynclineError('SPEND_CAP_REACHED', message, {
    retryable: cap === 'day',
    details: { cap, usdMax, spentUsd, retryAfterMs: msLeft },
  });
}

function inUsd(usd: number): string {
  return `$${Math.round(usd * 1e6) / 1e6}`;
}
