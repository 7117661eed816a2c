import { SynclineError, toSynclineError } from '../domain/errors.ts';
import type { ResolvedOpenAiOptions } from '../embedders/openai-options.ts';
import { providerFailure } from '../embedders/provider-failure.ts';
import type { BatchRequest, BatchResult } from './batch-api.ts';
import { isRecord, type ResultLine, readResultLines, vectorsOf } from './result-lines.ts';

/* The lines of OpenAI's batch files. Formats: `BatchRequestInput` and `BatchRequestOutput` in openai-openapi. */

/** A number in JSON and its comma, at most. */
const BYTES_PER_NUMBER_MAX = 26;
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
export function readResults(
  options: ResolvedOpenAiOptions,
  pieces: AsyncIterable<Uint8Array>,
  {
    inputsPerRequestMax,
    textsOf,
  }: { inputsPerRequestMax: number; textsOf: (id: string) => number | undefined },
): AsyncGenerator<BatchResult> {
  return readResultLines(pieces, {
    options,
    inputsPerRequestMax,
    bytesPerNumberMax: BYTES_PER_NUMBER_MAX,
    idField: 'custom_id',
    textsOf,
    read: (line) => readResult(options, line),
  });
}

function readResult(options: ResolvedOpenAiOptions, line: ResultLine): Promise<BatchResult> | BatchResult {
  const { id, fields } = line;
  const response = isRecord(fields.response) ? fields.response : undefined;
  const status = response?.status_code;
  if (response === undefined || fields.error)
    return { kind: 'unanswered', id, error: notWorkedOn(options, fields.error) };
  if (status !== 200) return failed(options, id, typeof status === 'number' ? status : 500, response.body);
  return vectorsOf(options, line, response.body);
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
