import { sha256 } from './hash.ts';

/**
 * A set of keys that keeps 8 bytes of each key's hash: 16 to 32 bytes of memory a key, whatever its length. With 10 million
 * keys the chance that any two are taken for one is below 1 in 300,000.
 */
export interface KeySet {
  /** Adds a key; `false` when it was there. */
  add(key: string): boolean;
  has(key: string): boolean;
  readonly size: number;
}

const CAPACITY_MIN = 1_024;

/** An empty {@link KeySet}. */
export function createKeySet(): KeySet {
  // Open addressing; 0 marks a free place.
  let slots = new BigUint64Array(CAPACITY_MIN);
  let size = 0;

  function placeOf(hash: bigint): number {
    let place = Number(hash & BigInt(slots.length - 1));
    while (slots[place] !== 0n && slots[place] !== hash) place = (place + 1) & (slots.length - 1);
    return place;
  }
  function grow(): void {
    const old = slots;
    slots = new BigUint64Array(old.length * 2);
    for (const hash of old) if (hash !== 0n) slots[placeOf(hash)] = hash;
  }

  return {
    add(key) {
      const hash = hashOf(key);
      const place = placeOf(hash);
      if (slots[place] === hash) return false;
      slots[place] = hash;
      size += 1;
      if (size * 2 > slots.length) grow();
      return true;
    },
    has(key) {
      const hash = hashOf(key);
      return slots[placeOf(hash)] === hash;
    },
    get size() {
      return size;
    },
  };
}

function hashOf(key: string): bigint {
  const digest = sha256(key);
  const hash = new DataView(digest.buffer, digest.byteOffset, digest.byteLength).getBigUint64(0, true);
  return hash === 0n ? 1n : hash;
}
