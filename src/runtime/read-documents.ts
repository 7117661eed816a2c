import type { DocumentRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { type DocumentFormat, describeKey, prepareKey } from '../domain/document.ts';
import { SynclineError } from '../domain/errors.ts';
import type { Metadata } from '../domain/metadata.ts';
import { type RuntimeCore, requireDataset } from './core.ts';
import { type Page, type PageOptions, readPage } from './page.ts';

/** A document as it was taken in, without its content. */
export interface DocumentSummary {
  readonly source: string;
  readonly key: string;
  readonly title: string;
  readonly format: DocumentFormat;
  /** UTF-16 units. */
  readonly contentLength: number;
  readonly metadata: Metadata;
  /** 1 at first, +1 with every change of content or metadata. */
  readonly revision: number;
  /** Unix milliseconds. */
  readonly changedAtMs: number;
}

/** A document as it was taken in. */
export interface StoredDocument extends DocumentSummary {
  readonly content: string;
}

/** See {@link Dataset.documents}. */
export async function listDocuments(
  core: RuntimeCore,
  address: DatasetAddress,
  page: PageOptions = {},
): Promise<Page<DocumentSummary>> {
  const { datasetId } = await requireDataset(core, address);
  const catalog = await core.catalog();
  const { items, next } = await readPage(
    page,
    (afterDocumentId = 0, limit) => catalog.listDocuments(datasetId, { afterDocumentId, limit }),
    ({ documentId }) => documentId,
  );
  const last = items.at(-1);
  // A page of large metadata ends early.
  const isCutShort =
    next === undefined &&
    last !== undefined &&
    (await catalog.listDocuments(datasetId, { afterDocumentId: last.documentId, limit: 1 })).length > 0;
  return { items: items.map(summaryOf), next: isCutShort ? String(last.documentId) : next };
}

/** See {@link Dataset.document}. */
export async function readDocument(
  core: RuntimeCore,
  address: DatasetAddress,
  wanted: string | { readonly source?: string; readonly key: string },
): Promise<StoredDocument> {
  const { datasetId } = await requireDataset(core, address);
  const found = await findStored(core, address, datasetId, wanted);
  return { ...summaryOf(found), content: found.content };
}

/** A document as the catalog has it. @throws SynclineError `DOCUMENT_NOT_FOUND`, `INVALID_DOCUMENT`. */
export async function findStored(
  core: RuntimeCore,
  address: DatasetAddress,
  datasetId: number,
  wanted: string | { readonly source?: string; readonly key: string },
): Promise<DocumentRecord & { readonly content: string }> {
  const key = prepareKey(typeof wanted === 'string' ? { key: wanted } : wanted);
  const found = await (await core.catalog()).findDocument(datasetId, key);
  if (found !== undefined) return found;
  throw new SynclineError(
    'DOCUMENT_NOT_FOUND',
    `"${formatAddress(address)}" has no document "${describeKey(key)}". One that was queued is there once it was taken in.`,
    { details: { ...key } },
  );
}

function summaryOf({ documentId: _, metadataJson, ...document }: DocumentRecord): DocumentSummary {
  const { source, key, title, format, contentLength, revision, changedAtMs } = document;
  const metadata = JSON.parse(metadataJson) as Metadata;
  return { source, key, title, format, contentLength, metadata, revision, changedAtMs };
}
