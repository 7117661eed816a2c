import type { ChunkingSettings, PreparedChunk } from '../domain/chunk.ts';
import { renderEmbeddedText } from '../domain/embedded-text.ts';
import { sha256 } from '../domain/hash.ts';
import { type ChunkableDocument, chunkDocument } from './chunk-document.ts';

/** Characters hashed between two yields: about half a millisecond. */
const HASHED_LENGTH_PER_STEP = 100_000;

/** {@link chunkDocument}, with each chunk's place in the document and the SHA-256 of its embedded text. */
export function* prepareChunks(
  document: ChunkableDocument,
  settings: ChunkingSettings,
): Generator<void, PreparedChunk[]> {
  const pieces = yield* chunkDocument(document, settings);
  const chunks: PreparedChunk[] = [];
  let hashedLength = 0;
  for (const [ordinal, piece] of pieces.entries()) {
    const text = renderEmbeddedText(piece.context, document.content.slice(piece.start, piece.end));
    chunks.push({ ...piece, ordinal, textHash: sha256(text) });
    hashedLength += text.length;
    if (hashedLength < HASHED_LENGTH_PER_STEP) continue;
    hashedLength = 0;
    yield;
  }
  return chunks;
}
