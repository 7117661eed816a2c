import { batchesOf } from '../batches.ts';
import type { CatalogSession } from '../session.ts';
import { type SqlStatement, statement } from '../sql-driver.ts';
import { ROW_COUNT_UNKNOWN } from '../sync-catalog.ts';
import { recordTableStatement, requireGeneration } from './generations.ts';
import { chunkInGeneration, isReady } from './queue-sql.ts';

/** Documents, or chunks, of one transaction. */
const ITEMS_PER_TRANSACTION = 1_000;

/** Queues documents so that the write stage replaces all their rows, and records that the table is under repair. */
export async function beginRepair(
  session: CatalogSession,
  token: number,
  { generationId, version }: { readonly generationId: number; readonly version: number },
  documentIds: readonly number[],
): Promise<void> {
  for (const batch of batchesOrOne(documentIds)) {
    const chosen = JSON.stringify(batch);
    const results = await session.write(token, [
      recordTableStatement(generationId, { version, rowCount: ROW_COUNT_UNKNOWN }),
      ...makePending(
        `select c.chunk_id from chunks c indexed by chunks_by_document
         where c.document_id in (select value from json_each(?2))`,
        generationId,
        chosen,
      ),
      ...queueDocuments('select value from json_each(?2)', generationId, chosen),
    ]);
    requireGeneration(generationId, results[0]?.rows);
  }
}

/** Makes chunks that count as embedded, but have no embedding in the catalog, pending again, and queues their documents. */
export async function requeueUnembedded(
  session: CatalogSession,
  token: number,
  generationId: number,
  chunkIds: readonly number[],
): Promise<void> {
  for (const batch of batchesOf(chunkIds, limits)) {
    const chosen = JSON.stringify(batch);
    await session.write(token, [
      ...makePending('select value from json_each(?2)', generationId, chosen),
      ...queueDocuments(
        'select document_id from chunks where chunk_id in (select value from json_each(?2))',
        generationId,
        chosen,
      ),
    ]);
  }
}

const limits = { itemsMax: ITEMS_PER_TRANSACTION, weightMax: ITEMS_PER_TRANSACTION, weigh: () => 1 };

function batchesOrOne(ids: readonly number[]): readonly (readonly number[])[] {
  const batches = batchesOf(ids, limits);
  return batches.length === 0 ? [[]] : batches;
}

/** Of the chunks that `chosen` selects, those of the generation that lack their embedding. */
function makePending(chosen: string, generationId: number, chosenArg: string): SqlStatement[] {
  return [
    statement(
      `update chunks as k set embedding_status = 'pending', attempt_count = 0, last_error = null
       where k.chunk_id in (${chosen}) and k.embedding_status = 'ready'
         and exists (
           select 1 from generations g
           where g.generation_id = ?1 and ${chunkInGeneration('k', 'g')} and not exists (
             select 1 from embeddings e where e.text_hash = k.text_hash and e.profile_id = g.profile_id))`,
      generationId,
      chosenArg,
    ),
  ];
}

/** Documents already queued keep their place; in every generation they wait again for chunks that became pending. */
function queueDocuments(chosen: string, generationId: number, chosenArg: string): SqlStatement[] {
  return [
    statement(
      `insert into index_queue (generation_id, document_id, queue_seq, revision, ready, has_rows)
       select g.generation_id, d.document_id, d.change_seq, d.revision, ${isReady('d.document_id', 'g.configuration_id')}, 1
       from generations g cross join documents d on d.dataset_id = g.dataset_id
       where g.generation_id = ?1 and d.document_id in (${chosen})
       on conflict (generation_id, document_id) do update set has_rows = 1, ready = excluded.ready`,
      generationId,
      chosenArg,
    ),
    statement(
      `update index_queue as q set ready = 0
       where q.generation_id <> ?1 and q.ready = 1 and q.document_id in (${chosen})
         and exists (select 1 from generations g
                     where g.generation_id = q.generation_id and not (${isReady('q.document_id', 'g.configuration_id')}))`,
      generationId,
      chosenArg,
    ),
  ];
}
