import { createRoute } from '@hono/zod-openapi';
import { defined } from '../defined.ts';
import type { HttpParts } from '../environment.ts';
import { createRouter } from '../router.ts';
import { datasetParams } from '../schemas/common.ts';
import {
  backfillPlanOf,
  backfillPlanRequestSchema,
  backfillPlanSchema,
  backfillSchema,
  capsSchema,
  costsOf,
  costsQuery,
  costsSchema,
  spendOf,
  spendSchema,
} from '../schemas/costs.ts';
import { INDEXING_PROBLEMS, problemResponses } from '../schemas/problem.ts';
import { taskResponses, waitQuery } from '../schemas/tasks.ts';
import { requireWrite } from '../security/guards.ts';
import { answerTask, beginTask } from '../task-answer.ts';

const tags = ['Costs'];

const readCosts = createRoute({
  method: 'get',
  path: '/costs',
  operationId: 'readCosts',
  tags,
  summary: 'Tells what embedding has cost, and what reuse has saved',
  description: 'From the catalog: every answer of a provider is charged once, with its vectors.',
  request: { query: costsQuery },
  responses: {
    200: { description: 'The newest days first', content: { 'application/json': { schema: costsSchema } } },
    ...problemResponses('DATASET_NOT_FOUND', 'INVALID_ADDRESS', 'INVALID_OPTION'),
  },
});

const readSpend = createRoute({
  method: 'get',
  path: '/spend',
  operationId: 'readSpend',
  tags,
  summary: 'Tells what may be spent, what was today, and who waits because of a cap',
  responses: {
    200: { description: 'The caps', content: { 'application/json': { schema: spendSchema } } },
    ...problemResponses(),
  },
});

const setSpendCaps = createRoute({
  method: 'put',
  path: '/spend',
  operationId: 'setSpendCaps',
  tags,
  summary: 'Sets other caps, until the service ends',
  description:
    'One that is left out is no cap. Datasets that wait try again. For good, caps are set in the configuration: `spend.usdPerDayMax`, `spend.usdPerRunMax`.',
  middleware: [requireWrite],
  request: { body: { required: true, content: { 'application/json': { schema: capsSchema } } } },
  responses: {
    200: { description: 'The caps', content: { 'application/json': { schema: spendSchema } } },
    ...problemResponses('INVALID_OPTION', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'),
  },
});

const planBackfill = createRoute({
  method: 'post',
  path: '/datasets/{project}/{dataset}/backfill/plan',
  operationId: 'planBackfill',
  tags,
  summary: 'Tells what a backfill would do and cost',
  description: 'Changes nothing, and asks no provider.',
  request: {
    params: datasetParams,
    body: { required: true, content: { 'application/json': { schema: backfillPlanRequestSchema } } },
  },
  responses: {
    200: { description: 'The plan', content: { 'application/json': { schema: backfillPlanSchema } } },
    ...problemResponses(
      'DATASET_NOT_FOUND',
      'DATASET_DELETING',
      'PROFILE_MISMATCH',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
    ),
  },
});

const backfill = createRoute({
  method: 'post',
  path: '/datasets/{project}/{dataset}/backfill',
  operationId: 'backfillDataset',
  tags,
  summary: 'Embeds what has no vector',
  description:
    'Goes on where the last one stopped. What it would do and cost tells `POST …/backfill/plan`. Counts are in the `progress` of the task.',
  middleware: [requireWrite],
  request: {
    params: datasetParams,
    query: waitQuery,
    body: { required: true, content: { 'application/json': { schema: backfillSchema } } },
  },
  responses: {
    ...taskResponses('The backfill'),
    ...problemResponses(...INDEXING_PROBLEMS, 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'),
  },
});

export function costRoutes(parts: HttpParts) {
  const { runtime } = parts;
  const datasetAt = ({ project, dataset }: { readonly project: string; readonly dataset: string }) =>
    runtime.dataset(`${project}/${dataset}`);
  return createRouter()
    .openapi(readCosts, async (context) => {
      const costs = await runtime.costs(defined(context.req.valid('query')));
      return context.json(costsOf(costs), 200);
    })
    .openapi(readSpend, async (context) => context.json(spendOf(await runtime.spend()), 200))
    .openapi(setSpendCaps, async (context) => {
      runtime.setSpendCaps(context.req.valid('json'));
      return context.json(spendOf(await runtime.spend()), 200);
    })
    .openapi(planBackfill, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      const options = defined(context.req.valid('json'));
      const plan = await dataset.backfill({ ...options, dryRun: true });
      return context.json(backfillPlanOf(plan), 200);
    })
    .openapi(backfill, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      const options = defined(context.req.valid('json'));
      const { wait } = context.req.valid('query');
      return answerTask(
        context,
        await beginTask(parts, wait, (onTask) => dataset.backfill({ ...options, onTask })),
      );
    });
}
