import { Buffer } from 'node:buffer';
import type { APIError, OpenAI } from 'openai';
import { isSynclineError, SynclineError, throwIfAborted } from '../domain/errors.ts';
import { createOpenAiClient } from '../embedders/openai-client.ts';
import type { ResolvedOpenAiOptions } from '../embedders/openai-options.ts';
import { providerFailure } from '../embedders/provider-failure.ts';
import { bytesOfAnswer } from './answer-stream.ts';
import type {
  BatchApi,
  BatchCallOptions,
  BatchFile,
  BatchLimits,
  BatchRequest,
  BatchResult,
  RemoteJob,
  RemoteJobFailure,
  RemoteJobState,
} from './batch-api.ts';
import { handInFailure, orNone } from './batch-failures.ts';
import { failureContext, readResults, requestLine } from './openai-batch-lines.ts';
import { isRecord } from './result-lines.ts';

const DAY_MS = 86_400_000;
/** Half the price: developers.openai.com/api/docs/guides/batch. */
const PRICE_SHARE = 0.5;
/** An upload of 200 MB over a slow line; the head of an answer comes much sooner. */
const UPLOAD_TIMEOUT_MS = 1_800_000;
const FILES_PER_PAGE = 1_000;
const BATCHES_PER_PAGE = 100;
/** How far the provider's clock may be from ours. */
const CLOCK_SKEW_MS = 600_000;
/** What the metadata of a batch is called in which we find it again. */
const NAME_KEY = 'syncline_job';
const SUBMISSION_KEY = 'syncline_submission';

type OpenAiJob = Awaited<ReturnType<OpenAI['batches']['retrieve']>>;

/**
 * The batch API of OpenAI, and of servers that have `/files` and `/batches` as it does: JSONL files in and out, jobs found again
 * by their metadata, files by their names.
 */
export function createOpenAiBatch(options: ResolvedOpenAiOptions, limits: BatchLimits): BatchApi {
  let client: Promise<OpenAI> | undefined;
  /** One exchange; what it throws is told as everything of a provider is. */
  const call = async <Result>(
    { signal }: BatchCallOptions,
    run: (openai: OpenAI, request: { readonly signal?: AbortSignal }) => Promise<Result>,
  ): Promise<Result> => {
    throwIfAborted(signal);
    client ??= createOpenAiClient(options, options.timeoutMs);
    try {
      return await run(await client, signal === undefined ? {} : { signal });
    } catch (error) {
      throwIfAborted(signal);
      throw await toFailure(options, error);
    }
  };
  const bytesOf: BatchApi['bytesOf'] = (request) => Buffer.byteLength(requestLine(options, request), 'utf8');
  return {
    limits,
    priceShare: PRICE_SHARE,
    windowMs: DAY_MS,
    bytesOf,
    upload: (name, requests, callOptions) =>
      call(callOptions, (openai, request) => uploadLines(openai, options, { name, requests }, request)),
    findFiles: (name, callOptions) =>
      orNone(
        call(callOptions, async (openai, request) => {
          const found: BatchFile[] = [];
          const query = { purpose: 'batch', order: 'desc', limit: FILES_PER_PAGE } as const;
          for await (const file of openai.files.list(query, request)) {
            if (isBefore(file.created_at, callOptions.sinceMs)) break;
            if (file.filename === fileName(name)) found.push({ fileId: file.id, byteCount: file.bytes });
          }
          return found;
        }),
      ),
    submit: ({ name, submission, fileId }, callOptions) =>
      call(callOptions, async (openai, request) => {
        const metadata = { [NAME_KEY]: name, [SUBMISSION_KEY]: String(submission) };
        const window = { endpoint: '/v1/embeddings', completion_window: '24h' } as const;
        try {
          return toRemoteJob(
            await openai.batches.create({ input_file_id: fileId, ...window, metadata }, request),
          );
        } catch (error) {
          throw await toSubmissionFailure(options, error);
        }
      }),
    findJobs: (name, callOptions) =>
      orNone(
        call(callOptions, async (openai, request) => {
          const found: RemoteJob[] = [];
          for await (const job of openai.batches.list({ limit: BATCHES_PER_PAGE }, request)) {
            if (isBefore(job.created_at, callOptions.sinceMs)) break;
            if (job.metadata?.[NAME_KEY] === name) found.push(toRemoteJob(job));
          }
          return found;
        }),
      ),
    look: (externalId, callOptions) =>
      call(callOptions, async (openai, request) => {
        try {
          return toRemoteJob(await openai.batches.retrieve(externalId, request));
        } catch (error) {
          if (statusOf(error) === 404) return undefined;
          throw error;
        }
      }),
    cancel: (externalId, callOptions) =>
      call(callOptions, async (openai, request) => {
        try {
          await openai.batches.cancel(externalId, request);
        } catch (error) {
          // It is over, or gone.
          if (![400, 404, 409].includes(statusOf(error) ?? 0)) throw error;
        }
      }),
    async *results(job, textsOf, callOptions) {
      for (const fileId of job.resultFileIds) {
        const response = await call(callOptions, async (openai, request) => {
          try {
            return await openai.files.content(fileId, request);
          } catch (error) {
            if (statusOf(error) !== 404) throw error;
            throw resultsLost(options, fileId);
          }
        });
        yield* guarded(options, callOptions, resultsOf(options, response, limits, textsOf));
      }
    },
    removeFile: (fileId, callOptions) =>
      call(callOptions, async (openai, request) => {
        try {
          await openai.files.delete(fileId, request);
        } catch (error) {
          if (statusOf(error) !== 404) throw error;
        }
      }),
  };
}

async function uploadLines(
  openai: OpenAI,
  options: ResolvedOpenAiOptions,
  { name, requests }: { readonly name: string; readonly requests: AsyncIterable<BatchRequest> },
  request: { readonly signal?: AbortSignal },
): Promise<BatchFile> {
  const { toStreamingFile } = await import('openai');
  let byteCount = 0;
  const lines = async function* (): AsyncGenerator<Uint8Array> {
    for await (const one of requests) {
      const line = Buffer.from(requestLine(options, one), 'utf8');
      byteCount += line.byteLength;
      yield line;
    }
  };
  const file = toStreamingFile(lines(), fileName(name), { type: 'application/jsonl' });
  try {
    const { id } = await openai.files.create(
      { file, purpose: 'batch' },
      { ...request, timeout: UPLOAD_TIMEOUT_MS },
    );
    return { fileId: id, byteCount };
  } catch (error) {
    throw handInFailure(await toFailure(options, error));
  }
}

function fileName(name: string): string {
  return `${name}.jsonl`;
}

/** Lists are newest first. */
function isBefore(createdAtSeconds: number, sinceMs: number): boolean {
  return createdAtSeconds * 1_000 < sinceMs - CLOCK_SKEW_MS;
}

function toRemoteJob(job: OpenAiJob): RemoteJob {
  const resultFileIds = [job.output_file_id, job.error_file_id].filter(
    (id) => typeof id === 'string' && id !== '',
  );
  const { request_counts: counts, metadata } = job;
  return {
    externalId: job.id,
    name: metadata?.[NAME_KEY] ?? '',
    submission: Number(metadata?.[SUBMISSION_KEY] ?? 0),
    state: stateOf(job.status),
    remoteState: String(job.status),
    isCancelling: job.status === 'cancelling',
    counts: counts && { total: counts.total, completed: counts.completed, failed: counts.failed },
    createdAtMs: inMs(job.created_at),
    expiresAtMs: inMs(job.expires_at),
    failure: job.status === 'failed' ? failureOf(job) : undefined,
    resultFileIds: resultFileIds as string[],
    fileIds: [job.input_file_id, ...(resultFileIds as string[])].filter(Boolean),
  };
}

function inMs(seconds: number | undefined | null): number | undefined {
  return typeof seconds === 'number' ? seconds * 1_000 : undefined;
}

function stateOf(status: string): RemoteJobState {
  switch (status) {
    case 'validating':
      return 'waiting';
    case 'completed':
    case 'expired':
    case 'cancelled':
    case 'failed':
      return status;
    default:
      // `in_progress`, `finalizing`, `cancelling`, and whatever may be added.
      return 'running';
  }
}

function failureOf({ errors }: OpenAiJob): RemoteJobFailure {
  const said = errors?.data ?? [];
  const message = said
    .slice(0, 3)
    .map(({ code, message: words, line }) =>
      [code, line ? `line ${line}` : '', safeWords(words)].filter(Boolean).join(': '),
    )
    .join('; ');
  const isLimit = said.some(({ code, message: words }) => isEnqueuedLimit(code, words));
  return {
    kind: isLimit ? 'enqueuedLimit' : 'refused',
    message: message === '' ? 'It does not say why.' : message,
  };
}

function isEnqueuedLimit(code: unknown, message: unknown): boolean {
  return code === 'token_limit_exceeded' || /enqueued token limit/i.test(String(message ?? ''));
}

function safeWords(words: string | undefined): string {
  return (words ?? '')
    .replaceAll(/\bsk-[\w*.-]+/g, '[removed]')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .slice(0, 300);
}

function statusOf(error: unknown): number | undefined {
  return isRecord(error) && typeof error.status === 'number' ? error.status : undefined;
}

async function toSubmissionFailure(options: ResolvedOpenAiOptions, error: unknown): Promise<unknown> {
  const status = statusOf(error);
  const { code, message } = error as Partial<APIError>;
  const { provider } = options.endpoint;
  if (status !== undefined && isEnqueuedLimit(code, message)) {
    const text = `${provider} has too much enqueued for another batch job; it is submitted when others have ended.`;
    return new SynclineError('BATCH_LIMIT_REACHED', text, { retryable: true, details: { provider, status } });
  }
  return handInFailure(await toFailure(options, error));
}

/** An error of the client as one of ours. */
async function toFailure(options: ResolvedOpenAiOptions, error: unknown): Promise<SynclineError> {
  if (isSynclineError(error)) return error;
  const { APIError } = await import('openai');
  if (error instanceof APIError && typeof error.status === 'number') {
    const answer = { status: error.status, headers: error.headers, error: error.error ?? error.message };
    return providerFailure(answer, failureContext(options));
  }
  const { provider } = options.endpoint;
  // What broke may be the catalog, from which the requests of an upload are read.
  const inner = error instanceof Error ? error.cause : undefined;
  if (isSynclineError(inner)) return inner;
  const message = `${provider} could not be reached, or hung up. Check that it runs at the base URL given and that the network is up.`;
  return new SynclineError('PROVIDER_UNREACHABLE', message, {
    retryable: true,
    cause: error,
    details: { provider },
  });
}

function resultsLost({ endpoint }: ResolvedOpenAiOptions, fileId: string): SynclineError {
  return new SynclineError(
    'BATCH_RESULTS_LOST',
    `The file ${fileId} with results of a batch job is not at ${endpoint.provider} any more; what is missing is sent again.`,
    { details: { provider: endpoint.provider, fileId } },
  );
}

function resultsOf(
  options: ResolvedOpenAiOptions,
  response: Response,
  { inputsPerRequestMax }: BatchLimits,
  textsOf: (id: string) => number | undefined,
): AsyncGenerator<BatchResult> {
  const bytes = bytesOfAnswer(options.endpoint.provider, response);
  return readResults(options, bytes, { inputsPerRequestMax, textsOf });
}

/** What a broken stream throws, told as everything of a provider is. */
async function* guarded(
  options: ResolvedOpenAiOptions,
  { signal }: BatchCallOptions,
  results: AsyncGenerator<BatchResult>,
): AsyncGenerator<BatchResult> {
  try {
    for await (const result of results) {
      throwIfAborted(signal);
      yield result;
    }
  } catch (error) {
    throwIfAborted(signal);
    throw await toFailure(options, error);
  }
}
