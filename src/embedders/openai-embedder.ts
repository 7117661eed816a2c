import type { OpenAI } from 'openai';
import type { BatchApi, BatchLimits } from '../batch/batch-api.ts';
import { createGeminiBatch } from '../batch/gemini-batch.ts';
import { createOpenAiBatch } from '../batch/openai-batch.ts';
import { isSynclineError, SynclineError, throwIfAborted } from '../domain/errors.ts';
import { sha256, toHex } from '../domain/hash.ts';
import { checkTexts } from './check-texts.ts';
import type { Embedder, EmbedResult } from './embedder.ts';
import { createOpenAiClient } from './openai-client.ts';
import { openAiPrice } from './openai-models.ts';
import {
  type OpenAiEmbedderOptions,
  type ResolvedOpenAiOptions,
  resolveOpenAiOptions,
} from './openai-options.ts';
import { providerFailure } from './provider-failure.ts';
import { readRateLimits } from './rate-limit-headers.ts';
import { readBody } from './read-body.ts';
import { type ExpectedAnswer, invalidAnswer, readEmbeddings } from './read-embeddings.ts';

/** A number in JSON and its comma, at most; longer answers are not read to their end. */
const BYTES_PER_NUMBER_MAX = 26;
const BYTES_PER_VECTOR_OVERHEAD = 1024;
const BYTES_PER_ANSWER_OVERHEAD = 65_536;
/** Room for a model that makes longer vectors than we expect, so that the error can say how long. */
const DIMENSIONS_READ_MIN = 4096;

/** One embedder's parts. */
interface Session {
  readonly options: ResolvedOpenAiOptions;
  /** The client, made at the first request: importing it takes a tenth of a second. */
  client: Promise<OpenAI> | undefined;
  /** `base64` until the server refuses the parameter, then `float` for good. */
  encodingFormat: 'base64' | 'float';
}

/**
 * An embedder that speaks to OpenAI or to any server with the same `/embeddings` protocol (Ollama, vLLM,
 * text-embeddings-inference, LM Studio, llama.cpp). One call is one request: nothing is retried here, except once without base64 when a
 * server refuses that parameter. Vectors are passed on as they come, without normalising.
 *
 * The environment is not read; see `chooseEmbedder`. Opens nothing until the first call.
 *
 * @throws SynclineError `INVALID_OPTION`.
 */
export function createOpenAiEmbedder(options: OpenAiEmbedderOptions): Embedder {
  const resolved = resolveOpenAiOptions(options);
  const session: Session = { options: resolved, client: undefined, encodingFormat: 'base64' };
  // Other servers have prices of their own, also for OpenAI's models.
  const price = resolved.endpoint.isOpenAi ? openAiPrice(resolved.model) : undefined;
  return {
    provider: resolved.endpoint.provider,
    model: resolved.model,
    account: accountOf(resolved),
    dimensions: resolved.dimensions,
    limits: resolved.limits,
    ...(price && { price }),
    ...(resolved.batchLimits && { batch: createBatch(resolved, resolved.batchLimits) }),
    forModel(model, dimensions) {
      // A model that cannot be asked for another length makes vectors of one length only.
      if (model === resolved.model && !resolved.sendDimensions) return undefined;
      return createOpenAiEmbedder({ ...options, model, dimensions });
    },
    async embed(texts, { signal }) {
      throwIfAborted(signal);
      checkTexts(texts, resolved.limits.itemsPerRequestMax, resolved.endpoint.provider);
      try {
        return await embedOnce(session, texts, signal);
      } catch (error) {
        if (session.encodingFormat === 'float' || !isAboutEncoding(error)) throw error;
        session.encodingFormat = 'float';
        return await embedOnce(session, texts, signal);
      }
    },
  };
}

function createBatch(options: ResolvedOpenAiOptions, limits: BatchLimits): BatchApi {
  return options.server === 'gemini'
    ? createGeminiBatch(options, limits)
    : createOpenAiBatch(options, limits);
}

/** Host and path of the server, and a hash of the key that does not tell it. */
function accountOf({ endpoint, apiKey }: ResolvedOpenAiOptions): string {
  return `${endpoint.baseUrl}#${apiKey === undefined ? 'none' : toHex(sha256(apiKey)).slice(0, 16)}`;
}

/** One request, with one deadline over the connection, the answer's head and its body. */
async function embedOnce(
  session: Session,
  texts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<EmbedResult> {
  const { timeoutMs, endpoint } = session.options;
  const abort = new AbortController();
  const onAbort = (): void => abort.abort();
  let timedOut = false;
  const deadline = setTimeout(() => {
    timedOut = true;
    abort.abort();
  }, timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await exchange(session, texts, abort.signal);
  } catch (error) {
    throwIfAborted(signal);
    if (isSynclineError(error)) throw error;
    const reason = timedOut ? `did not answer within ${timeoutMs} ms` : 'could not be reached, or hung up';
    const message = `${endpoint.provider} ${reason}. Check that it runs at the base URL given and that the network is up.`;
    const details = { provider: endpoint.provider, timedOut };
    throw new SynclineError('PROVIDER_UNREACHABLE', message, { retryable: true, cause: error, details });
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** @throws SynclineError for what the server answered; anything else that is thrown is the network's fault. */
async function exchange(
  session: Session,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<EmbedResult> {
  const { options } = session;
  const { provider } = options.endpoint;
  const expected: ExpectedAnswer = {
    provider,
    model: options.model,
    itemCount: texts.length,
    dimensions: options.dimensions,
  };
  const response = await post(session, texts, signal);
  const body = await readBody(response, answerBytesMax(expected));
  if (body === undefined)
    throw invalidAnswer(expected, 'it is far longer than vectors of that length can be');
  const answer = parseJson(body, expected);
  const error = embeddedError(answer);
  if (error !== undefined)
    throw providerFailure({ ...error, headers: response.headers }, context(options, texts));
  const result = await readEmbeddings(answer, expected);
  const rateLimits = readRateLimits(response.headers, Date.now());
  return rateLimits === undefined ? result : { ...result, rateLimits };
}

async function post(session: Session, texts: readonly string[], signal: AbortSignal): Promise<Response> {
  const { options } = session;
  // Ours covers the answer's body as well, and always comes first.
  session.client ??= createOpenAiClient(options, options.timeoutMs + 60_000);
  const client = await session.client;
  const { APIError } = await import('openai');
  try {
    return await client.embeddings
      .create(
        {
          model: options.model,
          input: [...texts],
          encoding_format: session.encodingFormat,
          ...(options.sendDimensions ? { dimensions: options.dimensions } : {}),
        },
        { signal },
      )
      .asResponse();
  } catch (error) {
    if (!(error instanceof APIError) || typeof error.status !== 'number') throw error;
    // Its own message and body may repeat the texts, so it is not kept as the cause.
    const answer = { status: error.status, headers: error.headers, error: error.error ?? error.message };
    throw providerFailure(answer, context(options, texts));
  }
}

function answerBytesMax({ itemCount, dimensions }: ExpectedAnswer): number {
  const vectorBytes = Math.max(dimensions, DIMENSIONS_READ_MIN) * BYTES_PER_NUMBER_MAX;
  return itemCount * (vectorBytes + BYTES_PER_VECTOR_OVERHEAD) + BYTES_PER_ANSWER_OVERHEAD;
}

function parseJson(body: string, expected: ExpectedAnswer): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser's error quotes the body, which nobody needs to see in a log. The next answer may be whole.
    throw invalidAnswer(expected, `its ${body.length} characters are not JSON`, { retryable: true });
  }
}

/** Some gateways answer a failure with HTTP 200 and an error in the body, with a status in it if we are lucky. */
function embeddedError(answer: unknown): { readonly status: number; readonly error: unknown } | undefined {
  if (typeof answer !== 'object' || answer === null || 'data' in answer || !('error' in answer))
    return undefined;
  const { error } = answer;
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? Number(error.code) : Number.NaN;
  return { status: code >= 400 && code <= 599 ? code : 500, error };
}

function context(options: ResolvedOpenAiOptions, texts: readonly string[]) {
  const secrets = options.apiKey === undefined ? texts : [options.apiKey, ...texts];
  return { provider: options.endpoint.provider, model: options.model, secrets };
}

function isAboutEncoding(error: unknown): boolean {
  if (!isSynclineError(error, 'EMBEDDING_REQUEST_REFUSED', 'PROVIDER_FAILED')) return false;
  const { status, providerParam } = error.details;
  if (status !== 400 && status !== 422) return false;
  return providerParam === 'encoding_format' || error.message.includes('encoding_format');
}
