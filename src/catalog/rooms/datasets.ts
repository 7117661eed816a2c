import { type DatasetAddress, formatAddress } from '../../domain/address.ts';
import type { ChunkingSettings } from '../../domain/chunk.ts';
import { profileKey } from '../../domain/embedding-profile.ts';
import { SynclineError } from '../../domain/errors.ts';
import { type FieldTypes, parseFieldTypes } from '../../domain/fields.ts';
import type { DatasetBacklog, DatasetCounts, DatasetPage, DatasetRecord, DatasetSpec } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlRow, statement } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, textAt, wordAt } from '../sql-values.ts';

const SELECT_DATASET = `
  select d.dataset_id, d.profile_id, cast(p.name as blob), cast(d.name as blob), cast(e.provider as blob),
         cast(e.model as blob), e.dimensions, e.template_version, cast(d.fields as blob), cast(d.chunking as blob),
         cast(d.state as blob), d.created_at_ms
  from datasets d
  join projects p on p.project_id = d.project_id
  join embedding_profiles e on e.profile_id = d.profile_id`;

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

/** Creates a dataset, or returns the existing one when all its settings are equal. */
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
    statement(
      `insert into embedding_profiles (profile_key, provider, model, dimensions, template_version, created_at_ms)
       values (?, ?, ?, ?, ?, ${NOW_MS}) on conflict do nothing`,
      key,
      profile.provider,
      profile.model,
      profile.dimensions,
      profile.templateVersion,
    ),
    statement(
      `insert into datasets (project_id, name, profile_id, fields, chunking, state, created_at_ms)
       select p.project_id, ?2, e.profile_id, ?4, ?5, 'active', ${NOW_MS}
       from projects p join embedding_profiles e on e.profile_key = ?3
       where p.name = ?1
       on conflict do nothing`,
      address.project,
      address.dataset,
      key,
      fields,
      chunking,
    ),
  ]);
  const stored = await findDataset(session, address);
  if (stored === undefined) throw new SynclineError('INTERNAL', 'A dataset vanished while it was created.');
  refuseDifferent(stored, { key, fields, chunking });
  return stored;
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
  const differing = [
    profileKey(stored.profile) === wanted.key ? undefined : 'embedding profile',
    fieldsJson(stored.fields) === wanted.fields ? undefined : 'fields',
    chunkingJson(stored.chunking) === wanted.chunking ? undefined : 'chunking',
  ].filter((part) => part !== undefined);
  if (differing.length === 0) return;
  throw new SynclineError(
    'DATASET_EXISTS',
    `The dataset ${name} exists, and its settings differ from the wanted ones in: ${differing.join(', ')}. Ask for the settings it has, or take another name.`,
    { details: { differing } },
  );
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

export async function datasetCounts(session: CatalogSession, datasetId: number): Promise<DatasetCounts> {
  const [row] = await session.rows(
    statement(
      `with serving as materialized
         (select generation_id from generations where dataset_id = ?1 and state = 'serving')
       select
         (select count(*) from documents where dataset_id = ?1)
           - (select count(*) from documents where dataset_id = ?1 and removed = 1),
         (select count(*) from chunks where dataset_id = ?1),
         (select count(*) from chunks where dataset_id = ?1 and embedding_status = 'pending'),
         (select count(*) from chunks where dataset_id = ?1 and embedding_status = 'failed'),
         (select count(*) from indexed_chunks where generation_id in serving),
         (select count(*)
          from index_queue q
          join tombstones t on t.generation_id = q.generation_id and t.document_id = q.document_id
          where q.generation_id in serving),
         (select count(*) from incoming where dataset_id = ?1),
         (select count(*) from index_queue where generation_id in serving)`,
      datasetId,
    ),
  );
  const at = (column: number) => integerAt(row ?? [], column);
  return {
    documents: at(0),
    chunks: { pending: at(2), failed: at(3), ready: at(1) - at(2) - at(3) },
    indexedChunks: at(4) - at(5),
    incomingDocuments: at(6),
    queuedDocuments: at(7),
  };
}

export async function datasetBacklog(session: CatalogSession, datasetId: number): Promise<DatasetBacklog> {
  const [row] = await session.rows(
    statement(
      `with serving as materialized
         (select generation_id from generations where dataset_id = ?1 and state = 'serving')
       select
         (select count(*) from incoming where dataset_id = ?1),
         (select count(*) from index_queue where generation_id in serving),
         (select count(*) from chunks where dataset_id = ?1 and embedding_status = 'pending'),
         (select queued_at_ms from incoming where dataset_id = ?1 order by incoming_id limit 1),
         (select d.changed_at_ms
          from index_queue q join documents d on d.document_id = q.document_id
          where q.generation_id = (select generation_id from serving) order by q.queue_seq limit 1)`,
      datasetId,
    ),
  );
  const values = row ?? [];
  const changeTimes = [optionalIntegerAt(values, 3), optionalIntegerAt(values, 4)].filter(
    (time) => time !== undefined,
  );
  return {
    incomingDocuments: integerAt(values, 0),
    queuedDocuments: integerAt(values, 1),
    pendingChunks: integerAt(values, 2),
    oldestChangeAtMs: changeTimes.length === 0 ? undefined : Math.min(...changeTimes),
  };
}

function datasetOf(row: SqlRow): DatasetRecord {
  return {
    datasetId: integerAt(row, 0),
    profileId: integerAt(row, 1),
    address: { project: textAt(row, 2), dataset: textAt(row, 3) },
    profile: {
      provider: textAt(row, 4),
      model: textAt(row, 5),
      dimensions: integerAt(row, 6),
      templateVersion: integerAt(row, 7),
    },
    fields: parseFieldTypes(JSON.parse(textAt(row, 8))),
    chunking: JSON.parse(textAt(row, 9)),
    state: wordAt(row, 10, ['active', 'deleting']),
    createdAtMs: integerAt(row, 11),
  };
}

function fieldsJson(fields: FieldTypes): string {
  return JSON.stringify(fields, Object.keys(fields).sort());
}

function chunkingJson({ tokensPerChunkMax }: ChunkingSettings): string {
  return JSON.stringify({ tokensPerChunkMax });
}
