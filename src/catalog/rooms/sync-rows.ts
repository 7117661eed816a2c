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

/** Rows of one page: some 10 ms of the catalog's time, and 0.25 MB. */
const ROWS_PER_PAGE = 8_192;
/** What a vector's row weighs besides the vector. */
const ROW_BYTES = 100;
/** Chunks that are looked at in one answer for one that lacks its embedding. */
const CHUNKS_PER_PAGE = 5_000;

const UINT32_RANGE = 2 ** 32;
const FINGERPRINT_DIGITS = 16;
/** Digits of an id: 8 are enough for the first four billion. */
type IdDigits = 8 | 16;

/** Rows that a generation's table should hold, in the order of their documents. */
export async function listIndexedRows(
  session: CatalogSession,
  generationId: number,
  page: IndexedRowsPage,
): Promise<{ readonly rows: RowPage; readonly next: IndexedRowsCursor | undefined }> {
  const rows =
    (await readPacked(session, generationId, page, 8)) ?? (await readPacked(session, generationId, page, 16));
  const last = (rows?.chunkIds.length ?? 0) - 1;
  if (rows === undefined) return { rows: emptyPage(0), next: undefined };
  if (last < ROWS_PER_PAGE - 1) return { rows, next: undefined };
  return { rows, next: { documentId: rows.documentIds[last] ?? 0, chunkId: rows.chunkIds[last] ?? 0 } };
}

/** One page; `undefined` when an id has more digits. */
async function readPacked(
  session: CatalogSession,
  generationId: number,
  { after = { documentId: -1, chunkId: -1 }, buckets }: IndexedRowsPage,
  idDigits: IdDigits,
): Promise<RowPage | undefined> {
  const isChosen = buckets === undefined ? '' : 'and chunk_id & 255 in (select value from json_each(?5))';
  const form = `%0${idDigits}x%0${idDigits}x%0${FINGERPRINT_DIGITS}x`;
  const [row = []] = await session.rows(
    statement(
      `select cast(coalesce(group_concat(printf('${form}', chunk_id, document_id, fingerprint), ''), '') as blob),
              coalesce(max(max(chunk_id), max(document_id)), 0)
       from (select chunk_id, document_id, fingerprint from indexed_chunks
             where generation_id = ?1 and (document_id, chunk_id) > (?2, ?3) ${isChosen}
             order by document_id, chunk_id limit ?4)`,
      generationId,
      after.documentId,
      after.chunkId,
      ROWS_PER_PAGE,
      ...(buckets === undefined ? [] : [JSON.stringify(buckets)]),
    ),
  );
  if (idDigits === 8 && integerAt(row, 1) >= UINT32_RANGE) return undefined;
  return unpackRows(bytesAt(row, 0), idDigits);
}

function emptyPage(rowCount: number): RowPage {
  return {
    chunkIds: new Float64Array(rowCount),
    documentIds: new Float64Array(rowCount),
    fingerprints: new Uint32Array(rowCount * 2),
  };
}

function unpackRows(digits: Uint8Array, idDigits: IdDigits): RowPage {
  const digitsPerRow = idDigits * 2 + FINGERPRINT_DIGITS;
  const page = emptyPage(digits.length / digitsPerRow);
  for (let row = 0; row < page.chunkIds.length; row += 1) {
    const start = row * digitsPerRow;
    page.chunkIds[row] = idAt(digits, start, idDigits);
    page.documentIds[row] = idAt(digits, start + idDigits, idDigits);
    page.fingerprints[row * 2 + 1] = wordAt(digits, start + idDigits * 2);
    page.fingerprints[row * 2] = wordAt(digits, start + idDigits * 2 + 8);
  }
  return page;
}

function idAt(digits: Uint8Array, start: number, idDigits: IdDigits): number {
  if (idDigits === 8) return wordAt(digits, start);
  return wordAt(digits, start) * UINT32_RANGE + wordAt(digits, start + 8);
}

/** The number that 8 digits stand for. In place: a text and its bytes per page would be three times the garbage. */
function wordAt(digits: Uint8Array, start: number): number {
  let word = 0;
  for (let index = start; index < start + 8; index += 1) {
    const code = digits[index] ?? 0;
    // "0" is 0x30, "a" is 0x61.
    word = (word << 4) | ((code & 15) + (code >> 6) * 9);
  }
  return word >>> 0;
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
