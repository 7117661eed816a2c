import { isSynclineError, SynclineError } from '../domain/errors.ts';
import { nextTurn } from '../embedders/next-turn.ts';
import type { ResolvedOpenAiOptions } from '../embedders/openai-options.ts';
import { providerFailure } from '../embedders/provider-failure.ts';
import { readEmbeddings } from '../embedders/read-embeddings.ts';
import type { BatchRequest, BatchResult } from './batch-api.ts';
import { readLines } from './jsonl-lines.ts';
import { failureContext, isRecord, withoutQuotes } from './openai-batch-lines.ts';

/* The lines of Gemini's batch files. Formats: cookbook Batch_mode.ipynb, `SingleEmbedContentResponse` in js-genai. */

/** A number in JSON, its comma and its line, at most. */
const BYTES_PER_NUMBER_MAX = 40;
const BYTES_PER_LINE_OVERHEAD = 65_536;
const DIMENSIONS_READ_MIN = 4_096;
const SLICE_MS = 4;
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
export async function* readGeminiResults(
  options: ResolvedOpenAiOptions,
  pieces: AsyncIterable<Uint8Array>,
  textsOf: (id: string) => number | undefined,
): AsyncGenerator<BatchResult> {
  const numbersMax = Math.max(options.dimensions, DIMENSIONS_READ_MIN);
  let sliceEndMs = performance.now() + SLICE_MS;
  for await (const line of readLines(pieces, numbersMax * BYTES_PER_NUMBER_MAX + BYTES_PER_LINE_OVERHEAD)) {
    yield line === undefined
      ? { kind: 'unreadable', message: 'A line is far longer than a vector of that length can be.' }
      : await readResult(options, line, textsOf);
    if (performance.now() < sliceEndMs) continue;
    await nextTurn();
    sliceEndMs = performance.now() + SLICE_MS;
  }
}

async function readResult(
  options: ResolvedOpenAiOptions,
  line: string,
  textsOf: (id: string) => number | undefined,
): Promise<BatchResult> {
  const parsed = parse(line);
  if (!isRecord(parsed) || typeof parsed.key !== 'string') {
    return { kind: 'unreadable', message: `A line of ${line.length} characters is no result.` };
  }
  const id = parsed.key;
  if (textsOf(id) === undefined)
    return { kind: 'unknown', message: 'A line names no request that is waited for.' };
  const response = isRecord(parsed.response) ? parsed.response : undefined;
  if (response === undefined) return failed(options, id, parsed.error);
  const { provider } = options.endpoint;
  const expected = { provider, model: options.model, itemCount: 1, dimensions: options.dimensions };
  const embedding = isRecord(response.embedding) ? response.embedding.values : undefined;
  const tokens = tokensOf(response);
  // In the words of OpenAI's protocol, for which there is one reader of vectors.
  const answer = {
    data: [{ index: 0, embedding }],
    ...(tokens === undefined ? {} : { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
  };
  try {
    return { kind: 'vectors', id, ...(await readEmbeddings(answer, expected)) };
  } catch (error) {
    if (!isSynclineError(error)) throw error;
    return { kind: 'refused', id, error };
  }
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

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
