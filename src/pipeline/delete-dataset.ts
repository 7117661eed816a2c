import { removeGeneration } from './collect-generations.ts';
import type { DatasetWork } from './work.ts';

/** Removes a dataset that is marked as `deleting`: its tables first, then its rows. Its embeddings stay: they are paid for. */
export function deleteDataset(work: DatasetWork): Promise<void> {
  return work.writing.run(async () => {
    work.serving.current = undefined;
    for (const generation of await work.catalog.listGenerations(work.dataset.datasetId)) {
      await removeGeneration(work, generation);
    }
    await work.writer.deleteDataset(work.dataset.datasetId);
  });
}
