import type { Configuration } from '../catalog/catalog.ts';
import { profileKey } from '../domain/embedding-profile.ts';

/** How documents become vectors, as people read it. */
export interface ConfigurationSummary {
  /** `provider/model@dimensions tN`. */
  readonly profile: string;
  readonly tokensPerChunkMax: number;
}

export function summarize({ profile, chunking }: Configuration): ConfigurationSummary {
  return { profile: profileKey(profile), tokensPerChunkMax: chunking.tokensPerChunkMax };
}
