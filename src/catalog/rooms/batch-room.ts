import {
  type BatchPolicy,
  type BatchReads,
  type BatchWrites,
  DEFAULT_BATCH_POLICY,
  type PendingSpan,
} from '../batch-catalog.ts';
import type { CatalogSession } from '../session.ts';
import { type SqlRow, type SqlStatement, statement } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, textAt } from '../sql-values.ts';
import {
  askBatchJob,
  beginBatchSubmission,
  beginBatchUpload,
  createBatchJob,
  findBatchJob,
  forgetBatchFiles,
  listBatchJobs,
  listEndedBatchJobs,
  listUntidiedBatchJobs,
  noteBatchFiles,
  noteBatchRemote,
  noteBatchStats,
  reserveBatchJob,
  resetBatchSubmission,
  sealBatchJob,
} from './batch-jobs.ts';
import {
  addBatchTexts,
  failBatchTexts,
  finishBatchJob,
  listBatchInputs,
  listBatchTexts,
  releaseBatchTexts,
} from './batch-texts.ts';
import { expectBatchTokens } from './costs.ts';

const DATASETS_PER_ANSWER = 1_000;

/** What batch jobs read. */
export function batchReads(session: CatalogSession): BatchReads {
  return {
    findBatchJob: (batchJobId) => findBatchJob(session, batchJobId),
    listBatchJobs: (page) => listBatchJobs(session, page),
    listUntidiedBatchJobs: (page) => listUntidiedBatchJobs(session, page),
    listEndedBatchJobs: (profileId, limit) => listEndedBatchJobs(session, profileId, limit),
    listBatchTexts: (batchJobId, page) => listBatchTexts(session, batchJobId, page),
    listBatchInputs: (batchJobId, page) => listBatchInputs(session, batchJobId, page),
    batchPolicy: (datasetId) => batchPolicy(session, datasetId),
    listBatchDatasets: (page) => listBatchDatasets(session, page),
    pendingSpan: (configurationId, countMax) => pendingSpan(session, configurationId, countMax),
    listDatasetsToWake: (profileId) => listDatasetsToWake(session, profileId),
    batchedChunks: (datasetId) => batchedChunks(session, datasetId),
  };
}

/** What batch jobs write. */
export function batchWrites(session: CatalogSession, token: number): BatchWrites {
  return {
    setBatchPolicy: (datasetId, policy) => setBatchPolicy(session, token, datasetId, policy),
    createBatchJob: (job) => createBatchJob(session, token, job),
    addBatchTexts: (batchJobId, texts) => addBatchTexts(session, token, batchJobId, texts),
    sealBatchJob: (batchJobId) => sealBatchJob(session, token, batchJobId),
    beginBatchUpload: (batchJobId, count) => beginBatchUpload(session, token, batchJobId, count),
    noteBatchFiles: (batchJobId, fileIds) => noteBatchFiles(session, token, batchJobId, fileIds),
    reserveBatchJob: (batchJobId, room) => reserveBatchJob(session, token, batchJobId, room),
    beginBatchSubmission: (batchJobId, count) => beginBatchSubmission(session, token, batchJobId, count),
    noteBatchRemote: (batchJobId, seen) => noteBatchRemote(session, token, batchJobId, seen),
    resetBatchSubmission: (batchJobId, reason) => resetBatchSubmission(session, token, batchJobId, reason),
    askBatchJob: (batchJobId, asked) => askBatchJob(session, token, batchJobId, asked),
    failBatchTexts: (batchJobId, failures, attemptsMax) =>
      failBatchTexts(session, token, batchJobId, failures, attemptsMax),
    releaseBatchTexts: (batchJobId, hashes, way) =>
      releaseBatchTexts(session, token, batchJobId, hashes, way),
    expectBatchTokens: (batchJobId, expected) => expectBatchTokens(session, token, batchJobId, expected),
    noteBatchStats: (batchJobId, stats) => noteBatchStats(session, token, batchJobId, stats),
    finishBatchJob: (batchJobId, end) => finishBatchJob(session, token, batchJobId, end),
    forgetBatchFiles: (batchJobId, fileIds, options) =>
      forgetBatchFiles(session, token, batchJobId, fileIds, options),
  };
}

async function batchPolicy(session: CatalogSession, datasetId: number): Promise<BatchPolicy> {
  const [row] = await session.rows(policiesStatement([datasetId]));
  return policyOf(row);
}

/** The policies of datasets that have one, for {@link policyOf}; the first column is the dataset's id. */
export function policiesStatement(datasetIds: readonly number[]): SqlStatement {
  return statement(
    `select dataset_id, cast(policy as blob) from batch_policies
     where dataset_id in (select value from json_each(?))`,
    JSON.stringify(datasetIds),
  );
}

export function policyOf(row: SqlRow | undefined): BatchPolicy {
  return row === undefined
    ? DEFAULT_BATCH_POLICY
    : { ...DEFAULT_BATCH_POLICY, ...JSON.parse(textAt(row, 1)) };
}

async function setBatchPolicy(
  session: CatalogSession,
  token: number,
  datasetId: number,
  { mode, minBatchSize, maxWaitMs }: BatchPolicy,
): Promise<void> {
  await session.write(token, [
    statement('insert into dataset_guard values (?)', datasetId),
    statement(
      `insert into batch_policies (dataset_id, policy) values (?, ?)
       on conflict (dataset_id) do update set policy = excluded.policy`,
      datasetId,
      JSON.stringify({ mode, minBatchSize, maxWaitMs }),
    ),
  ]);
}

async function listBatchDatasets(
  session: CatalogSession,
  page: { readonly afterDatasetId: number; readonly limit: number },
): Promise<number[]> {
  const rows = await session.rows(
    statement(
      `select p.dataset_id from batch_policies p join datasets d on d.dataset_id = p.dataset_id
       where d.state = 'active' and p.dataset_id > ? and p.policy ->> 'mode' <> 'never' order by p.dataset_id limit ?`,
      page.afterDatasetId,
      Math.min(page.limit, DATASETS_PER_ANSWER),
    ),
  );
  return rows.map((row) => integerAt(row, 0));
}

const IS_PULLED_BACK = `exists (
  select 1 from batch_texts b
  where b.profile_id = c.profile_id and b.text_hash = c.text_hash and b.batch_job_id is null)`;

async function pendingSpan(
  session: CatalogSession,
  configurationId: number,
  countMax: number,
): Promise<PendingSpan> {
  const [row] = await session.rows(
    statement(
      `with some as materialized (
         select c.chunk_id, c.document_id from chunks c indexed by chunks_pending
         where c.configuration_id = ?1 and c.embedding_status = 'pending' and c.batch_job_id is null
           and not ${IS_PULLED_BACK}
         order by c.chunk_id limit ?2)
       select count(*), (select min(d.changed_at_ms) from
         (select document_id from some order by chunk_id limit 1) s join documents d on d.document_id = s.document_id)
       from some`,
      configurationId,
      countMax,
    ),
  );
  return { count: integerAt(row ?? [], 0), oldestAtMs: optionalIntegerAt(row ?? [], 1) };
}

async function listDatasetsToWake(session: CatalogSession, profileId: number): Promise<number[]> {
  const rows = await session.rows(
    statement(
      `select distinct d.dataset_id
       from configurations g join datasets d on d.dataset_id = g.dataset_id and d.state = 'active'
       where g.profile_id = ?1 and (
         exists (select 1 from chunks c indexed by chunks_pending
                 where c.configuration_id = g.configuration_id and c.embedding_status = 'pending'
                   and c.batch_job_id is null)
         or exists (select 1 from generations n
                    join index_queue q indexed by index_queue_ready on q.generation_id = n.generation_id and q.ready = 1
                    where n.configuration_id = g.configuration_id)
         or d.target_configuration_id = g.configuration_id)
       order by d.dataset_id`,
      profileId,
    ),
  );
  return rows.map((row) => integerAt(row, 0));
}

async function batchedChunks(
  session: CatalogSession,
  datasetId: number,
): Promise<{ batchJobId: number; chunks: number }[]> {
  const rows = await session.rows(
    statement(
      `select c.batch_job_id, count(*)
       from datasets d
       cross join chunks c indexed by chunks_batched
         on c.configuration_id in (d.configuration_id, d.target_configuration_id)
       where d.dataset_id = ? and c.embedding_status = 'pending' and c.batch_job_id is not null
       group by c.batch_job_id order by c.batch_job_id`,
      datasetId,
    ),
  );
  return rows.map((row) => ({ batchJobId: integerAt(row, 0), chunks: integerAt(row, 1) }));
}
