import { batchesOf } from '../batches.ts';
import type { NotedChange } from '../indexing-catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { statement, statementForEach } from '../sql-driver.ts';
import { integerAt, textAt } from '../sql-values.ts';

const CHANGES_PER_TRANSACTION = 2_000;
const CHANGES_PER_ANSWER = 5_000;

/** Oldest first. */
export async function listNotedChanges(
  session: CatalogSession,
  datasetId: number,
  limit: number,
): Promise<(NotedChange & { readonly changeId: number })[]> {
  const rows = await session.rows(
    statement(
      `select change_id, cast(source_table as blob), cast(id_json as blob) from noted_changes
       where dataset_id = ? order by change_id limit ?`,
      datasetId,
      Math.min(limit, CHANGES_PER_ANSWER),
    ),
  );
  return rows.map((row) => ({ changeId: integerAt(row, 0), table: textAt(row, 1), idJson: textAt(row, 2) }));
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
         select ?1, '', '', ${NOW_MS} where (select count(*) from noted_changes where dataset_id = ?1) > ?2`,
        datasetId,
        countMax,
      ),
      // What was noted before the note for all records is in it; what is noted later may have changed after it was begun.
      statement(
        `delete from noted_changes where dataset_id = ?1 and change_id <
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
