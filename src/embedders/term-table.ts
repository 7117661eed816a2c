import { FNV_OFFSET, FNV_PRIME, mixHash } from './feature-hash.ts';

/** Distinct terms held before they have to be taken out. */
export const TERMS_MAX = 4096;
/** Longest term, in UTF-16 units; bounds the work per term. */
export const TERM_UNITS_MAX = 48;
const SLOTS = 4 * TERMS_MAX;
const ARENA_UNITS = TERMS_MAX * 16;

/** Counts terms (words, or characters in ones, twos and threes) without allocating. */
export interface TermTable {
  /** Number of terms held; they are numbered from 1. */
  readonly size: number;
  /** Whether the next term may not fit. */
  readonly full: boolean;
  /** 32-bit hash of each term: FNV-1a over its units, seeded with its kind; of kind 0 it is `hashUnits(term)`. */
  readonly hashes: Int32Array;
  readonly counts: Uint32Array;
  readonly kinds: Uint8Array;
  /** Where each term's units start in {@link arena}; they end where the next one's start. */
  readonly starts: Uint32Array;
  readonly arena: Uint16Array;
  /** Counts the term made of `units[from]` to `units[to]` (exclusive); terms of two kinds are never the same term. */
  add(units: Uint16Array, from: number, to: number, kind: number): void;
  clear(): void;
}

export function createTermTable(): TermTable {
  /** Open addressing: 0, or the number of a term. */
  const slots = new Uint16Array(SLOTS);
  const hashes = new Int32Array(TERMS_MAX + 1);
  const counts = new Uint32Array(TERMS_MAX + 1);
  const kinds = new Uint8Array(TERMS_MAX + 1);
  const starts = new Uint32Array(TERMS_MAX + 2);
  const arena = new Uint16Array(ARENA_UNITS);
  let size = 0;
  return {
    hashes,
    counts,
    kinds,
    starts,
    arena,
    get size() {
      return size;
    },
    get full() {
      return size === TERMS_MAX || (starts[size + 1] ?? 0) + TERM_UNITS_MAX > ARENA_UNITS;
    },
    add(units, from, to, kind) {
      let hash = FNV_OFFSET ^ kind;
      for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (units[at] ?? 0), FNV_PRIME);
      let slot = mixHash(hash) & (SLOTS - 1);
      for (let known = slots[slot] ?? 0; known !== 0; known = slots[slot] ?? 0) {
        if (hashes[known] === hash) {
          counts[known] = (counts[known] ?? 0) + 1;
          return;
        }
        slot = (slot + 1) & (SLOTS - 1);
      }
      const start = starts[size + 1] ?? 0;
      size += 1;
      slots[slot] = size;
      hashes[size] = hash;
      counts[size] = 1;
      kinds[size] = kind;
      for (let at = from; at < to; at += 1) arena[start + at - from] = units[at] ?? 0;
      starts[size + 1] = start + to - from;
    },
    clear() {
      slots.fill(0);
      size = 0;
      starts[1] = 0;
    },
  };
}
