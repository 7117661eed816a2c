import { Cron } from 'croner';
import { SynclineError } from '../../domain/errors.ts';

/** Times that come again and again. */
export interface CronTimes {
  /** The first time after a moment, in Unix milliseconds; `undefined` when there is none any more. */
  nextAfter(afterMs: number): number | undefined;
}

/**
 * The times of a cron expression (`minute hour day month weekday`, with an optional second in front) in a time zone. A time that
 * a change of the clocks leaves out comes when they have been changed; one that it repeats comes once.
 *
 * @param where - Whose it is, for messages.
 * @throws SynclineError `INVALID_SCHEDULE` naming the expression and what is wrong.
 */
export function cronTimes(cron: string, timeZone: string, where: string): CronTimes {
  checkTimeZone(timeZone, where);
  let times: Cron;
  try {
    times = new Cron(cron, { timezone: timeZone, paused: true });
  } catch {
    throw invalid(
      where,
      `"${cron}" is no cron expression: ${whatIsWrong(cron)}. Give five fields (minute hour day month weekday), such as "0 3 * * 0"`,
    );
  }
  const nextAfter = (afterMs: number): number | undefined => times.nextRun(new Date(afterMs))?.getTime();
  return { nextAfter };
}

const FIELDS = ['second', 'minute', 'hour', 'day', 'month', 'weekday'] as const;

/** In our words: those of the library are about its code. */
function whatIsWrong(cron: string): string {
  const fields = cron.trim().split(/\s+/);
  const names = fields.length === FIELDS.length ? FIELDS : FIELDS.slice(1);
  if (fields.length !== names.length)
    return `it has ${fields.length === 1 ? 'one field' : `${fields.length} fields`}`;
  const wrong = fields.findIndex(
    (field, at) => !isCron(fields.map((_, i) => (i === at ? field : '*')).join(' ')),
  );
  return wrong < 0 ? 'its fields do not go together' : `its ${names[wrong]} cannot be "${fields[wrong]}"`;
}

function isCron(cron: string): boolean {
  try {
    new Cron(cron, { paused: true });
    return true;
  } catch {
    return false;
  }
}

function checkTimeZone(timeZone: string, where: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    throw invalid(where, `"${timeZone}" is no time zone. Give a name such as "UTC" or "Europe/Berlin"`);
  }
}

function invalid(where: string, problem: string): SynclineError {
  return new SynclineError('INVALID_SCHEDULE', `The schedule of ${where} is wrong: ${problem}.`);
}
