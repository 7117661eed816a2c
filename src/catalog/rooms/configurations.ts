import { profileKey } from '../../domain/embedding-profile.ts';
import { SynclineError } from '../../domain/errors.ts';
import { batchesOf } from '../batches.ts';
import type { ChunkChange, Configuration, DatasetRecord } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlStatement, statement, statementForEach } from '../sql-driver.ts';
import { integerAt } from '../sql-values.ts';
import { chunkStatements } from './apply-documents.ts';
import { chunkingJson, insertProfile, requireDatasetRecord } from './datasets.ts';
import { isReady } from './queue-sql.ts';

/** Rows removed in one transaction: a few milliseconds each. */
const ROWS_PER_TRANSACTION = 2_000;
/** Documents of one transaction. */
const DOCUMENTS_PER_TRANSACTION = 250;
/** What a chunk's row weighs: for bounding a transaction by its bytes. */
const CHUNK_BYTES = 400;

/** Makes a dataset be on its way to a configuration, which is created where it is new. */
export async function setTarget(
  session: CatalogSession,
  token: number,
  datasetId: number,
  { profile, chunking }: Configuration,
): Promise<DatasetRecord> {
  const wanted = [datasetId, profileKey(profile), chunkingJson(chunking)] as const;
  const configuration = `(select c.configuration_id
    from configurations c join embedding_profiles e on e.profile_id = c.profile_id
    where c.dataset_id = ?1 and e.profile_key = ?2 and c.chunking = ?3)`;
  await session.write(token, [
    statement('insert into dataset_guard values (?)', datasetId),
    insertProfile(profile),
    insertConfiguration(...wanted),
    // One that is kept for a rollback knows which documents are to be cut; a new one has neither chunks nor a queue.
    statement(
      `insert into chunk_queue (configuration_id, document_id)
       select ${configuration}, document_id from documents
       where dataset_id = ?1 and removed = 0
         and not exists (select 1 from chunks where configuration_id = ${configuration})
       on conflict do nothing`,
      ...wanted,
    ),
    statement(
      `update datasets set target_configuration_id = ${configuration}
       where dataset_id = ?1 and target_configuration_id is null and configuration_id <> ${configuration}`,
      ...wanted,
    ),
  ]);
  const dataset = await requireDatasetRecord(session, datasetId);
  const { target } = dataset;
  if (target !== undefined && profileKey(target.profile) === wanted[1]) {
    if (chunkingJson(target.chunking) === wanted[2]) return dataset;
  }
  if (target === undefined) return dataset;
  throw new SynclineError(
    'DATASET_RECONFIGURING',
    `The dataset is on its way to ${profileKey(target.profile)} with chunks of up to ${target.chunking.tokensPerChunkMax} tokens. Wait for that, or cancel it first.`,
    { details: { target: { profile: target.profile, chunking: target.chunking } } },
  );
}

/** The statement that creates a configuration unless it is there. */
export function insertConfiguration(datasetId: number, key: string, chunking: string): SqlStatement {
  return statement(
    `insert into configurations (dataset_id, profile_id, chunking, created_at_ms)
     select ?1, profile_id, ?3, ${NOW_MS} from embedding_profiles where profile_key = ?2
     on conflict do nothing`,
    datasetId,
    key,
    chunking,
  );
}

/**
 * Ends what is being built beside the serving generation; the first table, built where none serves, is left alone. A retired
 * generation that was to serve again is retired again.
 */
export async function cancelTarget(
  session: CatalogSession,
  token: number,
  datasetId: number,
): Promise<DatasetRecord> {
  const building = `dataset_id = ?1 and state = 'building'
    and exists (select 1 from generations s where s.dataset_id = ?1 and s.state = 'serving')`;
  await session.write(token, [
    statement(
      `update generations set state = 'retired' where retired_at_ms is not null and ${building}`,
      datasetId,
    ),
    statement(
      `delete from index_queue where generation_id in (select generation_id from generations where ${building})`,
      datasetId,
    ),
    statement(`update generations set state = 'dropping' where ${building}`, datasetId),
    statement('update datasets set target_configuration_id = null where dataset_id = ?', datasetId),
  ]);
  return requireDatasetRecord(session, datasetId);
}

/**
 * Forgets the configurations that are no longer anybody's, and then removes their chunks. In this order: one that is asked for
 * again meanwhile is a new one, for which every document is cut, and never one that has lost a part of its chunks.
 */
export async function forgetConfigurations(
  session: CatalogSession,
  token: number,
  datasetId: number,
): Promise<void> {
  const unused = `select c.configuration_id from configurations c join datasets d on d.dataset_id = c.dataset_id
    where c.dataset_id = ?1 and c.configuration_id <> d.configuration_id
      and c.configuration_id is not d.target_configuration_id
      and not exists (select 1 from generations g where g.configuration_id = c.configuration_id)`;
  const found = await session.rows(statement(unused, datasetId));
  if (found.length === 0) return;
  await session.write(token, [
    statement(`delete from chunk_queue where configuration_id in (${unused})`, datasetId),
    statement(`delete from configurations where configuration_id in (${unused})`, datasetId),
  ]);
  await forgetOrphanedChunks(session, token);
}

/** Removes, in bounded transactions, the chunks of configurations that were forgotten. */
export async function forgetOrphanedChunks(session: CatalogSession, token: number): Promise<void> {
  const orphans = await session.rows(
    statement(
      // From one configuration to the next in the index: their number counts, not that of the chunks.
      `with recursive present(id) as (
         select min(configuration_id) from chunks
         union all
         select (select min(configuration_id) from chunks where configuration_id > present.id)
         from present where present.id is not null)
       select id from present
       where id is not null and id not in (select configuration_id from configurations)`,
    ),
  );
  for (const row of orphans) {
    for (;;) {
      const [result] = await session.write(token, [
        statement(
          `delete from chunks where chunk_id in
             (select chunk_id from chunks where configuration_id = ?1 limit ?2)
             and ?1 not in (select configuration_id from configurations)`,
          integerAt(row, 0),
          ROWS_PER_TRANSACTION,
        ),
      ]);
      if ((result?.changeCount ?? 0) < ROWS_PER_TRANSACTION) break;
    }
  }
}

/** Brings documents' chunks under a configuration up to date; one that changed since is left queued. */
export async function applyChunks(
  session: CatalogSession,
  token: number,
  configurationId: number,
  changes: readonly ChunkChange[],
  usdPerMillionTokens: number | undefined,
): Promise<void> {
  const [row] = await session.rows(
    statement('select dataset_id from configurations where configuration_id = ?', configurationId),
  );
  // Cancelled, and collected: nobody wants these chunks any more.
  if (row === undefined) return;
  const place = { datasetId: integerAt(row, 0), configurationId, usdPerMillionTokens };
  const batches = batchesOf(changes, {
    itemsMax: DOCUMENTS_PER_TRANSACTION,
    weightMax: session.driver.writeBytesMax,
    weigh: ({ diff }) => (diff.added.length + diff.kept.length + diff.removedIds.length) * CHUNK_BYTES,
  });
  for (const batch of batches) {
    await session.write(token, [
      ...chunkStatements(place, batch),
      statementForEach(
        `update index_queue set ready = 1
         where document_id = ?1 and generation_id in (select generation_id from generations where configuration_id = ?2)
           and ${isReady('?1', '?2')}`,
        batch.map(({ document }) => [document.documentId, configurationId]),
      ),
    ]);
  }
}
