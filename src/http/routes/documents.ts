import { createRoute, z } from '@hono/zod-openapi';
import type { DocumentInput } from '../../domain/document.ts';
import { defined } from '../defined.ts';
import type { HttpParts } from '../environment.ts';
import { HttpError } from '../http-error.ts';
import { createRouter } from '../router.ts';
import { chunkOf, chunkPageSchema } from '../schemas/chunks.ts';
import { datasetParams, pageQuery } from '../schemas/common.ts';
import {
  deletionSchema,
  documentPageSchema,
  documentSummaryOf,
  documentsBodySchema,
  ingestResultSchema,
  sourceSchema,
  storedDocumentOf,
  storedDocumentSchema,
} from '../schemas/documents.ts';
import { problemResponses } from '../schemas/problem.ts';
import { taskResponses, waitQuery } from '../schemas/tasks.ts';
import { requireWrite } from '../security/guards.ts';
import { readStream, takeIn } from '../take-in.ts';
import { answerTask, beginTask, taskLocation } from '../task-answer.ts';

const tags = ['Documents'];
const writing = ['LEASE_HELD', 'CATALOG_READ_ONLY', 'DATASET_DELETING'] as const;

const documentParams = datasetParams.extend({
  key: z
    .string()
    .min(1)
    .max(1_024)
    .openapi({
      param: { name: 'key', in: 'path' },
      description: 'Percent-encoded; a slash is `%2F`.',
      example: 'guides%2Finstall.md',
    }),
});

const sourceQuery = z.object({ source: sourceSchema.optional() });

const ingestAnswer = { 'application/json': { schema: ingestResultSchema } };

const addDocuments = createRoute({
  method: 'post',
  path: '/datasets/{project}/{dataset}/documents',
  operationId: 'addDocuments',
  tags,
  summary: 'Takes documents in',
  description:
    'All of them are durably queued when this is answered, and become searchable by and by. Unchanged ones cost a comparison. ' +
    'One that is refused is counted and named, and does not stop the others. A missing dataset is created. ' +
    'As JSON up to 1,000 documents; as `application/x-ndjson` one per line, any number, read as it comes.',
  middleware: [requireWrite],
  request: {
    params: datasetParams,
    query: waitQuery,
    // Not "required": that would have a stream read as JSON.
    body: {
      content: {
        'application/json': { schema: documentsBodySchema },
        'application/x-ndjson': {
          schema: z
            .string()
            .openapi({ example: '{"key":"a","content":"One"}\n{"key":"b","content":"Two"}\n' }),
        },
      },
    },
  },
  responses: {
    200: { description: 'All of it is searchable', content: ingestAnswer },
    202: {
      description: 'All of it is queued',
      headers: { Location: { description: 'The task', schema: { type: 'string' } } },
      content: ingestAnswer,
    },
    ...problemResponses(
      ...writing,
      'PROFILE_MISMATCH',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
      'DISK_FULL',
    ),
  },
});

const listDocuments = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}/documents',
  operationId: 'listDocuments',
  tags,
  summary: 'Lists documents without their contents',
  description: 'In the order in which they first came. Queued ones are not listed before they were taken in.',
  request: { params: datasetParams, query: pageQuery },
  responses: {
    200: {
      description: 'A page of documents',
      content: { 'application/json': { schema: documentPageSchema } },
    },
    ...problemResponses('DATASET_NOT_FOUND', 'DATASET_DELETING'),
  },
});

const readDocument = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}/documents/{key}',
  operationId: 'readDocument',
  tags,
  summary: 'Gives a document with its content',
  request: { params: documentParams, query: sourceQuery },
  responses: {
    200: { description: 'The document', content: { 'application/json': { schema: storedDocumentSchema } } },
    ...problemResponses('DOCUMENT_NOT_FOUND', 'DATASET_NOT_FOUND', 'DATASET_DELETING', 'INVALID_DOCUMENT'),
  },
});

const listChunks = createRoute({
  method: 'get',
  path: '/datasets/{project}/{dataset}/documents/{key}/chunks',
  operationId: 'listChunks',
  tags,
  summary: 'Lists the pieces of a document as they are embedded, in their order',
  request: { params: documentParams, query: sourceQuery.extend(pageQuery.shape) },
  responses: {
    200: { description: 'A page of chunks', content: { 'application/json': { schema: chunkPageSchema } } },
    ...problemResponses(
      'DOCUMENT_NOT_FOUND',
      'DATASET_NOT_FOUND',
      'DATASET_DELETING',
      'INVALID_DOCUMENT',
      'CATALOG_BUSY',
    ),
  },
});

const deleteDocument = createRoute({
  method: 'delete',
  path: '/datasets/{project}/{dataset}/documents/{key}',
  operationId: 'deleteDocument',
  tags,
  summary: 'Deletes a document',
  description: 'Deleting what is not there is no error.',
  middleware: [requireWrite],
  request: { params: documentParams, query: sourceQuery.extend(waitQuery.shape) },
  responses: {
    ...taskResponses('The deletion'),
    ...problemResponses(...writing, 'DATASET_NOT_FOUND', 'INVALID_DOCUMENT'),
  },
});

const deleteDocuments = createRoute({
  method: 'post',
  path: '/datasets/{project}/{dataset}/documents/delete',
  operationId: 'deleteDocuments',
  tags,
  summary: 'Deletes documents by key or filter',
  description: 'A filter also finds what was taken in and is not searchable yet. Unknown keys are no error.',
  middleware: [requireWrite],
  request: {
    params: datasetParams,
    query: waitQuery,
    body: { required: true, content: { 'application/json': { schema: deletionSchema } } },
  },
  responses: {
    ...taskResponses('The deletion'),
    ...problemResponses(
      ...writing,
      'DATASET_NOT_FOUND',
      'INVALID_FILTER',
      'INVALID_DOCUMENT',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
    ),
  },
});

export function documentRoutes(parts: HttpParts) {
  const { runtime } = parts;
  return createRouter()
    .openapi(addDocuments, async (context) => {
      const { project, dataset: name } = context.req.valid('param');
      const { wait } = context.req.valid('query');
      const dataset = runtime.dataset(`${project}/${name}`);
      const stream = readStream(context, parts.options);
      const result = await takeIn(dataset, stream ?? documentsOf(context.req.valid('json')), wait);
      if (result.isSearchable) return context.json(result, 200);
      return context.json(result, 202, { Location: taskLocation(context, result.taskId) });
    })
    .openapi(listDocuments, async (context) => {
      const { project, dataset } = context.req.valid('param');
      const page = defined(context.req.valid('query'));
      const { items, next } = await runtime.dataset(`${project}/${dataset}`).documents(page);
      return context.json({ items: items.map(documentSummaryOf), next }, 200);
    })
    .openapi(readDocument, async (context) => {
      const { project, dataset, key } = context.req.valid('param');
      const { source } = context.req.valid('query');
      const found = await runtime.dataset(`${project}/${dataset}`).document(defined({ key, source }));
      return context.json(storedDocumentOf(found), 200);
    })
    .openapi(listChunks, async (context) => {
      const { project, dataset, key } = context.req.valid('param');
      const { source, ...page } = context.req.valid('query');
      const { items, next } = await runtime
        .dataset(`${project}/${dataset}`)
        .chunks(defined({ key, source }), defined(page));
      return context.json({ items: items.map(chunkOf), next }, 200);
    })
    .openapi(deleteDocuments, async (context) => {
      const { project, dataset: name } = context.req.valid('param');
      const { wait } = context.req.valid('query');
      const body = context.req.valid('json');
      const dataset = runtime.dataset(`${project}/${name}`);
      const task = await beginTask(parts, wait, (onTask) =>
        'filter' in body
          ? dataset.deleteMatching(body.filter, { onTask })
          : dataset.deleteDocuments(
              body.keys.map((key) => (typeof key === 'string' ? key : defined(key))),
              { onTask },
            ),
      );
      return answerTask(context, task);
    })
    .openapi(deleteDocument, async (context) => {
      const { project, dataset: name, key } = context.req.valid('param');
      const { source, wait } = context.req.valid('query');
      const dataset = runtime.dataset(`${project}/${name}`);
      const wanted = defined({ key, source });
      const task = await beginTask(parts, wait, (onTask) => dataset.deleteDocuments([wanted], { onTask }));
      return answerTask(context, task);
    });
}

/** The documents of a JSON body. A request without any body gets past the schema, since a body may also be a stream. */
function documentsOf(body: z.infer<typeof documentsBodySchema> | string): DocumentInput[] {
  if (typeof body === 'object' && body.documents !== undefined) return body.documents.map(defined);
  throw new HttpError(
    'INVALID_REQUEST',
    'The request has no body; send documents as JSON or as lines of JSON.',
  );
}
