import { isSynclineError, SynclineError, toSynclineError } from '../domain/errors.ts';
import { nextTurn } from '../embedders/next-turn.ts';
import type { ResolvedOpenAiOptions } from '../embedders/openai-options.ts';
import { providerFailure } from '../embedders/provider-failure.ts';
import { readEmbeddings } from '../embedders/read-embeddings.ts';
import type { BatchRequest, BatchResult } from './batch-api.ts';
import { readLines } from './jsonl-lines.ts';

/* The lines of OpenAI's batch files. Formats: `BatchRequestInput` and `BatchRequestOutput` in openai-openapi. */

/** A number in JSON and its comma, at most. */
const BYTES_PER_NUMBER_MAX = 26;
const BYTES_PER_LINE_OVERHEAD = 65_536;
/** Room for vectors that are longer than we expect, so that the error can say how long. */
const DIMENSIONS_READ_MIN = 4_096;
/** How long the event loop is kept before others get their turn. */
const SLICE_MS = 4;
/** Quoted words of the provider longer than this may be one of our texts. */
const QUOTE_LENGTH_MAX = 24;

/** A request as a line of the input file. */
export function requestLine(options: ResolvedOpenAiOptions, { id, texts }: BatchRequest): string {
  const [only] = texts;
  const body = {
    model: options.model,
    input: texts.length === 1 ? only : texts,
    // What answers of the published examples have; whether base64 is taken here is written nowhere.
    encoding_format: 'float',
    ...(options.sendDimensions ? { dimensions: options.dimensions } : {}),
  };
  return `${JSON.stringify({ custom_id: id, method: 'POST', url: '/v1/embeddings', body })}\n`;
}

/** Reads the lines of an output or error file. */
export async function* readResults(
  options: ResolvedOpenAiOptions,
  pieces: AsyncIterable<Uint8Array>,
  {
    inputsPerRequestMax,
    textsOf,
  }: { inputsPerRequestMax: number; textsOf: (id: string) => number | undefined },
): AsyncGenerator<BatchResult> {
  const numbersMax = inputsPerRequestMax * Math.max(options.dimensions, DIMENSIONS_READ_MIN);
  let sliceEndMs = performance.now() + SLICE_MS;
  for await (const line of readLines(pieces, numbersMax * BYTES_PER_NUMBER_MAX + BYTES_PER_LINE_OVERHEAD)) {
    yield line === undefined
      ? { kind: 'unreadable', message: 'A line is far longer than vectors of that length can be.' }
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
  if (!isRecord(parsed) || typeof parsed.custom_id !== 'string') {
    return { kind: 'unreadable', message: `A line of ${line.length} characters is no result.` };
  }
  const id = parsed.custom_id;
  const itemCount = textsOf(id);
  if (itemCount === undefined)
    return { kind: 'unknown', message: 'A line names no request that is waited for.' };
  const response = isRecord(parsed.response) ? parsed.response : undefined;
  const status = response?.status_code;
  if (response === undefined || parsed.error)
    return { kind: 'unanswered', id, error: notWorkedOn(options, parsed.error) };
  if (status !== 200) return failed(options, id, typeof status === 'number' ? status : 500, response.body);
  const { provider } = options.endpoint;
  const expected = { provider, model: options.model, itemCount, dimensions: options.dimensions };
  try {
    return { kind: 'vectors', id, ...(await readEmbeddings(response.body, expected)) };
  } catch (error) {
    if (!isSynclineError(error)) throw error;
    return { kind: 'refused', id, error };
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A request of the job that got an error for an answer. */
function failed(options: ResolvedOpenAiOptions, id: string, status: number, body: unknown): BatchResult {
  const error = isRecord(body) ? withoutQuotes(body.error) : undefined;
  const failure = toSynclineError(
    providerFailure({ status, headers: undefined, error }, failureContext(options)),
  );
  const kind = failure.code === 'EMBEDDING_REQUEST_REFUSED' ? 'refused' : 'unanswered';
  return { kind, id, error: failure };
}

/** What may be said of our requests, and what must not. */
export function failureContext(options: ResolvedOpenAiOptions) {
  const secrets = options.apiKey === undefined ? [] : [options.apiKey];
  return { provider: options.endpoint.provider, model: options.model, secrets };
}

/** The texts are not at hand here, and the provider may repeat them: longer quotes are left out. */
export function withoutQuotes(error: unknown): unknown {
  if (!isRecord(error) || typeof error.message !== 'string') return error;
  const message = error.message.replaceAll(/(["'`])(.*?)\1/gs, (whole, _, inner: string) =>
    inner.length > QUOTE_LENGTH_MAX ? '[removed]' : whole,
  );
  return { ...error, message };
}

/** The job ended before it came to this request (`batch_expired`, `batch_cancelled`), or it took too long (`request_timeout`). */
function notWorkedOn({ endpoint }: ResolvedOpenAiOptions, error: unknown): SynclineError {
  const code =
    isRecord(error) && typeof error.code === 'string' && /^\w{1,64}$/.test(error.code)
      ? error.code
      : 'unknown';
  const message = `${endpoint.provider} did not come to a request of a batch job (${code}); it is sent again.`;
  return new SynclineError('PROVIDER_FAILED', message, { retryable: true, details: { providerCode: code } });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
