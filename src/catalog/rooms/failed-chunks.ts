import type { FailedChunk, FailureFilter } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlValue, statement } from '../sql-driver.ts';
import { integerAt, optionalTextAt, textAt } from '../sql-values.ts';
import { countRevived } from './costs.ts';
import { queueNewestChanges } from './queue-sql.ts';

const CHUNKS_PER_ANSWER = 5_000;
/** Failed chunks that are made pending in one transaction. */
const RETRIES_PER_TRANSACTION = 1_000;
/** Parameters of the statements below that come before those of the filter. */
const FILTER_AFTER = 2;
const LIST_FILTER_AFTER = 3;

/** Conditions on `chunks c`, each beginning with `and`, and their parameters, numbered from the one after `after` on. */
function conditions(
  { chunkIds, code, source, key, error, attemptsMin }: FailureFilter,
  after: number,
): { readonly sql: string; readonly parameters: SqlValue[] } {
  const parameters: SqlValue[] = [];
  const sql: string[] = [];
  const add = (value: SqlValue | undefined, condition: (place: string) => string): void => {
    if (value === undefined) return;
    parameters.push(value);
    sql.push(`and ${condition(`?${after + parameters.length}`)}`);
  };
  const ofDocument = (condition: string): string =>
    `exists (select 1 from documents x where x.document_id = c.document_id and ${condition})`;
  add(chunkIds && JSON.stringify(chunkIds), (at) => `c.chunk_id in (select value from json_each(${at}))`);
  // Errors are stored as "CODE: message".
  add(code && `${code}:`, (at) => `substr(c.last_error, 1, length(${at})) = ${at}`);
  add(error?.toLowerCase(), (at) => `instr(lower(c.last_error), ${at}) > 0`);
  add(attemptsMin, (at) => `c.attempt_count >= ${at}`);
  add(source, (at) => ofDocument(`x.source = ${at}`));
  add(key, (at) => ofDocument(`x.key = ${at}`));
  return { sql: sql.join(' '), parameters };
}

/** Failed chunks of the active configuration that fit, by id. */
export async function listFailedChunks(
  session: CatalogSession,
  datasetId: number,
  page: { readonly afterChunkId: number; readonly limit: number },
  filter: FailureFilter = {},
): Promise<FailedChunk[]> {
  const { sql, parameters } = conditions(filter, LIST_FILTER_AFTER);
  const rows = await session.rows(
    statement(
      `select c.chunk_id, cast(d.source as blob), cast(d.key as blob), c.ordinal, c.attempt_count,
              cast(c.last_error as blob)
       from chunks c indexed by chunks_failed
       cross join documents d on d.document_id = c.document_id
       where c.configuration_id = (select configuration_id from datasets where dataset_id = ?1)
         and c.embedding_status = 'failed' and c.chunk_id > ?2 ${sql}
       order by c.chunk_id limit ?3`,
      datasetId,
      page.afterChunkId,
      Math.min(page.limit, CHUNKS_PER_ANSWER),
      ...parameters,
    ),
  );
  return rows.map((row) => {
    const lastError = optionalTextAt(row, 5) ?? '';
    return {
      chunkId: integerAt(row, 0),
      key: { source: textAt(row, 1), key: textAt(row, 2) },
      ordinal: integerAt(row, 3),
      attemptCount: integerAt(row, 4),
      code: /^([A-Z_]+):/.exec(lastError)?.[1],
      lastError,
    };
  });
}

/**
 * Makes failed chunks pending again (ready where the text has a vector by now). Their documents count as changed: their
 * rows lack these chunks.
 */
export async function retryFailedChunks(
  session: CatalogSession,
  token: number,
  datasetId: number,
  filter: FailureFilter = {},
): Promise<number> {
  const { sql, parameters } = conditions(filter, FILTER_AFTER);
  const chosen = `select c.chunk_id from chunks c indexed by chunks_failed
                  where c.embedding_status = 'failed' and c.configuration_id in
                    (select configuration_id from datasets where dataset_id = ?1
                     union all select target_configuration_id from datasets where dataset_id = ?1) ${sql}
                  order by c.chunk_id limit ?2`;
  let retriedCount = 0;
  for (;;) {
    const results = await session.write(token, [
      statement('insert into dataset_guard values (?)', datasetId),
      statement(
        'update datasets set last_change_seq = last_change_seq + ?2 where dataset_id = ?1',
        datasetId,
        RETRIES_PER_TRANSACTION,
      ),
      statement(
        `update documents set revision = revision + 1, changed_at_ms = ${NOW_MS},
           change_seq = (select last_change_seq from datasets where dataset_id = ?1) - r.places_after
         from (select document_id, row_number() over (order by document_id desc) - 1 as places_after
               from (select distinct document_id from chunks where chunk_id in (${chosen}))) r
         where documents.document_id = r.document_id`,
        datasetId,
        RETRIES_PER_TRANSACTION,
        ...parameters,
      ),
      countRevived(datasetId, chosen, [RETRIES_PER_TRANSACTION, ...parameters]),
      statement(
        `update chunks set attempt_count = 0, last_error = null,
           embedding_status = iif(exists (select 1 from embeddings e
             where e.text_hash = chunks.text_hash and e.profile_id = chunks.profile_id), 'ready', 'pending')
         where chunk_id in (${chosen})`,
        datasetId,
        RETRIES_PER_TRANSACTION,
        ...parameters,
      ),
      queueNewestChanges(datasetId, RETRIES_PER_TRANSACTION),
    ]);
    const changeCount = results[4]?.changeCount ?? 0;
    retriedCount += changeCount;
    if (changeCount < RETRIES_PER_TRANSACTION) return retriedCount;
  }
}
