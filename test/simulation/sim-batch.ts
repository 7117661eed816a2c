import type {
  BatchApi,
  BatchCallOptions,
  BatchFile,
  BatchLimits,
  BatchRequest,
  BatchResult,
  RemoteJob,
} from '../../src/batch/batch-api.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import type { BatchDesk, DeskJob } from './batch-desk.ts';
import type { PortCall, SimProcess, World } from './world.ts';

/** How long what was sent may be on its way: shorter than what a runtime gives a submission to turn up. */
export const LATE_MS_MAX = 6_000;

/** Small, so that jobs are full, have several requests, and wait for each other. */
const LIMITS: BatchLimits = {
  requestsPerJobMax: 4,
  bytesPerJobMax: 100_000,
  inputsPerJobMax: 8,
  inputsPerRequestMax: 3,
  tokensPerInputMax: 1_000,
  enqueuedTokensMax: 400,
  enqueuedRequestsMax: 8,
  jobsMax: 3,
};

export interface SimBatchParts {
  readonly world: World;
  readonly process: SimProcess;
  readonly desk: BatchDesk;
}

/** The batch API of the simulated provider, as one process speaks to it. */
export function createSimBatch({ world, process, desk }: SimBatchParts): BatchApi {
  const call = <Result>(
    name: string,
    { signal }: BatchCallOptions,
    effect: () => Result,
    more: Pick<PortCall<Result>, 'lateMsMax'> = {},
  ): Promise<Result> => process.call({ port: 'batch', name: `batch ${name}`, effect, signal, ...more });
  const late = { lateMsMax: LATE_MS_MAX };
  return {
    limits: LIMITS,
    priceShare: 0.5,
    windowMs: 600_000,
    bytesOf: ({ texts }) => texts.reduce((sum, text) => sum + text.length, 100),
    async upload(name, requests, options) {
      const all: BatchRequest[] = [];
      for await (const request of requests) all.push(request);
      const sender = { process, askedAtMs: world.nowMs() };
      return call(`upload ${all.length}`, options, () => desk.upload(sender, name, all), late);
    },
    findFiles: (name, options) =>
      call('find files', options, () =>
        [...desk.files.values()].filter((file) => file.name === name).map(toFile),
      ),
    submit(submission, options) {
      const sender = { process, askedAtMs: world.nowMs() };
      const effect = (): RemoteJob => toRemote(desk, desk.submit(sender, submission, LIMITS));
      return call(`submit ${submission.submission}`, options, effect, late);
    },
    findJobs: (name, options) =>
      call('find jobs', options, () =>
        [...desk.jobs.values()].filter((job) => job.name === name).map((job) => toRemote(desk, job)),
      ),
    look: (externalId, options) =>
      call('look', options, () => {
        const job = desk.jobs.get(externalId);
        return job && toRemote(desk, job);
      }),
    cancel: (externalId, options) => call('cancel', options, () => desk.cancel(externalId)),
    results: (job, textsOf, options) =>
      readResults(job, textsOf, (effect) => call('results', options, effect)),
    removeFile: (fileId, options) => call('remove file', options, () => void desk.files.delete(fileId)),
  };

  async function* readResults(
    { externalId }: RemoteJob,
    textsOf: (id: string) => number | undefined,
    read: (effect: () => readonly BatchResult[]) => Promise<readonly BatchResult[]>,
  ): AsyncGenerator<BatchResult> {
    const lines = await read(() => desk.results(externalId));
    const isBrokenOff = world.isFaulty() && world.random.chance(world.plan.ports.batch.after);
    const end = isBrokenOff ? world.random.between(0, lines.length) : lines.length;
    for (const line of lines.slice(0, end)) {
      yield 'id' in line && textsOf(line.id) === undefined
        ? { kind: 'unknown', message: 'It names no request that is waited for.' }
        : line;
    }
    if (isBrokenOff)
      throw new SynclineError('PROVIDER_UNREACHABLE', 'It was broken off.', { retryable: true });
  }
}

function toFile({ fileId }: { readonly fileId: string }): BatchFile {
  return { fileId, byteCount: 1 };
}

function toRemote(desk: BatchDesk, job: DeskJob): RemoteJob {
  desk.move(job);
  const { externalId, name, submission, state, isCancelling, createdAtMs, failure, fileId, resultFileId } =
    job;
  return {
    externalId,
    name,
    submission,
    state,
    remoteState: state,
    isCancelling,
    counts: undefined,
    createdAtMs,
    expiresAtMs: undefined,
    failure,
    resultFileIds: resultFileId === undefined ? [] : [resultFileId],
    fileIds: [fileId, ...(resultFileId === undefined ? [] : [resultFileId])],
  };
}
