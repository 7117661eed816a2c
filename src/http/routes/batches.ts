import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { BatchRunResult } from '../../runtime/batch/batches.ts';
import { defined } from '../defined.ts';
import type { HttpEnv, HttpParts } from '../environment.ts';
import { createRouter } from '../router.ts';
import {
  batchJobOf,
  batchJobSchema,
  batchPageSchema,
  batchPolicyChangeSchema,
  batchPolicySchema,
  batchRunOf,
  batchRunSchema,
  batchStatusSchema,
} from '../schemas/batches.ts';
import { datasetParams, pageQuery } from '../schemas/common.ts';
import { problemResponses } from '../schemas/problem.ts';
import { taskOf, taskResponses, waitQuery } from '../schemas/tasks.ts';
import { requireWrite } from '../security/guards.ts';
import { beginTask, taskLocation } from '../task-answer.ts';

const tags = ['Batch jobs'];

const jobParams = z.object({
  id: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER - 1)
    .openapi({ type: 'integer', param: { name: 'id', in: 'path' }, example: 12 }),
});

const job = { 'application/json': { schema: batchJobSchema } };
const policy = { 'application/json': { schema: batchPolicySchema } };
const run = { 'application/json': { schema: batchRunSchema } };
const { 200: done, 202: goingOn } = taskResponses('The run');
const runResponses = {
  200: { ...done, content: run },
  202: { ...goingOn, content: run },
  ...problemResponses(
    'LEASE_HELD',
    'CATALOG_READ_ONLY',
    'BATCH_UNSUPPORTED',
    'DATASET_NOT_FOUND',
    'DATASET_DELETING',
    'INVALID_ADDRESS',
    'ABORTED',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
  ),
};

const listBatches = createRoute({
  method: 'get',
  path: '/batches',
  operationId: 'listBatches',
  tags,
  summary: 'Lists batch jobs, the newest first',
  description:
    'As they were last seen at their provider. Unfinished ones, and the newest 1,000 of the others.',
  request: { query: pageQuery.extend({ status: batchStatusSchema.optional() }) },
  responses: {
    200: { description: 'A page of jobs', content: { 'application/json': { schema: batchPageSchema } } },
    ...problemResponses(),
  },
});

const readBatch = createRoute({
  method: 'get',
  path: '/batches/{id}',
  operationId: 'readBatch',
  tags,
  summary: 'Gives a batch job',
  request: { params: jobParams },
  responses: { 200: { description: 'The job', content: job }, ...problemResponses('BATCH_NOT_FOUND') },
});

const flushBatches = createRoute({
  method: 'post',
  path: '/batches/flush',
  operationId: 'flushBatches',
  tags,
  summary: 'Puts pending texts into batch jobs and submits them',
  description: 'Of the datasets named, whatever their policy; else of all whose policy is not `never`.',
  middleware: [requireWrite],
  request: {
    query: waitQuery,
    body: {
      content: {
        'application/json': {
          schema: z
            .strictObject({ datasets: z.array(z.string().max(129)).max(1_000).optional() })
            .openapi('BatchFlush', { example: { datasets: ['archive/mails'] } }),
        },
      },
      required: true,
    },
  },
  responses: runResponses,
});

const syncBatches = createRoute({
  method: 'post',
  path: '/batches/sync',
  operationId: 'syncBatches',
  tags,
  summary: 'Looks at every unfinished batch job and brings in what came back',
  description: 'A started worker does so by itself.',
  middleware: [requireWrite],
  request: { query: waitQuery },
  responses: runResponses,
});

const ending = problemResponses('BATCH_NOT_FOUND', 'BATCH_NOT_ALLOWED', 'LEASE_HELD', 'CATALOG_READ_ONLY');

const cancelBatch = createRoute({
  method: 'post',
  path: '/batches/{id}/cancel',
  operationId: 'cancelBatch',
  tags,
  summary: 'Asks for the end of a batch job',
  description: 'What was done by then is stored; the rest waits for another job.',
  middleware: [requireWrite],
  request: { params: jobParams },
  responses: { 202: { description: 'It is asked for', content: job }, ...ending },
});

const pullBackBatch = createRoute({
  method: 'post',
  path: '/batches/{id}/pull-back',
  operationId: 'pullBackBatch',
  tags,
  summary: 'Asks for the end of a batch job, the rest to be embedded directly',
  description: 'That begins once the provider says that the job is over: nothing is paid twice.',
  middleware: [requireWrite],
  request: { params: jobParams },
  responses: { 202: { description: 'It is asked for', content: job }, ...ending },
});

const readBatchPolicy = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}/batch-policy',
  operationId: 'readBatchPolicy',
  tags,
  summary: 'Tells whether, and how, the texts of a dataset go to batch jobs',
  request: { params: datasetParams },
  responses: {
    200: { description: 'The policy', content: policy },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING'),
  },
});

const changeBatchPolicy = createRoute({
  method: 'patch',
  path: '/datasets/{project}/{dataset}/batch-policy',
  operationId: 'changeBatchPolicy',
  tags,
  summary: 'Changes that policy, or parts of it',
  middleware: [requireWrite],
  request: {
    params: datasetParams,
    body: { content: { 'application/json': { schema: batchPolicyChangeSchema } }, required: true },
  },
  responses: {
    200: { description: 'The whole policy', content: policy },
    ...problemResponses(
      'DATASET_NOT_FOUND',
      'DATASET_DELETING',
      'LEASE_HELD',
      'CATALOG_READ_ONLY',
      'BATCH_UNSUPPORTED',
      'INVALID_OPTION',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
    ),
  },
});

export function batchRoutes(parts: HttpParts) {
  const { runtime } = parts;
  return createRouter()
    .openapi(listBatches, async (context) => {
      const { items, next } = await runtime.batch.list(defined(context.req.valid('query')));
      return context.json({ items: items.map(batchJobOf), ...(next !== undefined && { next }) }, 200);
    })
    .openapi(readBatch, async (context) =>
      context.json(batchJobOf(await runtime.batch.get(context.req.valid('param').id)), 200),
    )
    .openapi(flushBatches, (context) => {
      const { wait } = context.req.valid('query');
      const options = defined(context.req.valid('json'));
      return answerRun(context, parts, wait, (onTask) => runtime.batch.flush({ ...options, onTask }));
    })
    .openapi(syncBatches, (context) => {
      const { wait } = context.req.valid('query');
      return answerRun(context, parts, wait, (onTask) => runtime.batch.sync({ onTask }));
    })
    .openapi(cancelBatch, async (context) =>
      context.json(batchJobOf(await runtime.batch.cancel(context.req.valid('param').id)), 202),
    )
    .openapi(pullBackBatch, async (context) =>
      context.json(batchJobOf(await runtime.batch.pullBack(context.req.valid('param').id)), 202),
    )
    .openapi(readBatchPolicy, async (context) => {
      const { project, dataset } = context.req.valid('param');
      return context.json(await runtime.dataset(`${project}/${dataset}`).batchPolicy(), 200);
    })
    .openapi(changeBatchPolicy, async (context) => {
      const { project, dataset } = context.req.valid('param');
      const changes = defined(context.req.valid('json'));
      return context.json(await runtime.dataset(`${project}/${dataset}`).setBatchPolicy(changes), 200);
    });
}

/** A run as a task, with what it brought where it was over within the wait. */
async function answerRun(
  context: Context<HttpEnv>,
  parts: HttpParts,
  waitS: number,
  begin: (onTask: (taskId: number) => void) => Promise<BatchRunResult>,
) {
  let result: BatchRunResult | undefined;
  const task = await beginTask(parts, waitS, async (onTask) => {
    result = await begin(onTask);
  });
  const body = result === undefined ? taskOf(task) : batchRunOf(task, result);
  const location = taskLocation(context, task.taskId);
  return task.state === 'running'
    ? context.json(body, 202, { Location: location })
    : context.json(body, 200, { 'Content-Location': location });
}
