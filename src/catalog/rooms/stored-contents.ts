import { type EmbeddingProfile, profileKey } from '../../domain/embedding-profile.ts';
import type { Digest } from '../../domain/hash.ts';
import { batchesOf } from '../batches.ts';
import type { StoredContent } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { type SqlRow, statement } from '../sql-driver.ts';
import { bytesAt, integerAt, textAt, wordAt } from '../sql-values.ts';
import { readContents } from './contents.ts';
import { packHashes } from './queue-sql.ts';

/** Documents of one answer. */
const DOCUMENTS_PER_ANSWER = 500;
/** UTF-16 units of the contents of one answer. */
const LENGTH_PER_ANSWER = 4_000_000;

const COLUMNS = `d.document_id, cast(d.source as blob), cast(d.key as blob), d.revision, d.content_hash, d.metadata_hash,
  cast(d.title as blob), cast(d.format as blob), d.content_length`;

/** Documents that wait to be cut under a configuration, by id. */
export async function listUncutDocuments(
  session: CatalogSession,
  configurationId: number,
  limit: number,
): Promise<StoredContent[]> {
  const rows = await session.rows(
    statement(
      `select ${COLUMNS} from chunk_queue u cross join documents d on d.document_id = u.document_id
       where u.configuration_id = ? order by u.document_id limit ?`,
      configurationId,
      Math.min(limit, DOCUMENTS_PER_ANSWER),
    ),
  );
  return withContents(session, rows);
}

/** All documents of a dataset, by id. */
export async function listContents(
  session: CatalogSession,
  datasetId: number,
  page: { readonly afterDocumentId: number; readonly limit: number },
): Promise<StoredContent[]> {
  const rows = await session.rows(
    statement(
      `select ${COLUMNS} from documents d
       where d.dataset_id = ? and d.document_id > ? and d.removed = 0 order by d.document_id limit ?`,
      datasetId,
      page.afterDocumentId,
      Math.min(page.limit, DOCUMENTS_PER_ANSWER),
    ),
  );
  return withContents(session, rows);
}

/** The places of those texts that have a vector under a profile. */
export async function findEmbedded(
  session: CatalogSession,
  profile: EmbeddingProfile,
  textHashes: readonly Digest[],
): Promise<number[]> {
  const rows = await session.rows(
    statement(
      `select t.value from generate_series(0, ?2 - 1) t
       cross join embeddings e on e.text_hash = substr(?1, t.value * 32 + 1, 32)
         and e.profile_id = (select profile_id from embedding_profiles where profile_key = ?3)`,
      packHashes(textHashes),
      textHashes.length,
      profileKey(profile),
    ),
  );
  return rows.map((row) => integerAt(row, 0));
}

async function withContents(session: CatalogSession, rows: readonly SqlRow[]): Promise<StoredContent[]> {
  const documents = rows.map((row) => ({
    documentId: integerAt(row, 0),
    source: textAt(row, 1),
    key: textAt(row, 2),
    revision: integerAt(row, 3),
    contentHash: bytesAt(row, 4),
    metadataHash: bytesAt(row, 5),
    title: textAt(row, 6),
    format: wordAt(row, 7, ['markdown', 'text']),
    contentLength: integerAt(row, 8),
  }));
  const [chosen = []] = batchesOf(documents, {
    itemsMax: DOCUMENTS_PER_ANSWER,
    weightMax: LENGTH_PER_ANSWER,
    weigh: ({ contentLength }) => contentLength,
  });
  const contents = await readContents(session, chosen);
  return chosen.flatMap(({ contentLength: _, ...document }) => {
    const content = contents.get(document.documentId);
    return content === undefined ? [] : { ...document, content };
  });
}
