import { SynclineError } from '../../domain/errors.ts';
import { toHex } from '../../domain/hash.ts';
import { batchesOf } from '../batches.ts';
import type { CatalogSession } from '../session.ts';
import { statement } from '../sql-driver.ts';
import { bytesAt, integerAt, textAt } from '../sql-values.ts';

/** A document whose content is wanted. */
export interface ContentRequest {
  readonly documentId: number;
  /** UTF-16 units. */
  readonly contentLength: number;
  /** The content that is meant: another one, written meanwhile, is not returned. */
  readonly contentHash: Uint8Array;
}

/** UTF-16 units of the contents of one message: decoding them takes a few milliseconds. */
const LENGTH_PER_READ = 1_000_000;
/** Bytes of one piece of a larger content. */
const PIECE_BYTES = 1_000_000;
/** Most documents of one message. */
const DOCUMENTS_PER_READ = 500;

/**
 * Reads the contents of documents: document id → content. Documents that are gone or have another content by now are
 * absent. Long contents are read in pieces, so that no message is large.
 */
export async function readContents(
  session: CatalogSession,
  requests: readonly ContentRequest[],
): Promise<Map<number, string>> {
  const contents = new Map<number, string>();
  const batches = batchesOf(requests, {
    itemsMax: DOCUMENTS_PER_READ,
    weightMax: LENGTH_PER_READ,
    weigh: ({ contentLength }) => contentLength,
  });
  for (const batch of batches) {
    const [first] = batch;
    if (first === undefined) continue;
    if (batch.length === 1 && first.contentLength > LENGTH_PER_READ) await readLong(session, first, contents);
    else await readShort(session, batch, contents);
  }
  return contents;
}

async function readShort(
  session: CatalogSession,
  batch: readonly ContentRequest[],
  contents: Map<number, string>,
): Promise<void> {
  const rows = await session.rows(
    statement(
      `select d.document_id, d.content_hash, cast(c.content as blob)
       from json_each(?) k
       cross join documents d on d.document_id = k.value
       cross join document_contents c on c.document_id = d.document_id`,
      JSON.stringify(batch.map(({ documentId }) => documentId)),
    ),
  );
  const hashes = new Map(batch.map(({ documentId, contentHash }) => [documentId, toHex(contentHash)]));
  for (const row of rows) {
    const documentId = integerAt(row, 0);
    if (hashes.get(documentId) === toHex(bytesAt(row, 1))) contents.set(documentId, textAt(row, 2));
  }
}

async function readLong(
  session: CatalogSession,
  { documentId, contentHash }: ContentRequest,
  contents: Map<number, string>,
): Promise<void> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let content = '';
  for (let offset = 1; ; offset += PIECE_BYTES) {
    const [row] = await session.rows(
      statement(
        `select substr(cast(c.content as blob), ?3, ?4)
         from documents d join document_contents c on c.document_id = d.document_id
         where d.document_id = ?1 and d.content_hash = ?2`,
        documentId,
        contentHash,
        offset,
        PIECE_BYTES,
      ),
    );
    if (row === undefined) return;
    const piece = bytesAt(row, 0);
    const isLast = piece.byteLength < PIECE_BYTES;
    content += decodePiece(decoder, piece, isLast);
    if (isLast) break;
  }
  contents.set(documentId, content);
}

function decodePiece(decoder: TextDecoder, piece: Uint8Array, isLast: boolean): string {
  try {
    return decoder.decode(piece, { stream: !isLast });
  } catch (error) {
    throw new SynclineError(
      'CATALOG_CORRUPT',
      'The catalog holds a document that is not valid UTF-8: it is damaged. Restore it from a backup.',
      { cause: error },
    );
  }
}
