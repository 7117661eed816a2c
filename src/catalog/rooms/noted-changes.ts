import { batchesOf } from '../batches.ts';
import type { NotedChange, StoredChange } from '../indexing-catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlRow, type SqlStatement, statement, statementForEach } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, textAt } from '../sql-values.ts';

const CHANGES_PER_TRANSACTION = 2_000;
const CHANGES_PER_ANSWER = 5_000;

const COLUMNS = 'change_id, cast(source_table as blob), cast(id_json as blob), refused_at_ms';

/** Those that are to be read, oldest first. */
export async function listNotedChanges(
  session: CatalogSession,
  datasetId: number,
  limit: number,
): Promise<StoredChange[]> {
  const rows = await session.rows(
    statement(
      `select ${COLUMNS} from noted_changes
       where dataset_id = ? and refused_at_ms is null order by change_id limit ?`,
      datasetId,
      Math.min(limit, CHANGES_PER_ANSWER),
    ),
  );
  return rows.map(changeOf);
}

/** Those that were set aside, by id. */
export async function listRefusedChanges(
  session: CatalogSession,
  datasetId: number,
  { afterChangeId, limit }: { readonly afterChangeId: number; readonly limit: number },
): Promise<StoredChange[]> {
  const rows = await session.rows(
    statement(
      `select ${COLUMNS} from noted_changes
       where dataset_id = ? and refused_at_ms is not null and change_id > ? order by change_id limit ?`,
      datasetId,
      afterChangeId,
      Math.min(limit, CHANGES_PER_ANSWER),
    ),
  );
  return rows.map(changeOf);
}

export async function countRefusedChanges(
  session: CatalogSession,
  datasetId: number,
): Promise<{ readonly count: number; readonly lastChangeId: number }> {
  const [row = []] = await session.rows(
    statement(
      `select count(*), coalesce(max(change_id), 0) from noted_changes
       where dataset_id = ? and refused_at_ms is not null`,
      datasetId,
    ),
  );
  return { count: integerAt(row, 0), lastChangeId: integerAt(row, 1) };
}

/** How many changes of datasets were set aside, after the dataset's id; without those that have none. */
export function refusedCountsStatement(datasetIds: readonly number[]): SqlStatement {
  return statement(
    `select dataset_id, count(*) from noted_changes
     where dataset_id in (select value from json_each(?)) and refused_at_ms is not null group by dataset_id`,
    JSON.stringify(datasetIds),
  );
}

function changeOf(row: SqlRow): StoredChange {
  return {
    changeId: integerAt(row, 0),
    table: textAt(row, 1),
    idJson: textAt(row, 2),
    refusedAtMs: optionalIntegerAt(row, 3),
  };
}

/** Notes changes; when they become more than `countMax`, one note for all records takes their place. */
export async function noteChanges(
  session: CatalogSession,
  token: number,
  datasetId: number,
  changes: readonly NotedChange[],
  countMax: number,
): Promise<void> {
  const batches = batchesOf(changes, {
    itemsMax: CHANGES_PER_TRANSACTION,
    weightMax: session.driver.writeBytesMax,
    weigh: ({ table, idJson }) => table.length + idJson.length,
  });
  for (const batch of batches) {
    await session.write(token, [
      statement('insert into dataset_guard values (?)', datasetId),
      statementForEach(
        `insert or replace into noted_changes (dataset_id, source_table, id_json, noted_at_ms)
         values (?, ?, ?, ${NOW_MS})`,
        batch.map(({ table, idJson }) => [datasetId, table, idJson]),
      ),
      statement(
        `insert or replace into noted_changes (dataset_id, source_table, id_json, noted_at_ms)
         select ?1, '', '', ${NOW_MS}
         where (select count(*) from noted_changes where dataset_id = ?1 and refused_at_ms is null) > ?2`,
        datasetId,
        countMax,
      ),
      // What was noted before the note for all records is in it; what is noted later may have changed after it was begun. What was
      // set aside is not: a run over everything removes nothing.
      statement(
        `delete from noted_changes where dataset_id = ?1 and refused_at_ms is null and change_id <
           (select change_id from noted_changes where dataset_id = ?1 and source_table = '' and id_json = '')`,
        datasetId,
      ),
    ]);
  }
}

export async function forgetNotedChanges(
  session: CatalogSession,
  token: number,
  datasetId: number,
  changeIds: readonly number[],
): Promise<void> {
  if (changeIds.length === 0) return;
  await session.write(token, [
    statement(
      'delete from noted_changes where dataset_id = ? and change_id in (select value from json_each(?))',
      datasetId,
      JSON.stringify(changeIds),
    ),
  ]);
}

/** Sets changes aside; of more than `countMax` the oldest are forgotten. Those that were noted again since stay to be read. */
export async function refuseNotedChanges(
  session: CatalogSession,
  token: number,
  datasetId: number,
  changeIds: readonly number[],
  countMax: number,
): Promise<void> {
  if (changeIds.length === 0) return;
  await session.write(token, [
    statement(
      `update noted_changes set refused_at_ms = ${NOW_MS}
       where dataset_id = ? and change_id in (select value from json_each(?))`,
      datasetId,
      JSON.stringify(changeIds),
    ),
    statement(
      `delete from noted_changes where dataset_id = ?1 and refused_at_ms is not null and change_id <=
         (select change_id from noted_changes where dataset_id = ?1 and refused_at_ms is not null
          order by change_id desc limit 1 offset ?2)`,
      datasetId,
      countMax,
    ),
  ]);
}

/** Forgets what was set aside, up to one of them; returns how many that were. */
export async function forgetRefusedChanges(
  session: CatalogSession,
  token: number,
  datasetId: number,
  upToChangeId: number,
): Promise<number> {
  const [result] = await session.write(token, [
    statement(
      'delete from noted_changes where dataset_id = ? and refused_at_ms is not null and change_id <= ?',
      datasetId,
      upToChangeId,
    ),
  ]);
  return result?.changeCount ?? 0;
}
