import type { BatchLimits } from './batch-api.ts';

/**
 * OpenAI's batch API: 50,000 requests, 200 MB and 50,000 embedding inputs per job (`CreateBatchRequest` in
 * github.com/openai/openai-openapi); a million enqueued embedding requests (help.openai.com 9197833). Tokens that may be
 * enqueued depend on the usage tier: 3,000,000 are what the first one was seen to have for `text-embedding-3-small`
 * (community.openai.com 1028595); the option `batch.enqueuedTokensMax` tells of a higher one. How many jobs may be unfinished
 * is not published: 100 is our choice, and so are 16 texts per request: a refusal of one of them sends all of them again.
 */
export const OPENAI_BATCH_LIMITS: BatchLimits = {
  requestsPerJobMax: 50_000,
  bytesPerJobMax: 200_000_000,
  inputsPerJobMax: 50_000,
  inputsPerRequestMax: 16,
  tokensPerInputMax: 8192,
  enqueuedTokensMax: 3_000_000,
  enqueuedRequestsMax: 1_000_000,
  jobsMax: 100,
};

/**
 * Gemini's batch API: 100 jobs and 2 GB a file (aicheckerhub.com, which cites ai.google.dev/gemini-api/docs/batch-api); one text per request
 * (cookbook Batch_mode.ipynb in github.com/google-gemini/cookbook), 2,048 tokens of it for gemini-embedding-001. Tokens that may be
 * enqueued depend on the tier: 2,000,000 are what the first one was seen to have (discuss.ai.google.dev 107091, 115183). Requests are not
 * published; theirs and the bytes are those of OpenAI, by our choice.
 */
export const GEMINI_BATCH_LIMITS: BatchLimits = {
  requestsPerJobMax: 50_000,
  bytesPerJobMax: 200_000_000,
  inputsPerJobMax: 50_000,
  inputsPerRequestMax: 1,
  tokensPerInputMax: 2048,
  enqueuedTokensMax: 2_000_000,
  enqueuedRequestsMax: 1_000_000,
  jobsMax: 100,
};
