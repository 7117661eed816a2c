import Database from 'libsql';

/** What {@link readCatalog} tells of a catalog: everything about documents that is the same in every catalog that holds them. */
export interface CatalogContents {
  readonly documents: unknown[][];
  readonly chunks: unknown[][];
  readonly embeddings: unknown[][];
  readonly indexed: unknown[][];
}

/** All documents, chunks, vectors and marks of a catalog file, in comparable order. */
export function readCatalog(path: string): CatalogContents {
  const database = new Database(path);
  const all = (sql: string): unknown[][] => database.prepare(sql).raw().all([]) as unknown as unknown[][];
  return {
    documents: all(
      `select document_id, source, key, removed, format, content_length, hex(content_hash), hex(metadata_hash), title,
              metadata_json, content
       from documents left join document_contents using (document_id) order by document_id`,
    ),
    chunks: all(
      `select chunk_id, document_id, ordinal, start_offset, end_offset, token_count, embedding_status, hex(text_hash), context
       from chunks order by chunk_id`,
    ),
    embeddings: all(
      `select hex(text_hash), profile_key, hex(vector) from embeddings join embedding_profiles using (profile_id) order by 1, 2`,
    ),
    indexed: all(
      `select table_name, document_id, chunk_id, cast(fingerprint as text) from indexed_chunks
       join generations using (generation_id) order by 1, 2, 3`,
    ),
  };
}
