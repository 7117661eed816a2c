import { throwIfAborted } from '../domain/errors.ts';
import { createFindingCounter, type FindingCounter } from '../domain/sync-report.ts';
import type { VectorPage } from '../vectors/vector-store.ts';
import type { Comparison } from './compare-rows.ts';

/** What comparing vectors found. */
export interface VectorFindings {
  readonly vectorless: FindingCounter;
  readonly wrongVector: FindingCounter;
  readonly unembedded: FindingCounter;
  /** All unembedded chunks, up to {@link UNEMBEDDED_LISTED_MAX}. */
  readonly unembeddedChunkIds: readonly number[];
}

/** More than these are found by the next check, when these have been mended. */
const UNEMBEDDED_LISTED_MAX = 100_000;
/** Chunks whose finding is remembered, so that a chunk with several rows counts once. */
const REMEMBERED_MAX = 100_000;

/**
 * Level 3: every row's vector against the catalog's, bit by bit, and every chunk that counts as embedded against the
 * embeddings. Rows whose chunk has no embedding in the catalog (gone, or not ours) have nothing to be compared with.
 */
export async function compareVectors(comparison: Comparison): Promise<VectorFindings> {
  const { scan, signal } = comparison;
  const findings = {
    vectorless: createFindingCounter(),
    wrongVector: createFindingCounter(),
    unembedded: createFindingCounter(),
    unembeddedChunkIds: [] as number[],
  };
  const told = new Set<number>();
  for await (const page of scan.vectors()) {
    throwIfAborted(signal);
    await comparePage(comparison, page, findings, told);
  }
  await findUnembedded(comparison, findings);
  return findings;
}

async function comparePage(
  { catalog, generationId, damage }: Comparison,
  page: VectorPage,
  findings: VectorFindings,
  told: Set<number>,
): Promise<void> {
  const stored = await catalog.findVectors(generationId, [...new Set(page.chunkIds)]);
  for (let row = 0; row < page.chunkIds.length; row += 1) {
    const chunkId = page.chunkIds[row] ?? 0;
    const wanted = stored.get(chunkId);
    if (wanted === undefined || told.has(chunkId)) continue;
    const vector = page.vectors.subarray(row * wanted.length, (row + 1) * wanted.length);
    const isComplete = !page.incompleteRows.has(row);
    if (isComplete && isSameVector(vector, wanted)) continue;
    if (told.size < REMEMBERED_MAX) told.add(chunkId);
    const finding = isComplete && vector.every(Number.isFinite) ? 'wrongVector' : 'vectorless';
    findings[finding].add(chunkId);
    damage.rewrite(page.documentIds[row] ?? 0);
  }
}

function isSameVector(a: Float32Array, b: Float32Array): boolean {
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

function bytesOf(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

async function findUnembedded(
  { catalog, generationId, signal }: Comparison,
  findings: VectorFindings & { readonly unembeddedChunkIds: number[] },
): Promise<void> {
  let afterChunkId: number | undefined = 0;
  while (afterChunkId !== undefined) {
    throwIfAborted(signal);
    const { chunkIds, nextAfterChunkId } = await catalog.listUnembeddedChunks(generationId, afterChunkId);
    for (const chunkId of chunkIds) {
      findings.unembedded.add(chunkId);
      if (findings.unembeddedChunkIds.length < UNEMBEDDED_LISTED_MAX)
        findings.unembeddedChunkIds.push(chunkId);
    }
    afterChunkId = nextAfterChunkId;
  }
}
