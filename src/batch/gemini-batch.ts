import { Buffer } from 'node:buffer';
import type { ApiError, BatchJob, File, GoogleGenAI } from '@google/genai';
import { isSynclineError, SynclineError, throwIfAborted } from '../domain/errors.ts';
import { loadOptional } from '../domain/optional-package.ts';
import type { ResolvedOpenAiOptions } from '../embedders/openai-options.ts';
import { providerFailure } from '../embedders/provider-failure.ts';
import { bytesOfAnswer } from './answer-stream.ts';
import type {
  BatchApi,
  BatchCallOptions,
  BatchFile,
  BatchLimits,
  BatchResult,
  RemoteJob,
  RemoteJobState,
} from './batch-api.ts';
import { handInFailure, orNone } from './batch-failures.ts';
import { geminiRequestLine, readGeminiResults } from './gemini-batch-lines.ts';
import { failureContext } from './openai-batch-lines.ts';
import { isRecord } from './result-lines.ts';
import { withSpoolFile } from './spool-file.ts';

const DAY_MS = 86_400_000;
/** Half the price: ai.google.dev/gemini-api/docs/batch-api. */
const PRICE_SHARE = 0.5;
/** Of each piece of 8 MB that the client sends. */
const UPLOAD_TIMEOUT_MS = 600_000;
const ITEMS_PER_PAGE = 100;
/** `syncline-… #2`: the second submission of that name. */
const DISPLAY_NAME = /^(?<name>\S+) #(?<submission>\d{1,6})$/;
/** What Google answers for a file that is gone, or is an output that it does not let go of before its 48 hours are over. */
const GONE: readonly number[] = [400, 403, 404];

/** What every call works with. */
interface Session {
  readonly options: ResolvedOpenAiOptions;
  client: Promise<GoogleGenAI> | undefined;
}

/**
 * Gemini's batch API, through Google's own client. Jobs and files are found again by their display names. It makes the vectors that the
 * direct way makes, which goes through Gemini's OpenAI-compatible endpoint: one model, one length, no task type.
 */
export function createGeminiBatch(options: ResolvedOpenAiOptions, limits: BatchLimits): BatchApi {
  const session: Session = { options, client: undefined };
  return {
    limits,
    priceShare: PRICE_SHARE,
    windowMs: DAY_MS,
    bytesOf: (request) => Buffer.byteLength(geminiRequestLine(options, request), 'utf8'),
    upload: (name, requests, { signal }) =>
      call(session, signal, async (google) => {
        async function* lines(): AsyncGenerator<string> {
          for await (const request of requests) yield geminiRequestLine(options, request);
        }
        return await withSpoolFile(lines(), async (path, byteCount) => {
          const config = {
            displayName: name,
            mimeType: 'application/jsonl',
            httpOptions: { timeout: UPLOAD_TIMEOUT_MS },
            ...aborted(signal),
          };
          try {
            return { fileId: idOf(await google.files.upload({ file: path, config })), byteCount };
          } catch (error) {
            throw handInFailure(failureOf(options, error));
          }
        });
      }),
    findFiles: (name, { signal }) =>
      orNone(
        call(session, signal, async (google) => {
          const found: BatchFile[] = [];
          const pages = await google.files.list({ config: { pageSize: ITEMS_PER_PAGE, ...aborted(signal) } });
          for await (const file of pages) {
            if (file.displayName === name && file.name !== undefined && file.state !== 'FAILED')
              found.push({ fileId: file.name, byteCount: Number(file.sizeBytes ?? 0) });
          }
          return found;
        }),
      ),
    submit: ({ name, submission, fileId }, { signal }) =>
      call(session, signal, async (google) => {
        try {
          const job = await google.batches.createEmbeddings({
            model: options.model,
            src: { fileName: fileId },
            config: { displayName: `${name} #${submission}`, ...aborted(signal) },
          });
          return toRemoteJob(job);
        } catch (error) {
          throw submissionFailure(options, error);
        }
      }),
    findJobs: (name, { signal }) =>
      orNone(
        call(session, signal, async (google) => {
          const found: RemoteJob[] = [];
          const pages = await google.batches.list({
            config: { pageSize: ITEMS_PER_PAGE, ...aborted(signal) },
          });
          for await (const job of pages) {
            const remote = toRemoteJob(job);
            if (remote.name === name) found.push(remote);
          }
          return found;
        }),
      ),
    look: (externalId, { signal }) =>
      call(session, signal, async (google) => {
        try {
          return toRemoteJob(await google.batches.get({ name: externalId, config: aborted(signal) }));
        } catch (error) {
          if (statusOf(error) === 404) return undefined;
          throw error;
        }
      }),
    cancel: (externalId, { signal }) =>
      call(session, signal, async (google) => {
        try {
          await google.batches.cancel({ name: externalId, config: aborted(signal) });
        } catch (error) {
          // It is over, or gone.
          if (!isGone(error, [400, 404, 409])) throw error;
        }
      }),
    results: (job, textsOf, callOptions) => readResults(session, job, textsOf, callOptions),
    removeFile: (fileId, { signal }) =>
      call(session, signal, async (google) => {
        try {
          await google.files.delete({ name: fileId, config: aborted(signal) });
        } catch (error) {
          if (!isGone(error, GONE)) throw error;
        }
      }),
  };
}

/** One exchange; what it throws is told as everything of a provider is. */
async function call<Result>(
  session: Session,
  signal: AbortSignal | undefined,
  run: (google: GoogleGenAI) => Promise<Result>,
): Promise<Result> {
  throwIfAborted(signal);
  session.client ??= createClient(session.options);
  try {
    return await run(await session.client);
  } catch (error) {
    throwIfAborted(signal);
    throw failureOf(session.options, error);
  }
}

async function createClient({ apiKey, endpoint, timeoutMs }: ResolvedOpenAiOptions): Promise<GoogleGenAI> {
  const { GoogleGenAI } = await loadOptional(
    '@google/genai',
    "Gemini's batch API",
    () => import('@google/genai'),
  );
  return new GoogleGenAI({
    apiKey: apiKey ?? 'none',
    // Nothing of it is taken from the environment.
    vertexai: false,
    apiVersion: 'v1beta',
    httpOptions: { baseUrl: rootOf(endpoint.baseUrl), timeout: timeoutMs },
  });
}

/** Where the API is whose compatible endpoint ends in `/v1beta/openai`. */
function rootOf(baseUrl: string): string {
  return baseUrl.replace(/(?:\/v1\w*)?\/openai$/, '');
}

function aborted(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

function idOf({ name }: File): string {
  if (name !== undefined) return name;
  throw new TypeError('The answer to an upload names no file.');
}

/** Streams the files of a job. The client would write them to disk, and wait for ever when a stream breaks off. */
async function* readResults(
  session: Session,
  job: RemoteJob,
  textsOf: (id: string) => number | undefined,
  { signal }: BatchCallOptions,
): AsyncGenerator<BatchResult> {
  const { options } = session;
  const { provider, baseUrl } = options.endpoint;
  for (const fileId of job.resultFileIds) {
    const url = `${rootOf(baseUrl)}/v1beta/${fileId}:download?alt=media`;
    const headers = { 'x-goog-api-key': options.apiKey ?? 'none' };
    try {
      const response = await (options.fetch ?? fetch)(url, { headers, ...(signal && { signal }) });
      if (response.status === 403 || response.status === 404) throw resultsLost(provider, fileId);
      if (!response.ok) {
        const body: unknown = await response.json().catch(() => undefined);
        throw answerFailure(options, response.status, body);
      }
      for await (const result of readGeminiResults(options, bytesOfAnswer(provider, response), textsOf)) {
        throwIfAborted(signal);
        yield result;
      }
    } catch (error) {
      throwIfAborted(signal);
      throw failureOf(options, error);
    }
  }
}

function toRemoteJob(job: BatchJob): RemoteJob {
  const named = DISPLAY_NAME.exec(job.displayName ?? '')?.groups;
  const remoteState = String(job.state ?? 'JOB_STATE_UNSPECIFIED');
  const state = stateOf(remoteState);
  const resultFileIds = job.dest?.fileName === undefined ? [] : [job.dest.fileName];
  const createdAtMs = Date.parse(job.createTime ?? '');
  return {
    externalId: job.name ?? '',
    name: named?.name ?? '',
    submission: Number(named?.submission ?? 0),
    state,
    remoteState,
    isCancelling: remoteState === 'JOB_STATE_CANCELLING',
    // The client keeps them to itself.
    counts: undefined,
    createdAtMs: Number.isNaN(createdAtMs) ? undefined : createdAtMs,
    expiresAtMs: undefined,
    failure:
      state === 'failed'
        ? { kind: 'refused', message: job.error?.message?.slice(0, 300) ?? 'It does not say why.' }
        : undefined,
    resultFileIds,
    fileIds: resultFileIds,
  };
}

function stateOf(remoteState: string): RemoteJobState {
  switch (remoteState) {
    case 'JOB_STATE_UNSPECIFIED':
    case 'JOB_STATE_QUEUED':
    case 'JOB_STATE_PENDING':
      return 'waiting';
    case 'JOB_STATE_SUCCEEDED':
    case 'JOB_STATE_PARTIALLY_SUCCEEDED':
      return 'completed';
    case 'JOB_STATE_FAILED':
      return 'failed';
    case 'JOB_STATE_CANCELLED':
      return 'cancelled';
    case 'JOB_STATE_EXPIRED':
      return 'expired';
    default:
      // RUNNING, CANCELLING, PAUSED, UPDATING, and whatever may be added.
      return 'running';
  }
}

/** The status of an error of the client. */
function statusOf(error: unknown): number | undefined {
  return isRecord(error) && typeof error.status === 'number' ? error.status : undefined;
}

function isGone(error: unknown, statuses: readonly number[]): boolean {
  return statuses.includes(statusOf(error) ?? 0) && !isAboutKey(error);
}

/** Google calls a wrong key a bad request. */
function isAboutKey(error: unknown): boolean {
  return error instanceof Error && /API[_ ]key[_ ](?:not valid|invalid|expired)/i.test(error.message);
}

/** A submission that Google has no room for is limited like a request; the same job is taken later. */
function submissionFailure(options: ResolvedOpenAiOptions, error: unknown): unknown {
  const status = statusOf(error);
  const { provider } = options.endpoint;
  if (status === 429) {
    const text = `${provider} has too much enqueued for another batch job; it is submitted when others have ended.`;
    return new SynclineError('BATCH_LIMIT_REACHED', text, { retryable: true, details: { provider, status } });
  }
  return handInFailure(failureOf(options, error));
}

/** An error of the client as one of ours. */
function failureOf(options: ResolvedOpenAiOptions, error: unknown): SynclineError {
  if (isSynclineError(error)) return error;
  const status = statusOf(error);
  if (status !== undefined) {
    const { message } = error as ApiError;
    return answerFailure(options, isAboutKey(error) ? 401 : status, bodyOf(message));
  }
  const { provider } = options.endpoint;
  const message = `${provider} could not be reached, or hung up. Check that it runs at the base URL given and that the network is up.`;
  // Its own message may hold the address with the key.
  return new SynclineError('PROVIDER_UNREACHABLE', message, { retryable: true, details: { provider } });
}

function answerFailure(options: ResolvedOpenAiOptions, status: number, body: unknown): SynclineError {
  return providerFailure({ status, headers: undefined, error: body }, failureContext(options));
}

/** The client gives the answer's body as the message. */
function bodyOf(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return message;
  }
}

function resultsLost(provider: string, fileId: string): SynclineError {
  return new SynclineError(
    'BATCH_RESULTS_LOST',
    `The file ${fileId} with results of a batch job is not at ${provider} any more; what is missing is sent again.`,
    { details: { provider, fileId } },
  );
}
