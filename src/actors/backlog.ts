import type { DatasetBacklog } from '../catalog/catalog.ts';

/** How much of a dataset's work waits: documents and chunks, whatever has to be done with them. */
export function waitingCount(backlog: DatasetBacklog): number {
  const { incomingDocuments, queuedDocuments, pendingChunks, uncutDocuments } = backlog;
  return incomingDocuments + queuedDocuments + pendingChunks + uncutDocuments;
}
