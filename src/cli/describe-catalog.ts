import type { CatalogSummary } from '../index.ts';
import { countOf, formatBytes } from './format-values.ts';

/** What is in a catalog, in one line. */
export function describeSummary({ bytes, datasets, documents, chunks, embeddings }: CatalogSummary): string {
  const counts = [
    countOf(datasets, 'dataset'),
    countOf(documents, 'document'),
    countOf(chunks, 'chunk'),
    countOf(embeddings, 'embedding'),
  ];
  return `${counts.join(', ')}, ${formatBytes(bytes)}`;
}
