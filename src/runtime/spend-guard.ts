import type { Catalog, CatalogWriter } from '../catalog/catalog.ts';
import { createMutex } from '../pipeline/mutex.ts';
import type { SpendGate, SpendRequest } from '../pipeline/spend-gate.ts';
import { createHeldDatasets, type HeldDataset, type HeldDatasetsParts } from './held-datasets.ts';
import { createHoldLog, type HoldLog } from './hold-log.ts';
import type { PriceBook } from './price-book.ts';
import {
  capReached,
  type ReachedCap,
  type RunCap,
  reachedDayCap,
  reachedRunCap,
  USD_EPSILON,
} from './reached-cap.ts';
import type { SpendCaps } from './spend-options.ts';

/** Keeps what embedding costs below the caps. What was spent is read from the ledger before each request, so that it outlives the process. */
export interface SpendGuard extends SpendGate {
  caps(): SpendCaps;
  /** Other caps from now on; who waits because of the old ones tries again. */
  setCaps(caps: SpendCaps): void;
  held(): readonly HeldDataset[];
  /** Where the catalog keeps who waits. */
  readonly holds: Omit<HoldLog, 'note'>;
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

export function createSpendGuard({ catalog, caps: given, priceOf, ...parts }: SpendGuardParts): SpendGuard {
  let caps = given;
  const holds = createHoldLog(parts.clock, catalog);
  const held = createHeldDatasets(parts, holds.note);
  const reserves = createReserves();
  /** Runs that somebody asked for, by dataset. */
  const runs = new Map<number, { usdMax: number | undefined; users: number }>();
  const deciding = createMutex();

  const runCapOf = (datasetId: number): RunCap => {
    const ofCall = runs.get(datasetId)?.usdMax;
    return { usdMax: ofCall ?? caps.usdPerRunMax, isOfCall: ofCall !== undefined };
  };
  const runMaxOf = (datasetId: number): number | undefined => runCapOf(datasetId).usdMax;

  const reachedBy = async ({ datasetId }: SpendRequest, nextUsd: number): Promise<ReachedCap | undefined> => {
    const ledger = await catalog();
    const request = { datasetId, nextUsd };
    return (
      (await reachedDayCap(ledger, request, caps.usdPerDayMax, reserves.total(), priceOf)) ??
      (await reachedRunCap(ledger, request, runCapOf(datasetId), reserves.of(datasetId)))
    );
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
    holds,
    hasRunCap: (datasetId) => runMaxOf(datasetId) !== undefined,
    async admit(request) {
      const { datasetId, usd } = request;
      const isCapped = caps.usdPerDayMax !== undefined || runMaxOf(datasetId) !== undefined;
      if (!isCapped || usd === undefined || usd === 0) {
        holds.noteGoesOn(datasetId);
        return () => undefined;
      }
      noteAsked(request);
      return deciding.run(async () => {
        const reached = await reachedBy(request, usd);
        if (reached === undefined) {
          holds.noteGoesOn(datasetId);
          return reserves.add(datasetId, usd);
        }
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
