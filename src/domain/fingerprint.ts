import { createHash } from 'node:crypto';
import type { Digest } from './hash.ts';

/** Number of buckets that rows are spread over for comparing catalog and table piece by piece. */
export const BUCKET_COUNT = 256;

/**
 * The 64-bit fingerprint of a table row: the first 8 bytes (little endian, signed) of the SHA-256 of chunk id, text hash
 * and metadata hash. Both sides of a sync check fold these.
 */
export function rowFingerprint(chunkId: number, textHash: Digest, metadataHash: Digest): bigint {
  const digest = createHash('sha256').update(`${chunkId}:`).update(textHash).update(metadataHash).digest();
  return digest.readBigInt64LE(0);
}

/**
 * What a table keeps of a document's content hash: its first 8 bytes (little endian, signed). Whoever puts a document together
 * again from its rows knows by it that nothing is missing, and which format the document had.
 */
export function contentFingerprint(contentHash: Digest): bigint {
  return new DataView(contentHash.buffer, contentHash.byteOffset, contentHash.byteLength).getBigInt64(
    0,
    true,
  );
}

/** The bucket of a row, 0 to {@link BUCKET_COUNT} - 1: consecutive ids are spread evenly. */
export function rowBucket(chunkId: number): number {
  return chunkId % BUCKET_COUNT;
}
