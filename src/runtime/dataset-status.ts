import type { DatasetPhase } from '../actors/dataset-machine.ts';
import type { Failure } from '../actors/failure.ts';
import type {
  BatchPolicy,
  DatasetCounts,
  DatasetOverview,
  DatasetRecord,
  GenerationRecord,
  ScheduledRun,
  TaskRecord,
} from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { profileKey } from '../domain/embedding-profile.ts';
import { SynclineError } from '../domain/errors.ts';
import type { FieldTypes } from '../domain/fields.ts';
import { keptForRollback } from '../pipeline/collect-generations.ts';
import type { LoggedCheck } from './check-log.ts';
import { type ConfigurationSummary, summarize } from './configuration-summary.ts';
import { isFinishedServing, type RuntimeCore, requireDataset } from './core.ts';
import { type MaintenanceStatus, maintenanceOf } from './dataset-maintenance.ts';
import { listRecords } from './list-datasets.ts';
import type { Page, PageOptions } from './page.ts';
import { indexingStanding } from './schedules/dataset-schedules.ts';
import type { EndedRun } from './tasks.ts';

export interface DatasetStatus {
  readonly address: string;
  /** The id of its actor, for `runtime.actors`; it is known there also while none lives. */
  readonly actorId: string;
  /** Where its actor stands; `notRunning` when this runtime has none for it at the moment. */
  readonly phase: DatasetPhase | 'notRunning';
  readonly failure: Failure | undefined;
  readonly counts: DatasetCounts;
  /** Everything in the catalog is in the serving table, and every stored source was read at least once. */
  readonly isUpToDate: boolean;
  /** `provider/model@dimensions tN`. */
  readonly profile: string;
  readonly fields: FieldTypes;
  readonly table: { readonly name: string; readonly version: number; readonly rowCount: number } | undefined;
  /** The newest sync check that this runtime made, if any; quick ones only where they were asked for. */
  readonly lastCheck: LoggedCheck | undefined;
  readonly tokensPerChunkMax: number;
  /** Whether, and how, its texts go to batch jobs; how many wait there says `counts.batchedChunks`. */
  readonly batch: BatchPolicy;
  /** Where a reconfiguration is on its way to; how far it is says `counts.target`. */
  readonly reconfiguringTo: ConfigurationSummary | undefined;
  /** Tables that `rollback()` can go back to, the newest first. */
  readonly earlierTables: readonly EarlierTable[];
  /** How the table's last maintenance went; `undefined` when it never needed one. */
  readonly maintenance: MaintenanceStatus | undefined;
  /** When it is next indexed by itself, in a started runtime; `undefined` when it is not. A time that has passed was missed. */
  readonly nextRun: { readonly run: ScheduledRun; readonly atMs: number } | undefined;
  /** Why the newest scheduled run failed, as `CODE: message`; `undefined` when it did not, or one over all sources has gone well since. */
  readonly lastRunError: string | undefined;
  /** The newest run that ended, whoever asked for it; upkeep is none. */
  readonly lastRun: EndedRun | undefined;
  /** The newest run, where it failed: until a later one succeeds. Cancelled ones do not count. */
  readonly failedRun: EndedRun | undefined;
  /** Stored sources that nothing was ever read of: what they have is not in the dataset yet. */
  readonly unreadSources: readonly string[];
  /** Sources with `watch: true` that this runtime has no room to watch: what changes in them is read by schedules and calls alone. */
  readonly unwatchedSources: readonly string[];
  /** Changes that a hook was told and that were set aside, as they would have deleted too much at once. */
  readonly refusedChangeCount: number;
}

/** A table that served before and is kept. */
export interface EarlierTable {
  readonly name: string;
  readonly rowCount: number;
  /** Unix milliseconds. */
  readonly servedUntilMs: number;
}

/** Datasets of one question to the catalog, which counts what each has: nobody else is kept waiting for long. */
const READ_TOGETHER = 16;
/** Questions that are asked at the same time: a catalog on a server answers each some milliseconds later. */
const READ_AT_ONCE = 4;

/** See {@link Dataset.status}. */
export async function datasetStatus(core: RuntimeCore, address: DatasetAddress): Promise<DatasetStatus> {
  const dataset = await requireDataset(core, address);
  const [status] = await statusesOf(core, [dataset]);
  if (status !== undefined) return status;
  throw new SynclineError('INTERNAL', `The status of "${formatAddress(address)}" was not told.`);
}

/** See `Runtime.listStatuses`. Those that are being deleted are left out. */
export async function listStatuses(
  core: RuntimeCore,
  page: PageOptions & { readonly project?: string },
): Promise<Page<DatasetStatus>> {
  const { items, next } = await listRecords(core, page);
  const active = items.filter(({ state }) => state === 'active');
  const parts = Array.from({ length: Math.ceil(active.length / READ_TOGETHER) }, (_, place) =>
    active.slice(place * READ_TOGETHER, (place + 1) * READ_TOGETHER),
  );
  const waiting = parts.entries();
  const found: (readonly DatasetStatus[])[] = [];
  // All of them take from the same list.
  const read = async (): Promise<void> => {
    for (const [place, part] of waiting) found[place] = await statusesOf(core, part);
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, read));
  return { items: found.flat(), next };
}

async function statusesOf(core: RuntimeCore, datasets: readonly DatasetRecord[]): Promise<DatasetStatus[]> {
  const catalog = await core.catalog();
  const overviews = await catalog.datasetOverviews(datasets.map(({ datasetId }) => datasetId));
  return datasets.flatMap((dataset) => {
    const overview = overviews.get(dataset.datasetId);
    return overview === undefined ? [] : [statusFrom(core, dataset, overview)];
  });
}

/** How a dataset is doing. */
function statusFrom(core: RuntimeCore, dataset: DatasetRecord, overview: DatasetOverview): DatasetStatus {
  const address = formatAddress(dataset.address);
  const { counts, generations, lastRun, failedRun } = overview;
  const generation = generations.find(isFinishedServing);
  const standing = core.actors.standing(dataset.datasetId);
  const { chunks, incomingDocuments, queuedDocuments } = counts;
  const indexing = indexingStanding(core, dataset, overview);
  const waitingCount = incomingDocuments + queuedDocuments + chunks.pending;
  return {
    address,
    actorId: `dataset:${dataset.datasetId}`,
    phase: standing?.phase ?? 'notRunning',
    failure: standing?.failure,
    counts,
    isUpToDate: waitingCount === 0 && indexing.unreadSources.length === 0,
    profile: profileKey(dataset.profile),
    fields: dataset.fields,
    lastCheck: core.checks.last(address),
    table: generation && {
      name: generation.tableName,
      version: generation.recorded.version,
      // Unknown (below zero) while the table is repaired.
      rowCount: Math.max(0, generation.recorded.rowCount),
    },
    tokensPerChunkMax: dataset.chunking.tokensPerChunkMax,
    batch: overview.batchPolicy,
    reconfiguringTo: dataset.target && summarize(dataset.target),
    earlierTables: earlierTables(core, generations),
    maintenance: maintenanceOf(overview.upkeep),
    lastRun: lastRun && runOf(lastRun),
    failedRun: failedRun && runOf(failedRun),
    refusedChangeCount: overview.refusedChangeCount,
    ...indexing,
  };
}

function runOf({ taskId, kind, state, startedAtMs, finishedAtMs, error }: TaskRecord): EndedRun {
  return { taskId, kind, state, finishedAtMs: finishedAtMs ?? startedAtMs, error };
}

function earlierTables(core: RuntimeCore, generations: readonly GenerationRecord[]): EarlierTable[] {
  return keptForRollback({ settings: core.options, clock: core.clock }, generations).map(
    ({ tableName, recorded, retiredAtMs }) => ({
      name: tableName,
      rowCount: recorded?.rowCount ?? 0,
      servedUntilMs: retiredAtMs ?? 0,
    }),
  );
}
