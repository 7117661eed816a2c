import type { GenerationRecord } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import type { DatasetWork, PipelineSettings } from './work.ts';

/**
 * Removes the generations that nobody needs: those marked to be dropped, those begun for a configuration that is no longer
 * wanted, and retired ones beyond what is kept for a rollback; then the chunks of configurations without any generation.
 * Also finishes what was cut short. Called with the write mutex held.
 */
export async function collectGenerations(work: DatasetWork): Promise<void> {
  const generations = await work.catalog.listGenerations(work.dataset.datasetId);
  const kept = new Set([...keptForRollback(work, generations), ...beingBuilt(work, generations)]);
  for (const generation of generations) {
    if (generation.state === 'serving' || kept.has(generation)) continue;
    await removeGeneration(work, generation);
  }
  await work.writer.forgetConfigurations(work.dataset.datasetId);
}

/** Drops a generation's table and forgets it. The intent is recorded first: dropping is not atomic, and is finished at the next check. */
export async function removeGeneration(work: DatasetWork, generation: GenerationRecord): Promise<void> {
  await work.writer.requestGenerationDrop(generation.generationId);
  await work.writer.assertLease();
  await work.store.dropTable(generation.tableName);
  await work.writer.forgetGeneration(generation.generationId);
}

/** What decides how much is kept. */
export interface RetentionParts {
  readonly settings: Pick<PipelineSettings, 'generationsKeptMax' | 'generationKeptMs'>;
  readonly clock: Clock;
}

/** The retired generations that a rollback can go back to, the newest first. */
export function keptForRollback(
  { settings, clock }: RetentionParts,
  generations: readonly GenerationRecord[],
): GenerationRecord[] {
  const oldestMs = clock.nowMs() - settings.generationKeptMs;
  const retiredAt = (generation: GenerationRecord): number => generation.retiredAtMs ?? 0;
  return generations
    .filter((generation) => generation.state === 'retired' && retiredAt(generation) >= oldestMs)
    .sort((a, b) => retiredAt(b) - retiredAt(a) || b.generationId - a.generationId)
    .slice(0, settings.generationsKeptMax);
}

/** The newest of each wanted configuration. */
function beingBuilt(
  { dataset }: DatasetWork,
  generations: readonly GenerationRecord[],
): (GenerationRecord | undefined)[] {
  return [dataset.configurationId, dataset.target?.configurationId].map((configurationId) =>
    generations.find(
      (generation) => generation.state === 'building' && generation.configurationId === configurationId,
    ),
  );
}
