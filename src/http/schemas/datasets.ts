import { z } from '@hono/zod-openapi';
import type { DatasetStatus } from '../../runtime/dataset-status.ts';
import type { DatasetSummary } from '../../runtime/list-datasets.ts';
import type { EndedRun } from '../../runtime/tasks.ts';
import { publicMessage } from '../problem-kinds.ts';
import { batchPolicySchema } from './batches.ts';
import { countSchema, failureSchema, isoTime, nameSchema, pageOf, timeSchema } from './common.ts';
import { readError, taskStateSchema } from './tasks.ts';

const fieldTypeSchema = z.enum(['string', 'number', 'integer', 'boolean', 'string[]']).openapi('FieldType');

const fieldsSchema = z
  .record(z.string(), fieldTypeSchema)
  .openapi({ description: 'Metadata keys to filter by, with their types.', example: { language: 'string' } });

const tokensPerChunkMaxSchema = z
  .number()
  .int()
  .openapi({ description: 'Hard maximum of tokens of one embedded text.', example: 512 });

const profileSchema = z
  .string()
  .openapi({ description: '`provider/model@dimensions tN`', example: 'local/hashed-ngrams-1@384 t1' });

export const newDatasetSchema = z
  .strictObject({
    project: nameSchema.openapi({ example: 'docs' }),
    dataset: nameSchema,
    fields: fieldsSchema.optional(),
    tokensPerChunkMax: tokensPerChunkMaxSchema.min(32).max(8_191).optional(),
  })
  .openapi('NewDataset');

export const datasetSchema = z
  .object({
    address: z.string().openapi({ description: '`project/dataset`', example: 'docs/website' }),
    profile: profileSchema,
    fields: fieldsSchema,
    tokensPerChunkMax: tokensPerChunkMaxSchema,
    createdAt: timeSchema,
    isDeleting: z.boolean().openapi({ description: 'Only its table and rows are still being removed.' }),
  })
  .openapi('Dataset');

export const datasetPageSchema = pageOf(datasetSchema, 'DatasetPage');

export function datasetOf({ createdAtMs, ...summary }: DatasetSummary): z.infer<typeof datasetSchema> {
  return { ...summary, createdAt: isoTime(createdAtMs) };
}

const chunkCountsSchema = z
  .object({ pending: countSchema, ready: countSchema, failed: countSchema })
  .openapi({ description: 'By whether they have a vector.' });

const configurationSchema = z.object({ profile: profileSchema, tokensPerChunkMax: tokensPerChunkMaxSchema });

const tableSizesSchema = z
  .object({
    rowCount: countSchema,
    fragmentCount: countSchema,
    unindexedRowCount: countSchema,
    totalBytes: countSchema,
    reclaimableBytes: countSchema,
    hasVectorIndex: z.boolean(),
  })
  .openapi('TableSizes');

const endedRunSchema = z
  .object({
    id: z.number().int().min(1).openapi({ description: 'For `/v1/tasks/{id}`.' }),
    kind: z.string().openapi({ example: 'index' }),
    state: taskStateSchema,
    finishedAt: timeSchema,
    failure: failureSchema.optional(),
  })
  .openapi('EndedRun');

export const datasetStatusSchema = z
  .object({
    address: z.string().openapi({ example: 'docs/website' }),
    actorId: z.string().openapi({ description: 'For `/v1/actors/{id}`.', example: 'dataset:12' }),
    phase: z
      .string()
      .openapi({ description: 'Where its actor stands; `notRunning` when there is none.', example: 'idle' }),
    failure: failureSchema.optional(),
    isUpToDate: z.boolean().openapi({
      description: 'Everything in the catalog is in the serving table, and every source was read once.',
    }),
    counts: z.object({
      documents: countSchema,
      chunks: chunkCountsSchema,
      indexedChunks: countSchema,
      batchedChunks: countSchema.openapi({ description: 'Of the pending ones, those in a batch job.' }),
      incomingDocuments: countSchema,
      queuedDocuments: countSchema,
      target: z.object({ uncutDocuments: countSchema, chunks: chunkCountsSchema }).optional(),
    }),
    profile: profileSchema,
    fields: fieldsSchema,
    tokensPerChunkMax: tokensPerChunkMaxSchema,
    batch: batchPolicySchema,
    table: z.object({ name: z.string(), version: countSchema, rowCount: countSchema }).optional(),
    lastCheck: z
      .object({ level: z.enum(['quick', 'rows', 'deep']), inSync: z.boolean(), checkedAt: timeSchema })
      .optional(),
    reconfiguringTo: configurationSchema.optional(),
    nextRun: z
      .object({ run: z.enum(['full', 'index']), at: timeSchema })
      .optional()
      .openapi({ description: 'When it is indexed by itself next.' }),
    lastRunError: z.string().optional().openapi({
      description:
        'The code of why the newest scheduled run failed; gone when a run over all sources has gone well since.',
    }),
    lastRun: endedRunSchema
      .optional()
      .openapi({ description: 'The newest run that ended, whoever asked for it; upkeep is none.' }),
    failedRun: endedRunSchema.optional().openapi({
      description:
        'The newest run, where it failed: until a later one succeeds. Cancelled ones do not count.',
    }),
    unreadSources: z.array(z.string()).openapi({ description: 'Sources that nothing was ever read of.' }),
    unwatchedSources: z.array(z.string()).openapi({
      description:
        'Sources that are to be watched and are not, as there are too many; their schedule reads them.',
    }),
    refusedChangeCount: countSchema.openapi({
      description: 'Changes that were told and set aside, as they would have deleted too much at once.',
    }),
    earlierTables: z
      .array(z.object({ name: z.string(), rowCount: countSchema, servedUntil: timeSchema }))
      .openapi({ description: 'What a rollback can go back to, the newest first.' }),
    maintenance: z
      .object({
        lastRunAt: timeSchema,
        failure: failureSchema.optional(),
        failureCount: countSchema,
        table: tableSizesSchema,
      })
      .optional(),
  })
  .openapi('DatasetStatus');

export const datasetStatusPageSchema = pageOf(datasetStatusSchema, 'DatasetStatusPage');

type StatusAnswer = z.infer<typeof datasetStatusSchema>;

export function datasetStatusOf(status: DatasetStatus): StatusAnswer {
  const {
    failure,
    lastCheck,
    earlierTables,
    maintenance,
    counts,
    reconfiguringTo,
    nextRun,
    lastRunError,
    lastRun,
    failedRun,
    unreadSources,
    unwatchedSources,
    ...rest
  } = status;
  return {
    ...rest,
    counts,
    ...(failure && { failure: failureOf(failure) }),
    ...(lastCheck && {
      lastCheck: { level: lastCheck.level, inSync: lastCheck.inSync, checkedAt: isoTime(lastCheck.atMs) },
    }),
    ...(reconfiguringTo && { reconfiguringTo }),
    ...(nextRun && { nextRun: { run: nextRun.run, at: isoTime(nextRun.atMs) } }),
    // What stands behind the code may concern this host alone.
    ...(lastRunError !== undefined && { lastRunError: lastRunError.slice(0, lastRunError.indexOf(':')) }),
    ...(lastRun && { lastRun: runOf(lastRun) }),
    ...(failedRun && { failedRun: runOf(failedRun) }),
    unreadSources: [...unreadSources],
    unwatchedSources: [...unwatchedSources],
    earlierTables: earlierTables.map(({ servedUntilMs, ...table }) => ({
      ...table,
      servedUntil: isoTime(servedUntilMs),
    })),
    ...(maintenance && { maintenance: maintenanceOf(maintenance) }),
  };
}

function runOf({ taskId, kind, state, finishedAtMs, error }: EndedRun): z.infer<typeof endedRunSchema> {
  const failure = error === undefined ? {} : { failure: readError(error) };
  return { id: taskId, kind, state, finishedAt: isoTime(finishedAtMs), ...failure };
}

function maintenanceOf({
  lastRunAtMs,
  failure,
  failureCount,
  table,
}: NonNullable<DatasetStatus['maintenance']>): StatusAnswer['maintenance'] {
  return {
    lastRunAt: isoTime(lastRunAtMs),
    ...(failure && { failure: failureOf(failure) }),
    failureCount,
    table,
  };
}

export function failureOf({ code, message }: { readonly code: string; readonly message: string }) {
  return { code, detail: publicMessage(code, message) };
}
