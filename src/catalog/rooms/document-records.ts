import type { DocumentKey } from '../../domain/document.ts';
import { SynclineError } from '../../domain/errors.ts';
import type { DocumentRecord } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { type SqlRow, statement } from '../sql-driver.ts';
import { bytesAt, integerAt, textAt, wordAt } from '../sql-values.ts';
import { readContents } from './contents.ts';

/** Documents of one answer. Their metadata may be large: a page is read in messages of this many. */
const DOCUMENTS_PER_READ = 25;
/** UTF-16 units of the metadata of one answer, about; at least one document is given. */
const METADATA_LENGTH_PER_ANSWER = 4_000_000;
/** Looks at a document that is changed each time between its record and its content. */
const LOOKS_MAX = 20;

const COLUMNS = `d.document_id, cast(d.source as blob), cast(d.key as blob), cast(d.title as blob), cast(d.format as blob),
  d.content_length, cast(d.metadata_json as blob), d.revision, d.changed_at_ms, d.content_hash`;

/** Documents of a dataset by id, without their contents; fewer than `limit` when their metadata is large. */
export async function listDocuments(
  session: CatalogSession,
  datasetId: number,
  page: { readonly afterDocumentId: number; readonly limit: number },
): Promise<DocumentRecord[]> {
  const documents: DocumentRecord[] = [];
  let { afterDocumentId } = page;
  let metadataLength = 0;
  while (documents.length < page.limit && metadataLength < METADATA_LENGTH_PER_ANSWER) {
    const wanted = Math.min(page.limit - documents.length, DOCUMENTS_PER_READ);
    const rows = await session.rows(
      statement(
        `select ${COLUMNS} from documents d
         where d.dataset_id = ? and d.document_id > ? and d.removed = 0 order by d.document_id limit ?`,
        datasetId,
        afterDocumentId,
        wanted,
      ),
    );
    for (const row of rows) {
      const document = documentOf(row);
      documents.push(document);
      metadataLength += document.metadataJson.length;
      afterDocumentId = document.documentId;
    }
    if (rows.length < wanted) break;
  }
  return documents;
}

/** One document with its content; `undefined` when it is not stored, or was deleted. */
export async function findDocument(
  session: CatalogSession,
  datasetId: number,
  { source, key }: DocumentKey,
): Promise<(DocumentRecord & { readonly content: string }) | undefined> {
  for (let look = 1; look <= LOOKS_MAX; look += 1) {
    const [row] = await session.rows(
      statement(
        `select ${COLUMNS} from documents d
         where d.dataset_id = ? and d.source = ? and d.key = ? and d.removed = 0`,
        datasetId,
        source,
        key,
      ),
    );
    if (row === undefined) return undefined;
    const document = documentOf(row);
    const request = { ...document, contentHash: bytesAt(row, 9) };
    const content = (await readContents(session, [request])).get(document.documentId);
    // Where there is none, the document was changed in between: the next look finds the new one.
    if (content !== undefined) return { ...document, content };
  }
  throw new SynclineError(
    'CATALOG_BUSY',
    `The document "${key}" was changed each time it was read. Read it again later.`,
    { retryable: true },
  );
}

function documentOf(row: SqlRow): DocumentRecord {
  return {
    documentId: integerAt(row, 0),
    source: textAt(row, 1),
    key: textAt(row, 2),
    title: textAt(row, 3),
    format: wordAt(row, 4, ['markdown', 'text']),
    contentLength: integerAt(row, 5),
    metadataJson: textAt(row, 6),
    revision: integerAt(row, 7),
    changedAtMs: integerAt(row, 8),
  };
}
