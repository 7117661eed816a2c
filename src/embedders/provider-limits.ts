import type { EmbedderLimits } from './embedder.ts';
import type { Endpoint } from './openai-endpoint.ts';

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
   * Google's Gemini by its OpenAI-compatible endpoint. 100 inputs per request (`batchEmbedContents`;
   * github.com/vercel/ai/issues/16575); 2,048 tokens per input of gemini-embedding-001
   * (developers.googleblog.com/en/gemini-embedding-available-gemini-api). Nothing is published on tokens per request: 100 texts of
   * usual length. Rates depend on the tier and are not sent with answers: the first 429 tells, often without Retry-After.
   */
  gemini: {
    itemsPerRequestMax: 100,
    tokensPerItemMax: 2048,
    tokensPerRequestMax: 51_200,
    requestsInFlightMax: 4,
  },
  /**
   * Ollama. A context of 4,096 tokens unless there is much memory (docs/context-length.mdx in github.com/ollama/ollama); what is longer is
   * cut by Ollama without a word. It embeds the inputs of a request one by one and queues requests by itself, so that few and small ones
   * are as fast and are sooner answered; their number is our choice.
   */
  ollama: {
    itemsPerRequestMax: 32,
    tokensPerItemMax: 4096,
    tokensPerRequestMax: 32_768,
    requestsInFlightMax: 2,
  },
  /**
   * vLLM. It takes any number of inputs, schedules 256 of them at a time (`--max-num-seqs`, docs.vllm.ai, engine arguments) and refuses an
   * input that is longer than the model's `--max-model-len`. Requests in flight and their size are our choice: two of them fill the schedule.
   */
  vllm: {
    itemsPerRequestMax: 128,
    tokensPerItemMax: 8192,
    tokensPerRequestMax: 65_536,
    requestsInFlightMax: 4,
  },
  /**
   * text-embeddings-inference. 32 inputs per request (`--max-client-batch-size`), 16,384 tokens per batch (`--max-batch-tokens`), 512
   * requests at a time (`--max-concurrent-requests`): huggingface.co/docs/text-embeddings-inference/cli_arguments. An input of more
   * tokens than the model takes (512 for many) is refused unless it runs with `--auto-truncate`.
   */
  tei: {
    itemsPerRequestMax: 32,
    tokensPerItemMax: 8192,
    tokensPerRequestMax: 16_384,
    requestsInFlightMax: 8,
  },
  /**
   * LM Studio. It publishes no limits (lmstudio.ai/docs/developer/openai-compat/embeddings) and works off requests one after the other on
   * somebody's own computer: small ones, two at a time, by our choice.
   */
  lmstudio: {
    itemsPerRequestMax: 16,
    tokensPerItemMax: 2048,
    tokensPerRequestMax: 16_384,
    requestsInFlightMax: 2,
  },
  /**
   * A server that speaks OpenAI's protocol and says nothing about its limits. Caps of 10 and 16 inputs are common
   * (github.com/openclaw/openclaw/issues/125640, github.com/zilliztech/claude-context/issues/177). Who takes less answers 400: halving
   * finds the size, which is kept to from then on. Tokens per text are the model's business.
   */
  compatible: {
    itemsPerRequestMax: 16,
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

/** Servers that speak OpenAI's protocol, by whose limits are kept to. */
export const SERVER_KINDS = ['openai', 'gemini', 'ollama', 'vllm', 'tei', 'lmstudio', 'compatible'] as const;

export type ServerKind = (typeof SERVER_KINDS)[number];

/** What a server is, as far as its address tells; vLLM and TEI have no port that only they use. */
export function serverKindOf({ isOpenAi, baseUrl }: Endpoint): ServerKind {
  if (isOpenAi) return 'openai';
  const { hostname, port } = new URL(baseUrl);
  if (hostname === 'generativelanguage.googleapis.com') return 'gemini';
  if (port === '11434') return 'ollama';
  return port === '1234' ? 'lmstudio' : 'compatible';
}
