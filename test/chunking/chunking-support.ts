import { expect } from 'bun:test';
import { countTokens } from 'gpt-tokenizer/encoding/cl100k_base';
import { type ChunkableDocument, chunkDocument } from '../../src/chunking/chunk-document.ts';
import { loadTokenizer } from '../../src/chunking/token-counter.ts';
import type { ChunkPiece } from '../../src/domain/chunk.ts';
import { renderEmbeddedText } from '../../src/domain/embedded-text.ts';

await loadTokenizer();

const OPTIONS = { disallowedSpecial: new Set<string>() };

/** A driven generator: its result and how often it yielded. */
export function drive<Result>(generator: Generator<void, Result>): { result: Result; yields: number } {
  let yields = 0;
  for (;;) {
    const step = generator.next();
    if (step.done === true) return { result: step.value, yields };
    yields += 1;
  }
}

/** The chunks of a document; content alone is Markdown without a title. */
export function chunk(
  document: string | Partial<ChunkableDocument>,
  tokensPerChunkMax = 512,
): { pieces: ChunkPiece[]; texts: string[]; contexts: string[]; yields: number } {
  const given = typeof document === 'string' ? { content: document } : document;
  const full = { title: '', content: '', format: 'markdown' as const, ...given };
  const { result: pieces, yields } = drive(chunkDocument(full, { tokensPerChunkMax }));
  const texts = pieces.map(({ start, end }) => full.content.slice(start, end));
  return { pieces, texts, contexts: pieces.map(({ context }) => context), yields };
}

/** Checks everything that holds for the pieces of any document: coverage, offsets, the maximum, the token counts. */
export function expectSoundPieces(content: string, pieces: readonly ChunkPiece[], tokensMax: number): void {
  let position = 0;
  for (const piece of pieces) {
    expect(piece.start).toBe(position);
    expect(piece.end).toBeGreaterThan(piece.start);
    position = piece.end;
    const text = content.slice(piece.start, piece.end);
    expect(piece.tokenCount).toBeLessThanOrEqual(tokensMax);
    expect(piece.tokenCount).toBe(countTokens(renderEmbeddedText(piece.context, text), OPTIONS));
    expect(splitsPair(content, piece.end)).toBe(false);
  }
  expect(position).toBe(content.trim() === '' ? 0 : content.length);
}

function splitsPair(text: string, index: number): boolean {
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(index - 1, index + 1));
}
