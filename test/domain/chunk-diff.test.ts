import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { PreparedChunk } from '../../src/domain/chunk.ts';
import { diffChunks } from '../../src/domain/chunk-diff.ts';
import { sha256, toHex } from '../../src/domain/hash.ts';
import { fuseRankings } from '../../src/domain/ranking.ts';

function chunk(text: string, ordinal: number): PreparedChunk {
  return { ordinal, start: ordinal, end: ordinal + 1, context: '', tokenCount: 1, textHash: sha256(text) };
}

test('afterwards every new chunk has exactly one id, ids of the same text are kept, and the others are removed', () => {
  const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 8 });
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      const stored = before.map((text, index) => ({ chunkId: index + 1, textHash: sha256(text) }));
      const next = after.map(chunk);
      const { kept, added, removedIds } = diffChunks(stored, next);
      expect([...kept.map((entry) => entry.chunk), ...added].map(({ ordinal }) => ordinal).sort()).toEqual(
        next.map(({ ordinal }) => ordinal),
      );
      expect([...kept.map(({ chunkId }) => chunkId), ...removedIds].sort()).toEqual(
        stored.map(({ chunkId }) => chunkId),
      );
      for (const entry of kept) {
        expect(toHex(stored[entry.chunkId - 1]?.textHash ?? new Uint8Array())).toBe(
          toHex(entry.chunk.textHash),
        );
      }
      // As much is kept as can be: of each text, the smaller of both counts.
      const count = (list: readonly string[], text: string) => list.filter((item) => item === text).length;
      const keepable = ['a', 'b', 'c', 'd'].reduce(
        (sum, text) => sum + Math.min(count(before, text), count(after, text)),
        0,
      );
      expect(kept).toHaveLength(keepable);
    }),
  );
});

test('an insertion before equal texts moves no ids', () => {
  const stored = ['x', 'x', 'y'].map((text, index) => ({ chunkId: index + 1, textHash: sha256(text) }));
  const { kept, added, removedIds } = diffChunks(stored, ['new', 'x', 'x', 'y'].map(chunk));
  expect(kept.map((entry) => [entry.chunkId, entry.chunk.ordinal])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  expect(added.map(({ ordinal }) => ordinal)).toEqual([0]);
  expect(removedIds).toEqual([]);
});

test('fusion prefers what both rankings hold, and breaks ties by id', () => {
  const ranking = (...ids: number[]) => ids.map((id, index) => ({ id, score: 1 - index / 10 }));
  expect(fuseRankings([ranking(1, 2), ranking(3, 2)]).map(({ id }) => id)).toEqual([2, 1, 3]);
  expect(fuseRankings([[], []])).toEqual([]);
});
