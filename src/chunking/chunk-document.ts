import type { ChunkingSettings, ChunkPiece } from '../domain/chunk.ts';
import type { DocumentFormat } from '../domain/document.ts';
import { createContexts } from './context.ts';
import { packUnits, wholePiece } from './pack-units.ts';
import { type Line, scanLines } from './scan-lines.ts';
import { sectionUnits } from './section-units.ts';
import { divideSections, findSections, type SectionRange } from './sections.ts';
import { createWorkMeter } from './work-meter.ts';

/** What the chunker reads of a document. */
export interface ChunkableDocument {
  readonly title: string;
  readonly content: string;
  readonly format: DocumentFormat;
}

/**
 * Cuts a document into chunks.
 *
 * - The pieces cover the content without gap or overlap; content that is only white space gives none. White space
 *   between two chunks belongs to the first.
 * - `tokenCount` is exact for the whole embedded text (cl100k_base) and at most `settings.tokensPerChunkMax`.
 * - Markdown is cut before headings; neighbouring sections that fit into one chunk together share it, with the headings
 *   above all of them as context. Paragraphs, lists, fences and tables are kept whole where they fit, then lines, sentences
 *   and words; a run of more than 256 characters without a boundary (2,000 for white space) is cut hard.
 * - The same document and settings always give the same pieces, and an edit changes the pieces around it only.
 *
 * A generator that yields after at most a few milliseconds of work; drive it with `runInSlices`.
 */
export function* chunkDocument(
  document: ChunkableDocument,
  settings: ChunkingSettings,
): Generator<void, ChunkPiece[]> {
  const { content, format, title } = document;
  const tokensMax = settings.tokensPerChunkMax;
  const meter = createWorkMeter();
  const contextOf = createContexts(title, tokensMax, meter);
  const lines = yield* scanLines(content, format, meter);
  if (lines.length === 0) return [];
  const sections = findSections(lines);
  const linesOf = ({ from, to }: SectionRange): readonly Line[] =>
    lines.slice(sections[from]?.firstLine, sections[to - 1]?.endLine);

  const pieces: ChunkPiece[] = [];
  const asOne = (range: SectionRange): ChunkPiece | undefined => {
    const context = contextOf(range.path);
    if (range.tokens + context.tokens > tokensMax) return undefined;
    return wholePiece(linesOf(range), range.tokens, { content, context, tokensMax, meter });
  };
  for (const range of divideSections(sections, (candidate) => asOne(candidate) !== undefined, meter)) {
    if (range === undefined) {
      yield;
      continue;
    }
    const piece = asOne(range);
    if (piece !== undefined) {
      pieces.push(piece);
      continue;
    }
    const context = contextOf(range.path);
    const units = sectionUnits(content, linesOf(range), tokensMax - context.tokens, meter);
    for (const packed of packUnits(units, { content, context, tokensMax, meter })) {
      if (packed === undefined) yield;
      else pieces.push(packed);
    }
  }
  return pieces;
}
