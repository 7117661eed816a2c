import { z } from '@hono/zod-openapi';
import type { BatchJob } from '../../runtime/batch/batch-view.ts';
import type { BatchRunResult } from '../../runtime/batch/batches.ts';
import type { TaskRecord } from '../../runtime/tasks.ts';
import { publicMessage } from '../problem-kinds.ts';
import { countSchema, failureSchema, failureWith, isoTime, pageOf, timeSchema } from './common.ts';
import { taskOf, taskSchema } from './tasks.ts';

export const batchStatusSchema = z
  .enum(['created', 'submitted', 'processing', 'completed', 'failed', 'expired', 'cancelled'])
  .openapi('BatchStatus');

export const batchPolicySchema = z
  .object({
    mode: z.enum(['never', 'auto', 'always']),
    minBatchSize: z
      .number()
      .int()
      .min(1)
      .max(50_000)
      .openapi({ description: 'Texts that make a job worth while.' }),
    maxWaitMs: z
      .number()
      .int()
      .min(0)
      .max(604_800_000)
      .openapi({ description: 'How long texts wait at most for others.' }),
  })
  .openapi('BatchPolicy', { example: { mode: 'auto', minBatchSize: 1_000, maxWaitMs: 60_000 } });

export const batchPolicyChangeSchema = z
  .strictObject(batchPolicySchema.partial().shape)
  .openapi('BatchPolicyChange', { example: { mode: 'always' } });

export const batchJobSchema = z
  .object({
    id: z.number().int().min(1),
    type: z.string().openapi({ example: 'embedding' }),
    status: batchStatusSchema,
    nextStep: z.enum(['upload', 'submit', 'look', 'harvest', 'tidy', 'done']),
    dataset: z.string().optional().openapi({ description: '`project/dataset`; absent once it is gone.' }),
    profile: z.string().openapi({ description: '`provider/model@dimensions tN`' }),
    name: z.string().openapi({ description: 'What it is called at the provider.' }),
    externalId: z.string().optional(),
    asked: z.enum(['cancel', 'pullBack']).optional(),
    textCount: countSchema,
    requestCount: countSchema,
    tokenCount: countSchema,
    progress: z
      .object({ state: z.string(), total: countSchema, completed: countSchema, failed: countSchema })
      .optional()
      .openapi({ description: 'By the provider’s count of requests, as last seen.' }),
    storedCount: countSchema,
    refusedCount: countSchema,
    releasedCount: countSchema,
    strangeLineCount: countSchema,
    tokensCharged: countSchema,
    costUsd: z.number().optional(),
    savedUsd: z
      .number()
      .optional()
      .openapi({ description: 'Against the direct way; absent where no price is known.' }),
    createdAt: timeSchema,
    submittedAt: timeSchema.optional(),
    processingAt: timeSchema.optional(),
    finishedAt: timeSchema.optional(),
    lookedAt: timeSchema.optional(),
    ageMs: countSchema,
    expectedAt: timeSchema
      .optional()
      .openapi({ description: 'When the provider is to be done at the latest.' }),
    failure: failureSchema.optional(),
  })
  .openapi('BatchJob');

export const batchPageSchema = pageOf(batchJobSchema, 'BatchJobPage');

export const batchRunSchema = z
  .object({
    ...taskSchema.shape,
    jobs: z.array(batchJobSchema).optional().openapi({
      description: 'The jobs that were looked at, as they stand now. Only where it was waited for.',
    }),
    failures: z
      .array(failureWith({ id: z.number().int().optional(), dataset: z.string().optional() }))
      .optional()
      .openapi({ description: 'What could not be done for a job or a dataset; it is tried again.' }),
  })
  .openapi('BatchRun');

export function batchJobOf(job: BatchJob): z.infer<typeof batchJobSchema> {
  const {
    batchJobId,
    address,
    createdAtMs,
    submittedAtMs,
    processingAtMs,
    finishedAtMs,
    lookedAtMs,
    expectedAtMs,
  } = job;
  const { externalId, asked, progress, costUsd, savedUsd, error, ...rest } = job;
  const time = <Name extends string>(name: Name, ms: number | undefined) =>
    (ms === undefined ? {} : { [name]: isoTime(ms) }) as { [key in Name]?: string };
  return {
    id: batchJobId,
    type: rest.type,
    status: rest.status,
    nextStep: rest.nextStep,
    profile: rest.profile,
    name: rest.name,
    textCount: rest.textCount,
    requestCount: rest.requestCount,
    tokenCount: rest.tokenCount,
    storedCount: rest.storedCount,
    refusedCount: rest.refusedCount,
    releasedCount: rest.releasedCount,
    strangeLineCount: rest.strangeLineCount,
    tokensCharged: rest.tokensCharged,
    ageMs: Math.round(rest.ageMs),
    createdAt: isoTime(createdAtMs),
    ...(address !== undefined && { dataset: address }),
    ...(externalId !== undefined && { externalId }),
    ...(asked !== undefined && { asked }),
    ...(progress !== undefined && { progress }),
    ...(costUsd !== undefined && { costUsd }),
    ...(savedUsd !== undefined && { savedUsd }),
    ...time('submittedAt', submittedAtMs),
    ...time('processingAt', processingAtMs),
    ...time('finishedAt', finishedAtMs),
    ...time('lookedAt', lookedAtMs),
    ...time('expectedAt', expectedAtMs),
    ...(error !== undefined && { failure: readError(error) }),
  };
}

/** Jobs keep `CODE: message`. */
function readError(error: string): z.infer<typeof failureSchema> {
  const [, code = 'BATCH_REFUSED', message = error] = /^([A-Z_]+): (.*)$/s.exec(error) ?? [];
  return { code, detail: publicMessage(code, message) };
}

export function batchRunOf(
  task: TaskRecord,
  { jobs, failures }: BatchRunResult,
): z.infer<typeof batchRunSchema> {
  return {
    ...taskOf(task),
    jobs: jobs.map(batchJobOf),
    failures: failures.map(({ batchJobId, address, code, message }) => ({
      code,
      detail: publicMessage(code, message),
      ...(batchJobId !== undefined && { id: batchJobId }),
      ...(address !== undefined && { dataset: address }),
    })),
  };
}
