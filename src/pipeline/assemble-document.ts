import type { ImportedChunk, ImportedDocument } from '../catalog/catalog-import.ts';
import { DOCUMENT_FORMATS, hashContent } from '../domain/document.ts';
import { contextBefore, renderEmbeddedText } from '../domain/embedded-text.ts';
import { contentFingerprint, rowFingerprint } from '../domain/fingerprint.ts';
import { sha256 } from '../domain/hash.ts';
import { metadataHash } from '../domain/metadata.ts';
import type { StoredRow } from '../vectors/vector-store.ts';

/** A row with its vector. */
export interface VectorRow {
  readonly row: StoredRow;
  readonly vector: Float32Array;
}

/** A document that was put together from rows. */
export interface AssembledDocument extends ImportedDocument {
  /** Whether it is what was taken in once, to the letter. Else passages are missing, with spaces in their place. */
  readonly isWhole: boolean;
  /** Rows of it that were of no use: damaged, repeated, or of an earlier content. */
  readonly leftOutRows: number;
}

/**
 * Puts a document together from all rows that a table has of it; `undefined` when none is sound. Rows may be there of two
 * contents (a change that a crash cut short): those are taken that make a whole document, or else the newest.
 */
export function assembleDocument(rows: readonly VectorRow[]): AssembledDocument | undefined {
  const byContent = new Map<string, VectorRow[]>();
  for (const row of rows) {
    if (!isSound(row)) continue;
    const { contentFingerprint: ofContent, metadataJson } = row.row;
    const name = `${ofContent} ${metadataJson}`;
    const same = byContent.get(name);
    if (same === undefined) byContent.set(name, [row]);
    else same.push(row);
  }
  const candidates = [...byContent.values()]
    .sort((a, b) => newestId(b) - newestId(a))
    .map((same) => assemble(same));
  const best = candidates.find(({ isWhole }) => isWhole) ?? candidates[0];
  return best === undefined ? undefined : { ...best, leftOutRows: rows.length - best.chunks.length };
}

/** Whether a row is what was written: its text and metadata by the fingerprint, its place by its own measures. */
function isSound({ row, vector }: VectorRow): boolean {
  const { chunkId, embeddedText, metadataJson, fingerprint, start, end, textStart } = row;
  return (
    end - start === embeddedText.length - textStart &&
    renderEmbeddedText(contextBefore(embeddedText, textStart), embeddedText.slice(textStart)) ===
      embeddedText &&
    rowFingerprint(chunkId, sha256(embeddedText), metadataHash(metadataJson)) === fingerprint &&
    vector.every(Number.isFinite)
  );
}

function newestId(rows: readonly VectorRow[]): number {
  return rows.reduce((newest, { row }) => Math.max(newest, row.chunkId), 0);
}

function assemble(rows: readonly VectorRow[]): Omit<AssembledDocument, 'leftOutRows'> {
  const chunks: ImportedChunk[] = [];
  let content = '';
  const ordered = [...rows].sort((a, b) => a.row.ordinal - b.row.ordinal || b.row.chunkId - a.row.chunkId);
  for (const { row, vector } of ordered) {
    // Repeated: its place is taken.
    if (row.start < content.length || chunks.at(-1)?.ordinal === row.ordinal) continue;
    // What is missing keeps its length, so that all other offsets stay those of the source.
    content += ' '.repeat(row.start - content.length) + row.embeddedText.slice(row.textStart);
    chunks.push(toChunk(row, vector));
  }
  const [{ row } = nothing()] = ordered;
  const { source, key, title, metadataJson } = row;
  const whole = DOCUMENT_FORMATS.find(
    (format) => contentFingerprint(hashContent({ format, title, content })) === row.contentFingerprint,
  );
  const format = whole ?? 'markdown';
  return {
    documentId: row.documentId,
    document: {
      source,
      key,
      title,
      content,
      format,
      metadataJson,
      contentHash: hashContent({ format, title, content }),
      metadataHash: metadataHash(metadataJson),
    },
    chunks,
    isWhole: whole !== undefined,
  };
}

function toChunk(row: StoredRow, vector: Float32Array): ImportedChunk {
  const { chunkId, ordinal, start, end, tokenCount, embeddedText, fingerprint } = row;
  const textHash = sha256(embeddedText);
  const context = contextBefore(embeddedText, row.textStart);
  return { chunkId, ordinal, start, end, tokenCount, textHash, context, fingerprint, vector };
}

function nothing(): never {
  throw new RangeError('A document needs a row.');
}
