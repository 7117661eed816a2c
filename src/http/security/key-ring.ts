import { createHash, timingSafeEqual } from 'node:crypto';
import type { Access } from '../environment.ts';

/** Who a request comes from. */
export interface Caller {
  readonly access: Access;
  /** Tells callers apart, without their keys. */
  readonly id: string;
}

/** The keys that are known. */
export interface KeyRing {
  readonly isEmpty: boolean;
  /** Whose key it is; takes equally long for every key, right or wrong. */
  find(key: string): Caller | undefined;
}

/** @param readKeys - A key that is in both lists may do everything. */
export function createKeyRing(apiKeys: readonly string[], readKeys: readonly string[]): KeyRing {
  const entries = [
    ...readKeys.map((key, index) => entryOf(key, { access: 'read', id: `read-${index + 1}` })),
    ...apiKeys.map((key, index) => entryOf(key, { access: 'write', id: `write-${index + 1}` })),
  ];
  return {
    isEmpty: entries.length === 0,
    find(key) {
      // Digests have one length, which comparing in constant time needs; and all of them are compared.
      const digest = sha256(key);
      let found: Caller | undefined;
      for (const entry of entries) {
        if (timingSafeEqual(entry.digest, digest)) found = entry.caller;
      }
      return found;
    },
  };
}

function entryOf(key: string, caller: Caller): { readonly digest: Buffer; readonly caller: Caller } {
  return { digest: sha256(key), caller };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
