import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import { SynclineError } from '../domain/errors.ts';
import type { Embedder } from './embedder.ts';
import { createLocalEmbedder, LOCAL_MODEL, LOCAL_PROVIDER } from './local-embedder.ts';

/**
 * The embedder that makes vectors of a stored profile: `chosen` when provider, model and dimensions agree; a local one
 * when the profile is local, since that needs no configuration.
 *
 * The template's version is not looked at: it is about the texts, not about who embeds them.
 *
 * @throws SynclineError `PROFILE_MISMATCH`: vectors of two profiles cannot be compared, and to mix them would poison the
 * table without a trace.
 */
export function embedderForProfile(profile: EmbeddingProfile, chosen: Embedder): Embedder {
  if (
    profile.provider === chosen.provider &&
    profile.model === chosen.model &&
    profile.dimensions === chosen.dimensions
  ) {
    return chosen;
  }
  if (profile.provider === LOCAL_PROVIDER && profile.model === LOCAL_MODEL) {
    return createLocalEmbedder({ dimensions: profile.dimensions });
  }
  const message =
    `The vectors were made by ${describe(profile)}, but the embedder is ${describe(chosen)}; the two cannot be compared. ` +
    'Configure the embedder that made them, or take the documents into a new dataset.';
  throw new SynclineError('PROFILE_MISMATCH', message, {
    details: { stored: identify(profile), configured: identify(chosen) },
  });
}

type Identity = Pick<EmbeddingProfile, 'provider' | 'model' | 'dimensions'>;

function identify({ provider, model, dimensions }: Identity): Identity {
  return { provider, model, dimensions };
}

function describe({ provider, model, dimensions }: Identity): string {
  return `${provider} ${model} (${dimensions} dimensions)`;
}
