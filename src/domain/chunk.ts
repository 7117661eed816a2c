import type { Digest } from './hash.ts';

/** A piece of a document as the chunker cuts it. `content.slice(start, end)` is its text. */
export interface ChunkPiece {
  /** Start in the document's content, in UTF-16 units. */
  readonly start: number;
  /** End (exclusive), in UTF-16 units. Pieces of one document follow each other without gap or overlap. */
  readonly end: number;
  /** What stands before the text when it is embedded: title and headings. May be empty. */
  readonly context: string;
  /** Tokens of the whole embedded text (context and text), counted with cl100k_base; never above the dataset's maximum. */
  readonly tokenCount: number;
}

/** A {@link ChunkPiece} with the hash of its embedded text: what the catalog compares. */
export interface PreparedChunk extends ChunkPiece {
  readonly ordinal: number;
  /** SHA-256 of the embedded text: 32 bytes. */
  readonly textHash: Digest;
}

/** Where a chunk stands on its way to a vector. */
export type EmbeddingStatus = 'pending' | 'ready' | 'failed';

/** How a dataset cuts its documents. Fixed when the dataset is created. */
export interface ChunkingSettings {
  /** Hard maximum of tokens of one embedded text, context included; 32 to 8,191. */
  readonly tokensPerChunkMax: number;
}
