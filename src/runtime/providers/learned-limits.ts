import type { Embedder, EmbedderLimits } from '../../embedders/embedder.ts';

/** Limits as a provider showed them by refusing, kept for as long as the process lives. */
export interface LearnedLimits {
  limits(): EmbedderLimits;
  noteTooLarge: NonNullable<Embedder['noteTooLarge']>;
}

export function createLearnedLimits(embedder: Embedder): LearnedLimits {
  let itemsMax = Number.POSITIVE_INFINITY;
  let tokensMax = Number.POSITIVE_INFINITY;
  return {
    limits: () => ({
      ...embedder.limits,
      itemsPerRequestMax: Math.min(embedder.limits.itemsPerRequestMax, itemsMax),
      tokensPerRequestMax: Math.min(embedder.limits.tokensPerRequestMax, tokensMax),
    }),
    noteTooLarge({ items, tokens, isAboutTokens }) {
      if (isAboutTokens) tokensMax = Math.min(tokensMax, Math.max(1, Math.ceil(tokens / 2)));
      else itemsMax = Math.min(itemsMax, Math.max(1, Math.ceil(items / 2)));
    },
  };
}
