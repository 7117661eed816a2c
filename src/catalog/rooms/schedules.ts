import type { IndexingSummary, ScheduledRun, StoredSchedule } from '../indexing-catalog.ts';
import type { CatalogSession } from '../session.ts';
import { type SqlRow, type SqlStatement, statement } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, optionalTextAt, storableText, wordAt } from '../sql-values.ts';

const ERROR_LENGTH_MAX = 2_000;
const DATASETS_PER_ANSWER = 1_000;

const COLUMNS = `cast(run as blob), is_on, cast(cron as blob), cast(time_zone as blob), done_until_ms, last_run_at_ms,
  cast(last_error as blob), failure_count, retry_at_ms`;

export async function listSchedules(session: CatalogSession, datasetId: number): Promise<StoredSchedule[]> {
  const rows = await session.rows(
    statement(`select ${COLUMNS} from dataset_schedules where dataset_id = ? order by run`, datasetId),
  );
  return rows.map(scheduleOf);
}

function scheduleOf(row: SqlRow): StoredSchedule {
  return {
    run: wordAt(row, 0, ['full', 'index']),
    isOn: integerAt(row, 1) === 1,
    cron: optionalTextAt(row, 2),
    timeZone: optionalTextAt(row, 3),
    doneUntilMs: integerAt(row, 4),
    lastRunAtMs: optionalIntegerAt(row, 5),
    lastError: optionalTextAt(row, 6),
    failureCount: integerAt(row, 7),
    retryAtMs: optionalIntegerAt(row, 8),
  };
}

export async function listIndexing(
  session: CatalogSession,
  { afterDatasetId, limit }: { readonly afterDatasetId: number; readonly limit: number },
): Promise<IndexingSummary[]> {
  const rows = await session.rows(
    statement(
      `${SELECT_INDEXING} and d.dataset_id > ?1 order by d.dataset_id limit ?2`,
      afterDatasetId,
      Math.min(limit, DATASETS_PER_ANSWER),
    ),
  );
  return summariesOf(rows, await session.rows(schedulesStatement(rows.map((row) => integerAt(row, 0)))));
}

const SELECT_INDEXING = `
  select d.dataset_id,
         (select max(changed_at_ms) from dataset_sources s where s.dataset_id = d.dataset_id),
         (select min(noted_at_ms) from noted_changes n where n.dataset_id = d.dataset_id and n.refused_at_ms is null),
         (select max(changed_at_ms) from dataset_sources s
          where s.dataset_id = d.dataset_id and s.read_until_ms is null
            and json_extract(s.definition, '$.watch') is not 1
            and not exists (select 1 from documents o where o.dataset_id = s.dataset_id and o.source = s.name))
  from datasets d
  where d.state = 'active' and (
    exists (select 1 from dataset_sources s where s.dataset_id = d.dataset_id)
    or exists (select 1 from dataset_schedules c where c.dataset_id = d.dataset_id)
    or exists (select 1 from noted_changes n where n.dataset_id = d.dataset_id))`;

/** What may be due for some datasets; with {@link schedulesStatement} of the same, for {@link summariesOf}. */
export function indexingStatement(datasetIds: readonly number[]): SqlStatement {
  return statement(
    `${SELECT_INDEXING} and d.dataset_id in (select value from json_each(?))`,
    JSON.stringify(datasetIds),
  );
}

export function schedulesStatement(datasetIds: readonly number[]): SqlStatement {
  return statement(
    `select ${COLUMNS}, dataset_id from dataset_schedules
     where dataset_id in (select value from json_each(?)) order by dataset_id, run`,
    JSON.stringify(datasetIds),
  );
}

export function summariesOf(rows: readonly SqlRow[], schedules: readonly SqlRow[]): IndexingSummary[] {
  const byDataset = Map.groupBy(schedules, (row) => row[9]);
  return rows.map((row) => ({
    datasetId: integerAt(row, 0),
    sourcesSinceMs: optionalIntegerAt(row, 1),
    notedSinceMs: optionalIntegerAt(row, 2),
    unreadSinceMs: optionalIntegerAt(row, 3),
    schedules: (byDataset.get(row[0] ?? null) ?? []).map(scheduleOf),
  }));
}

export async function setSchedule(
  session: CatalogSession,
  token: number,
  datasetId: number,
  run: ScheduledRun,
  schedule: Pick<StoredSchedule, 'isOn' | 'cron' | 'timeZone' | 'doneUntilMs'>,
): Promise<void> {
  await session.write(token, [
    statement('insert into dataset_guard values (?)', datasetId),
    statement(
      `insert into dataset_schedules (dataset_id, run, is_on, cron, time_zone, done_until_ms)
       values (?, ?, ?, ?, ?, ?)
       on conflict (dataset_id, run) do update set is_on = excluded.is_on, cron = excluded.cron,
         time_zone = excluded.time_zone, done_until_ms = excluded.done_until_ms,
         failure_count = 0, retry_at_ms = null
       where (is_on, cron, time_zone) is not (excluded.is_on, excluded.cron, excluded.time_zone)`,
      datasetId,
      run,
      schedule.isOn ? 1 : 0,
      schedule.cron ?? null,
      schedule.timeZone ?? null,
      schedule.doneUntilMs,
    ),
  ]);
}

export async function noteScheduledRun(
  session: CatalogSession,
  token: number,
  datasetId: number,
  run: ScheduledRun,
  outcome: Pick<StoredSchedule, 'doneUntilMs' | 'lastError' | 'failureCount' | 'retryAtMs'> & {
    readonly lastRunAtMs: number;
  },
): Promise<void> {
  const error = outcome.lastError === undefined ? null : storableText(outcome.lastError, ERROR_LENGTH_MAX);
  await session.write(token, [
    statement('insert into dataset_guard values (?)', datasetId),
    statement(
      `insert into dataset_schedules (dataset_id, run, is_on, done_until_ms, last_run_at_ms, last_error, failure_count, retry_at_ms)
       values (?, ?, 1, ?, ?, ?, ?, ?)
       on conflict (dataset_id, run) do update set done_until_ms = excluded.done_until_ms,
         last_run_at_ms = excluded.last_run_at_ms, last_error = excluded.last_error,
         failure_count = excluded.failure_count, retry_at_ms = excluded.retry_at_ms`,
      datasetId,
      run,
      outcome.doneUntilMs,
      outcome.lastRunAtMs,
      error,
      outcome.failureCount,
      outcome.retryAtMs ?? null,
    ),
  ]);
}
