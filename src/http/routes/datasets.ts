import { createRoute } from '@hono/zod-openapi';
import { etag } from 'hono/etag';
import { defined } from '../defined.ts';
import type { HttpParts } from '../environment.ts';
import { createRouter } from '../router.ts';
import { datasetParams, nameSchema, pageQuery } from '../schemas/common.ts';
import {
  datasetOf,
  datasetPageSchema,
  datasetSchema,
  datasetStatusOf,
  datasetStatusPageSchema,
  datasetStatusSchema,
  newDatasetSchema,
} from '../schemas/datasets.ts';
import { problemResponses } from '../schemas/problem.ts';
import { requireWrite } from '../security/guards.ts';

const tags = ['Datasets'];

const listDatasets = createRoute({
  method: 'get',
  path: '/datasets',
  operationId: 'listDatasets',
  tags,
  summary: 'Lists datasets in the order in which they were created',
  request: { query: pageQuery.extend({ project: nameSchema.optional() }) },
  responses: {
    200: {
      description: 'A page of datasets',
      content: { 'application/json': { schema: datasetPageSchema } },
    },
    ...problemResponses('INVALID_ADDRESS'),
  },
});

const listStatuses = createRoute({
  method: 'get',
  path: '/statuses',
  operationId: 'listDatasetStatuses',
  tags,
  summary: 'Tells how datasets are doing, in the order in which they were created',
  description:
    'Those that are being deleted are left out, so that a page may have fewer items than asked for.',
  request: { query: pageQuery.extend({ project: nameSchema.optional() }) },
  responses: {
    200: {
      description: 'A page of statuses',
      content: { 'application/json': { schema: datasetStatusPageSchema } },
    },
    ...problemResponses('INVALID_ADDRESS'),
  },
});

const createDataset = createRoute({
  method: 'post',
  path: '/datasets',
  operationId: 'createDataset',
  tags,
  summary: 'Creates a dataset',
  description: 'Needed only to declare fields: the first documents create a missing dataset without any.',
  middleware: [requireWrite],
  request: { body: { required: true, content: { 'application/json': { schema: newDatasetSchema } } } },
  responses: {
    201: {
      description: 'It is there, now or since an equal request',
      headers: { Location: { description: 'Its address', schema: { type: 'string' } } },
      content: { 'application/json': { schema: datasetSchema } },
    },
    ...problemResponses(
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
      'DATASET_EXISTS',
      'DATASET_DELETING',
      'INVALID_FIELD',
      'LEASE_HELD',
      'CATALOG_READ_ONLY',
    ),
  },
});

const readStatus = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}/status',
  operationId: 'readDatasetStatus',
  tags,
  summary: 'Tells how a dataset is doing',
  middleware: [etag()],
  request: { params: datasetParams },
  responses: {
    200: {
      description: 'Its status',
      headers: { ETag: { description: 'For `If-None-Match`', schema: { type: 'string' } } },
      content: { 'application/json': { schema: datasetStatusSchema } },
    },
    304: { description: 'As it was when the `ETag` in `If-None-Match` was given' },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING'),
  },
});

const readDataset = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}',
  operationId: 'readDataset',
  tags,
  summary: 'Tells what a dataset was made with',
  request: { params: datasetParams },
  responses: {
    200: { description: 'The dataset', content: { 'application/json': { schema: datasetSchema } } },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING'),
  },
});

const deleteDataset = createRoute({
  method: 'delete',
  path: '/datasets/{project}/{dataset}',
  operationId: 'deleteDataset',
  tags,
  summary: 'Deletes a dataset with its documents and tables',
  description: 'Embeddings stay in the catalog: they are paid for.',
  middleware: [requireWrite],
  request: { params: datasetParams },
  responses: {
    204: { description: 'It is gone' },
    ...problemResponses('DATASET_NOT_FOUND', 'LEASE_HELD', 'CATALOG_READ_ONLY'),
  },
});

export function datasetRoutes({ runtime }: HttpParts) {
  return createRouter()
    .openapi(listDatasets, async (context) => {
      const { items, next } = await runtime.listDatasets(defined(context.req.valid('query')));
      return context.json({ items: items.map(datasetOf), next }, 200);
    })
    .openapi(listStatuses, async (context) => {
      const { items, next } = await runtime.listStatuses(defined(context.req.valid('query')));
      return context.json({ items: items.map(datasetStatusOf), next }, 200);
    })
    .openapi(createDataset, async (context) => {
      const { project, dataset: name, ...settings } = context.req.valid('json');
      const dataset = runtime.dataset(`${project}/${name}`);
      await dataset.create(defined(settings));
      const location = `${context.get('prefix')}/v1/datasets/${project}/${name}`;
      return context.json(datasetOf(await dataset.describe()), 201, { Location: location });
    })
    .openapi(readDataset, async (context) => {
      const { project, dataset } = context.req.valid('param');
      return context.json(datasetOf(await runtime.dataset(`${project}/${dataset}`).describe()), 200);
    })
    .openapi(readStatus, async (context) => {
      const { project, dataset } = context.req.valid('param');
      const status = await runtime.dataset(`${project}/${dataset}`).status();
      return context.json(datasetStatusOf(status), 200);
    })
    .openapi(deleteDataset, async (context) => {
      const { project, dataset } = context.req.valid('param');
      await runtime.dataset(`${project}/${dataset}`).delete();
      return context.body(null, 204);
    });
}
