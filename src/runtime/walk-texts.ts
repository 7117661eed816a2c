import type { Configuration, DatasetRecord } from '../catalog/catalog.ts';
import { renderEmbeddedText } from '../domain/embedded-text.ts';
import { throwIfAborted } from '../domain/errors.ts';
import type { Digest } from '../domain/hash.ts';
import { cut } from '../pipeline/apply-documents.ts';
import type { RuntimeCore } from './core.ts';

/** Documents read at once. */
const DOCUMENTS_PER_PAGE = 200;

/** A text as it is embedded under a configuration; each distinct one comes once. */
export interface WalkedText {
  readonly text: string;
  readonly textHash: Digest;
  /** Counted with cl100k_base. */
  readonly tokenCount: number;
  /** The profile has a vector for it. */
  readonly isKnown: boolean;
}

/** What one page of documents is cut into. */
export interface WalkedPage {
  readonly documentCount: number;
  readonly chunkCount: number;
  readonly texts: readonly WalkedText[];
}

/**
 * Cuts all documents of a dataset as a configuration does, page by page, and changes nothing. Memory: one page of documents, and 8
 * bytes and an entry of a set for each distinct text.
 */
export async function* walkTexts(
  core: RuntimeCore,
  dataset: DatasetRecord,
  configuration: Configuration,
  signal: AbortSignal | undefined,
): AsyncGenerator<WalkedPage> {
  const catalog = await core.catalog();
  const seen = new Set<number>();
  let afterDocumentId = 0;
  for (;;) {
    throwIfAborted(signal);
    const page = { afterDocumentId, limit: DOCUMENTS_PER_PAGE };
    const documents = await catalog.listContents(dataset.datasetId, page);
    const last = documents.at(-1);
    if (last === undefined) return;
    afterDocumentId = last.documentId;
    const texts: Omit<WalkedText, 'isKnown'>[] = [];
    let chunkCount = 0;
    for (const document of documents) {
      const chunks = await cut(configuration, document, signal);
      chunkCount += chunks.length;
      for (const { context, start, end, textHash, tokenCount } of chunks) {
        if (isSeen(seen, textHash)) continue;
        const text = renderEmbeddedText(context, document.content.slice(start, end));
        texts.push({ text, textHash, tokenCount });
      }
    }
    const hashes = texts.map(({ textHash }) => textHash);
    const known = new Set(await catalog.findEmbedded(configuration.profile, hashes));
    yield {
      documentCount: documents.length,
      chunkCount,
      texts: texts.map((text, place) => ({ ...text, isKnown: known.has(place) })),
    };
  }
}

/** The first 52 bits of SHA-256 tell texts apart: of a million, two are taken for one with a chance of 1 in 9,000. */
function isSeen(
  seen: Set<number>,
  { 0: a = 0, 1: b = 0, 2: c = 0, 3: d = 0, 4: e = 0, 5: f = 0, 6: g = 0 }: Digest,
): boolean {
  const high = (a << 16) | (b << 8) | c;
  const low = ((d << 20) | (e << 12) | (f << 4) | (g >> 4)) >>> 0;
  const key = high * 2 ** 28 + low;
  if (seen.has(key)) return true;
  seen.add(key);
  return false;
}
