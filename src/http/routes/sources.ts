import { createRoute } from '@hono/zod-openapi';
import type { SourceDefinition } from '../../sources/source-definition.ts';
import { defined } from '../defined.ts';
import type { HttpParts } from '../environment.ts';
import { HttpError } from '../http-error.ts';
import { createRouter } from '../router.ts';
import { datasetParams, pageQuery } from '../schemas/common.ts';
import {
  droppedChangesSchema,
  newScheduleSchema,
  newSourceSchema,
  refusedChangeOf,
  refusedChangePageSchema,
  scheduleListOf,
  scheduleListSchema,
  scheduleParams,
  sourceListOf,
  sourceListSchema,
  sourceParams,
} from '../schemas/indexing.ts';
import { problemResponses } from '../schemas/problem.ts';
import { requireWrite } from '../security/guards.ts';

const tags = ['Indexing'];
const CHANGING = ['DATASET_NOT_FOUND', 'DATASET_DELETING', 'LEASE_HELD', 'CATALOG_READ_ONLY'] as const;
const BODIES = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const;
const sourceList = { 'application/json': { schema: sourceListSchema } };
const scheduleList = { 'application/json': { schema: scheduleListSchema } };

const listSources = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}/sources',
  operationId: 'listSources',
  tags,
  summary: 'Lists the sources of a dataset',
  request: { params: datasetParams },
  responses: {
    200: { description: 'Its sources', content: sourceList },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING'),
  },
});

const setSource = createRoute({
  method: 'put',
  path: '/datasets/{project}/{dataset}/sources/{source}',
  operationId: 'setSource',
  tags,
  summary: 'Stores a source, or another definition of one',
  description:
    'Reads nothing yet: that does `POST …/index`, or the schedule. Refused unless the option `declareSources` is set: a source names files, databases and variables of the server.',
  middleware: [requireWrite],
  request: {
    params: sourceParams,
    body: { required: true, content: { 'application/json': { schema: newSourceSchema } } },
  },
  responses: {
    200: { description: 'All sources of the dataset', content: sourceList },
    ...problemResponses(...CHANGING, ...BODIES, 'INVALID_SOURCE'),
  },
});

const removeSource = createRoute({
  method: 'delete',
  path: '/datasets/{project}/{dataset}/sources/{source}',
  operationId: 'removeSource',
  tags,
  summary: 'Forgets a source',
  description: 'Its documents stay.',
  middleware: [requireWrite],
  request: { params: sourceParams },
  responses: { 204: { description: 'It is gone' }, ...problemResponses(...CHANGING, 'SOURCE_NOT_FOUND') },
});

const listSchedules = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}/schedules',
  operationId: 'listSchedules',
  tags,
  summary: 'Tells when a dataset is indexed by itself',
  request: { params: datasetParams },
  responses: {
    200: { description: 'Its schedules', content: scheduleList },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING'),
  },
});

const setSchedule = createRoute({
  method: 'put',
  path: '/datasets/{project}/{dataset}/schedules/{run}',
  operationId: 'setSchedule',
  tags,
  summary: 'Says when a run is due',
  description: 'By a started worker, which makes up for a run that was missed, once.',
  middleware: [requireWrite],
  request: {
    params: scheduleParams,
    body: { required: true, content: { 'application/json': { schema: newScheduleSchema } } },
  },
  responses: {
    200: { description: 'All schedules of the dataset', content: scheduleList },
    ...problemResponses(...CHANGING, ...BODIES, 'INVALID_SCHEDULE'),
  },
});

const listRefusedChanges = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}/refused-changes',
  operationId: 'listRefusedChanges',
  tags,
  summary: 'Lists changes that were set aside, in the order in which they were told',
  description:
    'They would have deleted too much at once. `POST …/index` with `allowMassDeletion` does them; so does a full run.',
  request: { params: datasetParams, query: pageQuery },
  responses: {
    200: {
      description: 'A page of changes',
      content: { 'application/json': { schema: refusedChangePageSchema } },
    },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING'),
  },
});

const dropRefusedChanges = createRoute({
  method: 'delete',
  path: '/datasets/{project}/{dataset}/refused-changes',
  operationId: 'dropRefusedChanges',
  tags,
  summary: 'Forgets the changes that were set aside',
  description: 'Nothing is deleted for them; a full run finds out by itself what is gone.',
  middleware: [requireWrite],
  request: { params: datasetParams },
  responses: {
    200: {
      description: 'How many were forgotten',
      content: { 'application/json': { schema: droppedChangesSchema } },
    },
    ...problemResponses(...CHANGING),
  },
});

/** Where documents come from, and when that is looked at. */
export function sourceRoutes({ runtime, options }: HttpParts) {
  const datasetAt = ({ project, dataset }: { readonly project: string; readonly dataset: string }) =>
    runtime.dataset(`${project}/${dataset}`);
  return createRouter()
    .openapi(listSources, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      return context.json(sourceListOf(await dataset.sources()), 200);
    })
    .openapi(setSource, async (context) => {
      if (!options.declareSources) throw sourcesNotAllowed();
      const { source: name, ...address } = context.req.valid('param');
      const dataset = datasetAt(address);
      // Checked, field by field, by whoever stores it.
      const definition = { ...context.req.valid('json'), name } as unknown as SourceDefinition;
      await dataset.setSources([definition], { keepOthers: true });
      return context.json(sourceListOf(await dataset.sources()), 200);
    })
    .openapi(removeSource, async (context) => {
      const { source, ...address } = context.req.valid('param');
      await datasetAt(address).removeSource(source);
      return context.body(null, 204);
    })
    .openapi(listRefusedChanges, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      const { items, next } = await dataset.refusedChanges(defined(context.req.valid('query')));
      return context.json({ items: items.map(refusedChangeOf), next }, 200);
    })
    .openapi(dropRefusedChanges, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      return context.json(await dataset.dropRefusedChanges(), 200);
    })
    .openapi(listSchedules, async (context) => {
      const dataset = datasetAt(context.req.valid('param'));
      return context.json(scheduleListOf(await dataset.schedules()), 200);
    })
    .openapi(setSchedule, async (context) => {
      const { run, ...address } = context.req.valid('param');
      const dataset = datasetAt(address);
      const body = context.req.valid('json');
      await dataset.setSchedule(run, 'setting' in body ? body.setting : defined(body));
      return context.json(scheduleListOf(await dataset.schedules()), 200);
    });
}

function sourcesNotAllowed(): HttpError {
  return new HttpError(
    'FORBIDDEN',
    'Sources are not declared over HTTP here, since they name files, databases and variables of the server. Declare this one in syncline.config.ts or with "syncline source", or set "http.declareSources".',
  );
}
