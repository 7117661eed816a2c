import type { ScheduleStatus, SourceStatus } from '../index.ts';
import { countOf, formatCount, formatTime } from './format-values.ts';
import { printable } from './printable.ts';
import type { DatasetDetail, DatasetOverview } from './read-status.ts';

/** What there is to say of a single dataset, besides its row in the table and its warnings: a name and a text each. */
export function detailsOf(
  { profile, tokensPerChunkMax, table, batch, lastRun, nextRun, counts, address }: DatasetOverview,
  { sources, schedules }: DatasetDetail,
): [name: string, text: string][] {
  const run =
    lastRun &&
    `${lastRun.kind}, ${lastRun.state} ${formatTime(lastRun.finishedAtMs)} (task ${lastRun.taskId})`;
  const failedCount = counts.chunks.failed;
  return [
    ['Embedder', `${profile}; ${countOf(tokensPerChunkMax, 'token')} a chunk at most`],
    ['Table', table === undefined ? 'none yet' : `${table.name}, ${countOf(table.rowCount, 'row')}`],
    ...(batch.mode === 'never' ? [] : [['Batch jobs', batch.mode] as [string, string]]),
    ...sources.map((source): [string, string] => ['Source', describeSource(source)]),
    ...schedules
      .filter(({ cron }) => cron !== undefined)
      .map((schedule): [string, string] => ['Schedule', describeSchedule(schedule)]),
    ['Last run', run ?? 'none yet'],
    ['Next run', nextRun === undefined ? 'none by itself' : `${nextRun.run}, ${formatTime(nextRun.atMs)}`],
    ...(failedCount === 0
      ? []
      : [['Given up', `${formatCount(failedCount)}: "syncline failures ${address}"`] as [string, string]]),
  ];
}

/** A source on one line. */
export function describeSource({
  name,
  kind,
  documentCount,
  readUntilMs,
  isUndeclared,
}: SourceStatus): string {
  const read = readUntilMs === undefined ? 'not read yet' : `read ${formatTime(readUntilMs)}`;
  const undeclared = isUndeclared ? ', not in the configuration' : '';
  return `${printable(name)} (${kind}): ${countOf(documentCount, 'document')}, ${read}${undeclared}`;
}

/** A schedule on one line. */
export function describeSchedule(schedule: ScheduleStatus): string {
  const { run, isOn, isDefault, cron, timeZone, nextRunAtMs, lastError, retryAtMs, failureCount } = schedule;
  if (cron === undefined) return `${run}: off`;
  const times = `${cron} ${timeZone}${isDefault ? ' (default)' : ''}`;
  if (!isOn)
    return `${run}: ${times}, as soon as the dataset has a source (see "syncline source add --help")`;
  const next = nextRunAtMs === undefined ? 'never' : new Date(nextRunAtMs).toISOString();
  const retry = retryAtMs === undefined ? '' : ` (tried again after ${countOf(failureCount, 'failure')})`;
  const failed = lastError === undefined ? '' : `; the last run failed: ${lastError}`;
  return `${run}: ${times}, next ${next}${retry}${failed}`;
}
