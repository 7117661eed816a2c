import { type DatasetAddress, formatAddress } from '../../domain/address.ts';
import type { ChunkingSettings } from '../../domain/chunk.ts';
import { type EmbeddingProfile, profileKey } from '../../domain/embedding-profile.ts';
import { SynclineError } from '../../domain/errors.ts';
import { type FieldTypes, parseFieldTypes } from '../../domain/fields.ts';
import type {
  ConfigurationRecord,
  DatasetBacklog,
  DatasetCounts,
  DatasetPage,
  DatasetRecord,
  DatasetSpec,
  ProjectRecord,
} from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlRow, type SqlStatement, type SqlValue, statement } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, textAt, wordAt } from '../sql-values.ts';

const CONFIGURATION = (configuration: string, profile: string): string =>
  `${configuration}.configuration_id, ${configuration}.profile_id, cast(${profile}.provider as blob),
   cast(${profile}.model as blob), ${profile}.dimensions, ${profile}.template_version,
   cast(${configuration}.chunking as blob)`;

const SELECT_DATASET = `
  select d.dataset_id, cast(p.name as blob), cast(d.name as blob), cast(d.fields as blob), cast(d.state as blob),
         d.created_at_ms, ${CONFIGURATION('c', 'e')}, ${CONFIGURATION('tc', 'te')}
  from datasets d
  join projects p on p.project_id = d.project_id
  join configurations c on c.configuration_id = d.configuration_id
  join embedding_profiles e on e.profile_id = c.profile_id
  left join configurations tc on tc.configuration_id = d.target_configuration_id
  left join embedding_profiles te on te.profile_id = tc.profile_id`;

/** Most datasets of one answer. */
const PAGE_MAX = 1_000;

export async function findDataset(
  session: CatalogSession,
  { project, dataset }: DatasetAddress,
): Promise<DatasetRecord | undefined> {
  const [row] = await session.rows(
    statement(`${SELECT_DATASET} where p.name = ? and d.name = ?`, project, dataset),
  );
  return row === undefined ? undefined : datasetOf(row);
}

export async function listDatasets(session: CatalogSession, page: DatasetPage): Promise<DatasetRecord[]> {
  const rows = await session.rows(
    statement(
      `${SELECT_DATASET} where d.dataset_id > ?1 and (?2 is null or p.name = ?2) order by d.dataset_id limit ?3`,
      page.afterDatasetId ?? 0,
      page.project ?? null,
      Math.min(page.limit, PAGE_MAX),
    ),
  );
  return rows.map(datasetOf);
}

/** Projects that have datasets, by id. */
export async function listProjects(
  session: CatalogSession,
  page: { readonly afterProjectId: number; readonly limit: number },
): Promise<ProjectRecord[]> {
  const rows = await session.rows(
    statement(
      `select p.project_id, cast(p.name as blob), count(*) from projects p cross join datasets d on d.project_id = p.project_id
       where p.project_id > ? and d.state = 'active' group by p.project_id order by p.project_id limit ?`,
      page.afterProjectId,
      Math.min(page.limit, PAGE_MAX),
    ),
  );
  return rows.map((row) => ({
    projectId: integerAt(row, 0),
    name: textAt(row, 1),
    datasetCount: integerAt(row, 2),
  }));
}

/** Creates a dataset, or returns the existing one when all its settings are equal, or will be after a reconfiguration. */
export async function createDataset(
  session: CatalogSession,
  token: number,
  spec: DatasetSpec,
): Promise<DatasetRecord> {
  const { address, profile } = spec;
  const fields = fieldsJson(spec.fields);
  const chunking = chunkingJson(spec.chunking);
  const key = profileKey(profile);
  await session.write(token, [
    statement(
      `insert into projects (name, created_at_ms) values (?, ${NOW_MS}) on conflict do nothing`,
      address.project,
    ),
    insertProfile(profile),
    statement(
      `insert into datasets (project_id, name, fields, state, created_at_ms)
       select project_id, ?2, ?3, 'active', ${NOW_MS} from projects where name = ?1
       on conflict do nothing`,
      address.project,
      address.dataset,
      fields,
    ),
    // Only of one that was new: a dataset always has a configuration, but while it is deleted.
    statement(
      `insert into configurations (dataset_id, profile_id, chunking, created_at_ms)
       select d.dataset_id, e.profile_id, ?4, ${NOW_MS}
       from ${NEW_DATASET} join embedding_profiles e on e.profile_key = ?3
       where p.name = ?1 and d.name = ?2`,
      address.project,
      address.dataset,
      key,
      chunking,
    ),
    statement(
      `update datasets set configuration_id =
         (select configuration_id from configurations c where c.dataset_id = datasets.dataset_id)
       where dataset_id = (select d.dataset_id from ${NEW_DATASET} where p.name = ?1 and d.name = ?2)`,
      address.project,
      address.dataset,
    ),
  ]);
  const stored = await findDataset(session, address);
  if (stored === undefined) throw new SynclineError('INTERNAL', 'A dataset vanished while it was created.');
  refuseDifferent(stored, { key, fields, chunking });
  return stored;
}

const NEW_DATASET = `datasets d join projects p on p.project_id = d.project_id
  and d.configuration_id is null and d.state = 'active'`;

/** The statement that creates a profile unless it is there. */
export function insertProfile(profile: EmbeddingProfile): SqlStatement {
  return statement(
    `insert into embedding_profiles (profile_key, provider, model, dimensions, template_version, created_at_ms)
     values (?, ?, ?, ?, ?, ${NOW_MS}) on conflict do nothing`,
    profileKey(profile),
    profile.provider,
    profile.model,
    profile.dimensions,
    profile.templateVersion,
  );
}

/** The id of a profile, which is created where it is new. */
export async function ensureProfile(
  session: CatalogSession,
  token: number,
  profile: EmbeddingProfile,
): Promise<number> {
  const [, found] = await session.write(token, [
    insertProfile(profile),
    statement('select profile_id from embedding_profiles where profile_key = ?', profileKey(profile)),
  ]);
  return integerAt(found?.rows[0] ?? [], 0);
}

/** @throws SynclineError `DATASET_NOT_FOUND`. */
export async function requireDatasetRecord(
  session: CatalogSession,
  datasetId: number,
): Promise<DatasetRecord> {
  const [row] = await session.rows(statement(`${SELECT_DATASET} where d.dataset_id = ?`, datasetId));
  if (row !== undefined) return datasetOf(row);
  throw new SynclineError(
    'DATASET_NOT_FOUND',
    `The dataset number ${datasetId} is not in the catalog any more.`,
  );
}

function refuseDifferent(
  stored: DatasetRecord,
  wanted: { readonly key: string; readonly fields: string; readonly chunking: string },
): void {
  const name = formatAddress(stored.address);
  if (stored.state === 'deleting') {
    throw new SynclineError(
      'DATASET_DELETING',
      `The dataset ${name} is being deleted. Create it when that is done.`,
    );
  }
  const { target } = stored;
  const isOnItsWay =
    target !== undefined &&
    profileKey(target.profile) === wanted.key &&
    chunkingJson(target.chunking) === wanted.chunking;
  const differing = [
    isOnItsWay || profileKey(stored.profile) === wanted.key ? undefined : 'embedding profile',
    fieldsJson(stored.fields) === wanted.fields ? undefined : 'fields',
    isOnItsWay || chunkingJson(stored.chunking) === wanted.chunking ? undefined : 'chunking',
  ].filter((part) => part !== undefined);
  if (differing.length === 0) return;
  throw new SynclineError(
    'DATASET_EXISTS',
    `The dataset ${name} exists, and its settings differ from the wanted ones in: ${differing.join(', ')}. Ask for the settings it has, or take another name.`,
    { details: { differing } },
  );
}

export async function findConfiguration(
  session: CatalogSession,
  configurationId: number,
): Promise<ConfigurationRecord | undefined> {
  const [row] = await session.rows(
    statement(
      `select ${CONFIGURATION('c', 'e')}
       from configurations c join embedding_profiles e on e.profile_id = c.profile_id where c.configuration_id = ?`,
      configurationId,
    ),
  );
  return row === undefined ? undefined : configurationOf(row);
}

/** Marks a dataset as `deleting`. Asking again, or after it is gone, changes nothing. */
export async function requestDatasetDeletion(
  session: CatalogSession,
  token: number,
  datasetId: number,
): Promise<void> {
  await session.write(token, [
    statement(`update datasets set state = 'deleting' where dataset_id = ?`, datasetId),
  ]);
}

/** Pending chunks that wait for batch jobs. */
const batchedUnder = (configuration: string): string =>
  `(select count(*) from chunks indexed by chunks_batched
    where configuration_id in (${configuration}) and embedding_status = 'pending' and batch_job_id is not null)`;

export async function datasetCounts(session: CatalogSession, datasetId: number): Promise<DatasetCounts> {
  const rows = await session.rows(countsStatement([datasetId]));
  return countsOf(rows[0]);
}

/** The counts of datasets, one row each, for {@link countsOf}; the first column is the dataset's id. */
export function countsStatement(datasetIds: readonly number[]): SqlStatement {
  const serving = `(select generation_id from generations where dataset_id = s.dataset_id and state = 'serving')`;
  const chunksUnder = (configuration: string): string => `
    (select count(*) from chunks where configuration_id = ${configuration}),
    (select count(*) from chunks indexed by chunks_pending
     where configuration_id = ${configuration} and embedding_status = 'pending' and batch_job_id is null)
      + ${batchedUnder(configuration)},
    (select count(*) from chunks where configuration_id = ${configuration} and embedding_status = 'failed')`;
  return statement(
    `select
       s.dataset_id,
       (select count(*) from documents where dataset_id = s.dataset_id)
         - (select count(*) from documents where dataset_id = s.dataset_id and removed = 1),
       ${chunksUnder('s.configuration_id')},
       (select count(*) from indexed_chunks where generation_id = ${serving}),
       (select count(*)
        from index_queue q
        join tombstones t on t.generation_id = q.generation_id and t.document_id = q.document_id
        where q.generation_id = ${serving}),
       (select count(*) from incoming where dataset_id = s.dataset_id),
       (select count(*) from index_queue where generation_id = ${serving}),
       s.target_configuration_id,
       (select count(*) from chunk_queue where configuration_id = s.target_configuration_id),
       ${chunksUnder('s.target_configuration_id')},
       ${batchedUnder('s.configuration_id, s.target_configuration_id')}
     from datasets s where s.dataset_id in (select value from json_each(?))`,
    JSON.stringify(datasetIds),
  );
}

/** All nothing for a dataset that is gone. */
export function countsOf(row: SqlRow | undefined): DatasetCounts {
  const [, ...values] = row ?? Array<SqlValue>(15).fill(0);
  const at = (column: number) => integerAt(values, column);
  const chunksAt = (column: number) => ({
    pending: at(column + 1),
    failed: at(column + 2),
    ready: at(column) - at(column + 1) - at(column + 2),
  });
  return {
    documents: at(0),
    chunks: chunksAt(1),
    indexedChunks: at(4) - at(5),
    incomingDocuments: at(6),
    queuedDocuments: at(7),
    target: values[8] ? { uncutDocuments: at(9), chunks: chunksAt(10) } : undefined,
    batchedChunks: at(13),
  };
}

export async function datasetBacklog(session: CatalogSession, datasetId: number): Promise<DatasetBacklog> {
  const [row] = await session.rows(
    statement(
      `with serving as materialized
         (select generation_id from generations where dataset_id = ?1 and state = 'serving'),
       wanted as materialized
         (select configuration_id from datasets where dataset_id = ?1
          union all select target_configuration_id from datasets where dataset_id = ?1)
       select
         (select count(*) from incoming where dataset_id = ?1),
         (select count(*) from index_queue
          where generation_id in serving
            and (ready = 1 or not exists (
              select 1 from chunks indexed by chunks_batched
              where configuration_id in wanted and embedding_status = 'pending' and batch_job_id is not null))),
         (select count(*) from chunks indexed by chunks_pending
          where configuration_id in wanted and embedding_status = 'pending' and batch_job_id is null),
         (select count(*) from chunk_queue where configuration_id in wanted),
         (select count(target_configuration_id) from datasets where dataset_id = ?1)
           + (select count(*) from generations where dataset_id = ?1 and state = 'building'),
         (select queued_at_ms from incoming where dataset_id = ?1 order by incoming_id limit 1),
         (select d.changed_at_ms
          from index_queue q join documents d on d.document_id = q.document_id
          where q.generation_id = (select generation_id from serving) order by q.queue_seq limit 1),
         ${batchedUnder('select configuration_id from wanted')}`,
      datasetId,
    ),
  );
  const values = row ?? [];
  const changeTimes = [optionalIntegerAt(values, 5), optionalIntegerAt(values, 6)].filter(
    (time) => time !== undefined,
  );
  return {
    incomingDocuments: integerAt(values, 0),
    queuedDocuments: integerAt(values, 1),
    pendingChunks: integerAt(values, 2),
    batchedChunks: integerAt(values, 7),
    uncutDocuments: integerAt(values, 3),
    isSwitchPending: integerAt(values, 4) > 0,
    oldestChangeAtMs: changeTimes.length === 0 ? undefined : Math.min(...changeTimes),
  };
}

function datasetOf(row: SqlRow): DatasetRecord {
  return {
    datasetId: integerAt(row, 0),
    address: { project: textAt(row, 1), dataset: textAt(row, 2) },
    fields: parseFieldTypes(JSON.parse(textAt(row, 3))),
    state: wordAt(row, 4, ['active', 'deleting']),
    createdAtMs: integerAt(row, 5),
    ...configurationOf(row.slice(6, 13)),
    target: row[13] === null ? undefined : configurationOf(row.slice(13, 20)),
  };
}

function configurationOf(row: SqlRow): ConfigurationRecord {
  return {
    configurationId: integerAt(row, 0),
    profileId: integerAt(row, 1),
    profile: {
      provider: textAt(row, 2),
      model: textAt(row, 3),
      dimensions: integerAt(row, 4),
      templateVersion: integerAt(row, 5),
    },
    chunking: JSON.parse(textAt(row, 6)),
  };
}

function fieldsJson(fields: FieldTypes): string {
  return JSON.stringify(fields, Object.keys(fields).sort());
}

/** Chunking settings as the catalog keeps and compares them. */
export function chunkingJson({ tokensPerChunkMax }: ChunkingSettings): string {
  return JSON.stringify({ tokensPerChunkMax });
}
