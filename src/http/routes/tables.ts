import { createRoute, type z } from '@hono/zod-openapi';
import { defined } from '../defined.ts';
import type { HttpParts } from '../environment.ts';
import { HttpError, type ProblemCode } from '../http-error.ts';
import { createRouter } from '../router.ts';
import { datasetParams } from '../schemas/common.ts';
import { problemResponses } from '../schemas/problem.ts';
import {
  cancelledSchema,
  checkReportOf,
  checkReportSchema,
  checkSchema,
  planOf,
  planSchema,
  reconfigureSchema,
  repairSchema,
  rollbackSchema,
} from '../schemas/tables.ts';
import { taskResponses, waitQuery } from '../schemas/tasks.ts';
import { requireWrite } from '../security/guards.ts';
import { answerTask, beginTask } from '../task-answer.ts';

const tags = ['Tables'];

/** A route that begins a task on a dataset's table. */
function tableTask<Schema extends z.ZodType, const Name extends string>(route: {
  readonly name: Name;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly body: Schema;
  readonly codes: readonly ProblemCode[];
}) {
  return createRoute({
    method: 'post',
    path: `/datasets/{project}/{dataset}/${route.name}`,
    operationId: route.operationId,
    tags,
    summary: route.summary,
    description: route.description,
    middleware: [requireWrite],
    request: {
      params: datasetParams,
      query: waitQuery,
      body: { required: true, content: { 'application/json': { schema: route.body } } },
    },
    responses: {
      ...taskResponses(route.summary),
      ...problemResponses(
        'DATASET_NOT_FOUND',
        'DATASET_DELETING',
        'LEASE_HELD',
        'CATALOG_READ_ONLY',
        'PAYLOAD_TOO_LARGE',
        'UNSUPPORTED_MEDIA_TYPE',
        ...route.codes,
      ),
    },
  });
}

const readCheck = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}/check',
  operationId: 'readLastCheck',
  tags,
  summary: 'Gives the report of the newest check',
  description: 'Of those that this process made since it started.',
  request: { params: datasetParams },
  responses: {
    200: { description: 'The report', content: { 'application/json': { schema: checkReportSchema } } },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING', 'NOT_FOUND'),
  },
});

const check = tableTask({
  name: 'check',
  operationId: 'checkDataset',
  summary: 'Compares the table with the catalog',
  description: 'Changes nothing. The report is at `GET …/check` when the task has ended.',
  body: checkSchema,
  codes: ['CHECK_INTERRUPTED'],
});

const repair = tableTask({
  name: 'repair',
  operationId: 'repairDataset',
  summary: 'Puts right what differs between table and catalog',
  description: 'Without embedding anything again. The report is at `GET …/check` when the task has ended.',
  body: repairSchema,
  codes: ['CHECK_INTERRUPTED', 'TABLE_DAMAGED'],
});

const rebuild = createRoute({
  method: 'post',
  path: '/datasets/{project}/{dataset}/rebuild',
  operationId: 'rebuildDataset',
  tags,
  summary: 'Builds a new table from the catalog and switches to it',
  description:
    'With no call to any provider. The present table serves until then and is kept for a rollback.',
  middleware: [requireWrite],
  request: { params: datasetParams, query: waitQuery },
  responses: {
    ...taskResponses('The rebuild'),
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING', 'LEASE_HELD', 'CATALOG_READ_ONLY'),
  },
});

const rollback = tableTask({
  name: 'rollback',
  operationId: 'rollbackDataset',
  summary: 'Goes back to an earlier table',
  description: 'It catches up with what changed since, then it serves.',
  body: rollbackSchema,
  codes: ['NO_EARLIER_TABLE', 'DATASET_RECONFIGURING', 'PROFILE_MISMATCH'],
});

const reconfigure = tableTask({
  name: 'reconfigure',
  operationId: 'reconfigureDataset',
  summary: 'Changes the model or how documents are cut',
  description:
    'Everything is embedded anew beside the present table, which serves until the new one holds all that is searchable. ' +
    'What it costs tells `POST …/reconfigure/plan`.',
  body: reconfigureSchema,
  codes: ['INVALID_OPTION', 'DATASET_RECONFIGURING', 'PROFILE_MISMATCH'],
});

const plan = createRoute({
  method: 'post',
  path: '/datasets/{project}/{dataset}/reconfigure/plan',
  operationId: 'planReconfigure',
  tags,
  summary: 'Tells what a reconfiguration would do and cost',
  description: 'Changes nothing; cuts every document to find out.',
  request: {
    params: datasetParams,
    body: { required: true, content: { 'application/json': { schema: reconfigureSchema } } },
  },
  responses: {
    200: { description: 'The plan', content: { 'application/json': { schema: planSchema } } },
    ...problemResponses(
      'DATASET_NOT_FOUND',
      'DATASET_DELETING',
      'INVALID_OPTION',
      'PROFILE_MISMATCH',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
    ),
  },
});

const cancelSwitch = createRoute({
  method: 'post',
  path: '/datasets/{project}/{dataset}/cancel-switch',
  operationId: 'cancelSwitch',
  tags,
  summary: 'Ends a rebuild, rollback or reconfiguration that does not serve yet',
  description: 'What was embedded stays in the catalog.',
  middleware: [requireWrite],
  request: { params: datasetParams },
  responses: {
    200: { description: 'Done', content: { 'application/json': { schema: cancelledSchema } } },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING', 'LEASE_HELD', 'CATALOG_READ_ONLY'),
  },
});

export function tableRoutes(parts: HttpParts) {
  const { runtime } = parts;
  const datasetAt = ({ project, dataset }: { readonly project: string; readonly dataset: string }) =>
    runtime.dataset(`${project}/${dataset}`);
  return createRouter()
    .openapi(readCheck, async (context) => {
      const { lastCheck } = await datasetAt(context.req.valid('param')).status();
      if (lastCheck !== undefined) return context.json(checkReportOf(lastCheck), 200);
      throw new HttpError('NOT_FOUND', 'This dataset was not checked since the process started.');
    })
    .openapi(check, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      const { level } = context.req.valid('json');
      const { wait } = context.req.valid('query');
      return answerTask(context, await beginTask(parts, wait, (onTask) => dataset.check({ level, onTask })));
    })
    .openapi(repair, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      const { level } = context.req.valid('json');
      const { wait } = context.req.valid('query');
      const options = { level, repair: true };
      return answerTask(
        context,
        await beginTask(parts, wait, (onTask) => dataset.check({ ...options, onTask })),
      );
    })
    .openapi(rebuild, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      const { wait } = context.req.valid('query');
      return answerTask(context, await beginTask(parts, wait, (onTask) => dataset.rebuild({ onTask })));
    })
    .openapi(rollback, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      const { wait } = context.req.valid('query');
      const options = defined(context.req.valid('json'));
      return answerTask(
        context,
        await beginTask(parts, wait, (onTask) => dataset.rollback({ ...options, onTask })),
      );
    })
    .openapi(reconfigure, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      const { wait } = context.req.valid('query');
      const options = { ...defined(context.req.valid('json')), mode: 'sync' as const };
      return answerTask(
        context,
        await beginTask(parts, wait, (onTask) => dataset.reconfigure({ ...options, onTask })),
      );
    })
    .openapi(plan, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      const options = defined(context.req.valid('json'));
      return context.json(planOf(await dataset.planReconfigure(options)), 200);
    })
    .openapi(cancelSwitch, async (context) =>
      context.json(await datasetAt(context.req.valid('param')).cancelSwitch(), 200),
    );
}
