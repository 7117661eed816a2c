import type { RowPage } from '../../domain/row-page.ts';
import type { CatalogSession } from '../session.ts';
import { statement } from '../sql-driver.ts';
import { bytesAt, integerAt, vectorAt } from '../sql-values.ts';
import type { IndexedRowsCursor, IndexedRowsPage } from '../sync-catalog.ts';
import { chunkInGeneration } from './queue-sql.ts';

/*
 * What a sync check reads. Rows come packed into one text of hexadecimal digits per page: 1 µs a row, a third of what rows
 * of values take on their way out of SQLite and between the threads, and the same over HTTP. Sums per bucket inside of
 * SQLite are slower: it groups by sorting.
 */

/** Rows of one page: 20 ms of the catalog's time, and 0.8 MB. */
const ROWS_PER_PAGE = 16_384;
/** Three integers of 64 bits. */
const DIGITS_PER_ROW = 48;
/** What a vector's row weighs besides the vector. */
const ROW_BYTES = 100;
/** Chunks that are looked at in one answer for one that lacks its embedding. */
const CHUNKS_PER_PAGE = 5_000;

const UINT32_RANGE = 2 ** 32;

/** Rows that a generation's table should hold, in the order of their documents. */
export async function listIndexedRows(
  session: CatalogSession,
  generationId: number,
  page: IndexedRowsPage,
): Promise<{ readonly rows: RowPage; readonly next: IndexedRowsCursor | undefined }> {
  const { documentId, chunkId } = page.after ?? { documentId: -1, chunkId: -1 };
  const isChosen =
    page.buckets === undefined ? '' : 'and chunk_id & 255 in (select value from json_each(?5))';
  const [row] = await session.rows(
    statement(
      `select cast(group_concat(printf('%016x%016x%016x', chunk_id, document_id, fingerprint), '') as blob)
       from (select chunk_id, document_id, fingerprint from indexed_chunks
             where generation_id = ?1 and (document_id, chunk_id) > (?2, ?3) ${isChosen}
             order by document_id, chunk_id limit ?4)`,
      generationId,
      documentId,
      chunkId,
      ROWS_PER_PAGE,
      ...(page.buckets === undefined ? [] : [JSON.stringify(page.buckets)]),
    ),
  );
  const digits = row === undefined || row[0] === null ? new Uint8Array(0) : bytesAt(row, 0);
  const rows = unpackRows(digits);
  const last = rows.chunkIds.length - 1;
  if (rows.chunkIds.length < ROWS_PER_PAGE) return { rows, next: undefined };
  return { rows, next: { documentId: rows.documentIds[last] ?? 0, chunkId: rows.chunkIds[last] ?? 0 } };
}

function unpackRows(digits: Uint8Array): RowPage {
  const rowCount = digits.length / DIGITS_PER_ROW;
  const text = Buffer.from(digits.buffer, digits.byteOffset, digits.byteLength).toString('latin1');
  const bytes = Buffer.alloc(text.length / 2);
  bytes.write(text, 'hex');
  // From the order of digits to that of this host: then each integer is two numbers of 32 bits, the low one first.
  bytes.swap64();
  const halves = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const chunkIds = new Float64Array(rowCount);
  const documentIds = new Float64Array(rowCount);
  const fingerprints = new Uint32Array(rowCount * 2);
  for (let row = 0; row < rowCount; row += 1) {
    const at = row * 6;
    chunkIds[row] = (halves[at + 1] ?? 0) * UINT32_RANGE + (halves[at] ?? 0);
    documentIds[row] = (halves[at + 3] ?? 0) * UINT32_RANGE + (halves[at + 2] ?? 0);
    fingerprints[row * 2] = halves[at + 4] ?? 0;
    fingerprints[row * 2 + 1] = halves[at + 5] ?? 0;
  }
  return { chunkIds, documentIds, fingerprints };
}

/** The stored vectors of some chunks of a generation, by chunk id. */
export async function findVectors(
  session: CatalogSession,
  generationId: number,
  chunkIds: readonly number[],
): Promise<Map<number, Float32Array>> {
  const vectors = new Map<number, Float32Array>();
  const [profile] = await session.rows(
    statement(
      `select e.dimensions from generations g join embedding_profiles e on e.profile_id = g.profile_id
       where g.generation_id = ?`,
      generationId,
    ),
  );
  if (profile === undefined) return vectors;
  const perRead = Math.max(
    1,
    Math.floor(session.driver.readBytesMax / (integerAt(profile, 0) * 4 + ROW_BYTES)),
  );
  for (let start = 0; start < chunkIds.length; start += perRead) {
    const rows = await session.rows(
      statement(
        `select c.chunk_id, e.vector
         from generations g
         cross join json_each(?2) j
         cross join chunks c on c.chunk_id = j.value and ${chunkInGeneration('c', 'g')}
         cross join embeddings e on e.text_hash = c.text_hash and e.profile_id = g.profile_id
         where g.generation_id = ?1`,
        generationId,
        JSON.stringify(chunkIds.slice(start, start + perRead)),
      ),
    );
    for (const row of rows) vectors.set(integerAt(row, 0), vectorAt(row, 1));
  }
  return vectors;
}

/** Chunks of a generation that count as embedded although the catalog has no embedding of their text. */
export async function listUnembeddedChunks(
  session: CatalogSession,
  generationId: number,
  afterChunkId: number,
): Promise<{ readonly chunkIds: readonly number[]; readonly nextAfterChunkId: number | undefined }> {
  const page = `
    select c.chunk_id, c.text_hash, c.embedding_status, g.profile_id
    from generations g cross join chunks c indexed by chunks_by_configuration on ${chunkInGeneration('c', 'g')}
    where g.generation_id = ?1 and c.chunk_id > ?2
    order by c.chunk_id limit ?3`;
  const [end, found] = await session.read(
    statement(`select count(*), max(chunk_id) from (${page})`, generationId, afterChunkId, CHUNKS_PER_PAGE),
    statement(
      `select chunk_id from (${page}) p
       where embedding_status = 'ready' and not exists
         (select 1 from embeddings e where e.text_hash = p.text_hash and e.profile_id = p.profile_id)`,
      generationId,
      afterChunkId,
      CHUNKS_PER_PAGE,
    ),
  );
  const isFull = integerAt(end?.rows[0] ?? [], 0) === CHUNKS_PER_PAGE;
  return {
    chunkIds: (found?.rows ?? []).map((row) => integerAt(row, 0)),
    nextAfterChunkId: isFull ? integerAt(end?.rows[0] ?? [], 1) : undefined,
  };
}
