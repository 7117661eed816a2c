import type { DocumentChunk } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { statement } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, optionalTextAt, textAt, wordAt } from '../sql-values.ts';

/** Chunks of a document under its dataset's active configuration, by ordinal. */
export async function listDocumentChunks(
  session: CatalogSession,
  documentId: number,
  page: { readonly afterOrdinal: number; readonly limit: number },
): Promise<DocumentChunk[]> {
  const rows = await session.rows(
    statement(
      `select c.chunk_id, c.ordinal, c.start_offset, c.end_offset, c.token_count, cast(c.embedding_status as blob),
              c.attempt_count, cast(c.last_error as blob), cast(c.context as blob), d.revision,
              exists (select 1 from indexed_chunks i
                      join generations g on g.generation_id = i.generation_id and g.state = 'serving'
                      where g.dataset_id = d.dataset_id and i.document_id = d.document_id and i.chunk_id = c.chunk_id),
              (select e.embedded_token_count from embeddings e
               where e.text_hash = c.text_hash and e.profile_id = c.profile_id and c.embedding_status = 'ready')
       from documents d
       join datasets s on s.dataset_id = d.dataset_id
       join chunks c on c.document_id = d.document_id and c.configuration_id = s.configuration_id
       where d.document_id = ?1 and d.removed = 0 and c.ordinal > ?2
       order by c.ordinal limit ?3`,
      documentId,
      page.afterOrdinal,
      page.limit,
    ),
  );
  return rows.map((row) => ({
    chunkId: integerAt(row, 0),
    ordinal: integerAt(row, 1),
    start: integerAt(row, 2),
    end: integerAt(row, 3),
    tokenCount: integerAt(row, 4),
    status: wordAt(row, 5, ['pending', 'ready', 'failed']),
    attemptCount: integerAt(row, 6),
    lastError: optionalTextAt(row, 7),
    context: textAt(row, 8),
    revision: integerAt(row, 9),
    isIndexed: integerAt(row, 10) === 1,
    embeddedTokenCount: optionalIntegerAt(row, 11),
  }));
}
