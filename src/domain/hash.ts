import { createHash } from 'node:crypto';

/** A SHA-256 digest: 32 bytes. */
export type Digest = Uint8Array;

/** SHA-256 of the UTF-8 bytes of `text`: 32 bytes. */
export function sha256(text: string): Digest {
  return createHash('sha256').update(text, 'utf8').digest();
}

/**
 * SHA-256 over several texts, each preceded by its length, so that no two different lists share a digest
 * (`['ab', 'c']` and `['a', 'bc']` differ).
 */
export function sha256OfParts(parts: readonly string[]): Digest {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part, 'utf8');
  return hash.digest();
}

/** Lower-case hexadecimal form, usable as a `Map` key. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Whether two digests hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
