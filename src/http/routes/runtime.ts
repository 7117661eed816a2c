import { createRoute, z } from '@hono/zod-openapi';
import { etag } from 'hono/etag';
import { isSynclineError } from '../../domain/errors.ts';
import { defined } from '../defined.ts';
import type { HttpParts } from '../environment.ts';
import { createRouter } from '../router.ts';
import { countSchema, pageOf, pageQuery } from '../schemas/common.ts';
import { problemResponses } from '../schemas/problem.ts';
import { healthChecksSchema } from './health.ts';

const tags = ['Runtime'];

const statusSchema = z
  .object({
    state: z.string().openapi({
      description: 'Of the worker of this process; `notStarted` when it has none.',
      example: 'idle',
    }),
    embedder: z.string().openapi({ description: 'Who embeds for new datasets, and why.' }),
    hasCatalog: z.boolean(),
    hasWorker: z.boolean().openapi({ description: 'Whether any process works on the catalog.' }),
    checks: healthChecksSchema.openapi({ description: 'What `/ready` goes by.' }),
    access: z
      .enum(['read', 'write'])
      .openapi({ description: 'What the caller may do; everything where the server has no keys.' }),
  })
  .openapi('RuntimeStatus');

const projectSchema = z.object({ name: z.string(), datasetCount: countSchema }).openapi('Project');

const readStatus = createRoute({
  method: 'get',
  path: '/status',
  operationId: 'readRuntimeStatus',
  tags,
  summary: 'Tells whether a worker runs, and who embeds',
  middleware: [etag()],
  responses: {
    200: {
      description: 'The status',
      headers: { ETag: { description: 'For `If-None-Match`', schema: { type: 'string' } } },
      content: { 'application/json': { schema: statusSchema } },
    },
    304: { description: 'As it was when the `ETag` in `If-None-Match` was given' },
    ...problemResponses(),
  },
});

const listProjects = createRoute({
  method: 'get',
  path: '/projects',
  operationId: 'listProjects',
  tags: ['Datasets'],
  summary: 'Lists projects in the order in which they were created',
  description: 'A project is there as long as it has datasets.',
  request: { query: pageQuery },
  responses: {
    200: {
      description: 'A page of projects',
      content: { 'application/json': { schema: pageOf(projectSchema, 'ProjectPage') } },
    },
    ...problemResponses(),
  },
});

export function runtimeRoutes({ runtime }: HttpParts) {
  return createRouter()
    .openapi(readStatus, async (context) => {
      const { embedderReason: embedder } = runtime;
      const { checks } = await runtime.health();
      const common = { embedder, checks: [...checks], access: context.get('access') };
      try {
        const { state, worker } = await runtime.status();
        const hasWorker = worker !== undefined;
        return context.json({ state, hasCatalog: true, hasWorker, ...common }, 200);
      } catch (error) {
        if (!isSynclineError(error, 'CATALOG_MISSING')) throw error;
        return context.json({ state: 'notStarted', hasCatalog: false, hasWorker: false, ...common }, 200);
      }
    })
    .openapi(listProjects, async (context) => {
      const { items, next } = await runtime.listProjects(defined(context.req.valid('query')));
      return context.json({ items: [...items], next }, 200);
    });
}
