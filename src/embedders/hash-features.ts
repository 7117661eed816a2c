import { FNV_OFFSET, FNV_PRIME, hashUnits, mixHash } from './feature-hash.ts';
import { characterTables } from './fold-characters.ts';
import { readTerms, WORD } from './read-terms.ts';
import { STOP_WORD_HASHES } from './stop-words.ts';
import { createTermTable, TERM_UNITS_MAX, type TermTable } from './term-table.ts';

/**
 * Weights, tuned by hand on 42 questions to real documentation (`test/embedders/local-retrieval.test.ts` holds them). The
 * pieces of a word share one budget, so that a long word is no louder than a short one.
 */
const WEIGHTS = {
  stopWord: 0.06,
  /** Root of the sum of squares of a word's 3- to 5-letter pieces, where the word itself counts 1. */
  pieces: 1.3,
  /** By the length of the word: short ones say little. The last one holds for all longer words. */
  byLength: [0, 0.25, 0.5, 0.75, 0.9, 1, 1.05, 1.1, 1.15, 1.2],
  /** Characters of scripts without spaces: alone, in twos, in threes. */
  unspaced: [0, 0.3, 1, 0.7],
  /** A term seen `c` times counts `c (k + 1) / (c + k)`: BM25's saturation, which every engine computes alike. */
  saturation: 1.2,
} as const;

const PIECE_UNITS_MIN = 3;
const PIECE_UNITS_MAX = 5;
/** Stands for both edges of a word in its pieces. */
const EDGE = 0x20;
/** Keeps pieces apart from whole words of the same letters. */
const PIECE_SEED = FNV_OFFSET ^ 0x5bd1;
/** Below this, features have cancelled out and what is left is rounding. */
const SQUARES_MIN = 1e-12;

/** Turns one text at a time into a vector, without allocating more than the vector. */
export interface FeatureHasher {
  /** Forgets everything and starts a new text. */
  begin(): void;
  /** Takes the UTF-16 units `from` to `to` (exclusive) of `text`. A word that straddles two calls is two words. */
  add(text: string, from: number, to: number): void;
  /** The vector: L2-normalised, never all zero. Where the text has no term or all cancels, `text` picks a direction. */
  finish(text: string): Float32Array;
}

/** A hasher for vectors of `dimensions`, with about 0.3 MB of working memory. */
export function createFeatureHasher(dimensions: number): FeatureHasher {
  const tables = characterTables();
  const sums = new Float64Array(dimensions);
  const units = new Uint16Array(TERM_UNITS_MAX);
  const table = createTermTable();
  const fold = (): void => {
    foldTerms(table, sums);
    table.clear();
  };
  return {
    begin() {
      sums.fill(0);
      table.clear();
    },
    add(text, from, to) {
      readTerms(text, from, to, tables, units, table, fold);
    },
    finish(text) {
      fold();
      return normalise(sums, text);
    },
  };
}

function foldTerms(table: TermTable, sums: Float64Array): void {
  for (let term = 1; term <= table.size; term += 1) {
    const count = table.counts[term] ?? 0;
    const weight = (count * (WEIGHTS.saturation + 1)) / (count + WEIGHTS.saturation);
    const kind = table.kinds[term] ?? WORD;
    if (kind === WORD) foldWord(table, term, weight, sums);
    else addFeature(sums, table.hashes[term] ?? 0, weight * (WEIGHTS.unspaced[kind] ?? 0));
  }
}

function foldWord(table: TermTable, term: number, frequencyWeight: number, sums: Float64Array): void {
  const hash = table.hashes[term] ?? 0;
  const start = table.starts[term] ?? 0;
  const length = (table.starts[term + 1] ?? 0) - start;
  const weight = frequencyWeight * (WEIGHTS.byLength[Math.min(length, WEIGHTS.byLength.length - 1)] ?? 0);
  if (STOP_WORD_HASHES.has(hash)) {
    addFeature(sums, hash, weight * WEIGHTS.stopWord);
    return;
  }
  addFeature(sums, hash, weight);
  // With an edge on both sides, a word of n letters has n - 0, n - 1 and n - 2 pieces of 3, 4 and 5.
  const pieceCount = Math.max(0, length) + Math.max(0, length - 1) + Math.max(0, length - 2);
  foldPieces(table.arena, start, length, (weight * WEIGHTS.pieces) / Math.sqrt(pieceCount), sums);
}

function foldPieces(
  arena: Uint16Array,
  start: number,
  length: number,
  weight: number,
  sums: Float64Array,
): void {
  // Positions -1 and `length` are the edges. One walk from each position makes its pieces of 3, 4 and 5.
  for (let from = -1; from + PIECE_UNITS_MIN <= length + 1; from += 1) {
    const to = Math.min(from + PIECE_UNITS_MAX, length + 1);
    let hash = PIECE_SEED;
    for (let at = from; at < to; at += 1) {
      const unit = at < 0 || at === length ? EDGE : (arena[start + at] ?? 0);
      hash = Math.imul(hash ^ unit, FNV_PRIME);
      if (at - from + 1 >= PIECE_UNITS_MIN) addFeature(sums, hash, weight);
    }
  }
}

/** The sign comes from the hash as well, so that what collides cancels on average instead of adding up. */
function addFeature(sums: Float64Array, hash: number, weight: number): void {
  const mixed = mixHash(hash);
  const at = (mixed >>> 1) % sums.length;
  sums[at] = (sums[at] ?? 0) + ((mixed & 1) === 0 ? weight : -weight);
}

function normalise(sums: Float64Array, text: string): Float32Array {
  let squares = 0;
  for (const sum of sums) squares += sum * sum;
  const vector = new Float32Array(sums.length);
  if (squares < SQUARES_MIN) {
    vector[mixHash(hashUnits(text)) % vector.length] = 1;
    return vector;
  }
  const scale = 1 / Math.sqrt(squares);
  for (let at = 0; at < vector.length; at += 1) vector[at] = (sums[at] ?? 0) * scale;
  return vector;
}
