import { renderEmbeddedText } from '../../domain/embedded-text.ts';
import type { MissingText, PendingChunk } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { type SqlRow, statement } from '../sql-driver.ts';
import { bytesAt, integerAt, textAt } from '../sql-values.ts';
import { readContents } from './contents.ts';
import { isUncut } from './queue-sql.ts';

const CHUNKS_PER_ANSWER = 5_000;
/** How often a page is read again when all its documents changed under it. */
const ATTEMPTS_MAX = 10;

/** Bounds of {@link listPendingChunks}. */
export interface PendingPage {
  readonly afterChunkId: number;
  readonly limit: number;
  readonly textLengthMax: number;
}

interface PendingRow {
  readonly documentId: number;
  readonly start: number;
  readonly end: number;
  readonly context: string;
  readonly contentLength: number;
  readonly contentHash: Uint8Array;
  readonly chunk: Omit<PendingChunk, 'embeddedText'>;
}

/**
 * Pending chunks of a configuration by id; of chunks with the same text only the first. At least one if there is any. Chunks
 * whose document has to be cut anew, or changes while they are read, are left out: their hash is not that of the text at
 * their place.
 */
export async function listPendingChunks(
  session: CatalogSession,
  configurationId: number,
  page: PendingPage,
): Promise<PendingChunk[]> {
  for (let attempt = 1; ; attempt += 1) {
    const rows = withinLength(await readPending(session, configurationId, page), page.textLengthMax);
    const chunks = await withTexts(session, rows);
    if (chunks.length > 0 || rows.length === 0 || attempt === ATTEMPTS_MAX) return chunks;
  }
}

/** The condition that a chunk `c` is cut as it is to be, and no other such chunk with its text and `status` stands before it. */
function isFirstOfItsText(status: 'pending' | 'failed'): string {
  return `not ${isUncut('c.document_id', 'c.configuration_id')}
         and not exists (
           select 1 from chunks e indexed by chunks_by_text
           where e.text_hash = c.text_hash and e.profile_id = c.profile_id and e.chunk_id < c.chunk_id
             and e.configuration_id = c.configuration_id and e.embedding_status = '${status}'
             and not ${isUncut('e.document_id', 'e.configuration_id')})`;
}

async function readPending(
  session: CatalogSession,
  configurationId: number,
  page: PendingPage,
): Promise<PendingRow[]> {
  const rows = await session.rows(
    statement(
      `select c.chunk_id, c.document_id, c.start_offset, c.end_offset, cast(c.context as blob), c.text_hash,
              c.token_count, c.attempt_count, d.content_length, d.content_hash,
              exists (select 1 from batch_texts b where b.profile_id = c.profile_id and b.text_hash = c.text_hash)
       from chunks c indexed by chunks_pending
       cross join documents d on d.document_id = c.document_id
       where c.configuration_id = ?1 and c.embedding_status = 'pending' and c.batch_job_id is null and c.chunk_id > ?2
         and ${isFirstOfItsText('pending')}
       order by c.chunk_id limit ?3`,
      configurationId,
      page.afterChunkId,
      Math.min(page.limit, CHUNKS_PER_ANSWER),
    ),
  );
  return rows.map(pendingRow);
}

function pendingRow(row: SqlRow): PendingRow {
  return {
    documentId: integerAt(row, 1),
    start: integerAt(row, 2),
    end: integerAt(row, 3),
    context: textAt(row, 4),
    contentLength: integerAt(row, 8),
    contentHash: bytesAt(row, 9),
    chunk: {
      chunkId: integerAt(row, 0),
      textHash: bytesAt(row, 5),
      tokenCount: integerAt(row, 6),
      attemptCount: integerAt(row, 7),
      isPulledBack: integerAt(row, 10) === 1,
    },
  };
}

function withinLength(rows: readonly PendingRow[], textLengthMax: number): PendingRow[] {
  let length = 0;
  const end = rows.findIndex((row, index) => {
    length += row.context.length + row.end - row.start;
    return index > 0 && length > textLengthMax;
  });
  return rows.slice(0, end === -1 ? rows.length : end);
}

async function withTexts(session: CatalogSession, rows: readonly PendingRow[]): Promise<PendingChunk[]> {
  const documents = new Map(rows.map((row) => [row.documentId, row]));
  const contents = await readContents(session, [...documents.values()]);
  return rows.flatMap(({ documentId, start, end, context, chunk }) => {
    const content = contents.get(documentId);
    if (content === undefined) return [];
    return { ...chunk, embeddedText: renderEmbeddedText(context, content.slice(start, end)) };
  });
}

/** See `CostReads.listMissingTexts`. */
export async function listMissingTexts(
  session: CatalogSession,
  configurationId: number,
  page: { readonly status: 'pending' | 'failed'; readonly afterChunkId: number; readonly limit: number },
): Promise<MissingText[]> {
  // Each index holds the chunks of one status.
  const status = page.status === 'pending' ? 'pending' : 'failed';
  const rows = await session.rows(
    statement(
      `select c.chunk_id, c.token_count from chunks c indexed by chunks_${status}
       where c.configuration_id = ?1 and c.embedding_status = '${status}' and c.batch_job_id is null and c.chunk_id > ?2
         and ${isFirstOfItsText(status)}
       order by c.chunk_id limit ?3`,
      configurationId,
      page.afterChunkId,
      Math.min(page.limit, CHUNKS_PER_ANSWER),
    ),
  );
  return rows.map((row) => ({ chunkId: integerAt(row, 0), tokenCount: integerAt(row, 1) }));
}

/** Ids of pending chunks, ascending; also of those in batch jobs. */
export async function listPendingIds(
  session: CatalogSession,
  configurationId: number,
  page: { readonly afterChunkId: number; readonly limit: number },
): Promise<number[]> {
  const rows = await session.rows(
    statement(
      `select chunk_id from (
         select chunk_id from chunks indexed by chunks_pending
         where configuration_id = ?1 and embedding_status = 'pending' and batch_job_id is null and chunk_id > ?2
         union all
         select chunk_id from chunks indexed by chunks_batched
         where configuration_id = ?1 and embedding_status = 'pending' and batch_job_id is not null and chunk_id > ?2)
       order by chunk_id limit ?3`,
      configurationId,
      page.afterChunkId,
      page.limit,
    ),
  );
  return rows.map((row) => integerAt(row, 0));
}
