import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { startBatchServer } from '../support/batch-server.ts';
import { createMemorySource, numberedRows } from '../support/memory-source.ts';
import type { ParsedJson } from '../support/parsed-json.ts';
import { rejectionOf, waitFor } from '../support/test-runtime.ts';
import { startTestApi, type TestApi } from './http-fixtures.ts';

// Real runtimes on a machine that may have other things to do.
setDefaultTimeout(120_000);

const open: Client[] = [];

afterEach(async () => {
  while (open.length > 0) await open.pop()?.close();
});

async function connect(url: string, mode: 'auto' | 'legacy' = 'auto', key?: string): Promise<Client> {
  const options = mode === 'auto' ? { versionNegotiation: { mode: 'auto' as const } } : {};
  const client = new Client({ name: 'test', version: '1' }, options);
  open.push(client);
  const headers = key === undefined ? {} : { Authorization: `Bearer ${key}` };
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } }),
  );
  return client;
}

const TOOLS = [
  'check',
  'dataset_status',
  'flush_batches',
  'index',
  'list_batches',
  'list_datasets',
  'pause',
  'pull_back_batch',
  'rebuild',
  'resume',
  'search',
  'start',
  'stop',
  'sync_batches',
  'task',
];

const READING = ['check', 'dataset_status', 'list_batches', 'list_datasets', 'search', 'task'];

async function call(client: Client, name: string, args: Record<string, unknown> = {}): Promise<ParsedJson> {
  const { isError, structuredContent, content } = await client.callTool({ name, arguments: args });
  return isError === true ? { isError, content } : structuredContent;
}

async function startWithDocument(): Promise<TestApi> {
  const api = await startTestApi();
  await api.runtime
    .dataset('docs/one')
    .ingest([{ key: 'tent', title: 'Tent', content: 'A light tent for two.' }]);
  return api;
}

describe('MCP over HTTP', () => {
  test('lists its tools with inputs, outputs, and whether they change something', async () => {
    const client = await connect((await startTestApi()).url);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual(TOOLS);
    for (const { inputSchema, outputSchema, description } of tools) {
      expect([inputSchema.type, outputSchema?.type, (description ?? '').length > 20]).toEqual([
        'object',
        'object',
        true,
      ]);
    }
    const reading = tools
      .filter(({ annotations }) => annotations?.readOnlyHint === true)
      .map(({ name }) => name);
    expect(reading.sort()).toEqual(READING);
    const removing = tools.filter(({ annotations }) => annotations?.destructiveHint === true);
    expect(removing.map(({ name }) => name)).toEqual(['index']);
  });

  test('searches, lists and tells', async () => {
    const client = await connect((await startWithDocument()).url);
    const { results } = await call(client, 'search', { query: 'tent' });
    expect(results).toMatchObject([{ dataset: 'docs/one', key: 'tent', text: 'A light tent for two.' }]);
    const filtered = await call(client, 'search', {
      query: 'tent',
      dataset: 'docs/one',
      filter: { op: 'eq', field: 'key', value: 'other' },
    });
    expect(filtered).toEqual({ results: [] });
    expect(await call(client, 'list_datasets')).toMatchObject({
      datasets: [{ address: 'docs/one' }],
      worker: {
        state: 'notStarted',
        pauseReasons: [],
        providers: [],
      },
    });
    expect(await call(client, 'dataset_status', { dataset: 'docs/one' })).toMatchObject({
      isUpToDate: true,
      documents: 1,
      rows: 1,
      chunks: { ready: 1 },
    });
  });

  test('says of a dataset which sources were never read, and the run that failed', async () => {
    const { runtime, url } = await startTestApi();
    const dataset = runtime.dataset('shop/orders');
    await dataset.create();
    await dataset.setSources([{ kind: 'jsonl', name: 'shop', path: 'there-is-none.jsonl' }]);
    await dataset.index().catch(() => undefined);
    expect(await dataset.status()).toMatchObject({ isUpToDate: false, unreadSources: ['shop'] });
    const client = await connect(url);
    expect(await call(client, 'dataset_status', { dataset: 'shop/orders' })).toMatchObject({
      isUpToDate: false,
      unreadSources: ['shop'],
      documents: 0,
      failedRun: { kind: 'index', code: 'SOURCE_UNREADABLE' },
    });
  });

  test('checks, indexes and rebuilds, and waits no longer than it is asked to', async () => {
    const client = await connect((await startWithDocument()).url);
    expect(await call(client, 'check', { dataset: 'docs/one', level: 'rows' })).toMatchObject({
      isDone: true,
      inSync: true,
      tableRowCount: 1,
      findings: { missing: 0 },
    });
    expect(await call(client, 'index', { dataset: 'docs/one' })).toMatchObject({
      isDone: true,
      retriedCount: 0,
    });
    const started = await call(client, 'rebuild', { dataset: 'docs/one', waitSeconds: 0 });
    expect(started.isDone).toBe(false);
    const joined = await call(client, 'rebuild', { dataset: 'docs/one' });
    expect(joined).toMatchObject({ isDone: true, rowCount: 1 });
  });

  test('says of a run, and of its task, which records were refused and why', async () => {
    const source = createMemorySource('db', numberedRows(1));
    source.extra.push({ document: { key: 'rows/2', content: 5 } });
    const { runtime, url } = await startTestApi({
      runtime: { datasets: { 'shop/orders': { sources: [source] } } },
    });
    const client = await connect(url);
    const refused = [
      { key: 'rows/2', code: 'INVALID_DOCUMENT', message: expect.stringContaining('has no content') },
    ];
    expect(await call(client, 'index', { dataset: 'shop/orders' })).toMatchObject({
      failedCount: 1,
      refused,
    });
    const [task] = (await runtime.tasks.list()).items;
    expect(await call(client, 'task', { taskId: task?.taskId })).toMatchObject({
      kind: 'index',
      state: 'succeeded',
      dataset: 'shop/orders',
      progress: { addedCount: 1 },
      refused,
    });
    expect((await call(client, 'task', { taskId: 999 })).isError).toBe(true);
    expect(await call(client, 'dataset_status', { dataset: 'shop/orders' })).toMatchObject({
      refusedChanges: 0,
    });
  });

  test('submits, collects and pulls back batch jobs', async () => {
    await using provider = await startBatchServer({ dimensions: 8, looksUntilOver: 1 });
    const embedder = createOpenAiEmbedder({ model: 'm', dimensions: 8, baseUrl: provider.url, batch: true });
    const api = await startTestApi({ runtime: { embedder, batchSettleMs: 0 } });
    const dataset = api.runtime.dataset('archive/mails');
    await dataset.create({ batch: { mode: 'always' } });
    const client = await connect(api.url);
    expect(await call(client, 'list_batches')).toEqual({ jobs: [] });
    await dataset.ingest([{ key: 'one', content: 'The first mail.' }], { mode: 'async' });
    // Its job may be looked at before the tool answers.
    provider.isMoving = false;
    expect(await call(client, 'flush_batches', { datasets: ['archive/mails'] })).toMatchObject({
      isDone: true,
      jobs: [{ id: 1, dataset: 'archive/mails', status: 'submitted', texts: 1 }],
      failures: [],
    });
    provider.isMoving = true;
    await waitFor('the results', async () => {
      const { jobs } = await call(client, 'sync_batches');
      return jobs.every(({ status }: { status: string }) => status === 'completed');
    });
    await dataset.ingest([{ key: 'two', content: 'The second mail.' }], { mode: 'async' });
    provider.isMoving = false;
    await call(client, 'flush_batches', {});
    expect(await call(client, 'pull_back_batch', { id: 2 })).toMatchObject({ id: 2, asked: 'pullBack' });
    expect(await call(client, 'list_batches', { limit: 1 })).toMatchObject({ jobs: [{ id: 2 }], next: '2' });
    expect((await call(client, 'pull_back_batch', { id: 9 })).content[0].text).toStartWith('BATCH_NOT_FOUND');
  });

  test('starts, pauses, resumes and stops the worker', async () => {
    const client = await connect((await startWithDocument()).url);
    expect(await call(client, 'pause')).toMatchObject({ isError: true });
    expect((await call(client, 'start')).state).not.toBe('notStarted');
    expect(await call(client, 'pause', { reason: 'lunch' })).toEqual({
      state: 'paused',
      pauseReasons: ['lunch'],
      providers: [],
    });
    expect((await call(client, 'resume', { reason: 'lunch' })).pauseReasons).toEqual([]);
    expect(await call(client, 'stop')).toEqual({
      state: 'notStarted',
      pauseReasons: [],
      providers: [],
    });
    expect(await call(client, 'search', { query: 'tent' })).toMatchObject({ results: [{ key: 'tent' }] });
    expect((await call(client, 'start')).state).not.toBe('notStarted');
  });

  test('tells a model what was wrong, and nothing of this host', async () => {
    const api = await startTestApi();
    const client = await connect(api.url);
    const missing = await call(client, 'dataset_status', { dataset: 'docs/none' });
    expect(missing.isError).toBe(true);
    expect(JSON.stringify(missing)).not.toContain(api.dataDir);
    for (const args of [{}, { dataset: 1 }, { dataset: 'docs/one', more: true }]) {
      expect((await call(client, 'dataset_status', args)).isError).toBe(true);
    }
    expect((await call(client, 'search', { query: 'words' })).content[0].text).toContain('INVALID_QUERY');
  });

  test('shows a key that may only look the tools that change nothing, and no stranger any', async () => {
    const keys = { apiKeys: ['a-key-that-may-write'], readKeys: ['a-key-that-may-look'] };
    const { url } = await startTestApi({ http: keys });
    const reader = await connect(url, 'auto', keys.readKeys[0]);
    const names = (await reader.listTools()).tools.map(({ name }) => name);
    expect(names.sort()).toEqual(READING);
    const refused = await reader
      .callTool({ name: 'start' })
      .catch((error: unknown) => ({ isError: true, error }));
    expect(refused.isError).toBe(true);
    const writer = await connect(url, 'auto', keys.apiKeys[0]);
    expect((await writer.listTools()).tools).toHaveLength(TOOLS.length);
    expect(await rejectionOf(connect(url))).toBeInstanceOf(Error);
  });

  test('serves clients of earlier revisions as well', async () => {
    const client = await connect((await startWithDocument()).url, 'legacy');
    expect((await client.listTools()).tools).toHaveLength(TOOLS.length);
    expect(await call(client, 'search', { query: 'tent' })).toMatchObject({ results: [{ key: 'tent' }] });
  });
});
