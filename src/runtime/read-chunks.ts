import type { DatasetAddress } from '../domain/address.ts';
import { type DocumentKey, describeKey } from '../domain/document.ts';
import { renderEmbeddedText } from '../domain/embedded-text.ts';
import { SynclineError } from '../domain/errors.ts';
import { type RuntimeCore, requireDataset } from './core.ts';
import { type Page, type PageOptions, readPage } from './page.ts';
import { findStored } from './read-documents.ts';

/** A piece of a document, as it is embedded and searched. */
export interface ChunkView {
  readonly chunkId: number;
  /** Its place in the document, from 0. */
  readonly ordinal: number;
  /** UTF-16 units: `content.slice(start, end)` of the document is its own text. */
  readonly start: number;
  readonly end: number;
  /** Of the whole text that is embedded. */
  readonly tokenCount: number;
  /** The text that is embedded: title and headings above it, a blank line, its own text. */
  readonly text: string;
  /** Whether it has a vector, waits for one, or was given up. */
  readonly status: 'pending' | 'ready' | 'failed';
  /** Its text is longer than its model takes: the tokens, from its beginning, that its vector was made of. */
  readonly embeddedTokenCount: number | undefined;
  /** Its row is in the table that is searched. */
  readonly isIndexed: boolean;
  /** Attempts that its provider refused. */
  readonly attemptCount: number;
  /** What the provider said last, where it refused it. */
  readonly lastError: string | undefined;
}

/** Looks at a document that is changed each time between its content and its chunks. */
const LOOKS_MAX = 10;

/** See {@link Dataset.chunks}. */
export async function readChunks(
  core: RuntimeCore,
  address: DatasetAddress,
  wanted: string | { readonly source?: string; readonly key: string },
  page: PageOptions = {},
): Promise<Page<ChunkView>> {
  const { datasetId } = await requireDataset(core, address);
  const catalog = await core.catalog();
  let key: DocumentKey | undefined;
  for (let look = 1; look <= LOOKS_MAX; look += 1) {
    const document = await findStored(core, address, datasetId, wanted);
    key = document;
    const { items, next } = await readPage(
      page,
      (afterOrdinal = -1, limit) => catalog.listDocumentChunks(document.documentId, { afterOrdinal, limit }),
      ({ ordinal }) => ordinal,
    );
    // Offsets are those of one revision.
    if (items.some(({ revision }) => revision !== document.revision)) continue;
    const views = items.map(({ revision: _, context, ...chunk }) => ({
      ...chunk,
      text: renderEmbeddedText(context, document.content.slice(chunk.start, chunk.end)),
    }));
    return { items: views, next };
  }
  throw new SynclineError(
    'CATALOG_BUSY',
    `The document "${key === undefined ? '' : describeKey(key)}" was changed each time it was read. Read it again later.`,
    { retryable: true },
  );
}
