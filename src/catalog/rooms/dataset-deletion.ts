import { SynclineError } from '../../domain/errors.ts';
import type { CatalogSession } from '../session.ts';
import { statement } from '../sql-driver.ts';
import { integerAt } from '../sql-values.ts';
import { keepName } from './costs.ts';

/** Rows removed in one transaction: a few milliseconds each. */
const ROWS_PER_TRANSACTION = 2_000;

/** What belongs to a dataset, in an order that no reference forbids. Each statement removes up to `?2` rows. */
const STEPS = [
  `delete from noted_changes where change_id in (select change_id from noted_changes where dataset_id = ?1 limit ?2)`,
  `delete from incoming where incoming_id in (select incoming_id from incoming where dataset_id = ?1 limit ?2)`,
  `delete from index_queue where (generation_id, document_id) in
     (select generation_id, document_id from index_queue
      where generation_id in (select generation_id from generations where dataset_id = ?1) limit ?2)`,
  `delete from indexed_chunks where (generation_id, document_id, chunk_id) in
     (select generation_id, document_id, chunk_id from indexed_chunks
      where generation_id in (select generation_id from generations where dataset_id = ?1) limit ?2)`,
  `delete from generations where generation_id in
     (select generation_id from generations where dataset_id = ?1 limit ?2)`,
  `delete from chunks where chunk_id in
     (select chunk_id from chunks
      where configuration_id in (select configuration_id from configurations where dataset_id = ?1) limit ?2)`,
  `delete from chunk_queue where (configuration_id, document_id) in
     (select configuration_id, document_id from chunk_queue
      where configuration_id in (select configuration_id from configurations where dataset_id = ?1) limit ?2)`,
  `delete from documents where document_id in (select document_id from documents where dataset_id = ?1 limit ?2)`,
  `delete from configurations where configuration_id in
     (select c.configuration_id from configurations c join datasets d on d.dataset_id = c.dataset_id
      where d.dataset_id = ?1 and c.configuration_id is not d.configuration_id
        and c.configuration_id is not d.target_configuration_id limit ?2)`,
];

/** In one transaction: a dataset and its configurations refer to each other, and without its own it would be found by nobody. */
const LAST_STEP = [
  'delete from dataset_sources where dataset_id = ?',
  'delete from dataset_schedules where dataset_id = ?',
  'delete from batch_policies where dataset_id = ?',
  'update datasets set configuration_id = null, target_configuration_id = null where dataset_id = ?',
  'delete from configurations where dataset_id = ?',
  'delete from cost_runs where dataset_id = ?',
  'delete from spend_holds where dataset_id = ?',
  'delete from datasets where dataset_id = ?',
];

/**
 * Removes everything of a dataset in state `deleting`, in bounded transactions; embeddings and what they cost stay. Does nothing when it is
 * gone already; can be begun again after it was cut short.
 *
 * @throws SynclineError `INTERNAL` when nobody asked for its deletion.
 */
export async function deleteDataset(
  session: CatalogSession,
  token: number,
  datasetId: number,
): Promise<void> {
  const [active] = await session.rows(
    statement(`select count(*) from datasets where dataset_id = ? and state <> 'deleting'`, datasetId),
  );
  if (integerAt(active ?? [], 0) > 0) {
    throw new SynclineError('INTERNAL', `Dataset ${datasetId} is in use: its deletion was not requested.`);
  }
  for (const sql of STEPS) {
    for (;;) {
      const [result] = await session.write(token, [statement(sql, datasetId, ROWS_PER_TRANSACTION)]);
      if ((result?.changeCount ?? 0) < ROWS_PER_TRANSACTION) break;
    }
  }
  await session.write(token, [keepName(datasetId), ...LAST_STEP.map((sql) => statement(sql, datasetId))]);
}
