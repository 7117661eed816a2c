import type { Price } from '../domain/cost.ts';
import { SynclineError, throwIfAborted } from '../domain/errors.ts';
import { checkTexts } from './check-texts.ts';
import type { Embedder } from './embedder.ts';
import { createFeatureHasher, type FeatureHasher } from './hash-features.ts';
import { nextTurn } from './next-turn.ts';
import { PROVIDER_LIMITS } from './provider-limits.ts';

/** The provider's name in embedding profiles. */
export const LOCAL_PROVIDER = 'local';
/** The model's name in embedding profiles. Any change to a vector, however small, is a new name. */
export const LOCAL_MODEL = 'hashed-ngrams-v1';
/** What it costs. */
export const LOCAL_PRICE: Price = {
  usdPerMillionTokens: 0,
  batchUsdPerMillionTokens: 0,
  source: 'it runs in this process',
  asOf: '2026-11',
};
/** Length of the local vectors where nobody says otherwise. */
export const LOCAL_DIMENSIONS_DEFAULT = 384;

const DIMENSIONS_MAX = 8192;
/** How long the event loop is kept before others get their turn. */
const SLICE_MS = 4;
/** Code units between two looks at the clock: well under a millisecond of work. */
const STRETCH_UNITS = 4096;

export interface LocalEmbedderOptions {
  /** Length of every vector, 1 to 8,192. Default 384; below about 128 unrelated texts begin to look alike. */
  readonly dimensions?: number;
}

/**
 * The embedder that is always there: no network, no weights, no key, the same bytes in every engine.
 *
 * It is **lexical**, not semantic. A vector is a signed hash of the text's words and of their 3- to 5-letter pieces, so
 * "installing" finds "install" and a typo still matches, but "car" does not find "automobile". Case and accents are
 * folded, stop words damped, repeated words saturate; scripts without spaces are taken in ones, twos and threes of characters.
 * It works on the caller's thread in slices of 4 ms, at some 30 MB of text per second.
 *
 * @throws SynclineError `INVALID_OPTION` for impossible dimensions.
 */
export function createLocalEmbedder(options: LocalEmbedderOptions = {}): Embedder {
  const dimensions = options.dimensions ?? LOCAL_DIMENSIONS_DEFAULT;
  if (!Number.isSafeInteger(dimensions) || dimensions < 1 || dimensions > DIMENSIONS_MAX) {
    const message = `The local embedder cannot make vectors of ${dimensions} dimensions; use a whole number from 1 to ${DIMENSIONS_MAX}.`;
    throw new SynclineError('INVALID_OPTION', message, { details: { option: 'dimensions' } });
  }
  const limits = PROVIDER_LIMITS.local;
  // One per text in progress, since calls interleave at each slice's end; kept for the next call.
  const idleHashers: FeatureHasher[] = [];
  return {
    provider: LOCAL_PROVIDER,
    model: LOCAL_MODEL,
    dimensions,
    limits,
    price: LOCAL_PRICE,
    async embed(texts, { signal }) {
      throwIfAborted(signal);
      checkTexts(texts, limits.itemsPerRequestMax, 'the local embedder');
      const hasher = idleHashers.pop() ?? createFeatureHasher(dimensions);
      try {
        return { vectors: await embedInSlices(texts, hasher, signal), tokensCharged: undefined };
      } finally {
        if (idleHashers.length < limits.requestsInFlightMax) idleHashers.push(hasher);
      }
    },
  };
}

async function embedInSlices(
  texts: readonly string[],
  hasher: FeatureHasher,
  signal: AbortSignal | undefined,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  let sliceEndMs = performance.now() + SLICE_MS;
  let sinceClock = 0;
  for (const text of texts) {
    hasher.begin();
    for (let from = 0; from < text.length; ) {
      const to = stretchEnd(text, from);
      hasher.add(text, from, to);
      sinceClock += to - from;
      from = to;
      if (sinceClock < STRETCH_UNITS) continue;
      sinceClock = 0;
      if (performance.now() < sliceEndMs) continue;
      await nextTurn();
      throwIfAborted(signal);
      sliceEndMs = performance.now() + SLICE_MS;
    }
    vectors.push(hasher.finish(text));
  }
  return vectors;
}

/** Where the stretch from `from` ends: at white space when there is some near, so that no word is cut. */
function stretchEnd(text: string, from: number): number {
  const limit = from + STRETCH_UNITS;
  if (limit >= text.length) return text.length;
  for (let at = limit; at > limit - 256; at -= 1) {
    const unit = text.charCodeAt(at);
    if (unit === 0x20 || unit === 0x0a) return at;
  }
  return limit;
}
