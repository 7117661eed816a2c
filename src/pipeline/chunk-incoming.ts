import type { IncomingRecord } from '../catalog/catalog.ts';
import { type DocumentKey, documentMapKey, type PreparedDocument } from '../domain/document.ts';
import { throwIfAborted } from '../domain/errors.ts';
import { applyDocuments, type DocumentBatch, prepareBatch } from './apply-documents.ts';
import { cutUncut } from './cut-uncut.ts';
import type { DatasetWork } from './work.ts';

/**
 * The chunk stage: works off the changes that were queued, and cuts documents anew where a configuration asks for it, until
 * nothing waits. Changes come first.
 */
export async function chunkIncoming(work: DatasetWork, signal: AbortSignal): Promise<void> {
  work.producers.chunking += 1;
  try {
    for (;;) {
      throwIfAborted(signal);
      if (work.hold.active) return;
      const waiting = await work.catalog.listIncoming(
        work.dataset.datasetId,
        work.settings.documentsPerBatchMax,
      );
      if (waiting.length === 0) {
        if (await cutUncut(work, signal)) continue;
        return;
      }
      const batch = await prepareBatch(work, toBatch(waiting), signal);
      const counts = await applyDocuments(work, batch, signal);
      work.report({ type: 'chunked', counts });
    }
  } finally {
    work.producers.chunking -= 1;
    work.changed.ring();
  }
}

/** The catalog keeps one waiting change of a document, the newest. */
function toBatch(waiting: readonly IncomingRecord[]): DocumentBatch {
  const documents: PreparedDocument[] = [];
  const deletions: DocumentKey[] = [];
  const incomingIds = new Map<string, number>();
  for (const { incomingId, change } of waiting) {
    if (change.kind === 'upsert') documents.push(change.document);
    else deletions.push(change.key);
    incomingIds.set(documentMapKey(change.kind === 'upsert' ? change.document : change.key), incomingId);
  }
  return { documents, deletions, incomingIds };
}
