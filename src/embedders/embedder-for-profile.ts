import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import { SynclineError } from '../domain/errors.ts';
import type { Embedder } from './embedder.ts';
import { createLocalEmbedder, LOCAL_MODEL, LOCAL_PROVIDER } from './local-embedder.ts';

/**
 * The embedder that makes vectors of a stored profile: one of `embedders` when provider, model and dimensions agree, or one
 * of the same provider that can speak to its other models; a local one when the profile is local, since that needs no
 * configuration.
 *
 * The template's version is not looked at: it is about the texts, not about who embeds them.
 *
 * @throws SynclineError `PROFILE_MISMATCH`: vectors of two profiles cannot be compared, and to mix them would poison the
 * table without a trace.
 */
export function embedderForProfile(
  profile: EmbeddingProfile,
  embedders: readonly [Embedder, ...Embedder[]],
): Embedder {
  const { provider, model, dimensions } = profile;
  const sameProvider = embedders.filter((embedder) => embedder.provider === provider);
  const same = sameProvider.find((one) => one.model === model && one.dimensions === dimensions);
  if (same !== undefined) return same;
  for (const embedder of sameProvider) {
    const sibling = embedder.forModel?.(model, dimensions);
    if (sibling !== undefined) return sibling;
  }
  if (profile.provider === LOCAL_PROVIDER && profile.model === LOCAL_MODEL) {
    return createLocalEmbedder({ dimensions: profile.dimensions });
  }
  const message =
    `The vectors are made by ${describe(profile)}, but the embedder is ${describe(embedders[0])}; the two cannot be compared. ` +
    'Configure the embedder that makes them (or give it in moreEmbedders), or reconfigure the dataset.';
  throw new SynclineError('PROFILE_MISMATCH', message, {
    details: { stored: identify(profile), configured: identify(embedders[0]) },
  });
}

type Identity = Pick<EmbeddingProfile, 'provider' | 'model' | 'dimensions'>;

function identify({ provider, model, dimensions }: Identity): Identity {
  return { provider, model, dimensions };
}

function describe({ provider, model, dimensions }: Identity): string {
  return `${provider} ${model} (${dimensions} dimensions)`;
}
