/** What makes two vectors comparable: they came from the same model, at the same size, from texts made by the same template. */
export interface EmbeddingProfile {
  /** Who embeds: `"local"`, `"openai"`, or the host of a compatible server. Never a secret. */
  readonly provider: string;
  readonly model: string;
  /** Length of every vector, 1 to 8,192. */
  readonly dimensions: number;
  /** Version of the template that makes the embedded text; see `chunking/embedded-text.ts`. */
  readonly templateVersion: number;
}

/** One line that names a profile for people and in unique keys: `openai/text-embedding-3-small@1536 t1`. */
export function profileKey(profile: EmbeddingProfile): string {
  return `${profile.provider}/${profile.model}@${profile.dimensions} t${profile.templateVersion}`;
}

export function sameProfile(a: EmbeddingProfile, b: EmbeddingProfile): boolean {
  return profileKey(a) === profileKey(b);
}
