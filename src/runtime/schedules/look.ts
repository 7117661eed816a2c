import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DueRun, Look } from '../../actors/scheduler-machine.ts';
import type { Catalog, IndexingSummary } from '../../catalog/catalog.ts';
import { formatAddress } from '../../domain/address.ts';
import { isSynclineError } from '../../domain/errors.ts';
import type { RuntimeCore } from '../core.ts';
import { sourcesInCode } from '../indexing/sources-in-code.ts';
import { scheduleStatuses } from './dataset-schedules.ts';

/** Longest wait between two looks: a clock that was put forward, or a computer that slept, is noticed then. */
export const LOOK_INTERVAL_MS_MAX = 60_000;
/** Changes that were noted so long ago have nobody any more who reads them: their process has ended. */
export const NOTED_AGE_MS = 30_000;
/** Shortest one: whatever is due at the next moment, and the one after, is found by few looks. */
const LOOK_INTERVAL_MS_MIN = 100;
const DATASETS_PER_PAGE = 200;

interface Found extends DueRun {
  readonly sinceMs: number;
}

/** Finds out what is due now, and when to look again. While all work is paused, nothing is. */
export async function lookAtSchedules(core: RuntimeCore): Promise<Look> {
  const nowMs = core.clock.nowMs();
  const all: Found[] = [];
  let nextMs = nowMs + LOOK_INTERVAL_MS_MAX;
  const catalog = await core.catalog();
  for (let afterDatasetId = 0; ; ) {
    const page = await catalog.listIndexing({ afterDatasetId, limit: DATASETS_PER_PAGE });
    for (const summary of page) {
      afterDatasetId = summary.datasetId;
      const address = await addressOf(catalog, summary.datasetId);
      if (address === undefined) continue;
      const heldBackUntilMs = core.schedules.heldBackUntilMs.get(summary.datasetId) ?? 0;
      for (const due of whatIsDue(core, summary, address, nowMs)) {
        const found = { ...due, sinceMs: Math.max(due.sinceMs, heldBackUntilMs) };
        if (found.sinceMs > nowMs) nextMs = Math.min(nextMs, found.sinceMs);
        else if (!isPaused(core, summary.datasetId)) all.push(found);
      }
    }
    await nextTurn();
    if (page.length < DATASETS_PER_PAGE) break;
  }
  all.sort((a, b) => a.sinceMs - b.sinceMs);
  return {
    due: all.map(({ datasetId, address, run }) => ({ datasetId, address, run })),
    waitMs: Math.max(LOOK_INTERVAL_MS_MIN, nextMs - nowMs),
  };
}

/** When each run of a dataset is due next, or has been since, as seen at one moment: a later one would put off what is due at once. */
function whatIsDue(core: RuntimeCore, summary: IndexingSummary, address: string, nowMs: number): Found[] {
  const { datasetId, schedules, sourcesSinceMs, unreadSinceMs, notedSinceMs } = summary;
  const hasSource = sourcesSinceMs !== undefined || sourcesInCode(core, address).length > 0;
  const since = { hasSource, sinceMs: sourcesSinceMs, unreadSinceMs, nowMs };
  const scheduled = scheduleStatuses(schedules, since).flatMap(({ run, nextRunAtMs }) =>
    nextRunAtMs === undefined ? [] : { datasetId, address, run, sinceMs: nextRunAtMs },
  );
  if (notedSinceMs === undefined || !hasSource) return scheduled;
  // First: it is small, and a run of everything would read the same.
  return [{ datasetId, address, run: 'noted', sinceMs: notedSinceMs + NOTED_AGE_MS }, ...scheduled];
}

function isPaused({ supervision, actors }: RuntimeCore, datasetId: number): boolean {
  const reasons = supervision?.actor.getSnapshot().context.pauseReasons ?? [];
  return reasons.length > 0 || actors.standing(datasetId)?.phase === 'paused';
}

async function addressOf(catalog: Catalog, datasetId: number): Promise<string | undefined> {
  try {
    const [dataset] = await catalog.listDatasets({ afterDatasetId: datasetId - 1, limit: 1 });
    return dataset?.datasetId === datasetId ? formatAddress(dataset.address) : undefined;
  } catch (error) {
    if (isSynclineError(error, 'CATALOG_MISSING')) return undefined;
    throw error;
  }
}
