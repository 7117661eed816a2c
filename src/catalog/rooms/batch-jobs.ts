import { SynclineError } from '../../domain/errors.ts';
import {
  type BatchAsk,
  type BatchJobRecord,
  type BatchJobStatus,
  type BatchRoom,
  type BatchStats,
  ENDED_BATCH_STATUSES,
  LIVE_BATCH_STATUSES,
} from '../batch-catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlRow, statement } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, optionalTextAt, storableText, textAt, wordAt } from '../sql-values.ts';

/** Jobs that are over and tidy, kept for those who look. */
const ENDED_JOBS_MAX = 1_000;
const JOBS_PER_ANSWER = 1_000;
const ERROR_LENGTH_MAX = 2_000;

const NO_STATS: BatchStats = { stored: 0, refused: 0, released: 0, strangeLines: 0, tokensCharged: 0 };

const SELECT_JOB = `
  select j.batch_job_id, cast(j.name as blob), cast(j.type as blob), j.profile_id, cast(e.provider as blob),
         cast(e.model as blob), e.dimensions, e.template_version, cast(j.status as blob), j.sealed, j.reserved,
         cast(j.asked as blob), j.text_count, j.request_count, j.token_count, j.upload_count, j.submission_count,
         j.submission_begun_at_ms, cast(j.file_id as blob), cast(j.external_id as blob), cast(j.remote as blob),
         cast(j.files as blob), cast(j.stats as blob), cast(j.error as blob), j.created_at_ms, j.submitted_at_ms,
         j.processing_at_ms, j.finished_at_ms, j.looked_at_ms, j.tidied,
         j.dataset_id, cast(p.name || '/' || d.name as blob)
  from batch_jobs j
  join embedding_profiles e on e.profile_id = j.profile_id
  left join datasets d on d.dataset_id = j.dataset_id
  left join projects p on p.project_id = d.project_id`;

const IS_LIVE = `status in (${LIVE_BATCH_STATUSES.map((status) => `'${status}'`).join(', ')})`;

export async function findBatchJob(
  session: CatalogSession,
  batchJobId: number,
): Promise<BatchJobRecord | undefined> {
  const [row] = await session.rows(statement(`${SELECT_JOB} where j.batch_job_id = ?`, batchJobId));
  return row === undefined ? undefined : jobOf(row);
}

export async function listBatchJobs(
  session: CatalogSession,
  page: { readonly status?: BatchJobStatus; readonly beforeBatchJobId?: number; readonly limit: number },
): Promise<BatchJobRecord[]> {
  const rows = await session.rows(
    statement(
      `${SELECT_JOB} where (?1 is null or j.status = ?1) and (?2 is null or j.batch_job_id < ?2)
       order by j.batch_job_id desc limit ?3`,
      page.status ?? null,
      page.beforeBatchJobId ?? null,
      Math.min(page.limit, JOBS_PER_ANSWER),
    ),
  );
  return rows.map(jobOf);
}

export async function listUntidiedBatchJobs(
  session: CatalogSession,
  page: { readonly afterBatchJobId: number; readonly limit: number },
): Promise<BatchJobRecord[]> {
  const rows = await session.rows(
    statement(
      `${SELECT_JOB} where j.tidied = 0 and j.batch_job_id > ? order by j.batch_job_id limit ?`,
      page.afterBatchJobId,
      Math.min(page.limit, JOBS_PER_ANSWER),
    ),
  );
  return rows.map(jobOf);
}

export async function listEndedBatchJobs(
  session: CatalogSession,
  profileId: number,
  limit: number,
): Promise<BatchJobRecord[]> {
  const rows = await session.rows(
    statement(
      `${SELECT_JOB} where j.profile_id = ? and not j.${IS_LIVE} order by j.batch_job_id desc limit ?`,
      profileId,
      Math.min(limit, JOBS_PER_ANSWER),
    ),
  );
  return rows.map(jobOf);
}

/** A job in status `created`; the one of that name where there is one. */
export async function createBatchJob(
  session: CatalogSession,
  token: number,
  job: {
    readonly name: string;
    readonly type: string;
    readonly datasetId: number;
    readonly profileId: number;
  },
): Promise<BatchJobRecord> {
  const results = await session.write(token, [
    statement(
      `insert into batch_jobs (name, type, dataset_id, profile_id, status, created_at_ms)
       values (?, ?, ?, ?, 'created', ${NOW_MS})
       on conflict do nothing`,
      job.name,
      job.type,
      job.datasetId,
      job.profileId,
    ),
    statement(`${SELECT_JOB} where j.name = ?`, job.name),
  ]);
  return jobOf(results[1]?.rows[0] ?? []);
}

export async function sealBatchJob(
  session: CatalogSession,
  token: number,
  batchJobId: number,
): Promise<void> {
  await session.write(token, [
    statement('update batch_jobs set sealed = 1 where batch_job_id = ?', batchJobId),
  ]);
}

export async function beginBatchUpload(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  count: number,
): Promise<void> {
  await session.write(token, [
    statement(
      'update batch_jobs set upload_count = max(upload_count, ?2) where batch_job_id = ?1',
      batchJobId,
      count,
    ),
  ]);
}

export async function noteBatchFiles(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  fileIds: readonly string[],
): Promise<void> {
  await session.write(token, [
    statement(
      `update batch_jobs set file_id = coalesce(file_id, ?2), files = ${union('?3')} where batch_job_id = ?1`,
      batchJobId,
      fileIds[0] ?? null,
      JSON.stringify(fileIds),
    ),
  ]);
}

/** The files known already and those of a JSON list, each once. */
const union = (list: string): string =>
  `(select json_group_array(value) from (select value from json_each(files) union select value from json_each(${list})))`;

/** See `BatchWrites.reserveBatchJob`. Jobs count by provider and model, whatever the length of their vectors. */
export async function reserveBatchJob(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  room: BatchRoom,
): Promise<boolean> {
  const results = await session.write(token, [
    statement(
      `with mine as (
         select j.batch_job_id, j.token_count, j.request_count, e.provider, e.model
         from batch_jobs j join embedding_profiles e on e.profile_id = j.profile_id where j.batch_job_id = ?1),
       others as (
         select count(*) as jobs, coalesce(sum(j.token_count), 0) as tokens,
                coalesce(sum(j.request_count), 0) as requests
         from batch_jobs j indexed by batch_jobs_untidied
         join embedding_profiles e on e.profile_id = j.profile_id
         join mine m on m.provider = e.provider and m.model = e.model and m.batch_job_id <> j.batch_job_id
         where j.tidied = 0 and j.reserved = 1)
       update batch_jobs set reserved = 1
       where batch_job_id = ?1 and reserved = 0 and exists (
         select 1 from mine m, others o
         where o.jobs = 0 or (o.jobs < ?4 and o.tokens + m.token_count <= ?2 and o.requests + m.request_count <= ?3))`,
      batchJobId,
      room.tokensMax,
      room.requestsMax,
      room.jobsMax,
    ),
    statement('select reserved from batch_jobs where batch_job_id = ?', batchJobId),
  ]);
  return results[1]?.rows[0]?.[0] === 1;
}

export async function beginBatchSubmission(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  count: number,
): Promise<void> {
  await session.write(token, [
    statement(
      `update batch_jobs set submission_count = ?2, submission_begun_at_ms = ${NOW_MS}
       where batch_job_id = ?1 and submission_count < ?2`,
      batchJobId,
      count,
    ),
  ]);
}

export async function noteBatchRemote(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  seen: {
    readonly externalId: string;
    readonly remoteJson: string;
    readonly status: 'submitted' | 'processing';
    readonly fileIds: readonly string[];
  },
): Promise<void> {
  await session.write(token, [
    statement(
      `update batch_jobs set external_id = ?2, remote = ?3, files = ${union('?5')}, looked_at_ms = ${NOW_MS},
         status = iif(status = 'processing', status, ?4), error = null,
         submitted_at_ms = coalesce(submitted_at_ms, ${NOW_MS}),
         processing_at_ms = coalesce(processing_at_ms, iif(?4 = 'processing', ${NOW_MS}, null))
       where batch_job_id = ?1 and ${IS_LIVE}`,
      batchJobId,
      seen.externalId,
      seen.remoteJson,
      seen.status,
      JSON.stringify(seen.fileIds),
    ),
  ]);
}

export async function resetBatchSubmission(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  reason: string,
): Promise<void> {
  await session.write(token, [
    statement(
      `update batch_jobs set status = 'created', external_id = null, remote = null, reserved = 0, error = ?2,
         submission_begun_at_ms = null,
         submitted_at_ms = null, processing_at_ms = null, looked_at_ms = ${NOW_MS}
       where batch_job_id = ?1 and ${IS_LIVE}`,
      batchJobId,
      storableText(reason, ERROR_LENGTH_MAX),
    ),
  ]);
}

export async function askBatchJob(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  asked: BatchAsk,
): Promise<void> {
  await session.write(token, [
    statement(
      `update batch_jobs set asked = iif(asked = 'pullBack', asked, ?2) where batch_job_id = ?1 and ${IS_LIVE}`,
      batchJobId,
      asked,
    ),
  ]);
}

export async function noteBatchStats(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  stats: BatchStats,
): Promise<void> {
  await session.write(token, [
    statement(
      `update batch_jobs set stats = ?2 where batch_job_id = ?1 and ${IS_LIVE}`,
      batchJobId,
      JSON.stringify(stats),
    ),
  ]);
}

/** Ends a job that holds no text any more. */
export async function closeBatchJob(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  end: { readonly status: BatchJobStatus; readonly error?: string },
): Promise<void> {
  await session.write(token, [
    statement(
      `update batch_jobs set status = ?2, error = coalesce(?3, error), reserved = 0, sealed = 1, finished_at_ms = ${NOW_MS}
       where batch_job_id = ?1 and ${IS_LIVE}`,
      batchJobId,
      end.status,
      end.error === undefined ? null : storableText(end.error, ERROR_LENGTH_MAX),
    ),
  ]);
}

/** Also forgets jobs that ended long ago. */
export async function forgetBatchFiles(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  fileIds: readonly string[],
  { tidied }: { readonly tidied: boolean },
): Promise<void> {
  await session.write(token, [
    statement(
      `update batch_jobs set tidied = max(tidied, ?3),
         files = (select json_group_array(value) from json_each(files) where value not in (select value from json_each(?2)))
       where batch_job_id = ?1`,
      batchJobId,
      JSON.stringify(fileIds),
      tidied ? 1 : 0,
    ),
    statement(
      `delete from batch_jobs where tidied = 1 and not ${IS_LIVE} and batch_job_id <
         (select batch_job_id from batch_jobs where tidied = 1 order by batch_job_id desc limit 1 offset ?)`,
      ENDED_JOBS_MAX - 1,
    ),
  ]);
}

/** @throws SynclineError `BATCH_NOT_FOUND`. */
export async function requireBatchJob(session: CatalogSession, batchJobId: number): Promise<BatchJobRecord> {
  const job = await findBatchJob(session, batchJobId);
  if (job !== undefined) return job;
  throw new SynclineError('BATCH_NOT_FOUND', `There is no batch job ${batchJobId}, or it ended long ago.`, {
    details: { batchJobId },
  });
}

function jobOf(row: SqlRow): BatchJobRecord {
  const asked = row[11] === null ? undefined : wordAt(row, 11, ['cancel', 'pullBack']);
  return {
    batchJobId: integerAt(row, 0),
    name: textAt(row, 1),
    type: textAt(row, 2),
    datasetId: integerAt(row, 30),
    address: optionalTextAt(row, 31),
    profileId: integerAt(row, 3),
    profile: {
      provider: textAt(row, 4),
      model: textAt(row, 5),
      dimensions: integerAt(row, 6),
      templateVersion: integerAt(row, 7),
    },
    status: wordAt(row, 8, [...LIVE_BATCH_STATUSES, ...ENDED_BATCH_STATUSES]),
    sealed: integerAt(row, 9) === 1,
    reserved: integerAt(row, 10) === 1,
    asked,
    textCount: integerAt(row, 12),
    requestCount: integerAt(row, 13),
    tokenCount: integerAt(row, 14),
    uploadCount: integerAt(row, 15),
    submissionCount: integerAt(row, 16),
    submissionBegunAtMs: optionalIntegerAt(row, 17),
    fileId: optionalTextAt(row, 18),
    externalId: optionalTextAt(row, 19),
    remoteJson: optionalTextAt(row, 20),
    files: JSON.parse(textAt(row, 21)),
    stats: { ...NO_STATS, ...JSON.parse(textAt(row, 22)) },
    error: optionalTextAt(row, 23),
    createdAtMs: integerAt(row, 24),
    submittedAtMs: optionalIntegerAt(row, 25),
    processingAtMs: optionalIntegerAt(row, 26),
    finishedAtMs: optionalIntegerAt(row, 27),
    lookedAtMs: optionalIntegerAt(row, 28),
    tidied: integerAt(row, 29) === 1,
  };
}
