import type { BatchLimits } from '../batch/batch-api.ts';
import { GEMINI_BATCH_LIMITS, OPENAI_BATCH_LIMITS } from '../batch/batch-limits.ts';
import { SynclineError } from '../domain/errors.ts';
import type { EmbedderLimits } from './embedder.ts';
import { type Endpoint, OPENAI_BASE_URL, readEndpoint } from './openai-endpoint.ts';
import { findKnownModel } from './openai-models.ts';
import { PROVIDER_LIMITS, SERVER_KINDS, type ServerKind, serverKindOf } from './provider-limits.ts';

export interface OpenAiEmbedderOptions {
  /** Model name as the server knows it, such as `text-embedding-3-small` or `nomic-embed-text`. */
  readonly model: string;
  /**
   * Length of the vectors, 1 to 8,192. Known for OpenAI's three models, required for all others. A `text-embedding-3` model
   * makes shorter vectors when asked for.
   */
  readonly dimensions?: number;
  /**
   * Whether the server is asked for `dimensions`. Default: only for `text-embedding-3` models, because many servers refuse
   * the parameter for models that have one length only.
   */
  readonly sendDimensions?: boolean;
  /** Where the server's `/embeddings` is, without it. Default `https://api.openai.com/v1`. Never read from the environment. */
  readonly baseUrl?: string;
  /** Required for OpenAI itself; servers without authentication need none. Never read from the environment. */
  readonly apiKey?: string;
  /** Time for one request including its whole answer, 1 to 3,600,000. Default 60,000. */
  readonly timeoutMs?: number;
  /** What the server is, for its limits. Default: by its address, as far as that tells (OpenAI, Gemini, Ollama, LM Studio), else `compatible`. */
  readonly server?: ServerKind;
  /** Replaces single limits of the server's profile. */
  readonly limits?: Partial<EmbedderLimits>;
  /**
   * Whether the server has OpenAI's batch API (`/files` and `/batches`), or Gemini its own; with single limits of it replaced, such as
   * `enqueuedTokensMax` of your usage tier. Default: only OpenAI itself and Gemini have one.
   */
  readonly batch?: boolean | Partial<BatchLimits>;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
}

/** {@link OpenAiEmbedderOptions}, checked and complete. */
export interface ResolvedOpenAiOptions {
  readonly endpoint: Endpoint;
  readonly server: ServerKind;
  readonly model: string;
  readonly dimensions: number;
  readonly sendDimensions: boolean;
  readonly apiKey: string | undefined;
  readonly timeoutMs: number;
  readonly limits: EmbedderLimits;
  readonly fetch: typeof globalThis.fetch | undefined;
  /** `undefined` for a server without a batch API. */
  readonly batchLimits: BatchLimits | undefined;
}

const DIMENSIONS_MAX = 8192;
const TIMEOUT_MS_DEFAULT = 60_000;
const TIMEOUT_MS_MAX = 3_600_000;

/** @throws SynclineError `INVALID_OPTION`, naming the option, the reason and the remedy. */
export function resolveOpenAiOptions(options: OpenAiEmbedderOptions): ResolvedOpenAiOptions {
  const endpoint = readEndpoint(options.baseUrl ?? OPENAI_BASE_URL);
  const model = readModel(options.model);
  const apiKey = readApiKey(options.apiKey, endpoint);
  const server = readServer(options.server) ?? serverKindOf(endpoint);
  const profile = PROVIDER_LIMITS[server];
  const limits = { ...profile, ...options.limits };
  for (const [name, value] of Object.entries(limits)) {
    readWholeNumber(`limits.${name}`, value, 1, Number.MAX_SAFE_INTEGER);
  }
  return {
    endpoint,
    server,
    model,
    dimensions: readDimensions(model, options.dimensions),
    sendDimensions: options.sendDimensions ?? findKnownModel(model)?.canShorten ?? false,
    apiKey,
    timeoutMs: readWholeNumber('timeoutMs', options.timeoutMs ?? TIMEOUT_MS_DEFAULT, 1, TIMEOUT_MS_MAX),
    limits,
    fetch: options.fetch,
    batchLimits: readBatchLimits(options.batch ?? (endpoint.isOpenAi || server === 'gemini'), server),
  };
}

function readBatchLimits(batch: boolean | Partial<BatchLimits>, server: ServerKind): BatchLimits | undefined {
  if (batch === false) return undefined;
  const limits = {
    ...(server === 'gemini' ? GEMINI_BATCH_LIMITS : OPENAI_BATCH_LIMITS),
    ...(batch === true ? {} : batch),
  };
  for (const [name, value] of Object.entries(limits))
    readWholeNumber(`batch.${name}`, value, 1, Number.MAX_SAFE_INTEGER);
  return limits;
}

function readServer(server: ServerKind | undefined): ServerKind | undefined {
  if (server === undefined || SERVER_KINDS.includes(server)) return server;
  throw invalidOption(
    'server',
    `"server" is ${JSON.stringify(server)}; allowed are ${SERVER_KINDS.join(', ')}.`,
  );
}

function readModel(model: string): string {
  if (/^[\x21-\x7e]{1,200}$/.test(model)) return model;
  throw invalidOption('model', 'The embedding model has to be 1 to 200 ASCII characters without spaces.');
}

function readApiKey(apiKey: string | undefined, endpoint: Endpoint): string | undefined {
  if (apiKey === undefined || apiKey === '') {
    if (!endpoint.isOpenAi) return undefined;
    throw invalidOption(
      'apiKey',
      'OpenAI needs an API key and none was given; set OPENAI_API_KEY or pass it.',
    );
  }
  // Anything else cannot stand in an HTTP header, and the engine's error would repeat the key.
  if (/^[\x21-\x7e]+$/.test(apiKey)) return apiKey;
  const message =
    'The API key holds spaces, line breaks or other characters that no key has; check how it was copied.';
  throw invalidOption('apiKey', message);
}

function readDimensions(model: string, dimensions: number | undefined): number {
  const known = findKnownModel(model);
  if (dimensions === undefined) {
    if (known !== undefined) return known.dimensions;
    const remedy = 'look it up in the model\'s description (768 for "nomic-embed-text", for one) and set it';
    throw invalidOption(
      'dimensions',
      `The length of the vectors of "${model}" is not known here; ${remedy}.`,
    );
  }
  readWholeNumber('dimensions', dimensions, 1, DIMENSIONS_MAX);
  if (known === undefined || dimensions === known.dimensions) return dimensions;
  if (known.canShorten && dimensions < known.dimensions) return dimensions;
  const possible = known.canShorten ? `up to ${known.dimensions}` : `exactly ${known.dimensions}`;
  throw invalidOption(
    'dimensions',
    `"${model}" makes vectors of ${possible} dimensions, not ${dimensions}; set that.`,
  );
}

function readWholeNumber(option: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalidOption(option, `"${option}" is ${value}; it has to be a whole number from ${min} to ${max}.`);
}

function invalidOption(option: string, message: string): SynclineError {
  return new SynclineError('INVALID_OPTION', message, { details: { option } });
}
