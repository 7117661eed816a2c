import { sha256, toHex } from '../../src/domain/hash.ts';

/** What the provider saw and made: the world's own memory, which no crash touches. */
export interface Ledger {
  /** Texts whose vectors were made, with how often. */
  readonly paid: Map<string, number>;
  /** Texts that were refused alone at least once. */
  readonly refused: Set<string>;
  /** Texts of requests under way, by process. */
  readonly inFlight: Map<string, Set<string>>;
}

export function createLedger(): Ledger {
  return { paid: new Map(), refused: new Set(), inFlight: new Map() };
}

export const SIM_DIMENSIONS = 4;

/** Bounds what is remembered between seeds. */
const KNOWN_MAX = 50_000;
const hashes = new Map<string, string>();
const vectors = new Map<string, Float32Array>();

/** SHA-256 of a text, hex. */
export function textHashHex(text: string): string {
  return remembered(hashes, text, () => toHex(sha256(text)));
}

/** The one vector that a text has. */
export function vectorOf(text: string): Float32Array {
  return remembered(vectors, text, () => {
    const digest = sha256(text);
    return Float32Array.from({ length: SIM_DIMENSIONS }, (_, index) => ((digest[index] ?? 0) + 1) / 256);
  });
}

function remembered<Value>(memory: Map<string, Value>, text: string, make: () => Value): Value {
  const known = memory.get(text);
  if (known !== undefined) return known;
  const value = make();
  if (memory.size >= KNOWN_MAX) memory.clear();
  memory.set(text, value);
  return value;
}
