import type {
  Configuration,
  ConfigurationRecord,
  DocumentChange,
  StoredDocument,
} from '../catalog/catalog.ts';
import type { ChunkableDocument } from '../chunking/chunk-document.ts';
import { prepareChunks } from '../chunking/prepare-chunks.ts';
import { runInSlices } from '../chunking/run-in-slices.ts';
import { loadTokenizer } from '../chunking/token-counter.ts';
import type { PreparedChunk } from '../domain/chunk.ts';
import { diffChunks } from '../domain/chunk-diff.ts';
import { type DocumentKey, documentMapKey, type PreparedDocument } from '../domain/document.ts';
import { throwIfAborted } from '../domain/errors.ts';
import { sameBytes } from '../domain/hash.ts';
import type { Account } from './accounts.ts';
import { claimTexts } from './claim-texts.ts';
import type { DatasetWork } from './work.ts';

/** What became of the documents of one batch. */
export interface ApplyCounts {
  readonly added: number;
  /** Content or metadata changed. */
  readonly changed: number;
  readonly unchanged: number;
  readonly removed: number;
  /** Chunks of changed documents whose text was there before: they keep their vectors. */
  readonly chunksKept: number;
  /** Chunks with a text that the document did not have. It may still have a vector, from elsewhere or from before. */
  readonly chunksAdded: number;
}

/** A batch of changes: whole documents to be as given, and keys to be gone. No key stands in it twice. */
export interface DocumentBatch {
  readonly documents: readonly PreparedDocument[];
  readonly deletions: readonly DocumentKey[];
  /**
   * The waiting changes that this batch is made of, by the document's map key. Without them, the batch is newer than
   * whatever waits for its documents, and replaces it.
   */
  readonly incomingIds?: ReadonlyMap<string, number>;
  /** Whose its texts are. Default: nobody's. */
  readonly account?: Account;
  /** When it was read from its source, by `DatasetWork.told`: documents of which others told since are left as they are. */
  readonly asOf?: number;
  /** It comes from reading a source from end to end, which is no news about any of its documents. Default `false`. */
  readonly isScan?: boolean;
}

/** A batch with what can be done before its turn: its changed documents are cut into chunks. */
export interface PreparedBatch extends DocumentBatch {
  /** What it was cut for. */
  readonly configuration: ConfigurationRecord;
  /** Chunks by the document's map key; only of documents whose content was not the stored one. */
  readonly chunks: ReadonlyMap<string, readonly PreparedChunk[]>;
  /** Nothing in it differed from the catalog… */
  readonly isUnchanged: boolean;
  /** …after this many batches of changes. */
  readonly comparedAfter: number;
}

/** Cuts what seems to have changed, outside of the turn to apply, so that the next batch is cut while this one is written. */
export async function prepareBatch(
  work: DatasetWork,
  batch: DocumentBatch,
  signal?: AbortSignal,
): Promise<PreparedBatch> {
  const comparedAfter = work.applied.batches;
  const configuration = work.dataset;
  const stored = await storedByKey(work, [...batch.documents, ...batch.deletions]);
  const chunks = new Map<string, readonly PreparedChunk[]>();
  let isUnchanged = !batch.deletions.some((key) => stored.has(documentMapKey(key)));
  for (const document of batch.documents) {
    const before = stored.get(documentMapKey(document));
    if (before !== undefined && isSame(before, document)) continue;
    isUnchanged = false;
    if (before !== undefined && sameBytes(before.contentHash, document.contentHash)) continue;
    chunks.set(documentMapKey(document), await cut(configuration, document, signal));
  }
  return { ...batch, configuration, chunks, isUnchanged, comparedAfter };
}

/**
 * Step 1 of the order of writes: brings a batch of documents into the catalog. Each document's content, its chunk diff
 * and its removals are one transaction; unchanged documents cost a comparison of hashes and nothing else.
 */
export function applyDocuments(
  work: DatasetWork,
  prepared: PreparedBatch,
  signal?: AbortSignal,
): Promise<ApplyCounts> {
  return work.applying.run(async () => {
    throwIfAborted(signal);
    const { datasetId } = work.dataset;
    const keys: DocumentKey[] = [...prepared.documents, ...prepared.deletions];
    const waiting = new Set(await work.catalog.findIncoming(datasetId, keys));
    const batch = await withoutOvertaken(work, withoutReplaced(prepared, waiting), waiting);
    const incomingIds = [...(batch.incomingIds?.values() ?? waiting)];
    // What is worked off from the queue was noted when it was queued.
    if (batch.incomingIds === undefined && !batch.isScan)
      work.told.note([...batch.documents, ...batch.deletions]);
    const isUnchanged = batch.isUnchanged && batch.comparedAfter === work.applied.batches;
    const { changes, counts } = isUnchanged ? nothingToDo(batch) : await planChanges(work, batch, signal);
    if (changes.length > 0) await storeChanges(work, batch, changes, incomingIds);
    else if (incomingIds.length > 0) await work.writer.dropIncoming(datasetId, incomingIds);
    const overtakenCount =
      prepared.asOf === undefined ? 0 : prepared.documents.length - batch.documents.length;
    return { ...counts, unchanged: counts.unchanged + overtakenCount };
  });
}

/** Leaves out the queued changes that were replaced by newer ones, queued or applied, since the batch was prepared. */
function withoutReplaced(batch: PreparedBatch, waiting: ReadonlySet<number>): PreparedBatch {
  if (batch.incomingIds === undefined) return batch;
  const incomingIds = new Map([...batch.incomingIds].filter(([, incomingId]) => waiting.has(incomingId)));
  const stillWaits = (key: DocumentKey): boolean => incomingIds.has(documentMapKey(key));
  const documents = batch.documents.filter(stillWaits);
  return { ...batch, documents, deletions: batch.deletions.filter(stillWaits), incomingIds };
}

/** Leaves out documents of which others told since the batch was read; and, in `waiting`, the changes that wait for them. */
async function withoutOvertaken(
  work: DatasetWork,
  batch: PreparedBatch,
  waiting: Set<number>,
): Promise<PreparedBatch> {
  const { asOf } = batch;
  if (asOf === undefined) return batch;
  const isOvertaken = (key: DocumentKey): boolean => work.told.isNewer(key, asOf);
  const overtaken = [...batch.documents, ...batch.deletions].filter(isOvertaken);
  if (overtaken.length === 0) return batch;
  const documents = batch.documents.filter((document) => !isOvertaken(document));
  const deletions = batch.deletions.filter((key) => !isOvertaken(key));
  // Whatever was queued for the others by the time they were asked for was told of before, and overtakes them, too.
  for (const incomingId of await work.catalog.findIncoming(work.dataset.datasetId, overtaken))
    waiting.delete(incomingId);
  return { ...batch, documents, deletions };
}

async function storeChanges(
  work: DatasetWork,
  { configuration, account }: PreparedBatch,
  changes: readonly DocumentChange[],
  incomingIds: readonly number[],
): Promise<void> {
  const { configurationId, profile } = configuration;
  const { usdPerMillionTokens } = work.priceOf(profile) ?? {};
  if (account !== undefined) await claimTexts(work, account, configuration, changes);
  try {
    await work.writer.applyDocuments(work.dataset.datasetId, configurationId, changes, {
      incomingIds,
      usdPerMillionTokens,
    });
  } finally {
    // Also after an error: the answer can be lost after the commit.
    work.applied.batches += 1;
  }
  work.changed.ring();
}

interface Plan {
  readonly changes: readonly DocumentChange[];
  readonly counts: ApplyCounts;
}

const NOTHING_APPLIED: ApplyCounts = {
  added: 0,
  changed: 0,
  unchanged: 0,
  removed: 0,
  chunksKept: 0,
  chunksAdded: 0,
};

function nothingToDo(batch: DocumentBatch): Plan {
  return { changes: [], counts: { ...NOTHING_APPLIED, unchanged: batch.documents.length } };
}

/** Decides on every document against its stored state, which nobody else changes while it is this batch's turn. */
async function planChanges(
  work: DatasetWork,
  batch: PreparedBatch,
  signal: AbortSignal | undefined,
): Promise<Plan> {
  const stored = await storedByKey(work, [...batch.documents, ...batch.deletions]);
  const counts = { ...NOTHING_APPLIED };
  const changed: PreparedDocument[] = [];
  for (const document of batch.documents) {
    const before = stored.get(documentMapKey(document));
    if (before !== undefined && isSame(before, document)) counts.unchanged += 1;
    else {
      counts[before === undefined ? 'added' : 'changed'] += 1;
      changed.push(document);
    }
  }
  const changes = await planUpserts(work, { ...batch, documents: changed }, stored, signal);
  for (const change of changes) {
    if (change.kind !== 'upsert') continue;
    counts.chunksKept += change.diff.kept.length;
    counts.chunksAdded += change.diff.added.length;
  }
  for (const key of batch.deletions) {
    if (!stored.has(documentMapKey(key))) continue;
    counts.removed += 1;
    changes.push({ kind: 'delete', key });
  }
  return { changes, counts };
}

async function storedByKey(
  work: DatasetWork,
  keys: readonly DocumentKey[],
): Promise<Map<string, StoredDocument>> {
  const stored = await work.catalog.findDocuments(work.dataset.datasetId, keys);
  return new Map(stored.map((document) => [documentMapKey(document), document]));
}

function isSame(before: StoredDocument, document: PreparedDocument): boolean {
  return (
    sameBytes(before.contentHash, document.contentHash) &&
    sameBytes(before.metadataHash, document.metadataHash)
  );
}

async function planUpserts(
  work: DatasetWork,
  batch: PreparedBatch,
  stored: ReadonlyMap<string, StoredDocument>,
  signal: AbortSignal | undefined,
): Promise<DocumentChange[]> {
  const known = batch.documents.flatMap((document) => stored.get(documentMapKey(document))?.documentId ?? []);
  const storedChunks =
    known.length === 0
      ? new Map()
      : await work.catalog.listChunks(batch.configuration.configurationId, known);
  const changes: DocumentChange[] = [];
  for (const document of batch.documents) {
    const mapKey = documentMapKey(document);
    const before = stored.get(mapKey);
    if (before !== undefined && sameBytes(before.contentHash, document.contentHash)) {
      changes.push({
        kind: 'upsert',
        document,
        diff: { kept: [], added: [], removedIds: [] },
        contentChanged: false,
      });
      continue;
    }
    // Another call may have changed the document since the batch was prepared.
    const chunks = batch.chunks.get(mapKey) ?? (await cut(batch.configuration, document, signal));
    const diff = diffChunks(before === undefined ? [] : (storedChunks.get(before.documentId) ?? []), chunks);
    changes.push({ kind: 'upsert', document, diff, contentChanged: true });
  }
  return changes;
}

/** Cuts a document for a configuration. */
export async function cut(
  { chunking }: Configuration,
  document: ChunkableDocument,
  signal: AbortSignal | undefined,
): Promise<PreparedChunk[]> {
  await loadTokenizer();
  return runInSlices(prepareChunks(document, chunking), signal);
}
