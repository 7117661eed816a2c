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
