import type { IndexMark } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { statementForEach } from '../sql-driver.ts';
import { recordTableStatement, requireGeneration } from './generations.ts';
import { LEFT_EVERY_TABLE } from './queue-sql.ts';

/**
 * The mark: what a table holds after a commit, in one transaction. Tombstones go, because the document's rows are
 * replaced as a whole; a document that changed meanwhile stays queued; a deleted one goes when no table has rows of it.
 */
export async function markIndexed(session: CatalogSession, token: number, mark: IndexMark): Promise<void> {
  const { generationId, documents } = mark;
  const results = await session.write(token, [
    recordTableStatement(generationId, mark),
    statementForEach(
      'delete from indexed_chunks where generation_id = ? and document_id = ?',
      documents.map(({ documentId }) => [generationId, documentId]),
    ),
    statementForEach(
      'insert into indexed_chunks (generation_id, document_id, chunk_id, fingerprint) values (?, ?, ?, ?)',
      documents.flatMap(({ documentId, rows }) =>
        rows.map(({ chunkId, fingerprint }) => [generationId, documentId, chunkId, fingerprint]),
      ),
    ),
    statementForEach(
      'delete from index_queue where generation_id = ? and document_id = ? and revision <= ?',
      documents.map(({ documentId, revision }) => [generationId, documentId, revision]),
    ),
    statementForEach(
      'update index_queue set has_rows = ? where generation_id = ? and document_id = ?',
      documents.map(({ documentId, rows }) => [rows.length > 0 ? 1 : 0, generationId, documentId]),
    ),
    statementForEach(
      `delete from documents as d where d.document_id = ? and ${LEFT_EVERY_TABLE}`,
      documents.filter(({ rows }) => rows.length === 0).map(({ documentId }) => [documentId]),
    ),
  ]);
  requireGeneration(generationId, results[0]?.rows);
}
