import type { ChunkChange, ConfigurationRecord, StoredContent } from '../catalog/catalog.ts';
import { diffChunks } from '../domain/chunk-diff.ts';
import { throwIfAborted } from '../domain/errors.ts';
import { sameBytes } from '../domain/hash.ts';
import { cut } from './apply-documents.ts';
import type { Mutex } from './mutex.ts';
import type { DatasetWork } from './work.ts';

/** Documents cut between two looks for new changes. */
const DOCUMENTS_PER_BATCH = 100;

/** The configurations that a dataset's documents are to have chunks under, the active one first. */
export function wantedConfigurations({ dataset }: DatasetWork): ConfigurationRecord[] {
  return dataset.target === undefined ? [dataset] : [dataset, dataset.target];
}

/**
 * Cuts some of the documents whose chunks under a wanted configuration are not those of their content: after a
 * reconfiguration was asked for, and before a retired generation serves again. Tells whether there were any.
 *
 * @param options.isApplyingHeld - The caller holds the applying mutex.
 */
export async function cutUncut(
  work: DatasetWork,
  signal: AbortSignal,
  { isApplyingHeld = false }: { readonly isApplyingHeld?: boolean } = {},
): Promise<boolean> {
  const exclusively: Mutex['run'] = isApplyingHeld ? (task) => task() : work.applying.run;
  for (const configuration of wantedConfigurations(work)) {
    const { configurationId } = configuration;
    const documents = await work.catalog.listUncutDocuments(configurationId, DOCUMENTS_PER_BATCH);
    if (documents.length === 0) continue;
    const chunks = new Map<number, Awaited<ReturnType<typeof cut>>>();
    for (const document of documents)
      chunks.set(document.documentId, await cut(configuration, document, signal));
    await exclusively(async () => {
      throwIfAborted(signal);
      const unchanged = await stillTheSame(work, documents);
      const stored = await work.catalog.listChunks(
        configurationId,
        unchanged.map(({ documentId }) => documentId),
      );
      const changes = unchanged.map((document): ChunkChange => {
        const { documentId } = document;
        return { document, diff: diffChunks(stored.get(documentId) ?? [], chunks.get(documentId) ?? []) };
      });
      const { usdPerMillionTokens } = work.priceOf(configuration.profile) ?? {};
      await work.writer.applyChunks(configurationId, changes, usdPerMillionTokens);
      work.applied.batches += 1;
    });
    work.report({ type: 'recut', documents: documents.length });
    work.changed.ring();
    return true;
  }
  return false;
}

/** Those that did not change while they were cut; the others are still queued. */
async function stillTheSame(
  work: DatasetWork,
  documents: readonly StoredContent[],
): Promise<StoredContent[]> {
  const stored = await work.catalog.findDocuments(work.dataset.datasetId, documents);
  const hashes = new Map(stored.map(({ documentId, contentHash }) => [documentId, contentHash]));
  return documents.filter(({ documentId, contentHash }) => {
    const now = hashes.get(documentId);
    return now !== undefined && sameBytes(now, contentHash);
  });
}
