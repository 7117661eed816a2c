import { z } from 'zod';
import type { BatchJob } from '../runtime/batch/batch-view.ts';
import type { BatchRunResult } from '../runtime/batch/batches.ts';
import { datasetInput, isDone, taskId, waitInput } from './schemas.ts';

/* What the tools for batch jobs take and give, as models see it. */

/** Gives the public form of an error's message. */
export type Explain = (code: string, message: string) => string;

const count = z.number().int().min(0);

const failure = z.object({ code: z.string(), message: z.string() });

const batchStatus = z.enum([
  'created',
  'submitted',
  'processing',
  'completed',
  'failed',
  'expired',
  'cancelled',
]);

export const batchOutput = z.object({
  id: count,
  dataset: z
    .string()
    .optional()
    .describe('project/dataset whose texts were gathered; absent when it is gone.'),
  status: batchStatus,
  asked: z.enum(['cancel', 'pullBack']).optional().describe('What somebody has asked for; it ends soon.'),
  texts: count,
  stored: count.describe('Texts that have their vector.'),
  refused: count.describe('Texts that the provider refused; they are tried directly.'),
  released: count.describe('Texts that wait for another job, or for the direct way.'),
  createdAt: z.string(),
  finishedAt: z.string().optional(),
  expectedAt: z.string().optional().describe('When the provider is to be done at the latest.'),
  costUsd: z.number().optional().describe('What it has cost so far, where the price is known.'),
  savedUsd: z.number().optional().describe('Against embedding the same directly.'),
  failure: failure.optional(),
});

export const batchListInput = z.strictObject({
  status: batchStatus.optional(),
  after: z.string().max(64).optional().describe('The next of the answer before.'),
  limit: z.number().int().min(1).max(200).default(50),
});

export const batchListOutput = z.object({
  jobs: z.array(batchOutput),
  next: z.string().optional().describe('Gives the next page as after; absent on the last.'),
});

export const flushInput = z.strictObject({
  datasets: z
    .array(datasetInput)
    .min(1)
    .max(100)
    .optional()
    .describe('These, whatever their policy. Default: all datasets whose batch policy is not "never".'),
  waitSeconds: waitInput,
});

export const syncInput = z.strictObject({ waitSeconds: waitInput });

export const batchRunOutput = z.object({
  isDone,
  taskId,
  jobs: z.array(batchOutput).optional().describe('The jobs that were looked at, as they stand now.'),
  failures: z
    .array(failure.extend({ id: count.optional(), dataset: z.string().optional() }))
    .optional()
    .describe('What could not be done for a job or a dataset; it is tried again.'),
});

export const batchIdInput = z.strictObject({
  id: z
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER - 1)
    .describe('Number of a batch job, as list_batches gives it.'),
});

const at = (ms: number): string => new Date(ms).toISOString();

export function batchAnswer(job: BatchJob, explain: Explain): z.infer<typeof batchOutput> {
  const { batchJobId, address, status, asked, finishedAtMs, expectedAtMs, costUsd, savedUsd, error } = job;
  return {
    id: batchJobId,
    status,
    texts: job.textCount,
    stored: job.storedCount,
    refused: job.refusedCount,
    released: job.releasedCount,
    createdAt: at(job.createdAtMs),
    ...(address !== undefined && { dataset: address }),
    ...(asked !== undefined && { asked }),
    ...(finishedAtMs !== undefined && { finishedAt: at(finishedAtMs) }),
    ...(expectedAtMs !== undefined && { expectedAt: at(expectedAtMs) }),
    ...(costUsd !== undefined && { costUsd }),
    ...(savedUsd !== undefined && { savedUsd }),
    ...(error !== undefined && { failure: readError(error, explain) }),
  };
}

/** Jobs keep `CODE: message`. */
function readError(error: string, explain: Explain): z.infer<typeof failure> {
  const [, code = 'BATCH_REFUSED', message = error] = /^([A-Z_]+): (.*)$/s.exec(error) ?? [];
  return { code, message: explain(code, message) };
}

export function batchRunAnswer(
  { jobs, failures }: BatchRunResult,
  explain: Explain,
): Pick<z.infer<typeof batchRunOutput>, 'jobs' | 'failures'> {
  return {
    jobs: jobs.map((job) => batchAnswer(job, explain)),
    failures: failures.map(({ batchJobId, address, code, message }) => ({
      code,
      message: explain(code, message),
      ...(batchJobId !== undefined && { id: batchJobId }),
      ...(address !== undefined && { dataset: address }),
    })),
  };
}
