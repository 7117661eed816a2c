import type { Price } from '../domain/cost.ts';
import { LOCAL_PRICE, LOCAL_PROVIDER } from './local-embedder.ts';
import { openAiPrice } from './openai-models.ts';

/** The price of a model where it is known here: OpenAI's own service, and what runs in this process. Others are never guessed. */
export function knownPrice(provider: string, model: string): Price | undefined {
  if (provider === LOCAL_PROVIDER) return LOCAL_PRICE;
  return provider === 'openai' ? openAiPrice(model) : undefined;
}
