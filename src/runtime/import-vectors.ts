import type { CatalogWriter } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { type EmbeddingProfile, profileKey } from '../domain/embedding-profile.ts';
import { SynclineError, throwIfAborted } from '../domain/errors.ts';
import { sha256, toHex } from '../domain/hash.ts';
import { type RuntimeCore, requireDataset, withSession } from './core.ts';
import { chosenProfile, type EmbedderChoice } from './embedder-choice.ts';
import { runTask, type TaskOptions } from './task.ts';
import { walkTexts } from './walk-texts.ts';

/** A text exactly as it is embedded (see `Dataset.texts`), with its vector. */
export interface TextVector {
  readonly text: string;
  /** Length: the profile's dimensions; finite numbers, not all zero. */
  readonly vector: Float32Array | readonly number[];
}

export type VectorSource = Iterable<TextVector> | AsyncIterable<TextVector>;

export interface ImportVectorsOptions extends TaskOptions {
  /** Who made the vectors. Default `dataset`. */
  readonly embedder?: EmbedderChoice;
}

export interface ImportVectorsResult {
  /** `provider/model@dimensions tN`. */
  readonly profile: string;
  /** Vectors read; those of texts that had one already are kept as they were. */
  readonly readCount: number;
  readonly storedCount: number;
}

export interface TextsOptions {
  /** For whose vectors. Default `dataset`. */
  readonly embedder?: EmbedderChoice;
  /** Default: the dataset's, or that of what it is on its way to. */
  readonly tokensPerChunkMax?: number;
  /** Only texts without a vector. Default `false`. */
  readonly missingOnly?: boolean;
  readonly signal?: AbortSignal;
}

/** One distinct text of a dataset, as it is embedded. */
export interface DatasetText {
  readonly text: string;
  /** SHA-256 of the text, in hex. */
  readonly textHash: string;
  /** Counted with cl100k_base. */
  readonly tokenCount: number;
  /** The profile has a vector for it. */
  readonly hasVector: boolean;
}

const VECTORS_PER_BATCH = 500;

/** See {@link Dataset.importVectors}. */
export function importVectors(
  core: RuntimeCore,
  address: DatasetAddress,
  vectors: VectorSource,
  options: ImportVectorsOptions = {},
): Promise<ImportVectorsResult> {
  return withSession(core, options.signal, async ({ writer }, sessionSignal) => {
    const dataset = await requireDataset(core, address);
    const profile = chosenProfile(core, dataset.target ?? dataset, options.embedder ?? 'dataset');
    const { datasetId } = dataset;
    const counts = await runTask(
      core,
      writer,
      { kind: 'importVectors', datasetId, signal: sessionSignal, onTask: options.onTask },
      async ({ progress, save, signal }) => {
        const profileId = await writer.ensureProfile(profile);
        const run = { core, writer, profile, profileId, counts: { readCount: 0, storedCount: 0 } };
        for await (const batch of batches(vectors, signal)) {
          await store(run, batch);
          Object.assign(progress, run.counts);
          await save();
        }
        return run.counts;
      },
    );
    core.supervision?.tell(datasetId, formatAddress(address), { type: 'dataset.changed' });
    return { profile: profileKey(profile), ...counts };
  });
}

interface ImportRun {
  readonly core: RuntimeCore;
  readonly writer: CatalogWriter;
  readonly profile: EmbeddingProfile;
  readonly profileId: number;
  readonly counts: { readCount: number; storedCount: number };
}

/** A batch is checked as a whole before any of it is stored. */
async function store(run: ImportRun, batch: readonly TextVector[]): Promise<void> {
  const { core, profile, counts } = run;
  const embeddings = batch.map(({ text, vector }, place) => ({
    textHash: sha256(readText(text, counts.readCount + place)),
    vector: readVector(vector, profile, counts.readCount + place),
  }));
  const hashes = embeddings.map(({ textHash }) => textHash);
  const known = new Set(await (await core.catalog()).findEmbedded(profile, hashes));
  const added = embeddings.filter((_, place) => !known.has(place));
  await run.writer.storeEmbeddings(run.profileId, added);
  counts.readCount += batch.length;
  counts.storedCount += new Set(added.map(({ textHash }) => toHex(textHash))).size;
}

async function* batches(vectors: VectorSource, signal: AbortSignal): AsyncGenerator<TextVector[]> {
  let batch: TextVector[] = [];
  for await (const vector of vectors) {
    throwIfAborted(signal);
    batch.push(vector);
    if (batch.length < VECTORS_PER_BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function readText(text: unknown, place: number): string {
  if (typeof text === 'string' && text !== '') return text.toWellFormed();
  throw invalidVector(place, 'has no text. Give the text exactly as it is embedded, as texts() lists it');
}

/** @throws SynclineError `INVALID_VECTOR`. */
export function readVector(vector: unknown, { dimensions }: EmbeddingProfile, place: number): Float32Array {
  if (!Array.isArray(vector) && !(vector instanceof Float32Array))
    throw invalidVector(place, 'has no vector: give a list of numbers');
  if (vector.length !== dimensions) {
    throw invalidVector(place, `has a vector of ${vector.length} numbers; the profile's have ${dimensions}`);
  }
  const numbers = Float32Array.from(vector);
  if (!numbers.every(Number.isFinite) || numbers.every((number) => number === 0))
    throw invalidVector(place, 'has a vector with numbers that are not finite, or with nothing but zeros');
  return numbers;
}

function invalidVector(place: number, reason: string): SynclineError {
  return new SynclineError(
    'INVALID_VECTOR',
    `Vector number ${place + 1} ${reason}. Those before it, up to a multiple of ${VECTORS_PER_BATCH}, are stored.`,
    { details: { place } },
  );
}

/** See {@link Dataset.texts}. */
export async function* datasetTexts(
  core: RuntimeCore,
  address: DatasetAddress,
  options: TextsOptions = {},
): AsyncGenerator<DatasetText> {
  const dataset = await requireDataset(core, address);
  const wanted = dataset.target ?? dataset;
  const profile = chosenProfile(core, wanted, options.embedder ?? 'dataset');
  const chunking = { tokensPerChunkMax: options.tokensPerChunkMax ?? wanted.chunking.tokensPerChunkMax };
  for await (const { texts } of walkTexts(core, dataset, { profile, chunking }, options.signal)) {
    for (const { text, textHash, tokenCount, isKnown } of texts) {
      if (isKnown && options.missingOnly === true) continue;
      yield { text, textHash: toHex(textHash), tokenCount, hasVector: isKnown };
    }
  }
}
