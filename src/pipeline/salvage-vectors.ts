import type { Catalog, CatalogWriter, NewEmbedding } from '../catalog/catalog.ts';
import { runInSlices } from '../chunking/run-in-slices.ts';
import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import { throwIfAborted } from '../domain/errors.ts';
import { rowFingerprint } from '../domain/fingerprint.ts';
import { type Digest, sha256 } from '../domain/hash.ts';
import { metadataHash } from '../domain/metadata.ts';
import type { StoredRows, VectorTable } from '../vectors/vector-store.ts';
import { documentRanges } from './document-ranges.ts';

/** What salvaging needs of the catalog. */
export interface SalvageParts {
  readonly catalog: Pick<Catalog, 'findEmbedded'>;
  readonly writer: Pick<CatalogWriter, 'raiseIds' | 'ensureProfile' | 'storeEmbeddings'>;
  readonly signal: AbortSignal;
}

/**
 * Ids that a catalog may have given out beyond those that its tables hold, of documents that are gone again. They are left out,
 * so that no id is given out twice.
 */
export const ID_GAP = 100_000;
/** Rows hashed between two turns of the event loop. */
const ROWS_PER_SLICE = 100;

/**
 * Takes over what a table holds and an older catalog does not know: vectors of texts, which are paid for, and ids, which are
 * given out. Reads the whole table, in bounded pieces; may be begun again. Returns how many vectors were new.
 */
export async function salvageVectors(
  { catalog, writer, signal }: SalvageParts,
  table: VectorTable,
  profile: EmbeddingProfile,
): Promise<number> {
  const contents = await table.listDocuments();
  await writer.raiseIds({
    documentId: (contents.documentIds.at(-1) ?? 0) + ID_GAP,
    chunkId: contents.chunkIdMax + ID_GAP,
    generationId: 0,
  });
  const profileId = await writer.ensureProfile(profile);
  let salvagedCount = 0;
  for (const range of documentRanges(contents)) {
    throwIfAborted(signal);
    const texts = await runInSlices(soundTexts(await table.readDocuments(range), profile.dimensions), signal);
    const hashes = texts.map(({ textHash }) => textHash);
    const known = new Set(await catalog.findEmbedded(profile, hashes));
    const unknown = texts.filter((_, place) => !known.has(place));
    await writer.storeEmbeddings(profileId, unknown);
    salvagedCount += unknown.length;
  }
  return salvagedCount;
}

/** Texts with their vectors, of rows that are what they were written as. A generator, so that the event loop gets its turn. */
function* soundTexts({ rows, vectors }: StoredRows, dimensions: number): Generator<void, NewEmbedding[]> {
  const texts: NewEmbedding[] = [];
  for (const [index, row] of rows.entries()) {
    const textHash: Digest = sha256(row.embeddedText);
    const vector = vectors.subarray(index * dimensions, (index + 1) * dimensions);
    const isSound = rowFingerprint(row.chunkId, textHash, metadataHash(row.metadataJson)) === row.fingerprint;
    if (isSound && vector.every(Number.isFinite)) texts.push({ textHash, vector });
    if (index % ROWS_PER_SLICE === ROWS_PER_SLICE - 1) yield;
  }
  return texts;
}
