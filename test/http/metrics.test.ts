import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { startTestApi, type TestApi } from './http-fixtures.ts';

// Real runtimes on a machine that may have other things to do.
setDefaultTimeout(120_000);

/** Series by name and labels, as they are written. */
async function read(api: TestApi): Promise<Map<string, number>> {
  const { status, headers, body } = await api.call('GET', '/metrics');
  expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  const lines = (body as string).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

describe('/metrics', () => {
  test('count documents, chunks, tables, requests to the provider and tasks', async () => {
    const api = await startTestApi();
    const dataset = api.runtime.dataset('docs/one');
    await dataset.ingest([
      { key: 'a', content: 'first words' },
      { key: 'b', content: 'second words' },
    ]);
    await dataset.ingest([{ key: 'a', content: 'first words' }]);
    await dataset.check({ level: 'rows' });
    const series = await read(api);
    const value = (name: string) => series.get(name);
    expect(value('syncline_datasets')).toBe(1);
    expect(value('syncline_documents{dataset="docs/one"}')).toBe(2);
    expect(value('syncline_chunks{dataset="docs/one",status="ready"}')).toBe(2);
    expect(value('syncline_queue_documents{dataset="docs/one",queue="incoming"}')).toBe(0);
    expect(value('syncline_table_rows{dataset="docs/one"}')).toBe(2);
    expect(value('syncline_table_in_sync{dataset="docs/one"}')).toBe(1);
    expect(value('syncline_documents_applied_total{result="added"}')).toBe(2);
    expect(value('syncline_documents_applied_total{result="unchanged"}')).toBe(1);
    expect(value('syncline_chunks_cut_total{result="added"}')).toBe(2);
    const embedder = 'provider="127.0.0.1",model="test-model",purpose="document"';
    const requests = [...series].find(([name]) => name.startsWith('syncline_embedding_requests_total{'));
    expect(requests?.[0]).toContain('purpose="document",outcome="ok"');
    expect(embedder).toContain('document');
    expect([...series].find(([name]) => name.startsWith('syncline_embedding_texts_total'))?.[1]).toBe(2);
    expect(value('syncline_task_seconds_count{kind="ingest",state="succeeded"}')).toBe(2);
    expect(value('syncline_worker_state{state="notStarted"}')).toBe(1);
    expect(value('syncline_ready{subject="catalog"}')).toBe(1);
  });

  test('count requests by route, never by address', async () => {
    const api = await startTestApi({ prefix: '/vectors' });
    await api.runtime.dataset('docs/one').create();
    for (const name of ['one', 'none', 'neither']) await api.call('GET', `/v1/datasets/docs/${name}`);
    for (const path of ['/v1/nothing/here', '/elsewhere']) await api.call('GET', path);
    const series = await read(api);
    const route = 'method="GET",route="/v1/datasets/:project/:dataset"';
    expect(series.get(`syncline_http_requests_total{${route},status="200"}`)).toBe(1);
    expect(series.get(`syncline_http_requests_total{${route},status="404"}`)).toBe(2);
    const names = [...series.keys()].join('\n');
    expect(names).not.toContain('neither');
    expect(names).not.toContain('nothing');
  });

  test('tell failures of the provider by their code', async () => {
    const api = await startTestApi({ runtime: {} });
    api.provider.misbehave({ kind: 'status', status: 401 }, 100);
    await api.runtime
      .dataset('docs/one')
      .ingest([{ key: 'a', content: 'words' }])
      .catch(() => undefined);
    const series = await read(api);
    const failed = [...series.keys()].find(
      (name) => name.startsWith('syncline_embedding_requests_total') && name.includes('PROVIDER_'),
    );
    expect(failed).toBeDefined();
    const ready = await api.call('GET', '/ready');
    expect(ready.status).toBe(503);
    expect(ready.body.checks).toContainEqual(
      expect.objectContaining({
        subject: 'provider',
        isOk: false,
        code: expect.stringContaining('PROVIDER_'),
      }),
    );
  });

  test('sum datasets beyond 200 up as one', async () => {
    const api = await startTestApi();
    for (let number = 0; number < 203; number += 1) await api.runtime.dataset(`docs/d${number}`).create();
    // A hundred are read for each answer.
    for (let answer = 0; answer < 2; answer += 1) await read(api);
    const series = await read(api);
    expect(series.get('syncline_datasets')).toBe(203);
    expect(series.get('syncline_datasets_unread')).toBe(0);
    const own = [...series.keys()].filter((name) => name.startsWith('syncline_documents{'));
    expect(own).toHaveLength(201);
    expect(own).toContain('syncline_documents{dataset="other"}');
  }, 120_000);
});

describe('/health and /ready', () => {
  test('answer without a catalog, with a worker, and after the runtime has stopped', async () => {
    const api = await startTestApi();
    expect((await api.call('GET', '/health')).body).toEqual({ status: 'ok' });
    const early = await api.call('GET', '/ready');
    expect([early.status, early.body.isReady]).toEqual([200, true]);
    await api.runtime.start();
    const health = await api.runtime.health();
    expect(health.checks.map(({ subject, isOk }) => [subject, isOk])).toEqual([
      ['catalog', true],
      ['lease', true],
      ['provider', true],
      ['disk', true],
      ['spend', true],
      ['watching', true],
    ]);
    await api.runtime.stop();
    const stopped = await api.runtime.health();
    expect(stopped.isReady).toBe(false);
    expect(stopped.checks.find(({ subject }) => subject === 'lease')).toMatchObject({
      code: 'RUNTIME_STOPPED',
    });
    expect((await api.call('GET', '/health')).status).toBe(200);
  });

  test('are not ready when another worker has the lease that this one was to take', async () => {
    const api = await startTestApi();
    const other = api.another();
    await other.start();
    await api.runtime.start().catch(() => undefined);
    const ready = await api.call('GET', '/ready');
    expect(ready.status).toBe(503);
    expect(ready.body.checks).toContainEqual(
      expect.objectContaining({ subject: 'lease', isOk: false, code: 'LEASE_HELD' }),
    );
    expect(JSON.stringify(ready.body)).not.toContain(api.dataDir);
  });
});
