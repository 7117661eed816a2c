import type { StoredChunk } from '../../domain/chunk-diff.ts';
import type { DocumentKey } from '../../domain/document.ts';
import type { StoredDocument } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { statement } from '../sql-driver.ts';
import { bytesAt, integerAt } from '../sql-values.ts';

/** Chunks of one answer: about 2 MB as JSON from a server. */
const CHUNKS_PER_READ = 20_000;

/** What is stored of the given keys; keys that are not stored (or were deleted) are absent. */
export async function findDocuments(
  session: CatalogSession,
  datasetId: number,
  keys: readonly DocumentKey[],
): Promise<StoredDocument[]> {
  if (keys.length === 0) return [];
  const rows = await session.rows(
    statement(
      `select k.key, d.document_id, d.revision, d.content_hash, d.metadata_hash
       from json_each(?2) k
       cross join documents d on d.dataset_id = ?1 and d.source = k.value ->> 0 and d.key = k.value ->> 1
       where d.removed = 0`,
      datasetId,
      JSON.stringify(keys.map(({ source, key }) => [source, key])),
    ),
  );
  return rows.flatMap((row) => {
    // The place in the list is read instead of the key: no text travels.
    const asked = keys[integerAt(row, 0)];
    if (asked === undefined) return [];
    return {
      source: asked.source,
      key: asked.key,
      documentId: integerAt(row, 1),
      revision: integerAt(row, 2),
      contentHash: bytesAt(row, 3),
      metadataHash: bytesAt(row, 4),
    };
  });
}

/** Chunks of documents under a configuration, by ordinal; documents without chunks have an empty list. */
export async function listChunks(
  session: CatalogSession,
  configurationId: number,
  documentIds: readonly number[],
): Promise<Map<number, StoredChunk[]>> {
  const chunks = new Map<number, StoredChunk[]>(documentIds.map((id) => [id, []]));
  const ids = JSON.stringify([...chunks.keys()]);
  let after = { documentId: -1, ordinal: -1 };
  for (;;) {
    const rows = await session.rows(
      statement(
        `select document_id, ordinal, chunk_id, text_hash from chunks
         where document_id in (select value from json_each(?1)) and configuration_id = ?5
           and (document_id, ordinal) > (?2, ?3)
         order by document_id, ordinal limit ?4`,
        ids,
        after.documentId,
        after.ordinal,
        CHUNKS_PER_READ,
        configurationId,
      ),
    );
    for (const row of rows) {
      after = { documentId: integerAt(row, 0), ordinal: integerAt(row, 1) };
      chunks.get(after.documentId)?.push({ chunkId: integerAt(row, 2), textHash: bytesAt(row, 3) });
    }
    if (rows.length < CHUNKS_PER_READ) return chunks;
  }
}
