import { SynclineError } from '../../domain/errors.ts';
import type { GenerationRecord } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlRow, type SqlStatement, statement } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, textAt, wordAt } from '../sql-values.ts';
import { isReady, LEFT_EVERY_TABLE } from './queue-sql.ts';

const SELECT_GENERATION = `
  select generation_id, dataset_id, cast(table_name as blob), cast(state as blob), profile_id, recorded_version,
         recorded_row_count, configuration_id, retired_at_ms
  from generations`;

/** Rows forgotten in one transaction. */
const ROWS_PER_TRANSACTION = 5_000;

/** Generations of a dataset, newest first. */
export async function listGenerations(
  session: CatalogSession,
  datasetId: number,
): Promise<GenerationRecord[]> {
  const rows = await session.rows(generationsStatement([datasetId]));
  return rows.map(generationOf);
}

/** The generations of datasets, the newest first, for {@link generationOf}. */
export function generationsStatement(datasetIds: readonly number[]): SqlStatement {
  return statement(
    `${SELECT_GENERATION} where dataset_id in (select value from json_each(?)) order by generation_id desc`,
    JSON.stringify(datasetIds),
  );
}

/** Generations of all datasets by id. */
export async function listAllGenerations(
  session: CatalogSession,
  { afterGenerationId, limit }: { readonly afterGenerationId: number; readonly limit: number },
): Promise<GenerationRecord[]> {
  const rows = await session.rows(
    statement(
      `${SELECT_GENERATION} where generation_id > ? order by generation_id limit ?`,
      afterGenerationId,
      limit,
    ),
  );
  return rows.map(generationOf);
}

/**
 * A new generation in state `building`, for which every document is queued. After an error it may or may not exist;
 * what exists is listed by {@link listGenerations} and can be dropped.
 */
export async function createGeneration(
  session: CatalogSession,
  token: number,
  {
    datasetId,
    configurationId,
    nameSuffix,
  }: { readonly datasetId: number; readonly configurationId: number; readonly nameSuffix: string },
): Promise<GenerationRecord> {
  const newest = '(select max(generation_id) from generations where dataset_id = ?1)';
  const results = await session.write(token, [
    statement('insert into dataset_guard values (?)', datasetId),
    statement(
      `insert into generations (dataset_id, configuration_id, profile_id, table_name, state, created_at_ms)
       select dataset_id, configuration_id, profile_id, '', 'building', ${NOW_MS}
       from configurations where dataset_id = ? and configuration_id = ?`,
      datasetId,
      configurationId,
    ),
    statement(
      `update generations
       set table_name = (select p.name || '__' || d.name || '__g' || generations.generation_id || ?2
                         from datasets d join projects p on p.project_id = d.project_id where d.dataset_id = ?1)
       where generation_id = ${newest}`,
      datasetId,
      nameSuffix,
    ),
    statement(
      `insert into index_queue (generation_id, document_id, queue_seq, revision, ready, has_rows)
       select ${newest}, d.document_id, d.change_seq, d.revision,
              ${isReady('d.document_id', '?2')}, 0
       from documents d where d.dataset_id = ?1 and d.removed = 0`,
      datasetId,
      configurationId,
    ),
    statement(`${SELECT_GENERATION} where generation_id = ${newest}`, datasetId),
  ]);
  return generationOf(results[4]?.rows[0] ?? []);
}

/** Records what a generation's table is. */
export async function recordTable(
  session: CatalogSession,
  token: number,
  generationId: number,
  state: { readonly version: number; readonly rowCount: number },
): Promise<void> {
  const [result] = await session.write(token, [recordTableStatement(generationId, state)]);
  requireGeneration(generationId, result?.rows);
}

/** The statement behind {@link recordTable}; its answer is empty when the generation is gone. */
export function recordTableStatement(
  generationId: number,
  { version, rowCount }: { readonly version: number; readonly rowCount: number },
): SqlStatement {
  return statement(
    `update generations set recorded_version = ?, recorded_row_count = ? where generation_id = ?
     returning generation_id`,
    version,
    rowCount,
    generationId,
  );
}

/** @throws SynclineError `DATASET_NOT_FOUND` when an answer about a generation is empty. */
export function requireGeneration(generationId: number, rows: readonly SqlRow[] | undefined): void {
  if (rows !== undefined && rows.length > 0) return;
  throw new SynclineError(
    'DATASET_NOT_FOUND',
    `Generation ${generationId} does not exist any more: its dataset was deleted, or it was dropped.`,
    { details: { generationId } },
  );
}

/**
 * Makes a building generation serve; doing so again changes nothing. The one that served goes on being queued for, so that it
 * can catch up and serve again.
 */
export async function switchGeneration(
  session: CatalogSession,
  token: number,
  generationId: number,
): Promise<void> {
  const target = `(select dataset_id from generations where generation_id = ?1 and state = 'building')`;
  const results = await session.write(token, [
    statement(
      `update generations set state = 'retired', retired_at_ms = ${NOW_MS}
       where dataset_id = ${target} and state = 'serving'`,
      generationId,
    ),
    statement(
      `update datasets
       set configuration_id = g.configuration_id,
           target_configuration_id = nullif(datasets.target_configuration_id, g.configuration_id)
       from generations g
       where g.generation_id = ?1 and g.state = 'building' and datasets.dataset_id = g.dataset_id`,
      generationId,
    ),
    statement(
      `update generations set state = 'serving', retired_at_ms = null
       where generation_id = ? and state = 'building'`,
      generationId,
    ),
    statement(`${SELECT_GENERATION} where generation_id = ?`, generationId),
  ]);
  const rows = results[3]?.rows;
  requireGeneration(generationId, rows);
  const { state, tableName } = generationOf(rows?.[0] ?? []);
  if (state !== 'serving') {
    throw new SynclineError('INTERNAL', `The generation ${tableName} is ${state} and cannot serve.`);
  }
}

/** Makes a retired generation be built further, and its configuration the target where it is not the active one. */
export async function reopenGeneration(
  session: CatalogSession,
  token: number,
  generationId: number,
): Promise<void> {
  await session.write(token, [
    statement(
      `update datasets set target_configuration_id = g.configuration_id
       from generations g
       where g.generation_id = ?1 and g.state = 'retired' and datasets.dataset_id = g.dataset_id
         and datasets.configuration_id <> g.configuration_id`,
      generationId,
    ),
    statement(
      `update generations set state = 'building' where generation_id = ? and state = 'retired'`,
      generationId,
    ),
  ]);
}

/** Documents that the serving table has rows of and that a building generation cannot take yet. */
export async function countUncovered(session: CatalogSession, generationId: number): Promise<number> {
  const [row] = await session.rows(
    statement(
      `select count(*) from index_queue q
       where q.generation_id = ?1 and q.ready = 0 and exists (
         select 1 from indexed_chunks i
         where i.document_id = q.document_id and i.generation_id = (
           select s.generation_id from generations s join generations g on g.dataset_id = s.dataset_id
           where g.generation_id = ?1 and s.state = 'serving'))`,
      generationId,
    ),
  );
  return integerAt(row ?? [], 0);
}

/** Marks a generation's table as about to be dropped. It receives no changes from then on. */
export async function requestGenerationDrop(
  session: CatalogSession,
  token: number,
  generationId: number,
): Promise<void> {
  await session.write(token, [
    statement(`update generations set state = 'dropping' where generation_id = ?`, generationId),
    statement('delete from index_queue where generation_id = ?', generationId),
  ]);
}

/** Forgets a generation in state `dropping`, in bounded transactions, and the deleted documents that only it still knew. */
export async function forgetGeneration(
  session: CatalogSession,
  token: number,
  generationId: number,
): Promise<void> {
  const dropping = `(select generation_id from generations where generation_id = ?1 and state = 'dropping')`;
  for (;;) {
    const [result] = await session.write(token, [
      statement(
        `delete from indexed_chunks where (generation_id, document_id, chunk_id) in
           (select generation_id, document_id, chunk_id from indexed_chunks where generation_id = ${dropping} limit ?2)`,
        generationId,
        ROWS_PER_TRANSACTION,
      ),
    ]);
    if ((result?.changeCount ?? 0) < ROWS_PER_TRANSACTION) break;
  }
  await session.write(token, [
    statement(
      `delete from documents as d
       where d.dataset_id = (select dataset_id from generations where generation_id = ?1 and state = 'dropping')
         and ${LEFT_EVERY_TABLE}`,
      generationId,
    ),
    statement(`delete from generations where generation_id = ? and state = 'dropping'`, generationId),
  ]);
}

export function generationOf(row: SqlRow): GenerationRecord {
  const version = optionalIntegerAt(row, 5);
  const rowCount = optionalIntegerAt(row, 6);
  return {
    generationId: integerAt(row, 0),
    datasetId: integerAt(row, 1),
    tableName: textAt(row, 2),
    state: wordAt(row, 3, ['building', 'serving', 'retired', 'dropping']),
    profileId: integerAt(row, 4),
    configurationId: integerAt(row, 7),
    retiredAtMs: optionalIntegerAt(row, 8),
    recorded: version === undefined || rowCount === undefined ? undefined : { version, rowCount },
  };
}
