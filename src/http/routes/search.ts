import { createRoute } from '@hono/zod-openapi';
import { defined } from '../defined.ts';
import type { HttpParts } from '../environment.ts';
import { createRouter } from '../router.ts';
import { datasetParams, projectParams } from '../schemas/common.ts';
import { problemResponses } from '../schemas/problem.ts';
import { searchAnswerOf, searchAnswerSchema, searchSchema } from '../schemas/search.ts';

const tags = ['Search'];
const body = { required: true, content: { 'application/json': { schema: searchSchema } } };
const responses = {
  200: {
    description: 'Passages, best first',
    content: { 'application/json': { schema: searchAnswerSchema } },
  },
  ...problemResponses(
    'DATASET_NOT_FOUND',
    'DATASET_DELETING',
    'INVALID_FILTER',
    'PROFILE_MISMATCH',
    'PROVIDER_UNREACHABLE',
    'PROVIDER_RATE_LIMITED',
    'TABLE_DAMAGED',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
  ),
};

const searchDataset = createRoute({
  method: 'post',
  path: '/datasets/{project}/{dataset}/search',
  operationId: 'searchDataset',
  tags,
  summary: 'Searches a dataset',
  description: 'Changes nothing: a key that may only look is enough.',
  request: { params: datasetParams, body },
  responses,
});

const searchProject = createRoute({
  method: 'post',
  path: '/projects/{project}/search',
  operationId: 'searchProject',
  tags,
  summary: 'Searches all datasets of a project and merges their answers',
  description:
    'A filter may name fields that every one of them has. Changes nothing: a key that may only look is enough.',
  request: { params: projectParams, body },
  responses,
});

export function searchRoutes({ runtime }: HttpParts) {
  return createRouter()
    .openapi(searchDataset, async (context) => {
      const { project, dataset } = context.req.valid('param');
      const { query, ...options } = context.req.valid('json');
      const results = await runtime.dataset(`${project}/${dataset}`).search(query, defined(options));
      return context.json(searchAnswerOf(results), 200);
    })
    .openapi(searchProject, async (context) => {
      const { project } = context.req.valid('param');
      const { query, ...options } = context.req.valid('json');
      return context.json(searchAnswerOf(await runtime.search(project, query, defined(options))), 200);
    });
}
