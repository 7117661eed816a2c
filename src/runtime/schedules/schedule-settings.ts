import type { ScheduledRun } from '../../catalog/catalog.ts';
import { SynclineError } from '../../domain/errors.ts';
import { cronTimes } from './cron-times.ts';

/** What is run by schedule: a `full` run, or `index`, which removes nothing. */
export const SCHEDULED_RUNS = ['full', 'index'] as const satisfies readonly ScheduledRun[];

/** When a run is due. */
export interface CronSchedule {
  /** `minute hour day month weekday`: `0 3 * * 0` is Sundays at 3. */
  readonly cron: string;
  /** As in `Europe/Berlin`. Default `UTC`. */
  readonly timeZone?: string;
}

/** When a run is due; `off` for never, `default` for {@link DEFAULT_SCHEDULES}. */
export type ScheduleSetting = CronSchedule | 'off' | 'default';

/** By run; what is left out stays as it is. */
export type ScheduleSettings = Readonly<Partial<Record<ScheduledRun, ScheduleSetting>>>;

/** What counts without a setting, once a dataset has a source: a full run a week. */
export const DEFAULT_SCHEDULES: Readonly<Record<ScheduledRun, Required<CronSchedule> | undefined>> = {
  full: { cron: '0 3 * * 0', timeZone: 'UTC' },
  index: undefined,
};

/** @throws SynclineError `INVALID_SCHEDULE`. */
export function checkScheduleSetting(setting: ScheduleSetting, where: string): void {
  if (setting === 'off' || setting === 'default') return;
  const { cron, timeZone = 'UTC' } = Object(setting) as CronSchedule;
  if (typeof cron === 'string' && typeof timeZone === 'string') {
    if (cronTimes(cron, timeZone, where).nextAfter(0) !== undefined) return;
    throw new SynclineError(
      'INVALID_SCHEDULE',
      `The schedule of ${where} is wrong: "${cron}" never comes. Give "off" for a run that is not to be made.`,
    );
  }
  throw new SynclineError(
    'INVALID_SCHEDULE',
    `The schedule of ${where} is wrong: give { cron: "0 3 * * 0", timeZone: "UTC" }, "off" or "default".`,
  );
}
