import type { DocumentChange, StoredDocument } from '../catalog/catalog.ts';
import { prepareChunks } from '../chunking/prepare-chunks.ts';
import { runInSlices } from '../chunking/run-in-slices.ts';
import { diffChunks } from '../domain/chunk-diff.ts';
import { type DocumentKey, documentMapKey, type PreparedDocument } from '../domain/document.ts';
import { throwIfAborted } from '../domain/errors.ts';
import { sameBytes } from '../domain/hash.ts';
import type { DatasetWork } from './work.ts';

/** What became of the documents of one batch. */
export interface ApplyCounts {
  readonly added: number;
  /** Content or metadata changed. */
  readonly changed: number;
  readonly unchanged: number;
  readonly removed: number;
}

/** A batch of changes: whole documents to be as given, and keys to be gone. No key stands in it twice. */
export interface DocumentBatch {
  readonly documents: readonly PreparedDocument[];
  readonly deletions: readonly DocumentKey[];
  /** Waiting changes that this batch is made of. Without them, the batch is newer than whatever waits for its documents, and replaces it. */
  readonly incomingIds?: readonly number[];
}

/**
 * Step 1 of the order of writes: brings a batch of documents into the catalog. Each document's content, its chunk diff
 * and its removals are one transaction; unchanged documents cost a comparison of hashes and nothing else.
 */
export function applyDocuments(
  work: DatasetWork,
  batch: DocumentBatch,
  signal?: AbortSignal,
): Promise<ApplyCounts> {
  return work.applying.run(async () => {
    throwIfAborted(signal);
    const keys: DocumentKey[] = [...batch.documents, ...batch.deletions];
    const stored = await storedByKey(work, keys);
    const changes: DocumentChange[] = [];
    const counts = { added: 0, changed: 0, unchanged: 0, removed: 0 };
    const changed: PreparedDocument[] = [];
    for (const document of batch.documents) {
      const before = stored.get(documentMapKey(document));
      if (before !== undefined && isUnchanged(before, document)) counts.unchanged += 1;
      else {
        counts[before === undefined ? 'added' : 'changed'] += 1;
        changed.push(document);
      }
    }
    changes.push(...(await planUpserts(work, changed, stored, signal)));
    for (const key of batch.deletions) {
      if (!stored.has(documentMapKey(key))) continue;
      counts.removed += 1;
      changes.push({ kind: 'delete', key });
    }
    const incomingIds = batch.incomingIds ?? (await work.catalog.findIncoming(work.dataset.datasetId, keys));
    if (changes.length > 0)
      await work.writer.applyDocuments(work.dataset.datasetId, changes, { incomingIds });
    else if (incomingIds.length > 0) await work.writer.dropIncoming(work.dataset.datasetId, incomingIds);
    if (changes.length > 0) work.changed.ring();
    return counts;
  });
}

async function storedByKey(
  work: DatasetWork,
  keys: readonly DocumentKey[],
): Promise<Map<string, StoredDocument>> {
  const stored = await work.catalog.findDocuments(work.dataset.datasetId, keys);
  return new Map(stored.map((document) => [documentMapKey(document), document]));
}

function isUnchanged(before: StoredDocument, document: PreparedDocument): boolean {
  return (
    sameBytes(before.contentHash, document.contentHash) &&
    sameBytes(before.metadataHash, document.metadataHash)
  );
}

async function planUpserts(
  work: DatasetWork,
  documents: readonly PreparedDocument[],
  stored: ReadonlyMap<string, StoredDocument>,
  signal: AbortSignal | undefined,
): Promise<DocumentChange[]> {
  const known = documents.flatMap((document) => stored.get(documentMapKey(document))?.documentId ?? []);
  const chunksById = known.length === 0 ? new Map() : await work.catalog.listChunks(known);
  const changes: DocumentChange[] = [];
  for (const document of documents) {
    const before = stored.get(documentMapKey(document));
    if (before !== undefined && sameBytes(before.contentHash, document.contentHash)) {
      changes.push({
        kind: 'upsert',
        document,
        diff: { kept: [], added: [], removedIds: [] },
        contentChanged: false,
      });
      continue;
    }
    const chunks = await runInSlices(prepareChunks(document, work.dataset.chunking), signal);
    const diff = diffChunks(before === undefined ? [] : (chunksById.get(before.documentId) ?? []), chunks);
    changes.push({ kind: 'upsert', document, diff, contentChanged: true });
  }
  return changes;
}
