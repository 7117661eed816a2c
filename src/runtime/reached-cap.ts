import { SPEND_PAUSE_REASON } from '../actors/dataset-machine.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { SynclineError } from '../domain/errors.ts';
import type { SpendRequest } from '../pipeline/spend-gate.ts';
import { batchedUsd } from './batch/batched-usd.ts';
import type { PriceBook } from './price-book.ts';

/** Which cap a request would have passed. */
export interface ReachedCap {
  readonly cap: 'day' | 'run';
  readonly usdMax: number;
  /** The call that is under way brought it along. */
  readonly isOfCall: boolean;
  readonly spentUsd: number;
  /** Of a day: what is in batch jobs that were not charged yet, of all datasets. A run counts it as spent. */
  readonly inJobsUsd: number;
  /** What requests under way will cost. */
  readonly inFlightUsd: number;
  /** What the request would have cost. */
  readonly nextUsd: number;
  /** Until the next day. */
  readonly msLeft: number | undefined;
}

/** Money is added up in fractions: a difference below this is none. */
export const USD_EPSILON = 1e-9;

type NextRequest = { readonly datasetId: number; readonly nextUsd: number };

/** Whether a request would pass the cap of a day. */
export async function reachedDayCap(
  ledger: Catalog,
  { nextUsd }: NextRequest,
  usdMax: number | undefined,
  inFlightUsd: number,
  priceOf: PriceBook['priceOf'],
): Promise<ReachedCap | undefined> {
  if (usdMax === undefined) return undefined;
  // Jobs first: what is charged between the two reads must not be missed by both.
  const inJobsUsd = await batchedUsd(ledger, priceOf);
  const { spentUsd, msLeft } = await ledger.spentToday();
  return passed({ cap: 'day', usdMax, isOfCall: false, spentUsd, inJobsUsd, inFlightUsd, nextUsd, msLeft });
}

/** What a run may cost, by the setting or by the call that asked for it. */
export type RunCap = { readonly usdMax: number | undefined; readonly isOfCall: boolean };

/** Whether a request would pass the cap of its dataset's run. */
export async function reachedRunCap(
  ledger: Catalog,
  { datasetId, nextUsd }: NextRequest,
  { usdMax, isOfCall }: RunCap,
  inFlightUsd: number,
): Promise<ReachedCap | undefined> {
  if (usdMax === undefined) return undefined;
  const spentUsd = await ledger.runCostUsd(datasetId);
  return passed({
    cap: 'run',
    usdMax,
    isOfCall,
    spentUsd,
    inJobsUsd: 0,
    inFlightUsd,
    nextUsd,
    msLeft: undefined,
  });
}

function passed(request: ReachedCap): ReachedCap | undefined {
  const { usdMax, spentUsd, inJobsUsd, inFlightUsd, nextUsd } = request;
  return spentUsd + inJobsUsd + inFlightUsd + nextUsd > usdMax + USD_EPSILON ? request : undefined;
}

/** The error of a request that is not sent. */
export function capReached({ address }: SpendRequest, reached: ReachedCap): SynclineError {
  const { cap, usdMax, isOfCall, spentUsd, msLeft } = reached;
  const raise = isOfCall
    ? 'call it again with a larger usdMax (--usd-max)'
    : 'raise the cap: spend.usdPerRunMax in the configuration, or setSpendCaps() until the process ends';
  const message =
    cap === 'day'
      ? `The spend cap of $${usdMax} a day (UTC) is reached: ${inUsd(spentUsd)} were spent today, ${describeNext(reached)}. It ends with the day, or when the cap is raised: spend.usdPerDayMax in the configuration, or setSpendCaps() until the process ends.`
      : `The spend cap of $${usdMax} a run is reached: ${inUsd(spentUsd)} were spent in this run of "${address}", ${describeNext(reached)}. Index it again or resume it ("${SPEND_PAUSE_REASON}") to begin another run, or ${raise}.`;
  return new SynclineError('SPEND_CAP_REACHED', message, {
    retryable: cap === 'day',
    details: { cap, usdMax, spentUsd, retryAfterMs: msLeft },
  });
}

/** What is under way besides, and what would pass the cap. */
function describeNext({ inJobsUsd, inFlightUsd, nextUsd }: ReachedCap): string {
  const underWay = [
    ...(inJobsUsd > 0 ? [`${inUsd(inJobsUsd)} are in batch jobs`] : []),
    ...(inFlightUsd > 0 ? [`${inUsd(inFlightUsd)} are in requests under way`] : []),
  ];
  return [...underWay, `and the next request, of about ${inUsd(nextUsd)}, would pass it`].join(', ');
}

/** To three figures where it is below a cent: requests cost little. */
function inUsd(usd: number): string {
  return `$${usd < 0.01 ? Number(usd.toPrecision(3)) : Math.round(usd * 1e4) / 1e4}`;
}
