import type { NewestTasks, TaskRecord, TaskRefusal, TaskState } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlRow, type SqlStatement, statement } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, optionalTextAt, storableText, textAt, wordAt } from '../sql-values.ts';

/** Finished tasks that are kept. */
const FINISHED_TASKS_MAX = 1_000;
/** While a worker runs, older ones are let go of once in so many tasks. */
const TASKS_PER_PRUNING = 100;
const TASKS_PER_ANSWER = 1_000;
const ERROR_LENGTH_MAX = 4_000;
/** Of what a task refused, in UTF-16 units: a hundred records with a reason each. */
const REFUSED_LENGTH_MAX = 64_000;
const REFUSAL_MESSAGE_LENGTH_MAX = 500;
const TASKS_WITH_REFUSED_MAX = 100;

const SELECT_TASK = `
  select t.task_id, t.dataset_id, cast(t.kind as blob), cast(t.state as blob), t.started_at_ms, t.finished_at_ms,
         cast(t.progress as blob), cast(t.error as blob), cast(p.name || '/' || d.name as blob)`;
/** What a task refused is large. */
const REFUSED = 'cast(t.refused as blob)';
const WITH_ADDRESS = `
  left join datasets d on d.dataset_id = t.dataset_id
  left join projects p on p.project_id = d.project_id`;

/** Newest first. */
export async function listTasks(
  session: CatalogSession,
  page: {
    readonly datasetId?: number;
    readonly kind?: string;
    readonly state?: TaskState;
    readonly beforeTaskId?: number;
    readonly limit: number;
    readonly withRefused?: boolean;
  },
): Promise<TaskRecord[]> {
  // Only conditions that there are: one that is sometimes none keeps the index of datasets from being used.
  const asked: readonly (readonly [condition: string, value: string | number | undefined])[] = [
    ['t.dataset_id = ?', page.datasetId],
    ['t.kind = ?', page.kind],
    ['t.state = ?', page.state],
    ['t.task_id < ?', page.beforeTaskId],
  ];
  const conditions = asked.flatMap(([condition, value]) =>
    value === undefined ? [] : [{ condition, value }],
  );
  const where = conditions.map(({ condition }) => condition).join(' and ');
  const rows = await session.rows(
    statement(
      `${SELECT_TASK}, ${page.withRefused ? REFUSED : 'null'}
       from tasks t ${WITH_ADDRESS} ${where && `where ${where}`} order by t.task_id desc limit ?`,
      ...conditions.map(({ value }) => value),
      Math.min(page.limit, TASKS_PER_ANSWER),
    ),
  );
  return rows.map(taskOf);
}

/** Upkeep is no run that anybody asked for. */
const UPKEEP = 'maintain';
/** Runs of upkeep that are told: only the last is kept, beside those that a killed worker was at. */
const UPKEEPS_MAX = 5;

/**
 * Of datasets, for {@link taskOf}, the newest first: the newest upkeep, the newest run that ended, and the newest that ended by
 * itself, which is mostly the same one.
 */
export function newestTasksStatement(datasetIds: readonly number[]): SqlStatement {
  const newest = (condition: string, limit: number): string =>
    `select * from (select task_id from tasks where dataset_id = ids.value and ${condition} order by task_id desc limit ${limit})`;
  return statement(
    `${SELECT_TASK}, null
     from json_each(?) ids
     join tasks t on t.task_id in (
       ${newest(`kind = '${UPKEEP}'`, UPKEEPS_MAX)}
       union ${newest(`kind <> '${UPKEEP}' and state <> 'running'`, 1)}
       union ${newest(`kind <> '${UPKEEP}' and state in ('succeeded', 'failed')`, 1)})
     ${WITH_ADDRESS}
     order by t.task_id desc`,
    JSON.stringify(datasetIds),
  );
}

/** What {@link newestTasksStatement} has found of one dataset, the newest first. */
export function newestTasks(tasks: readonly TaskRecord[]): NewestTasks {
  const runs = tasks.filter(({ kind }) => kind !== UPKEEP);
  const outcome = runs.find(({ state }) => state !== 'cancelled');
  return {
    lastRun: runs[0],
    failedRun: outcome?.state === 'failed' ? outcome : undefined,
    upkeep: tasks.filter(({ kind }) => kind === UPKEEP),
  };
}

/** Of each dataset the newest of a kind that ended in a way stays, however old: its status tells how the last run went. */
const PRUNE: SqlStatement = statement(
  `delete from tasks where state <> 'running' and task_id <
     (select task_id from tasks where state <> 'running' order by task_id desc limit 1 offset ?)
     and (not exists (select 1 from datasets d where d.dataset_id = tasks.dataset_id)
       or exists (
         select 1 from tasks n
         where n.dataset_id = tasks.dataset_id and n.task_id > tasks.task_id and n.kind = tasks.kind and n.state = tasks.state))`,
  FINISHED_TASKS_MAX - 1,
);

export async function startTask(
  session: CatalogSession,
  token: number,
  task: { readonly kind: string; readonly datasetId?: number },
): Promise<number> {
  const [result] = await session.write(token, [
    statement(
      `insert into tasks (dataset_id, kind, state, lease_token, started_at_ms, progress)
       values (?, ?, 'running', ?, ${NOW_MS}, '{}') returning task_id`,
      task.datasetId ?? null,
      task.kind,
      token,
    ),
  ]);
  return integerAt(result?.rows[0] ?? [], 0);
}

/** Keeps the progress of a running task; that of a finished one stays as it is. */
export async function updateTask(
  session: CatalogSession,
  token: number,
  taskId: number,
  progress: Readonly<Record<string, number>>,
): Promise<void> {
  await session.write(token, [
    statement(
      `update tasks set progress = ? where task_id = ? and state = 'running'`,
      JSON.stringify(progress),
      taskId,
    ),
  ]);
}

export async function finishTask(
  session: CatalogSession,
  token: number,
  taskId: number,
  result: {
    readonly state: 'succeeded' | 'failed' | 'cancelled';
    readonly progress: Readonly<Record<string, number>>;
    readonly error?: string;
    readonly refused?: readonly TaskRefusal[];
    readonly isLatestOnly?: boolean;
  },
): Promise<void> {
  await session.write(token, [
    ...(result.isLatestOnly
      ? [
          statement(
            `delete from tasks where state <> 'running' and task_id < ?1
               and (dataset_id, kind) = (select dataset_id, kind from tasks where task_id = ?1)`,
            taskId,
          ),
        ]
      : []),
    statement(
      `update tasks set state = ?, progress = ?, error = ?, refused = ?, finished_at_ms = ${NOW_MS}
       where task_id = ? and state = 'running'`,
      result.state,
      JSON.stringify(result.progress),
      result.error === undefined ? null : storableText(result.error, ERROR_LENGTH_MAX),
      refusedJson(result.refused ?? []),
      taskId,
    ),
    ...(result.refused === undefined || result.refused.length === 0
      ? []
      : [
          statement(
            `update tasks set refused = null where refused is not null and task_id <
               (select task_id from tasks where refused is not null order by task_id desc limit 1 offset ?)`,
            TASKS_WITH_REFUSED_MAX - 1,
          ),
        ]),
    ...(taskId % TASKS_PER_PRUNING === 0 ? [PRUNE] : []),
  ]);
}

/** As many as there is room for. */
function refusedJson(refused: readonly TaskRefusal[]): string | null {
  const kept: TaskRefusal[] = [];
  let length = 0;
  for (const { key, code, message } of refused) {
    const refusal = { key, code, message: storableText(message, REFUSAL_MESSAGE_LENGTH_MAX) };
    length += JSON.stringify(refusal).length;
    if (length > REFUSED_LENGTH_MAX) break;
    kept.push(refusal);
  }
  return kept.length === 0 ? null : JSON.stringify(kept);
}

/** Fails tasks that former holders of the lease left running, and lets old finished ones go. */
export async function closeAbandonedTasks(session: CatalogSession, token: number): Promise<void> {
  await session.write(token, [
    statement(
      `update tasks set state = 'failed', finished_at_ms = ${NOW_MS},
         error = 'Cut short: the process that ran it ended. Ask for it again; work that was done is kept.'
       where state = 'running' and lease_token <> ?`,
      token,
    ),
    PRUNE,
  ]);
}

export function taskOf(row: SqlRow): TaskRecord {
  return {
    taskId: integerAt(row, 0),
    datasetId: optionalIntegerAt(row, 1),
    kind: textAt(row, 2),
    state: wordAt(row, 3, ['running', 'succeeded', 'failed', 'cancelled']),
    startedAtMs: integerAt(row, 4),
    finishedAtMs: optionalIntegerAt(row, 5),
    progress: JSON.parse(textAt(row, 6)),
    error: optionalTextAt(row, 7),
    address: optionalTextAt(row, 8),
    refused: refusedAt(row, 9),
  };
}

function refusedAt(row: SqlRow, index: number): readonly TaskRefusal[] | undefined {
  const json = optionalTextAt(row, index);
  return json === undefined ? undefined : JSON.parse(json);
}
