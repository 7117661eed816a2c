import { hash } from 'node:crypto';

/** A SHA-256 digest: 32 bytes. */
export type Digest = Uint8Array;

/** SHA-256 of the UTF-8 bytes of `text`: 32 bytes. */
export function sha256(text: string): Digest {
  return hash('sha256', text, 'buffer');
}

/** Lower-case hexadecimal form, usable as a `Map` key. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Whether two digests hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
