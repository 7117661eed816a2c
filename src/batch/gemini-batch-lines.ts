import { SynclineError } from '../domain/errors.ts';
import type { ResolvedOpenAiOptions } from '../embedders/openai-options.ts';
import { providerFailure } from '../embedders/provider-failure.ts';
import type { BatchRequest, BatchResult } from './batch-api.ts';
import { failureContext, withoutQuotes } from './openai-batch-lines.ts';
import { isRecord, type ResultLine, readResultLines, vectorsOf } from './result-lines.ts';

/* The lines of Gemini's batch files. Formats: cookbook Batch_mode.ipynb, `SingleEmbedContentResponse` in js-genai. */

/** A number in JSON, its comma and its line, at most. */
const BYTES_PER_NUMBER_MAX = 40;
/** Codes of google.rpc in lines, as the HTTP statuses that they stand for. */
const HTTP_STATUSES: Readonly<Record<number, number>> = {
  3: 400,
  4: 504,
  5: 404,
  7: 403,
  8: 429,
  9: 400,
  11: 400,
  13: 500,
  14: 503,
  16: 401,
};

/** A request as a line of the input file. */
export function geminiRequestLine(options: ResolvedOpenAiOptions, { id, texts }: BatchRequest): string {
  const request = {
    content: { parts: [{ text: texts[0] ?? '' }] },
    ...(options.sendDimensions ? { output_dimensionality: options.dimensions } : {}),
  };
  return `${JSON.stringify({ key: id, request })}\n`;
}

/** Reads the lines of a file of results. */
export function readGeminiResults(
  options: ResolvedOpenAiOptions,
  pieces: AsyncIterable<Uint8Array>,
  textsOf: (id: string) => number | undefined,
): AsyncGenerator<BatchResult> {
  return readResultLines(pieces, {
    options,
    inputsPerRequestMax: 1,
    bytesPerNumberMax: BYTES_PER_NUMBER_MAX,
    idField: 'key',
    textsOf,
    read: ({ id, fields }) => readResult(options, id, fields),
  });
}

function readResult(
  options: ResolvedOpenAiOptions,
  id: string,
  { response, error }: ResultLine['fields'],
): Promise<BatchResult> | BatchResult {
  if (!isRecord(response)) return failed(options, id, error);
  const embedding = isRecord(response.embedding) ? response.embedding.values : undefined;
  const tokens = tokensOf(response);
  // In the words of OpenAI's protocol, for which there is one reader of vectors.
  const answer = {
    data: [{ index: 0, embedding }],
    ...(tokens === undefined ? {} : { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
  };
  return vectorsOf(options, { id, itemCount: 1 }, answer);
}

/** A count that comes as a number, or as text because it may be large. */
function tokensOf({ tokenCount, usageMetadata }: Record<string, unknown>): number | undefined {
  const told = tokenCount ?? (isRecord(usageMetadata) ? usageMetadata.promptTokenCount : undefined);
  const count = typeof told === 'string' || typeof told === 'number' ? Number(told) : Number.NaN;
  return Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

function failed(options: ResolvedOpenAiOptions, id: string, error: unknown): BatchResult {
  const code = isRecord(error) && typeof error.code === 'number' ? error.code : undefined;
  const status = code === undefined ? undefined : (HTTP_STATUSES[code] ?? (code >= 400 ? code : 500));
  if (status === undefined) {
    const message = `${options.endpoint.provider} did not come to a request of a batch job; it is sent again.`;
    return {
      kind: 'unanswered',
      id,
      error: new SynclineError('PROVIDER_FAILED', message, { retryable: true }),
    };
  }
  const answer = { status, headers: undefined, error: withoutQuotes(error) };
  const failure = providerFailure(answer, failureContext(options));
  return {
    kind: failure.code === 'EMBEDDING_REQUEST_REFUSED' ? 'refused' : 'unanswered',
    id,
    error: failure,
  };
}
