import type { CatalogWriter, DatasetRecord, NewEmbedding } from '../catalog/catalog.ts';
import type { DatasetAddress } from '../domain/address.ts';
import { type DocumentInput, prepareDocument } from '../domain/document.ts';
import { renderEmbeddedText } from '../domain/embedded-text.ts';
import { profileKey } from '../domain/embedding-profile.ts';
import { SynclineError, throwIfAborted } from '../domain/errors.ts';
import { sha256, toHex } from '../domain/hash.ts';
import { cut } from '../pipeline/apply-documents.ts';
import { type RuntimeCore, requireDataset, withSession } from './core.ts';
import type { IngestOptions, IngestResult } from './dataset.ts';
import { ingest } from './dataset-documents.ts';
import { readVector } from './import-vectors.ts';

/** A record of a table of your own: a text with the vector that was made of it. */
export interface ImportedRow extends Pick<DocumentInput, 'key' | 'source' | 'metadata'> {
  readonly text: string;
  /** Made of the text by the dataset's model. */
  readonly vector: Float32Array | readonly number[];
}

export type RowSource = Iterable<ImportedRow> | AsyncIterable<ImportedRow>;

/** What {@link Dataset.importRows} has done. */
export interface ImportRowsResult extends IngestResult {
  /** `provider/model@dimensions tN`. */
  readonly profile: string;
  /** Texts whose vector was stored under their hash. */
  readonly storedCount: number;
  /** Texts that had a vector already. */
  readonly knownCount: number;
  /** Texts longer than a chunk: cut and embedded, since no vector of a whole is one of its parts. */
  readonly splitCount: number;
  readonly tokensToEmbedCount: number;
}

/** Rows whose texts are hashed, and whose vectors are stored, at once. */
const ROWS_PER_BATCH = 500;

interface ImportRun {
  readonly core: RuntimeCore;
  readonly writer: CatalogWriter;
  readonly dataset: DatasetRecord;
  readonly profileId: number;
  readonly counts: {
    storedCount: number;
    knownCount: number;
    splitCount: number;
    tokensToEmbedCount: number;
  };
}

/** See {@link Dataset.importRows}. */
export function importRows(
  core: RuntimeCore,
  address: DatasetAddress,
  rows: RowSource,
  options: IngestOptions = {},
): Promise<ImportRowsResult> {
  return withSession(core, options.signal, async ({ writer }, signal) => {
    const dataset = await requireDataset(core, address);
    if (dataset.target !== undefined) {
      const message = 'The dataset is on its way to another configuration; import rows when it is there.';
      throw new SynclineError('DATASET_RECONFIGURING', message);
    }
    const profileId = await writer.ensureProfile(dataset.profile);
    const counts = { storedCount: 0, knownCount: 0, splitCount: 0, tokensToEmbedCount: 0 };
    const documents = takeIn({ core, writer, dataset, profileId, counts }, rows, signal);
    const result = await ingest(core, address, documents, options);
    return { ...result, profile: profileKey(dataset.profile), ...counts };
  });
}

/** The documents of rows, each once its vector is in the catalog: what is cut of it needs no request then. */
async function* takeIn(run: ImportRun, rows: RowSource, signal: AbortSignal): AsyncGenerator<DocumentInput> {
  let batch: ImportedRow[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < ROWS_PER_BATCH) continue;
    yield* await storeBatch(run, batch, signal);
    batch = [];
  }
  yield* await storeBatch(run, batch, signal);
}

async function storeBatch(
  run: ImportRun,
  batch: readonly ImportedRow[],
  signal: AbortSignal,
): Promise<DocumentInput[]> {
  const { core, counts, dataset } = run;
  const embeddings = new Map<string, NewEmbedding>();
  const documents: DocumentInput[] = [];
  for (const { text, vector, ...row } of batch) {
    throwIfAborted(signal);
    const document: DocumentInput = { ...row, content: text, format: 'text' };
    documents.push(document);
    const place = counts.storedCount + counts.knownCount + counts.splitCount + embeddings.size;
    const numbers = readVector(vector, dataset.profile, place);
    const embedded = await embeddedTextOf(run, document, signal);
    if (embedded === undefined) continue;
    const textHash = sha256(embedded);
    embeddings.set(toHex(textHash), { textHash, vector: numbers });
  }
  const all = [...embeddings.values()];
  const hashes = all.map(({ textHash }) => textHash);
  const known = new Set(await (await core.catalog()).findEmbedded(dataset.profile, hashes));
  const { usdPerMillionTokens } = core.prices.priceOf(dataset.profile) ?? {};
  await run.writer.storeEmbeddings(
    run.profileId,
    all.filter((_, index) => !known.has(index)),
    { usdPerMillionTokens },
  );
  counts.knownCount += known.size;
  counts.storedCount += all.length - known.size;
  return documents;
}

/** The text as it is embedded, where the document is one chunk that is all of it; white space around it does not count. */
async function embeddedTextOf(
  { core, dataset, counts }: ImportRun,
  document: DocumentInput,
  signal: AbortSignal,
): Promise<string | undefined> {
  let prepared: ReturnType<typeof prepareDocument>;
  try {
    const contentLengthMax = core.options.documentLengthMax;
    prepared = prepareDocument(document, { fields: dataset.fields, contentLengthMax });
  } catch {
    // Refused with its reason when it is taken in.
    return undefined;
  }
  const chunks = await cut(dataset, prepared, signal);
  const [first] = chunks;
  if (first === undefined) return undefined;
  const embedded = renderEmbeddedText(first.context, prepared.content.slice(first.start, first.end));
  if (chunks.length === 1 && embedded.trim() === prepared.content.trim()) return embedded;
  counts.splitCount += 1;
  counts.tokensToEmbedCount += chunks.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
  return undefined;
}
