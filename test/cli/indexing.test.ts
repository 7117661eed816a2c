import { expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { createSyncline, jsonlSource } from '../../src/index.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { runCli } from './run-cli.ts';

const lines = (...documents: object[]) => documents.map((document) => JSON.stringify(document)).join('\n');

test('a source is added, read by full and by changed records, and removed; a schedule is set and turned off', async () => {
  using folder = makeTempDir();
  const cwd = folder.path;
  const run = (...args: string[]) => runCli([...args, '--json'], { cwd });
  writeFileSync(
    folder.join('orders.jsonl'),
    lines({ key: 'a', content: 'One.' }, { key: 'b', content: 'Two.' }),
  );
  writeFileSync(folder.join('source.json'), '{"kind":"jsonl","name":"erp","path":"orders.jsonl"}');
  expect((await run('source', 'add', 'shop/orders', 'source.json')).code).toBe(0);
  const full = await run('index', 'shop/orders', '--full');
  expect(JSON.parse(full.stdout).datasets).toMatchObject([{ counts: { addedCount: 2, embeddedCount: 2 } }]);
  writeFileSync(folder.join('orders.jsonl'), lines({ key: 'a', content: 'One more.' }));
  writeFileSync(folder.join('changed.txt'), '# saved today\nlines:b\n');
  const delta = await run('index', 'shop/orders', '--changed', 'lines:a', '--changed-from', 'changed.txt');
  expect(JSON.parse(delta.stdout).datasets).toMatchObject([{ counts: { changedCount: 1, removedCount: 1 } }]);
  const unknown = await runCli(['index', 'shop/orders', '--changed', 'lines:b,x'], { cwd });
  expect(unknown.stdout).toContain('2 ids are known neither to the source nor to the dataset.');
  writeFileSync(
    folder.join('orders.jsonl'),
    lines({ key: 'a', content: 'One more.' }, { key: 'c', content: 5 }),
  );
  const refused = await run('index', 'shop/orders', '--changed', 'lines:c');
  expect(JSON.parse(refused.stdout).datasets).toMatchObject([
    { counts: { failedCount: 1 }, refused: [{ code: expect.any(String), message: expect.any(String) }] },
  ]);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('INVALID_DOCUMENT')]);
  const failures = await run('failures', 'shop/orders', '--refused');
  expect(JSON.parse(failures.stdout).refused).toMatchObject([
    { taskId: expect.any(Number), code: 'INVALID_DOCUMENT', message: expect.stringContaining('"content"') },
  ]);
  const listed = await run('source', 'list', 'shop/orders');
  expect(JSON.parse(listed.stdout).sources).toMatchObject([{ name: 'erp', documentCount: 1 }]);
  const set = await run('schedule', 'set', 'shop/orders', '0 3 * * 6', '--time-zone', 'Europe/Berlin');
  expect(JSON.parse(set.stdout).schedules).toMatchObject([
    { run: 'full', cron: '0 3 * * 6', isOn: true },
    {},
  ]);
  const typo = await run('schedule', 'set', 'shop/orders', '0 3 * * sonntag');
  expect(typo).toMatchObject({ code: 2 });
  await run('schedule', 'off', 'shop/orders');
  expect(JSON.parse((await run('schedule', 'list', 'shop/orders')).stdout).schedules[0].isOn).toBe(false);
  expect((await run('source', 'remove', 'shop/orders', 'erp')).code).toBe(0);
  expect((await run('index', 'shop/orders', '--full')).code).toBe(1);
  expect((await run('index', '--changed', 'orders:1')).code).toBe(2);
}, 240_000);

test('changes that were set aside are told by status, listed, dropped, and done', async () => {
  using folder = makeTempDir();
  const cwd = folder.path;
  const run = (...args: string[]) => runCli(args, { cwd });
  const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
  const path = folder.join('orders.jsonl');
  const setAside = async (): Promise<void> => {
    const sources = [jsonlSource({ name: 'erp', path })];
    await using runtime = createSyncline({
      dataDir: folder.join('.syncline'),
      embedder: { provider: 'local' },
      environment: {},
      datasets: { 'shop/orders': { sources } },
    });
    const dataset = runtime.dataset('shop/orders');
    writeFileSync(path, lines(...keys.map((key) => ({ key, content: `About ${key}.` }))));
    await dataset.index();
    writeFileSync(path, lines({ key: 'k0', content: 'About k0.' }));
    const onSaved = dataset.hook({ delayMs: 5 });
    onSaved({ table: 'lines', ids: keys });
    await onSaved.settled();
  };
  await setAside();
  const status = await run('status');
  expect(status.stdout).toContain('30 changes set aside');
  expect(status.stdout).toContain('"syncline index shop/orders --allow-mass-deletion"');
  const listed = await run('changes', 'list', 'shop/orders', '--limit', '2');
  expect(listed.stdout).toMatch(/^lines:k0, set aside .*\nlines:k1, set aside .*\n$/);
  expect((await run('changes', 'drop', 'shop/orders')).stdout).toBe('shop/orders: 30 changes dropped.\n');
  expect((await run('changes', 'list', 'shop/orders')).stderr).toContain('no change was set aside');
  await setAside();
  const done = await run('index', 'shop/orders', '--allow-mass-deletion', '--json');
  expect(JSON.parse(done.stdout).datasets).toMatchObject([{ counts: { removedCount: 29 } }]);
  expect((await run('status')).stdout).not.toContain('set aside');
}, 240_000);

test('a source that hangs keeps no command alive, and garbage is told without a key', async () => {
  using folder = makeTempDir();
  writeFileSync(
    folder.join('syncline.config.ts'),
    `const source = (name, extractAll) => ({ name, kind: 'mine', tables: ['rows'], documentKey: String, extractAll });
    export default {
      sourceIdleMsMax: 1000,
      datasets: {
        'x/garbage': { sources: [source('garbage', async function* () { yield 7; })] },
        'x/hangs': { sources: [source('hanging', async function* () { await new Promise((end) => setTimeout(end, 1e9)); })] },
      },
    };\n`,
  );
  const all = await runCli(['index'], { cwd: folder.path });
  expect(all.code).toBe(1);
  expect(all.stderr).toContain(
    'SOURCE_STALLED: The dataset "x/hangs" cannot be read in full: The source "hanging"',
  );
  expect(all.stderr).toContain(
    'SOURCE_FAILED: x/garbage: The source "garbage" gave something that is no record: 7.',
  );
  const one = await runCli(['index', 'x/hangs', '--json'], { cwd: folder.path });
  expect(JSON.parse(one.stdout)).toMatchObject({ error: { code: 'SOURCE_STALLED' } });
}, 240_000);
