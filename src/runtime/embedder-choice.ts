import type { Configuration } from '../catalog/catalog.ts';
import { TEMPLATE_VERSION } from '../domain/embedded-text.ts';
import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import type { RuntimeCore } from './core.ts';

/**
 * Who embeds:
 * - `runtime`: the runtime's own embedder (the option `embedder`);
 * - `dataset`: who embeds the dataset now, or will after the reconfiguration that is under way;
 * - or by name; any embedder object will do.
 */
export type EmbedderChoice =
  | 'runtime'
  | 'dataset'
  | Pick<EmbeddingProfile, 'provider' | 'model' | 'dimensions'>;

/** The profile that is chosen; `dataset` is what "dataset" stands for. */
export function chosenProfile(
  core: RuntimeCore,
  dataset: Pick<Configuration, 'profile'>,
  choice: EmbedderChoice,
): EmbeddingProfile {
  if (choice === 'dataset') return dataset.profile;
  const { provider, model, dimensions } = choice === 'runtime' ? core.chosen.embedder : choice;
  return { provider, model, dimensions, templateVersion: TEMPLATE_VERSION };
}
