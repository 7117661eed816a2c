import type { PreparedDocument } from '../domain/document.ts';
import {
  type ApplyCounts,
  applyDocuments,
  type DocumentBatch,
  type PreparedBatch,
  prepareBatch,
} from '../pipeline/apply-documents.ts';
import type { DatasetWork } from '../pipeline/work.ts';
import type { Attended, RuntimeCore } from './core.ts';

/** What documents are taken in by. */
export interface TakingIn {
  readonly core: RuntimeCore;
  readonly address: string;
  readonly work: DatasetWork;
  readonly attended: Attended;
  readonly task: { readonly signal: AbortSignal };
  readonly counts: { addedCount: number; changedCount: number; unchangedCount: number };
}

/**
 * Brings documents into the catalog batch by batch: while one is written, the next is read and cut.
 *
 * @param onProgress - Called with every batch that was read.
 */
export async function applyBatches(
  run: TakingIn,
  batches: AsyncIterable<PreparedDocument[]>,
  toBatch: (documents: PreparedDocument[]) => DocumentBatch,
  onProgress: () => Promise<void>,
): Promise<void> {
  const { work } = run;
  let applying: Promise<unknown> = Promise.resolve();
  work.producers.ingesting += 1;
  try {
    for await (const documents of batches) {
      const batch = await prepareBatch(work, toBatch(documents), run.task.signal);
      await applying;
      applying = applyBatch(run, batch);
      applying.catch(() => undefined);
      await onProgress();
    }
    await applying;
  } finally {
    await Promise.allSettled([applying]);
    work.producers.ingesting -= 1;
    work.changed.ring();
  }
}

/** Brings one batch into the catalog, and tells of it. */
export async function applyBatch(run: TakingIn, batch: PreparedBatch): Promise<ApplyCounts> {
  const counts = await applyDocuments(run.work, batch, run.task.signal).catch((error: unknown) => {
    // The answer can be lost after the commit: then there is work, and nobody else would tell of it.
    run.attended.wake();
    throw error;
  });
  run.counts.addedCount += counts.added;
  run.counts.changedCount += counts.changed;
  run.counts.unchangedCount += counts.unchanged;
  run.core.hub.emit({ type: 'documents.applied', address: run.address, ...counts });
  if (counts.added + counts.changed + counts.removed > 0) run.attended.wake();
  return counts;
}
