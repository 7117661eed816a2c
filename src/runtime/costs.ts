import type { CostGrouping, CostRecord, CostSums } from '../catalog/catalog.ts';
import { parseAddress } from '../domain/address.ts';
import { type CostMode, dayName, dayOf } from '../domain/cost.ts';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import type { RuntimeCore } from './core.ts';

export interface CostsOptions {
  /** What the costs are put together by; several make an entry for each combination. Default: by day. None: one entry for all. */
  readonly by?: readonly CostGrouping[];
  /** The first day, `2026-11-26` (UTC). Default: all there are. */
  readonly since?: string;
  /** The last day. */
  readonly until?: string;
  /** `project/dataset`. */
  readonly dataset?: string;
  /** Entries at most, the newest days first; 1 to 10,000. Default 1,000. */
  readonly limit?: number;
}

/** What embedding has cost, and what reuse has saved. */
export interface CostEntry extends Omit<CostSums, 'costUsd' | 'savedUsd'> {
  /** `2026-11-26`, UTC. */
  readonly day: string | undefined;
  /** `project/dataset`, also of one that is gone. */
  readonly dataset: string | undefined;
  /** `provider/model@dimensions tN`. */
  readonly profile: string | undefined;
  readonly mode: CostMode | undefined;
  /** `undefined` when nothing is known of the price. Where only some tokens have one, `unpricedTokenCount` says how many have none. */
  readonly costUsd: number | undefined;
  /** As `costUsd`, at the price of the day on which it was saved. */
  readonly savedUsd: number | undefined;
}

const GROUPINGS: readonly CostGrouping[] = ['day', 'dataset', 'profile', 'mode'];
const ENTRIES_DEFAULT = 1_000;
const ENTRIES_MAX = 10_000;

/** See `Runtime.costs`. */
export async function readCosts(core: RuntimeCore, options: CostsOptions = {}): Promise<CostEntry[]> {
  const { by = ['day'], since, until, dataset, limit = ENTRIES_DEFAULT } = options;
  const unknown = by.find((grouping) => !GROUPINGS.includes(grouping));
  if (unknown !== undefined)
    throw invalid(
      'by',
      `"${unknown}" is nothing to put costs together by; there are ${GROUPINGS.join(', ')}.`,
    );
  if (!Number.isInteger(limit) || limit < 1 || limit > ENTRIES_MAX)
    throw invalid('limit', `The limit is ${limit}; give a whole number from 1 to ${ENTRIES_MAX}.`);
  const days = {
    ...(since !== undefined && { fromDay: readDay(since, 'since') }),
    ...(until !== undefined && { toDay: readDay(until, 'until') }),
  };
  await core.queries.flush();
  try {
    const catalog = await core.catalog();
    const found = dataset === undefined ? undefined : await catalog.findDataset(parseAddress(dataset));
    if (dataset !== undefined && found === undefined)
      throw new SynclineError('DATASET_NOT_FOUND', `There is no dataset "${dataset}".`);
    const of = found && { datasetId: found.datasetId };
    return (await catalog.listCosts({ by, ...days, ...of, limit })).map(entryOf);
  } catch (error) {
    if (isSynclineError(error, 'CATALOG_MISSING')) return [];
    throw error;
  }
}

function entryOf({ day, datasetId, address, ...record }: CostRecord): CostEntry {
  const { tokenCount, unpricedTokenCount, reusedTokenCount, unpricedReusedTokenCount } = record;
  return {
    ...record,
    day: day === undefined ? undefined : dayName(day),
    dataset: address ?? (datasetId === undefined ? undefined : `#${datasetId}`),
    costUsd: isUnpriced(tokenCount, unpricedTokenCount) ? undefined : record.costUsd,
    savedUsd: isUnpriced(reusedTokenCount, unpricedReusedTokenCount) ? undefined : record.savedUsd,
  };
}

function isUnpriced(tokenCount: number, unpricedCount: number): boolean {
  return tokenCount > 0 && unpricedCount === tokenCount;
}

function readDay(text: string, option: string): number {
  const atMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(atMs))
    throw invalid(option, `"${text.slice(0, 40)}" is no day; give one such as 2026-11-26.`);
  return dayOf(atMs);
}

function invalid(option: string, message: string): SynclineError {
  return new SynclineError('INVALID_OPTION', message, { details: { option } });
}
