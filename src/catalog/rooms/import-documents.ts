import { batchesOf } from '../batches.ts';
import type { CatalogImporter, ImportCounts, ImportedDocument, ImportTarget } from '../catalog-import.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlStatement, statement, statementForEach } from '../sql-driver.ts';
import { integerAt, vectorBytes } from '../sql-values.ts';

/** Documents of one transaction. */
const DOCUMENTS_PER_TRANSACTION = 250;
/** What a chunk's rows weigh besides context and vector. */
const CHUNK_BYTES = 300;

/** See {@link CatalogImporter}. */
export function createImporter(session: CatalogSession, token: number): CatalogImporter {
  return {
    async adoptIdentity(catalogId) {
      await session.write(token, [statement('update catalog_identity set catalog_id = ?', catalogId)]);
    },
    async adoptGeneration({ datasetId, configurationId, generationId, tableName }) {
      const [, found] = await session.write(token, [
        statement(
          `insert into generations (generation_id, dataset_id, configuration_id, profile_id, table_name, state, created_at_ms)
           select ?1, dataset_id, configuration_id, profile_id, ?3, 'building', ${NOW_MS}
           from configurations where configuration_id = ?2 on conflict do nothing`,
          generationId,
          configurationId,
          tableName,
        ),
        statement('select profile_id from generations where generation_id = ?', generationId),
      ]);
      const profileId = integerAt(found?.rows[0] ?? [], 0);
      return { datasetId, configurationId, profileId, generationId };
    },
    importDocuments: (target, documents) => importDocuments(session, token, target, documents),
    async finishImport({ datasetId, generationId }, { version, rowCount }) {
      await session.write(token, [
        statement(
          `update generations set state = 'serving', recorded_version = ?, recorded_row_count = ? where generation_id = ?`,
          version,
          rowCount,
          generationId,
        ),
        statement(
          `update datasets set last_change_seq =
             max(last_change_seq, coalesce((select max(change_seq) from documents where dataset_id = ?1), 0))
           where dataset_id = ?1`,
          datasetId,
        ),
      ]);
    },
  };
}

async function importDocuments(
  session: CatalogSession,
  token: number,
  target: ImportTarget,
  documents: readonly ImportedDocument[],
): Promise<ImportCounts> {
  const counts = { documents: 0, chunks: 0 };
  const batches = batchesOf(documents, {
    itemsMax: DOCUMENTS_PER_TRANSACTION,
    weightMax: session.driver.writeBytesMax,
    weigh: documentBytes,
  });
  for (const batch of batches) {
    const results = await session.write(token, importStatements(target, batch));
    counts.documents += results[0]?.changeCount ?? 0;
    counts.chunks += results[3]?.changeCount ?? 0;
  }
  return counts;
}

function documentBytes({ document, chunks }: ImportedDocument): number {
  const { content, metadataJson } = document;
  return chunks.reduce(
    (sum, { context, vector }) => sum + context.length + vector.byteLength + CHUNK_BYTES,
    content.length + metadataJson.length,
  );
}

/** A document that was left out takes nothing in; its place in the order of changes is that of its id. */
function importStatements(
  { datasetId, configurationId, profileId, generationId }: ImportTarget,
  documents: readonly ImportedDocument[],
): SqlStatement[] {
  const chunks = documents.flatMap(({ documentId, chunks: own }) =>
    own.map((chunk) => ({ documentId, ...chunk })),
  );
  const isTakenIn = `exists (select 1 from documents d where d.document_id = ?1 and d.dataset_id = ?2 and d.source = ?3 and d.key = ?4)`;
  return [
    statementForEach(
      `insert into documents (document_id, dataset_id, source, key, revision, removed, format, content_length, content_hash,
         metadata_hash, change_seq, changed_at_ms, title, metadata_json)
       values (?1, ?2, ?3, ?4, 1, 0, ?5, ?6, ?7, ?8, ?1, ${NOW_MS}, ?9, ?10) on conflict do nothing`,
      documents.map(({ documentId, document }) => [
        documentId,
        datasetId,
        document.source,
        document.key,
        document.format,
        document.content.length,
        document.contentHash,
        document.metadataHash,
        document.title,
        document.metadataJson,
      ]),
    ),
    statementForEach(
      `insert into document_contents (document_id, content) select ?1, ?5 where ${isTakenIn} on conflict do nothing`,
      documents.map(({ documentId, document: { source, key, content } }) => [
        documentId,
        datasetId,
        source,
        key,
        content,
      ]),
    ),
    statementForEach(
      `insert into embeddings (text_hash, profile_id, vector, created_at_ms) values (?, ?, ?, ${NOW_MS}) on conflict do nothing`,
      chunks.map(({ textHash, vector }) => [textHash, profileId, vectorBytes(vector)]),
    ),
    statementForEach(
      `insert into chunks (chunk_id, document_id, configuration_id, profile_id, ordinal, start_offset, end_offset, token_count,
         embedding_status, text_hash, context)
       select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'ready', ?9, ?10
       where exists (select 1 from document_contents where document_id = ?2) on conflict do nothing`,
      chunks.map((chunk) => [
        chunk.chunkId,
        chunk.documentId,
        configurationId,
        profileId,
        chunk.ordinal,
        chunk.start,
        chunk.end,
        chunk.tokenCount,
        chunk.textHash,
        chunk.context,
      ]),
    ),
    statementForEach(
      `insert into indexed_chunks (generation_id, document_id, chunk_id, fingerprint)
       select ?1, ?2, ?3, ?4 where exists (select 1 from chunks where chunk_id = ?3 and document_id = ?2)
       on conflict do nothing`,
      chunks.map(({ documentId, chunkId, fingerprint }) => [generationId, documentId, chunkId, fingerprint]),
    ),
  ];
}
