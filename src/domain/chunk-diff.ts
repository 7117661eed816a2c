import type { PreparedChunk } from './chunk.ts';
import { type Digest, toHex } from './hash.ts';

/** A chunk as the catalog has it, as far as the comparison needs. */
export interface StoredChunk {
  readonly chunkId: number;
  readonly textHash: Digest;
}

/** What has to happen to a document's chunks so that they are the new ones. */
export interface ChunkDiff {
  /** Chunks whose text is unchanged: they keep id and vector and may have moved. */
  readonly kept: readonly { readonly chunkId: number; readonly chunk: PreparedChunk }[];
  readonly added: readonly PreparedChunk[];
  /** Ids whose text is gone: they become tombstones. */
  readonly removedIds: readonly number[];
}

/**
 * Compares a document's stored chunks with its new ones by text hash. Equal texts within one document are paired in
 * order, so that an insertion before them moves ids as little as possible.
 */
export function diffChunks(stored: readonly StoredChunk[], next: readonly PreparedChunk[]): ChunkDiff {
  const idsByHash = new Map<string, number[]>();
  for (const { chunkId, textHash } of stored) {
    const hash = toHex(textHash);
    const ids = idsByHash.get(hash);
    if (ids === undefined) idsByHash.set(hash, [chunkId]);
    else ids.push(chunkId);
  }
  const kept: { chunkId: number; chunk: PreparedChunk }[] = [];
  const added: PreparedChunk[] = [];
  for (const chunk of next) {
    const chunkId = idsByHash.get(toHex(chunk.textHash))?.shift();
    if (chunkId === undefined) added.push(chunk);
    else kept.push({ chunkId, chunk });
  }
  return { kept, added, removedIds: [...idsByHash.values()].flat() };
}
