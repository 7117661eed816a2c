import { expect, test } from 'bun:test';
import { type ApiDescription, faultsOf, type Operation, operationsOf } from './api-schema.ts';
import { startTestApi, type TestApi } from './http-fixtures.ts';

const DOCUMENTS = [{ key: 'a/b', content: 'some words', metadata: { language: 'en' } }];

/** Addresses that serve the description itself or the dashboard, or speak a protocol of their own. */
const NOT_DESCRIBED = new Set([
  '/openapi.json',
  '/docs',
  '/docs/style.css',
  '/mcp',
  '/',
  '/:slash{$}',
  '/assets/:file',
]);

interface Call {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
  readonly status: number;
}

const waited: Call = { query: 'wait=60', status: 200 };

/** One good call of each operation, in an order in which they succeed. */
const CALLS: Readonly<Record<string, Call>> = {
  createDataset: { body: { project: 'docs', dataset: 'site', fields: { language: 'string' } }, status: 201 },
  addDocuments: { ...waited, body: { documents: DOCUMENTS } },
  listProjects: { status: 200 },
  listDatasets: { status: 200 },
  readDataset: { status: 200 },
  readDatasetStatus: { status: 200 },
  listDatasetStatuses: { status: 200 },
  listDocuments: { status: 200 },
  readDocument: { status: 200 },
  listChunks: { status: 200 },
  searchDataset: {
    body: { query: 'words', filter: { op: 'eq', field: 'language', value: 'en' } },
    status: 200,
  },
  searchProject: { body: { query: 'words', mode: 'text' }, status: 200 },
  indexDataset: waited,
  setSource: { path: { source: 'orders' }, body: { kind: 'jsonl', path: 'orders.jsonl' }, status: 200 },
  listSources: { status: 200 },
  setSchedule: { path: { run: 'full' }, body: { cron: '0 3 * * 6', timeZone: 'Europe/Berlin' }, status: 200 },
  listSchedules: { status: 200 },
  listRefusedChanges: { status: 200 },
  dropRefusedChanges: { status: 200 },
  removeSource: { path: { source: 'orders' }, status: 204 },
  listFailures: { status: 200 },
  retryFailures: waited,
  checkDataset: { ...waited, body: { level: 'deep' } },
  readLastCheck: { status: 200 },
  repairDataset: { ...waited, body: {} },
  rebuildDataset: waited,
  rollbackDataset: { ...waited, body: {} },
  planReconfigure: { body: { embedder: 'dataset', tokensPerChunkMax: 64 }, status: 200 },
  reconfigureDataset: { ...waited, body: { embedder: 'dataset', tokensPerChunkMax: 64 } },
  cancelSwitch: { status: 200 },
  planBackfill: { body: { limit: 10 }, status: 200 },
  backfillDataset: { ...waited, body: {} },
  readCosts: { query: 'by=day,mode&since=2026-01-01', status: 200 },
  readSpend: { status: 200 },
  setSpendCaps: { body: { usdPerDayMax: 5 }, status: 200 },
  listBatches: { status: 200 },
  readBatch: { path: { id: '1' }, status: 404 },
  flushBatches: { ...waited, body: {} },
  syncBatches: waited,
  cancelBatch: { path: { id: '1' }, status: 404 },
  pullBackBatch: { path: { id: '1' }, status: 404 },
  // The embedder here has no batch API: with another mode it is 409.
  changeBatchPolicy: { body: { mode: 'never', minBatchSize: 500 }, status: 200 },
  readBatchPolicy: { status: 200 },
  listTasks: { status: 200 },
  readTask: { path: { id: '1' }, status: 200 },
  cancelTask: { path: { id: '1' }, status: 409 },
  readRuntimeStatus: { status: 200 },
  listProviders: { status: 200 },
  listActors: { status: 200 },
  readActor: { path: { id: 'supervisor' }, status: 200 },
  readActorHistory: { path: { id: 'supervisor' }, status: 200 },
  readMachine: { path: { id: 'supervisor' }, status: 200 },
  readHealth: { status: 200 },
  readReadiness: { status: 200 },
  readMetrics: { status: 200 },
  deleteDocument: waited,
  deleteDocuments: { ...waited, body: { keys: ['a/b'] } },
  deleteDataset: { status: 204 },
  sendControlEvent: { path: { id: 'supervisor' }, body: { type: 'supervisor.pause' }, status: 202 },
};
/** A stream that never ends: it has tests of its own. */
const STREAMS = ['readEvents'];

async function describeOwn(api: TestApi): Promise<{ description: ApiDescription; operations: Operation[] }> {
  const description = (await api.call('GET', '/openapi.json')).body as ApiDescription;
  return { description, operations: operationsOf(description) };
}

test('every route answers as the OpenAPI document says', async () => {
  const api = await startTestApi({ http: { declareSources: true } });
  await api.runtime.start();
  const { description, operations } = await describeOwn(api);
  expect([...Object.keys(CALLS), ...STREAMS].sort()).toEqual(
    operations.map(({ operationId }) => operationId).sort(),
  );
  for (const [operationId, { path: own, query, body, status }] of Object.entries(CALLS)) {
    const operation = operations.find((each) => each.operationId === operationId);
    const values: Record<string, string> = { project: 'docs', dataset: 'site', key: 'a%2Fb', ...own };
    const path = operation?.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
    const answer = await api.call(operation?.method ?? '', `${path}${query ? `?${query}` : ''}`, body);
    expect([operationId, answer.status, answer.status === status ? '' : answer.body]).toEqual([
      operationId,
      status,
      '',
    ]);
    const content = operation?.responses[status]?.content;
    const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    if (content === undefined) expect([operationId, answer.body]).toEqual([operationId, '']);
    else expect([operationId, Object.keys(content)]).toEqual([operationId, expect.arrayContaining([type])]);
    const schema = content?.[type]?.schema;
    const faults =
      schema !== undefined && /json$/.test(type) ? faultsOf(description, schema, answer.body) : [];
    expect([operationId, faults]).toEqual([operationId, []]);
  }
}, 120_000);

test('the OpenAPI document names everything that is served, with examples that are as it says', async () => {
  const api = await startTestApi();
  const { description, operations } = await describeOwn(api);
  const app = await api.runtime.http();
  const served = app.routes.filter(({ method, path }) => method !== 'ALL' && !NOT_DESCRIBED.has(path));
  const asDescribed = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');
  const described = new Set(operations.map(({ method, path }) => `${method} ${path}`));
  expect(new Set(served.map(({ method, path }) => `${method} ${asDescribed(path)}`))).toEqual(described);

  const tags = description.tags.map(({ name }) => name);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  for (const operation of operations) {
    expect(tags).toContain(operation.tags[0] ?? '');
    for (const [status, { content = {} }] of Object.entries(operation.responses)) {
      for (const { schema, examples = {} } of Object.values(content)) {
        for (const { value } of Object.values(examples)) {
          expect([operation.operationId, status, faultsOf(description, schema, value)]).toEqual([
            operation.operationId,
            status,
            [],
          ]);
        }
      }
    }
  }
});

test('the page for people shows every operation, loads nothing from elsewhere and runs nothing', async () => {
  const api = await startTestApi({ prefix: '/vectors', http: { apiKeys: ['a-key-that-is-long-enough'] } });
  const page = await api.call('GET', '/docs');
  expect(page.headers.get('content-security-policy')).toBe(
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
  );
  const { operations } = await describeOwn(api);
  for (const { operationId } of operations) expect(page.body).toContain(`id="${operationId}"`);
  expect(page.body).not.toContain('<script');
  const links = [...page.body.matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, link]: string[]) => link ?? '');
  expect(links.sort()).toEqual(['docs/style.css', 'openapi.json']);
  for (const link of links) {
    expect((await fetch(new URL(link, `${api.url}/docs`))).status).toBe(200);
  }
  const anchors = [...page.body.matchAll(/href="#([^"]+)"/g)].map(([, name]: string[]) => `id="${name}"`);
  for (const anchor of anchors) expect(page.body).toContain(anchor);
});

test('no schema adds to another by "allOf", where neither would allow what the other names', async () => {
  const api = await startTestApi();
  const description = (await api.call('GET', '/openapi.json')).body;
  const mixed: string[] = [];
  const look = (part: unknown, at: string): void => {
    if (typeof part !== 'object' || part === null) return;
    const parts = 'allOf' in part && Array.isArray(part.allOf) ? part.allOf : [];
    if (parts.length > 1 && parts.some((each: object) => 'properties' in each)) mixed.push(at);
    for (const [name, inner] of Object.entries(part)) look(inner, `${at}/${name}`);
  };
  look(description, '');
  expect(mixed).toEqual([]);
});
