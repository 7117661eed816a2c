import { type SqlStatement, statement } from '../sql-driver.ts';

/**
 * The condition that nothing of a document (`documentId`, an expression) is missing under a configuration: it is cut under
 * it, and none of its chunks waits for a vector.
 */
export function isReady(documentId: string, configurationId: string): string {
  return `not exists (
      select 1 from chunks r indexed by chunks_pending_by_document
      where r.document_id = ${documentId} and r.configuration_id = ${configurationId} and r.embedding_status = 'pending')
    and not ${isUncut(documentId, configurationId)}`;
}

/**
 * The condition that a document has to be cut under a configuration: chunks that it has there already point into a content
 * that is not there any more.
 */
export function isUncut(documentId: string, configurationId: string): string {
  return `exists (
      select 1 from chunk_queue u where u.document_id = ${documentId} and u.configuration_id = ${configurationId})`;
}

/**
 * Queues the documents of a dataset's newest `changeCount` changes in every generation that receives changes. `ready` and
 * `has_rows` are told from the chunks and rows as they are in this transaction.
 */
export function queueNewestChanges(datasetId: number, changeCount: number): SqlStatement {
  return statement(
    `insert into index_queue (generation_id, document_id, queue_seq, revision, ready, has_rows)
     select g.generation_id, d.document_id, d.change_seq, d.revision,
            ${isReady('d.document_id', 'g.configuration_id')},
            exists (select 1 from indexed_chunks i
                    where i.generation_id = g.generation_id and i.document_id = d.document_id)
     from datasets s
     cross join documents d on d.dataset_id = s.dataset_id and d.change_seq > s.last_change_seq - ?2
     cross join generations g on g.dataset_id = s.dataset_id and g.state <> 'dropping'
     where s.dataset_id = ?1
     on conflict (generation_id, document_id) do update set
       queue_seq = excluded.queue_seq, revision = excluded.revision,
       ready = excluded.ready, has_rows = excluded.has_rows`,
    datasetId,
    changeCount,
  );
}

/** Texts as a table `t(h)` in a `with` clause; takes {@link packHashes} as `?1` and the number of texts as `?2`. */
export const TEXTS_TABLE = `t(h) as materialized (select substr(?1, value * 32 + 1, 32) from generate_series(0, ?2 - 1))`;

/** The condition on `documents d` that a deleted document's rows have left every table and no queue holds it. */
export const LEFT_EVERY_TABLE = `
  d.removed = 1 and not exists (
    select 1 from generations g
    where g.dataset_id = d.dataset_id
      and (exists (select 1 from index_queue q where q.generation_id = g.generation_id and q.document_id = d.document_id)
        or exists (select 1 from indexed_chunks i where i.generation_id = g.generation_id and i.document_id = d.document_id)))`;

/** SHA-256 digests one after the other: the fastest way to hand many to SQLite (reference/libsql.md, section 1.1). */
export function packHashes(hashes: readonly Uint8Array[]): Uint8Array {
  const packed = new Uint8Array(hashes.length * 32);
  for (const [index, hash] of hashes.entries()) packed.set(hash, index * 32);
  return packed;
}

/** The condition that a chunk is one of those that a generation's table is made of. */
export function chunkInGeneration(chunk: string, generation: string): string {
  return `${chunk}.configuration_id = ${generation}.configuration_id`;
}
