import type { BatchLimits } from '../batch/batch-api.ts';
import { SynclineError } from '../domain/errors.ts';
import type { Embedder, EmbedderLimits } from './embedder.ts';
import { createLocalEmbedder, LOCAL_MODEL, LOCAL_PROVIDER } from './local-embedder.ts';
import { createOpenAiEmbedder } from './openai-embedder.ts';
import { OPENAI_BASE_URL, readEndpoint } from './openai-endpoint.ts';
import type { ServerKind } from './provider-limits.ts';

/** Model of OpenAI's own service where nobody names one. */
const OPENAI_MODEL_DEFAULT = 'text-embedding-3-small';

/** What the caller says about the embedder; everything it leaves out is taken from the environment. */
export interface EmbedderOptions {
  /** The built-in local embedder, or OpenAI and every server with the same protocol. */
  readonly provider?: 'local' | 'openai';
  readonly model?: string;
  readonly dimensions?: number;
  /** Whether to ask the server for `dimensions`; see `OpenAiEmbedderOptions`. */
  readonly sendDimensions?: boolean;
  readonly baseUrl?: string;
  readonly apiKey?: string;
  readonly timeoutMs?: number;
  /** What the server is, for its limits; see `OpenAiEmbedderOptions`. */
  readonly server?: ServerKind;
  /** Single limits of the batch API; an empty object tells that a compatible server has one. */
  readonly batch?: Partial<BatchLimits>;
  readonly limits?: Partial<EmbedderLimits>;
}

/** The environment, as a plain object: `process.env` or a part of it. Empty values count as not set. */
export type EmbedderEnvironment = Readonly<Record<string, string | undefined>>;

export interface ChosenEmbedder {
  readonly embedder: Embedder;
  /** One printable sentence without secrets: what was chosen, and why. */
  readonly reason: string;
}

/**
 * Chooses the embedder: the one given, else what `options` say, else what the environment says, else the local one. Opens nothing.
 *
 * | variable | meaning |
 * |---|---|
 * | `SYNCLINE_EMBEDDER` | `local` or `openai` |
 * | `SYNCLINE_EMBEDDING_MODEL` | model name; chooses `openai` |
 * | `SYNCLINE_EMBEDDING_BASE_URL` | a compatible server; chooses `openai`; needs a model unless it is OpenAI's |
 * | `SYNCLINE_EMBEDDING_API_KEY` | key for that server, or for OpenAI; chooses `openai` |
 * | `SYNCLINE_EMBEDDING_DIMENSIONS` | length of the vectors; needed for models other than OpenAI's |
 * | `SYNCLINE_EMBEDDING_SEND_DIMENSIONS` | `true` or `false`: whether to ask the server for that length |
 * | `OPENAI_API_KEY` | chooses `openai`; sent to OpenAI and to `OPENAI_BASE_URL` only, never to another server |
 * | `OPENAI_BASE_URL` | where `openai` is, when nothing above names a server |
 *
 * @throws SynclineError `INVALID_OPTION` for unknown or contradictory values.
 */
export function chooseEmbedder(
  options: Embedder | EmbedderOptions | undefined,
  environment: EmbedderEnvironment,
): ChosenEmbedder {
  if (options !== undefined && 'embed' in options) {
    return { embedder: options, reason: describe(options, 'it was passed in') };
  }
  const asked = options ?? {};
  const { provider, because } = chooseProvider(asked, environment);
  return provider === 'local'
    ? chooseLocal(asked, environment, because)
    : chooseOpenAi(asked, environment, because);
}

function chooseProvider(
  options: EmbedderOptions,
  environment: EmbedderEnvironment,
): { readonly provider: 'local' | 'openai'; readonly because: string } {
  if (options.provider !== undefined) {
    const provider = readProvider(options.provider, 'provider');
    return { provider, because: `the options ask for "${provider}"` };
  }
  for (const option of ['model', 'baseUrl', 'apiKey'] as const) {
    if (options[option] !== undefined) return { provider: 'openai', because: `the options give "${option}"` };
  }
  const asked = read(environment, 'SYNCLINE_EMBEDDER');
  if (asked !== undefined) {
    return { provider: readProvider(asked, 'SYNCLINE_EMBEDDER'), because: `SYNCLINE_EMBEDDER is "${asked}"` };
  }
  const telling = [
    'SYNCLINE_EMBEDDING_BASE_URL',
    'SYNCLINE_EMBEDDING_MODEL',
    'SYNCLINE_EMBEDDING_API_KEY',
    'OPENAI_API_KEY',
  ].find((name) => read(environment, name) !== undefined);
  return telling === undefined
    ? { provider: 'local', because: 'no provider is configured' }
    : { provider: 'openai', because: `${telling} is set` };
}

function chooseLocal(
  options: EmbedderOptions,
  environment: EmbedderEnvironment,
  because: string,
): ChosenEmbedder {
  if (options.model !== undefined && options.model !== LOCAL_MODEL) {
    const message = `The local embedder has one model, "${LOCAL_MODEL}"; leave out "model" or ask for "openai".`;
    throw new SynclineError('INVALID_OPTION', message, { details: { option: 'model' } });
  }
  const dimensions = chooseDimensions(options, environment);
  const embedder = createLocalEmbedder(dimensions === undefined ? {} : { dimensions });
  return { embedder, reason: describe(embedder, because) };
}

function chooseOpenAi(
  options: EmbedderOptions,
  environment: EmbedderEnvironment,
  because: string,
): ChosenEmbedder {
  const named = options.baseUrl ?? read(environment, 'SYNCLINE_EMBEDDING_BASE_URL');
  const baseUrl = named ?? read(environment, 'OPENAI_BASE_URL') ?? OPENAI_BASE_URL;
  const endpoint = readEndpoint(baseUrl);
  // OPENAI_API_KEY belongs to OpenAI (or to what OPENAI_BASE_URL says); another server must not see it.
  const sharedKey =
    named === undefined || endpoint.isOpenAi ? read(environment, 'OPENAI_API_KEY') : undefined;
  const apiKey = options.apiKey ?? read(environment, 'SYNCLINE_EMBEDDING_API_KEY') ?? sharedKey;
  const model = options.model ?? read(environment, 'SYNCLINE_EMBEDDING_MODEL');
  if (model === undefined && !endpoint.isOpenAi) {
    const message = `No model is named for the server ${endpoint.provider}; set "model" or SYNCLINE_EMBEDDING_MODEL.`;
    throw new SynclineError('INVALID_OPTION', message, { details: { option: 'model' } });
  }
  const dimensions = chooseDimensions(options, environment);
  const sendDimensions =
    options.sendDimensions ?? readFlag(environment, 'SYNCLINE_EMBEDDING_SEND_DIMENSIONS');
  const embedder = createOpenAiEmbedder({
    model: model ?? OPENAI_MODEL_DEFAULT,
    baseUrl,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(sendDimensions === undefined ? {} : { sendDimensions }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    ...(options.server === undefined ? {} : { server: options.server }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.batch === undefined ? {} : { batch: options.batch }),
  });
  return { embedder, reason: describe(embedder, because) };
}

/** The environment's dimensions belong to the environment's model: options that name another embedder leave them out. */
function chooseDimensions(options: EmbedderOptions, environment: EmbedderEnvironment): number | undefined {
  if (options.dimensions !== undefined) return options.dimensions;
  const name = 'SYNCLINE_EMBEDDING_DIMENSIONS';
  const value = read(environment, name);
  if (value === undefined || options.provider !== undefined || options.model !== undefined) return undefined;
  if (/^\d{1,5}$/.test(value)) return Number(value);
  throw invalidVariable(name, value, 'it has to be a whole number such as 768');
}

function readProvider(value: string, where: string): 'local' | 'openai' {
  if (value === 'local' || value === 'openai') return value;
  throw invalidVariable(where, value, 'allowed are "local" and "openai"');
}

function readFlag(environment: EmbedderEnvironment, name: string): boolean | undefined {
  const value = read(environment, name);
  if (value === undefined) return undefined;
  if (value === 'true' || value === 'false') return value === 'true';
  throw invalidVariable(name, value, 'allowed are "true" and "false"');
}

function read(environment: EmbedderEnvironment, name: string): string | undefined {
  const value = environment[name]?.trim();
  return value === '' ? undefined : value;
}

function invalidVariable(name: string, value: string, remedy: string): SynclineError {
  const message = `${name} is ${JSON.stringify(value.slice(0, 80))}; ${remedy}.`;
  return new SynclineError('INVALID_OPTION', message, { details: { option: name } });
}

function describe(embedder: Embedder, because: string): string {
  const what =
    embedder.provider === LOCAL_PROVIDER && embedder.model === LOCAL_MODEL
      ? 'local hashed n-grams'
      : `${embedder.provider} ${embedder.model}`;
  return `${what} (${embedder.dimensions} dimensions), because ${because}`;
}
