import { describe, expect, test } from 'bun:test';
import type { Embedder } from '../../src/embedders/embedder.ts';
import { rejectionOf } from '../support/test-runtime.ts';

/** Runs `use` with an embedder that works, and cleans up after it. */
export type WithEmbedder = (use: (embedder: Embedder) => Promise<void>) => Promise<void>;

const TEXTS = [
  'The lease is the right to be the one worker on a catalog.',
  'Vectors are stored before anything else uses them.',
  '東京の天気は晴れです。',
  'Ein Straßenbahnfahrer fährt über die Brücke.',
  '🙂🙃',
  '!!! ---',
  ' ',
  '\uD83D lone',
  'a',
];

/** What every {@link Embedder} has to do. */
export function describeEmbedder(name: string, withEmbedder: WithEmbedder): void {
  const withIt = (use: (embedder: Embedder) => Promise<void>) => () => withEmbedder(use);

  describe(`${name} as an embedder`, () => {
    test(
      'says who it is and what it takes',
      withIt(async (embedder) => {
        expect(embedder.provider).toMatch(/^\S+$/);
        expect(embedder.model).toMatch(/^\S+$/);
        expect(embedder.dimensions).toBeGreaterThan(0);
        for (const limit of Object.values(embedder.limits)) expect(limit).toBeGreaterThan(0);
      }),
    );

    test(
      'gives every text one finite, non-zero vector of the promised length',
      withIt(async (embedder) => {
        const { vectors } = await embedder.embed(TEXTS, { purpose: 'document' });
        expect(vectors).toHaveLength(TEXTS.length);
        for (const vector of vectors) {
          expect(vector).toBeInstanceOf(Float32Array);
          expect(vector).toHaveLength(embedder.dimensions);
          const squares = vector.reduce((sum, value) => sum + value * value, 0);
          expect(Number.isFinite(squares)).toBe(true);
          expect(squares).toBeGreaterThan(0);
        }
      }),
    );

    test(
      'keeps the order of the texts and depends on nothing but the text',
      withIt(async (embedder) => {
        const together = await embedder.embed(TEXTS, { purpose: 'document' });
        for (const [at, text] of TEXTS.entries()) {
          const alone = await embedder.embed([text], { purpose: 'document' });
          expect(alone.vectors[0]).toEqual(together.vectors[at] as Float32Array);
        }
      }),
    );

    test(
      'tells different texts apart',
      withIt(async (embedder) => {
        const { vectors } = await embedder.embed(TEXTS, { purpose: 'document' });
        expect(new Set(vectors.map(String)).size).toBe(TEXTS.length);
      }),
    );

    test(
      'gives each text of a request its own memory',
      withIt(async (embedder) => {
        const { vectors } = await embedder.embed(['same', 'same'], { purpose: 'query' });
        (vectors[0] as Float32Array).fill(0);
        expect((vectors[1] as Float32Array).some((value) => value !== 0)).toBe(true);
      }),
    );

    test(
      'serves calls that overlap without mixing them up',
      withIt(async (embedder) => {
        const long = 'The quick brown fox jumps over the lazy dog. '.repeat(10_000);
        const embed = (text: string) => embedder.embed([text], { purpose: 'document' });
        const alone = [await embed(long), await embed(TEXTS[0] as string)];
        const overlapping = await Promise.all([embed(long), embed(TEXTS[0] as string)]);
        expect(overlapping.map((result) => result.vectors)).toEqual(alone.map((result) => result.vectors));
      }),
    );

    test(
      'refuses a request without texts, with an empty text, or with too many',
      withIt(async (embedder) => {
        const tooMany = Array.from({ length: embedder.limits.itemsPerRequestMax + 1 }, () => 'x');
        for (const texts of [[], ['good', ''], tooMany]) {
          const call = embedder.embed(texts, { purpose: 'document' });
          expect(await rejectionOf(call)).toMatchObject({ code: 'EMBEDDING_REQUEST_REFUSED' });
        }
      }),
    );

    test(
      'takes as many texts as it says it takes',
      withIt(async (embedder) => {
        const texts = Array.from({ length: embedder.limits.itemsPerRequestMax }, (_, at) => `text ${at}`);
        const { vectors } = await embedder.embed(texts, { purpose: 'document' });
        expect(vectors).toHaveLength(texts.length);
      }),
    );

    test(
      'does nothing when it is aborted beforehand',
      withIt(async (embedder) => {
        const call = embedder.embed(['text'], { purpose: 'query', signal: AbortSignal.abort() });
        expect(await rejectionOf(call)).toMatchObject({ code: 'ABORTED' });
      }),
    );
  });
}
