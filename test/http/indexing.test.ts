import { expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { makeTempDir } from '../support/temp-dir.ts';
import { startTestApi } from './http-fixtures.ts';

// Real runtimes on a machine that may have other things to do.
setDefaultTimeout(120_000);

const TABLE = { name: 'orders', key: 'id', content: '{{note}}' };
const DATASET = '/v1/datasets/shop/orders';

async function startWithSource() {
  const folder = makeTempDir();
  const api = await startTestApi({ http: { declareSources: true } });
  const path = folder.join('orders.jsonl');
  const write = (...lines: object[]) =>
    writeFileSync(path, lines.map((line) => JSON.stringify(line)).join('\n'));
  write({ key: 'a', content: 'One.' }, { key: 'b', content: 'Two.' });
  await api.call('POST', '/v1/datasets', { project: 'shop', dataset: 'orders' });
  const stored = await api.call('PUT', `${DATASET}/sources/erp`, { kind: 'jsonl', path });
  return { ...api, folder, path, write, stored };
}

test('a source is stored, read by deltas and full runs, and forgotten; its documents stay', async () => {
  const { call, folder, path, write, stored } = await startWithSource();
  expect(stored).toMatchObject({
    status: 200,
    body: {
      items: [
        {
          name: 'erp',
          kind: 'jsonl',
          definition: { kind: 'jsonl', name: 'erp', path },
          documentCount: 0,
          isUndeclared: false,
        },
      ],
    },
  });
  const full = await call('POST', `${DATASET}/index?wait=60`, { full: true });
  expect(full.body).toMatchObject({
    kind: 'index',
    state: 'succeeded',
    progress: { addedCount: 2, embeddedCount: 2 },
  });
  write({ key: 'a', content: 'One more.' });
  const delta = await call('POST', `${DATASET}/index?wait=60`, { changedIds: { lines: ['a', 'b'] } });
  expect(delta.body).toMatchObject({ progress: { changedCount: 1, removedCount: 1 } });
  const listed = await call('GET', `${DATASET}/sources`);
  expect(listed.body.items).toMatchObject([{ documentCount: 1, readUntil: expect.any(String) }]);
  expect((await call('DELETE', `${DATASET}/sources/erp`)).status).toBe(204);
  expect(await call('DELETE', `${DATASET}/sources/erp`)).toMatchObject({
    status: 404,
    body: { code: 'SOURCE_NOT_FOUND' },
  });
  expect((await call('GET', `${DATASET}/status`)).body.counts.documents).toBe(1);
  folder.remove();
});

test('a task says which records it refused, and why; a list of tasks does not', async () => {
  const { call, folder, write } = await startWithSource();
  write({ key: 'a', content: 'One.' }, { key: 'b', content: 5 }, { content: 'No key.' });
  const { body: task } = await call('POST', `${DATASET}/index?wait=60`, {});
  expect(task).toMatchObject({ state: 'succeeded', progress: { addedCount: 1, failedCount: 2 } });
  expect(task.refused).toMatchObject([
    { key: '', code: 'INVALID_DOCUMENT', detail: expect.stringContaining('"content"') },
    { key: '', code: 'INVALID_DOCUMENT', detail: expect.stringContaining('"key"') },
  ]);
  expect((await call('GET', `/v1/tasks/${task.id}`)).body).toEqual(task);
  const { body: listed } = await call('GET', '/v1/tasks?project=shop&dataset=orders');
  expect(listed.items).toMatchObject([{ id: task.id }]);
  expect(listed.items[0].refused).toBeUndefined();
  const documents = { documents: [{ key: 'c', content: 'With \0.' }] };
  const { body: added } = await call('POST', `${DATASET}/documents`, documents);
  expect(added.refused).toMatchObject([{ key: 'c', code: 'INVALID_DOCUMENT' }]);
  expect((await call('GET', `/v1/tasks/${added.taskId}?wait=60`)).body.refused).toEqual(added.refused);
  folder.remove();
});

test('changes that were set aside are told in the status, listed, and dropped', async () => {
  const { call, folder, write, runtime } = await startWithSource();
  const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
  write(...keys.map((key) => ({ key, content: `About ${key}.` })));
  await call('POST', `${DATASET}/index?wait=60`, {});
  write({ key: 'k0', content: 'About k0.' });
  const onSaved = runtime.dataset('shop/orders').hook({ delayMs: 5 });
  onSaved({ table: 'lines', ids: keys });
  await onSaved.settled();
  expect((await call('GET', `${DATASET}/status`)).body.refusedChangeCount).toBe(30);
  const first = await call('GET', `${DATASET}/refused-changes?limit=2`);
  expect(first.body.items).toEqual([
    { table: 'lines', id: 'k0', refusedAt: expect.any(String) },
    { table: 'lines', id: 'k1', refusedAt: expect.any(String) },
  ]);
  const rest = await call('GET', `${DATASET}/refused-changes?after=${first.body.next}`);
  expect(rest.body.items).toHaveLength(28);
  expect((await call('DELETE', `${DATASET}/refused-changes`)).body).toEqual({ droppedCount: 30 });
  expect((await call('GET', `${DATASET}/status`)).body).toMatchObject({
    refusedChangeCount: 0,
    counts: { documents: 30 },
  });
  folder.remove();
});

test('a source names files of the server: none is declared over HTTP unless that was allowed', async () => {
  const { call } = await startTestApi();
  await call('POST', '/v1/datasets', { project: 'shop', dataset: 'orders' });
  const refused = await call('PUT', `${DATASET}/sources/host`, { kind: 'folder', path: '/etc' });
  expect(refused).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  expect(refused.body.detail).toContain('http.declareSources');
  expect((await call('GET', `${DATASET}/sources`)).body.items).toEqual([]);
});

test('what cannot be read is told with its code', async () => {
  const { call, folder, write } = await startWithSource();
  const problem = async (body: unknown) => {
    const answer = await call('POST', `${DATASET}/index?wait=60`, body);
    return answer.body.code ?? answer.body.error?.code ?? answer.status;
  };
  expect(await problem({ changedIds: { orders: [1] } })).toBe('INVALID_SOURCE');
  expect(await problem({ source: 'crm' })).toBe('SOURCE_NOT_FOUND');
  expect(await problem({ full: true, changedIds: {} })).toBe('INVALID_OPTION');
  await call('POST', `${DATASET}/index?wait=60`, { full: true });
  write();
  expect(await problem({ full: true })).toBe('MASS_DELETION_REFUSED');
  const wrong = await call('PUT', `${DATASET}/sources/erp`, { kind: 'jsonl', pfad: 'x' });
  expect(wrong).toMatchObject({ status: 422, body: { code: 'INVALID_SOURCE' } });
  folder.remove();
});

test('a source that is not there is told by its name and the reason, without paths of the host', async () => {
  const { call, folder } = await startWithSource();
  for (const [name, definition] of [
    ['erp', { kind: 'jsonl', path: folder.join('gone/orders.jsonl') }],
    ['pages', { kind: 'folder', path: folder.join('gone') }],
    ['shop', { kind: 'sql', url: folder.join('gone.db'), tables: [TABLE] }],
  ] as const) {
    expect((await call('PUT', `${DATASET}/sources/${name}`, definition)).status).toBe(200);
    const { body } = await call('POST', `${DATASET}/index?wait=60`, { source: name });
    const told = JSON.stringify(body);
    expect(body.detail ?? body.failure.detail).toBe(
      `The source "${name}" cannot be read: there is no such file or folder.`,
    );
    expect(told).not.toContain(folder.path);
  }
  folder.remove();
});

test('a schedule is set, told in the status, and turned off; a typo is named', async () => {
  const { call, folder } = await startWithSource();
  const typo = await call('PUT', `${DATASET}/schedules/full`, { cron: '0 3 * * sonntag' });
  expect(typo).toMatchObject({ status: 422, body: { code: 'INVALID_SCHEDULE' } });
  expect(typo.body.detail).toContain('0 3 * * sonntag');
  for (const body of [{ off: true }, { setting: 'on' }, { time: '3:00' }, {}]) {
    const wrong = await call('PUT', `${DATASET}/schedules/full`, body);
    expect(wrong).toMatchObject({ status: 422, body: { code: 'INVALID_REQUEST' } });
    expect(wrong.body.detail).toContain('Give {"cron":"0 3 * * 0"}');
    expect(wrong.body.detail).toContain('{"setting":"off"}');
  }
  const byDefault = await call('GET', `${DATASET}/schedules`);
  expect(byDefault.body.items).toMatchObject([
    { run: 'full', isOn: true, isDefault: true, cron: '0 3 * * 0', timeZone: 'UTC' },
    { run: 'index', isOn: false },
  ]);
  // Read once, so that its first run is not what is due next.
  await call('POST', `${DATASET}/index?wait=60`, {});
  await call('PUT', `${DATASET}/schedules/index`, { cron: '0 * * * *' });
  expect((await call('GET', `${DATASET}/status`)).body.nextRun).toMatchObject({
    run: 'index',
    at: expect.any(String),
  });
  for (const run of ['full', 'index']) await call('PUT', `${DATASET}/schedules/${run}`, { setting: 'off' });
  expect((await call('GET', `${DATASET}/status`)).body.nextRun).toBeUndefined();
  folder.remove();
});
