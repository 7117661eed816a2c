import { renderEmbeddedText } from '../../domain/embedded-text.ts';
import type { Digest } from '../../domain/hash.ts';
import type { BatchInput, BatchText, EndedBatchStatus } from '../batch-catalog.ts';
import { batchesOf } from '../batches.ts';
import type { CatalogSession } from '../session.ts';
import { type SqlRow, type SqlStatement, statement, statementForEach } from '../sql-driver.ts';
import { bytesAt, integerAt, storableText, textAt } from '../sql-values.ts';
import { closeBatchJob, requireBatchJob } from './batch-jobs.ts';
import { readContents } from './contents.ts';
import { markReadyDocuments } from './embeddings.ts';
import { isUncut, packHashes, TEXTS_TABLE } from './queue-sql.ts';

const TEXTS_PER_TRANSACTION = 1_000;
const TEXTS_PER_ANSWER = 10_000;
/** Characters of the texts of one answer. */
const TEXT_LENGTH_PER_ANSWER = 2_000_000;
/** Longest error text that is kept, in UTF-16 units. */
const ERROR_LENGTH_MAX = 2_000;

interface TextCursor {
  readonly requestNo: number;
  readonly place: number;
}

const FROM_THE_START: TextCursor = { requestNo: -1, place: -1 };

/** See `BatchWrites.addBatchTexts`. */
export async function addBatchTexts(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  texts: readonly BatchText[],
): Promise<void> {
  const { profileId } = await requireBatchJob(session, batchJobId);
  for (const batch of batchesOf(texts, { ...limits, weigh: () => 1 })) {
    await session.write(token, [
      statementForEach(
        `insert into batch_texts (profile_id, text_hash, batch_job_id, request_no, place, request_size, token_count)
         select ?1, ?2, ?3, ?4, ?5, ?6, ?7
         where not exists (select 1 from embeddings where text_hash = ?2 and profile_id = ?1)
           and exists (select 1 from batch_jobs where batch_job_id = ?3 and sealed = 0)
         on conflict do nothing`,
        batch.map(({ textHash, requestNo, place, requestSize, tokenCount }) => [
          profileId,
          textHash,
          batchJobId,
          requestNo,
          place,
          requestSize,
          tokenCount,
        ]),
      ),
      statement(
        `with ${TEXTS_TABLE}
         update chunks indexed by chunks_by_text set batch_job_id =
           (select b.batch_job_id from batch_texts b
            where b.profile_id = chunks.profile_id and b.text_hash = chunks.text_hash)
         where (text_hash, profile_id) in (select h, ?3 from t) and embedding_status = 'pending'`,
        packHashes(batch.map(({ textHash }) => textHash)),
        batch.length,
        profileId,
      ),
      statement(
        `update batch_jobs set
           text_count = (select count(*) from batch_texts b where b.batch_job_id = ?1),
           request_count = (select count(distinct request_no) from batch_texts b where b.batch_job_id = ?1),
           token_count = (select coalesce(sum(token_count), 0) from batch_texts b where b.batch_job_id = ?1)
         where batch_job_id = ?1 and sealed = 0`,
        batchJobId,
      ),
    ]);
  }
}

const limits = { itemsMax: TEXTS_PER_TRANSACTION, weightMax: TEXTS_PER_TRANSACTION };

export async function listBatchTexts(
  session: CatalogSession,
  batchJobId: number,
  page: { readonly after?: TextCursor; readonly limit: number },
): Promise<BatchText[]> {
  const { requestNo, place } = page.after ?? FROM_THE_START;
  const rows = await session.rows(
    statement(
      `select text_hash, request_no, place, request_size, token_count
       from batch_texts indexed by batch_texts_by_job
       where batch_job_id = ?1 and (request_no, place) > (?2, ?3) order by request_no, place limit ?4`,
      batchJobId,
      requestNo,
      place,
      Math.min(page.limit, TEXTS_PER_ANSWER),
    ),
  );
  return rows.map(textOf);
}

function textOf(row: SqlRow): BatchText {
  return {
    textHash: bytesAt(row, 0),
    requestNo: integerAt(row, 1),
    place: integerAt(row, 2),
    requestSize: integerAt(row, 3),
    tokenCount: integerAt(row, 4),
  };
}

/** See `BatchReads.listBatchInputs`. */
export async function listBatchInputs(
  session: CatalogSession,
  batchJobId: number,
  page: { readonly after?: TextCursor; readonly limit: number },
): Promise<{ inputs: BatchInput[]; next: TextCursor | undefined }> {
  const { requestNo, place } = page.after ?? FROM_THE_START;
  const limit = Math.min(page.limit, TEXTS_PER_ANSWER);
  const rows = await session.rows(
    statement(
      `with some as materialized (
         select profile_id, text_hash, request_no, place, request_size, token_count
         from batch_texts indexed by batch_texts_by_job
         where batch_job_id = ?1 and (request_no, place) > (?2, ?3) order by request_no, place limit ?4)
       select s.text_hash, s.request_no, s.place, s.request_size, s.token_count, c.document_id, c.start_offset,
              c.end_offset, cast(c.context as blob), d.content_length, d.content_hash
       from some s
       left join chunks c on c.chunk_id =
         (select k.chunk_id from chunks k indexed by chunks_by_text
          where k.text_hash = s.text_hash and k.profile_id = s.profile_id
            and not ${isUncut('k.document_id', 'k.configuration_id')} limit 1)
       left join documents d on d.document_id = c.document_id
       order by s.request_no, s.place`,
      batchJobId,
      requestNo,
      place,
      limit,
    ),
  );
  const taken = withinLength(rows);
  const found = taken.filter((row) => row[5] !== null && row[9] !== null);
  const documents = new Map(
    found.map((row) => [
      integerAt(row, 5),
      { documentId: integerAt(row, 5), contentLength: integerAt(row, 9), contentHash: bytesAt(row, 10) },
    ]),
  );
  const contents = await readContents(session, [...documents.values()]);
  const inputs = found.flatMap((row) => {
    const content = contents.get(integerAt(row, 5));
    if (content === undefined) return [];
    const text = content.slice(integerAt(row, 6), integerAt(row, 7));
    return { ...textOf(row), embeddedText: renderEmbeddedText(textAt(row, 8), text) };
  });
  const last = taken.at(-1);
  const isEnd = last === undefined || (taken.length === rows.length && rows.length < limit);
  return { inputs, next: isEnd ? undefined : { requestNo: integerAt(last, 1), place: integerAt(last, 2) } };
}

/** At least one. */
function withinLength(rows: readonly SqlRow[]): readonly SqlRow[] {
  let length = 0;
  const end = rows.findIndex((row, index) => {
    if (row[6] !== null) length += integerAt(row, 7) - integerAt(row, 6);
    return index > 0 && length > TEXT_LENGTH_PER_ANSWER;
  });
  return rows.slice(0, end === -1 ? rows.length : end);
}

/** See `BatchWrites.failBatchTexts`. */
export async function failBatchTexts(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  failures: readonly { readonly textHash: Digest; readonly error: string }[],
  attemptsMax: number,
): Promise<void> {
  const { profileId } = await requireBatchJob(session, batchJobId);
  for (const batch of batchesOf(failures, { ...limits, weigh: () => 1 })) {
    const hashes = batch.map(({ textHash }) => textHash);
    await session.write(token, [
      statementForEach(
        `update chunks indexed by chunks_by_text
         set attempt_count = attempt_count + 1, last_error = ?4, batch_job_id = null,
             embedding_status = iif(attempt_count + 1 >= ?5, 'failed', 'pending')
         where text_hash = ?1 and profile_id = ?2 and embedding_status = 'pending'
           and exists (select 1 from batch_texts b where b.profile_id = ?2 and b.text_hash = ?1 and b.batch_job_id = ?3)`,
        batch.map(({ textHash, error }) => [
          textHash,
          profileId,
          batchJobId,
          storableText(error, ERROR_LENGTH_MAX),
          attemptsMax,
        ]),
      ),
      ...takeOut(profileId, batchJobId, hashes, 'again'),
      markReadyDocuments(profileId, hashes),
    ]);
  }
}

export async function releaseBatchTexts(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  textHashes: readonly Digest[],
  way: 'again' | 'direct',
): Promise<void> {
  const { profileId } = await requireBatchJob(session, batchJobId);
  for (const hashes of batchesOf(textHashes, { ...limits, weigh: () => 1 })) {
    await session.write(token, takeOut(profileId, batchJobId, hashes, way));
  }
}

const HAS_CHUNK = `exists (
  select 1 from chunks c indexed by chunks_by_text
  where c.text_hash = batch_texts.text_hash and c.profile_id = batch_texts.profile_id)`;

function takeOut(
  profileId: number,
  batchJobId: number,
  hashes: readonly Uint8Array[],
  way: 'again' | 'direct',
): SqlStatement[] {
  const args = [packHashes(hashes), hashes.length, profileId, batchJobId] as const;
  const ofJob = `(profile_id, text_hash) in (select ?3, h from t) and batch_job_id = ?4`;
  return [
    statement(
      `with ${TEXTS_TABLE}
       update chunks indexed by chunks_by_text set batch_job_id = null
       where (text_hash, profile_id) in (select h, ?3 from t) and batch_job_id = ?4`,
      ...args,
    ),
    // Also where no chunk has the text any more: then there is nothing to remember of it.
    statement(
      `with ${TEXTS_TABLE} delete from batch_texts where ${ofJob} ${way === 'again' ? '' : `and not ${HAS_CHUNK}`}`,
      ...args,
    ),
    ...(way === 'again'
      ? []
      : [
          statement(`with ${TEXTS_TABLE} update batch_texts set batch_job_id = null where ${ofJob}`, ...args),
        ]),
  ];
}

/** See `BatchWrites.finishBatchJob`: in bounded transactions, the end last. */
export async function finishBatchJob(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  end: { readonly status: EndedBatchStatus; readonly error?: string; readonly way: 'again' | 'direct' },
): Promise<void> {
  for (;;) {
    const texts = await listBatchTexts(session, batchJobId, { limit: TEXTS_PER_TRANSACTION });
    if (texts.length === 0) break;
    const hashes = texts.map(({ textHash }) => textHash);
    await releaseBatchTexts(session, token, batchJobId, hashes, end.way);
  }
  await closeBatchJob(session, token, batchJobId, end);
}
