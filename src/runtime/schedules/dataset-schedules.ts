import type {
  CatalogWriter,
  DatasetOverview,
  DatasetRecord,
  IndexingSummary,
  ScheduledRun,
  StoredSchedule,
} from '../../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../../domain/address.ts';
import { SynclineError } from '../../domain/errors.ts';
import { type RuntimeCore, requireDataset, withSession } from '../core.ts';
import type { DatasetStatus } from '../dataset-status.ts';
import { sourcesInCode } from '../indexing/sources-in-code.ts';
import { cronTimes } from './cron-times.ts';
import {
  checkScheduleSetting,
  DEFAULT_SCHEDULES,
  SCHEDULED_RUNS,
  type ScheduleSetting,
} from './schedule-settings.ts';

/** When a dataset is indexed by itself. */
export interface ScheduleStatus {
  readonly run: ScheduledRun;
  /** `false` when it was turned off, when there is no default, or as long as the dataset has no source. */
  readonly isOn: boolean;
  /** It is the default, not a setting. */
  readonly isDefault: boolean;
  readonly cron: string | undefined;
  readonly timeZone: string | undefined;
  /** Unix milliseconds. A time that has passed was missed: the run is made up for, once, by the next started runtime. */
  readonly nextRunAtMs: number | undefined;
  readonly lastRunAtMs: number | undefined;
  /** Why the last run failed, unless one over all sources has gone well since. */
  readonly lastError: string | undefined;
  /** Failures in a row since the run was due by its times. */
  readonly failureCount: number;
  /** When it is tried again after a failure, unless its next time comes first; `undefined` when it is not. Unix milliseconds. */
  readonly retryAtMs: number | undefined;
}

/** Stores when a run is due. What was due until now is not made up for. */
export async function storeSchedule(
  { clock }: Pick<RuntimeCore, 'clock'>,
  writer: CatalogWriter,
  datasetId: number,
  run: ScheduledRun,
  setting: ScheduleSetting,
): Promise<void> {
  const own = typeof setting === 'string' ? undefined : setting;
  return writer.setSchedule(datasetId, run, {
    isOn: setting !== 'off',
    cron: own?.cron,
    timeZone: own && (own.timeZone ?? 'UTC'),
    doneUntilMs: clock.nowMs(),
  });
}

/** See {@link Dataset.setSchedule}. */
export function setSchedule(
  core: RuntimeCore,
  address: DatasetAddress,
  run: ScheduledRun,
  setting: ScheduleSetting,
): Promise<void> {
  return withSession(core, undefined, async ({ writer }) => {
    if (!SCHEDULED_RUNS.includes(run))
      throw new SynclineError(
        'INVALID_SCHEDULE',
        `There is no scheduled run "${run}"; there are full and index.`,
      );
    checkScheduleSetting(setting, `"${formatAddress(address)}"`);
    const { datasetId } = await requireDataset(core, address);
    await storeSchedule(core, writer, datasetId, run, setting);
    core.schedules.changed();
  });
}

/**
 * A run over all sources has gone well: what scheduled ones have failed for before is over. What only a full run comes to, a
 * refused mass deletion, ends with a full run alone; so do the further tries of one.
 */
export async function endScheduleErrors(
  core: RuntimeCore,
  writer: CatalogWriter,
  datasetId: number,
  { full = false }: { readonly full?: boolean },
): Promise<void> {
  for (const schedule of await (await core.catalog()).listSchedules(datasetId)) {
    const { run, lastError, lastRunAtMs } = schedule;
    if (lastError === undefined || lastRunAtMs === undefined) continue;
    if (!full && lastError.startsWith('MASS_DELETION_REFUSED')) continue;
    const isMadeUpFor = full || run === 'index';
    await writer.noteScheduledRun(datasetId, run, {
      doneUntilMs: schedule.doneUntilMs,
      lastRunAtMs,
      lastError: undefined,
      failureCount: isMadeUpFor ? 0 : schedule.failureCount,
      retryAtMs: isMadeUpFor ? undefined : schedule.retryAtMs,
    });
  }
}

/** See {@link Dataset.schedules}. */
export async function readSchedules(core: RuntimeCore, address: DatasetAddress): Promise<ScheduleStatus[]> {
  return schedulesOf(core, await requireDataset(core, address));
}

/** How a dataset stands with its sources, for its status. */
export function indexingStanding(
  core: RuntimeCore,
  { datasetId, address }: Pick<DatasetRecord, 'datasetId' | 'address'>,
  { indexing, unreadSources }: Pick<DatasetOverview, 'indexing' | 'unreadSources'>,
): Pick<DatasetStatus, 'nextRun' | 'lastRunError' | 'unreadSources' | 'unwatchedSources'> {
  const schedules = schedulesFrom(core, address, indexing);
  const [next] = schedules
    .flatMap(({ run, nextRunAtMs: atMs }) => (atMs === undefined ? [] : { run, atMs }))
    .sort((a, b) => a.atMs - b.atMs);
  const newest = schedules.reduce((a, b) => ((b.lastRunAtMs ?? 0) > (a.lastRunAtMs ?? 0) ? b : a));
  const inCode = sourcesInCode(core, formatAddress(address));
  return {
    nextRun: next,
    lastRunError: newest.lastError,
    unreadSources: unreadSources.filter((name) => !inCode.some((source) => source.name === name)),
    unwatchedSources: core.watching.unwatched(datasetId),
  };
}

async function schedulesOf(
  core: RuntimeCore,
  { datasetId, address }: Pick<DatasetRecord, 'datasetId' | 'address'>,
): Promise<ScheduleStatus[]> {
  const overviews = await (await core.catalog()).datasetOverviews([datasetId]);
  return schedulesFrom(core, address, overviews.get(datasetId)?.indexing);
}

function schedulesFrom(
  core: RuntimeCore,
  address: DatasetAddress,
  summary: IndexingSummary | undefined,
): ScheduleStatus[] {
  const sinceMs = summary?.sourcesSinceMs;
  const hasSource = sinceMs !== undefined || sourcesInCode(core, formatAddress(address)).length > 0;
  const unreadSinceMs = summary?.unreadSinceMs;
  return scheduleStatuses(summary?.schedules ?? [], {
    hasSource,
    sinceMs,
    unreadSinceMs,
    nowMs: core.clock.nowMs(),
  });
}

/**
 * How the schedules of a dataset stand.
 *
 * @param dataset - Whether it has a source, and since when where that is known: before, nothing was due.
 */
export function scheduleStatuses(
  stored: readonly StoredSchedule[],
  {
    hasSource,
    sinceMs,
    unreadSinceMs,
    nowMs,
  }: {
    readonly hasSource: boolean;
    readonly sinceMs: number | undefined;
    /** Since when it has a source that nothing was ever read of: its first run does not wait for its time. */
    readonly unreadSinceMs: number | undefined;
    readonly nowMs: number;
  },
): ScheduleStatus[] {
  let isFirstDue = unreadSinceMs !== undefined;
  return SCHEDULED_RUNS.map((run) => {
    const own = stored.find((schedule) => schedule.run === run);
    const isDefault = own === undefined || (own.isOn && own.cron === undefined);
    const { cron, timeZone } = (isDefault ? DEFAULT_SCHEDULES[run] : own) ?? {};
    const isOn = hasSource && own?.isOn !== false && cron !== undefined;
    // Once: when it fails, it is tried again as any other.
    const isFirst = isOn && isFirstDue && (own?.lastRunAtMs ?? 0) < (unreadSinceMs ?? 0);
    if (isOn) isFirstDue = false;
    const afterMs = Math.max(own?.doneUntilMs ?? 0, sinceMs ?? 0) || nowMs;
    const nextAtMs = isOn ? cronTimes(cron, timeZone ?? 'UTC', run).nextAfter(afterMs) : undefined;
    const retryAtMs = isOn ? own?.retryAtMs : undefined;
    return {
      run,
      isOn,
      isDefault,
      cron,
      timeZone,
      nextRunAtMs: isFirst ? nowMs : earlier(nextAtMs, retryAtMs),
      lastRunAtMs: own?.lastRunAtMs,
      lastError: own?.lastError,
      failureCount: own?.failureCount ?? 0,
      retryAtMs,
    };
  });
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
