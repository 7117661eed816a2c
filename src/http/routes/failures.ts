import { createRoute } from '@hono/zod-openapi';
import { defined } from '../defined.ts';
import type { HttpParts } from '../environment.ts';
import { createRouter } from '../router.ts';
import { datasetParams, pageQuery } from '../schemas/common.ts';
import {
  failedChunkOf,
  failedChunkPageSchema,
  failureFilterOf,
  failureFilterQuery,
} from '../schemas/failures.ts';
import { indexSchema } from '../schemas/indexing.ts';
import { INDEXING_PROBLEMS, problemResponses } from '../schemas/problem.ts';
import { taskResponses, waitQuery } from '../schemas/tasks.ts';
import { requireWrite } from '../security/guards.ts';
import { answerTask, beginTask } from '../task-answer.ts';

const tags = ['Indexing'];

const indexDataset = createRoute({
  method: 'post',
  path: '/datasets/{project}/{dataset}/index',
  operationId: 'indexDataset',
  tags,
  summary: 'Brings a dataset in line with its sources, and does everything that waits',
  description:
    'Reads its sources: all of them, or what has changed alone. Then queued documents, texts without a vector, rows that are not written: ' +
    'a started worker does that by itself; this does it now, also after failures that it would have waited out.',
  middleware: [requireWrite],
  request: {
    params: datasetParams,
    query: waitQuery,
    body: { required: false, content: { 'application/json': { schema: indexSchema } } },
  },
  responses: {
    ...taskResponses('Indexing'),
    ...problemResponses(
      ...INDEXING_PROBLEMS,
      'INVALID_OPTION',
      'INVALID_SOURCE',
      'SOURCE_NOT_FOUND',
      'SOURCE_FAILED',
      'SOURCE_STALLED',
      'MASS_DELETION_REFUSED',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
    ),
  },
});

const listFailures = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}/failures',
  operationId: 'listFailures',
  tags,
  summary: 'Lists chunks that were given up, the oldest first',
  description: 'Their provider refused them. All, or those that fit every filter that is given.',
  request: { params: datasetParams, query: pageQuery.extend(failureFilterQuery.shape) },
  responses: {
    200: {
      description: 'A page of chunks',
      content: { 'application/json': { schema: failedChunkPageSchema } },
    },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING', 'INVALID_OPTION'),
  },
});

const retryFailures = createRoute({
  method: 'post',
  path: '/datasets/{project}/{dataset}/failures/retry',
  operationId: 'retryFailures',
  tags,
  summary: 'Gives chunks that were given up another round of attempts',
  description: 'All, or those that fit every filter that is given.',
  middleware: [requireWrite],
  request: { params: datasetParams, query: waitQuery.extend(failureFilterQuery.shape) },
  responses: { ...taskResponses('The new round'), ...problemResponses(...INDEXING_PROBLEMS) },
});

export function failureRoutes(parts: HttpParts) {
  const { runtime } = parts;
  return createRouter()
    .openapi(indexDataset, async (context) => {
      const { project, dataset: name } = context.req.valid('param');
      const { wait } = context.req.valid('query');
      const dataset = runtime.dataset(`${project}/${name}`);
      const options = defined(context.req.valid('json'));
      const index = (onTask: (taskId: number) => void) => dataset.index({ ...options, onTask });
      return answerTask(context, await beginTask(parts, wait, index));
    })
    .openapi(listFailures, async (context) => {
      const { project, dataset } = context.req.valid('param');
      const { after, limit, ...filter } = context.req.valid('query');
      // One more than wanted tells whether there is a next page.
      const page = { afterChunkId: Number(after ?? 0), limit: limit + 1, ...failureFilterOf(filter) };
      const found = await runtime.dataset(`${project}/${dataset}`).failures(page);
      const items = found.slice(0, limit).map(failedChunkOf);
      const next = found.length > limit ? String(items.at(-1)?.chunkId) : undefined;
      return context.json({ items, next }, 200);
    })
    .openapi(retryFailures, async (context) => {
      const { project, dataset: name } = context.req.valid('param');
      const { wait, ...filter } = context.req.valid('query');
      const dataset = runtime.dataset(`${project}/${name}`);
      const retry = (onTask: (taskId: number) => void) =>
        dataset.retryFailures({ ...failureFilterOf(filter), onTask });
      return answerTask(context, await beginTask(parts, wait, retry));
    });
}
