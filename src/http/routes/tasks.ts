import { createRoute, z } from '@hono/zod-openapi';
import { defined } from '../defined.ts';
import type { HttpParts } from '../environment.ts';
import { createRouter } from '../router.ts';
import { nameSchema, pageQuery } from '../schemas/common.ts';
import { problemResponses } from '../schemas/problem.ts';
import { taskOf, taskPageSchema, taskSchema, taskStateSchema, waitQuery } from '../schemas/tasks.ts';
import { requireWrite } from '../security/guards.ts';

const tags = ['Tasks'];

const taskParams = z.object({
  id: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER - 1)
    .openapi({ type: 'integer', param: { name: 'id', in: 'path' }, example: 17 }),
});

const task = { 'application/json': { schema: taskSchema } };

const listTasks = createRoute({
  method: 'get',
  path: '/tasks',
  operationId: 'listTasks',
  tags,
  summary: 'Lists tasks, the newest first',
  description: 'Running ones, and the newest 1,000 of those that ended.',
  request: {
    query: pageQuery.extend({
      project: nameSchema.optional().openapi({ description: 'With `dataset`: only tasks of that one.' }),
      dataset: nameSchema.optional(),
      kind: z
        .string()
        .max(64)
        .regex(/^[A-Za-z]+$/, 'letters')
        .optional()
        .openapi({ example: 'rebuild' }),
      state: taskStateSchema.optional(),
    }),
  },
  responses: {
    200: { description: 'A page of tasks', content: { 'application/json': { schema: taskPageSchema } } },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING'),
  },
});

const readTask = createRoute({
  method: 'get',
  path: '/tasks/{id}',
  operationId: 'readTask',
  tags,
  summary: 'Gives a task, at once or when it has ended',
  request: { params: taskParams, query: waitQuery },
  responses: {
    200: { description: 'The task, ended or not', content: task },
    ...problemResponses('TASK_NOT_FOUND'),
  },
});

const cancelTask = createRoute({
  method: 'post',
  path: '/tasks/{id}/cancel',
  operationId: 'cancelTask',
  tags,
  summary: 'Asks a running task to end',
  description: 'It does so at the next place where nothing is left half done. What it had done is kept.',
  middleware: [requireWrite],
  request: { params: taskParams, query: waitQuery },
  responses: {
    200: { description: 'The task, ended or about to', content: task },
    ...problemResponses('TASK_NOT_FOUND', 'TASK_NOT_RUNNING'),
  },
});

export function taskRoutes({ runtime }: HttpParts) {
  const { tasks } = runtime;
  return createRouter()
    .openapi(listTasks, async (context) => {
      const { project, dataset, ...page } = context.req.valid('query');
      const of = project === undefined || dataset === undefined ? undefined : `${project}/${dataset}`;
      const { items, next } = await tasks.list(defined({ ...page, dataset: of }));
      return context.json({ items: items.map(taskOf), next }, 200);
    })
    .openapi(readTask, async (context) => {
      const { id } = context.req.valid('param');
      const { wait } = context.req.valid('query');
      return context.json(taskOf(await tasks.wait(id, { timeoutMs: wait * 1_000 })), 200);
    })
    .openapi(cancelTask, async (context) => {
      const { id } = context.req.valid('param');
      const { wait } = context.req.valid('query');
      await tasks.cancel(id);
      return context.json(taskOf(await tasks.wait(id, { timeoutMs: wait * 1_000 })), 200);
    });
}
