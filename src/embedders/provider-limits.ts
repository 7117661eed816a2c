import type { EmbedderLimits } from './embedder.ts';

/**
 * What providers accept in one request. Kept in one table so that a change of theirs is a change of one line here.
 */
export const PROVIDER_LIMITS = {
  /**
   * OpenAI's own service. It takes 2,048 inputs per request, 8,192 tokens per input and 300,000 tokens per request:
   * `CreateEmbeddingRequest` in github.com/openai/openai-openapi. The server enforces the sum on an estimate of its own,
   * which was seen above the tokenizer's count (github.com/yoanbernabeu/grepai/issues/214), hence 250,000.
   * Items are fewer by our choice: an answer of 256 vectors of 1,536 numbers is 2 MB of JSON and keeps the event loop for about
   * 10 ms, one of 2,048 was measured at 50 to 130 ms. Requests in flight are our choice as well.
   */
  openai: {
    itemsPerRequestMax: 256,
    tokensPerItemMax: 8192,
    tokensPerRequestMax: 250_000,
    requestsInFlightMax: 8,
  },
  /**
   * A server that speaks OpenAI's protocol and says nothing about its limits. Caps of 10 and 16 inputs are common
   * (github.com/openclaw/openclaw/issues/125640, github.com/zilliztech/claude-context/issues/177), 32 is the default
   * of text-embeddings-inference (`--max-client-batch-size`), 16,384 tokens its default per batch. Who takes less answers 400,
   * and halving finds the size. Tokens per text are the model's business.
   */
  compatible: {
    itemsPerRequestMax: 32,
    tokensPerItemMax: 8192,
    tokensPerRequestMax: 16_384,
    requestsInFlightMax: 4,
  },
  /** No provider at all: chosen so that one request is some milliseconds of work and the pipeline keeps its rhythm. */
  local: {
    itemsPerRequestMax: 256,
    tokensPerItemMax: 8192,
    tokensPerRequestMax: 262_144,
    requestsInFlightMax: 1,
  },
} as const satisfies Record<string, EmbedderLimits>;
