import { expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
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
  writeFileSync(
    folder.join('orders.jsonl'),
    lines({ key: 'a', content: 'One more.' }, { key: 'c', content: 5 }),
  );
  const refused = await run('index', 'shop/orders', '--changed', 'lines:c');
  expect(JSON.parse(refused.stdout).datasets).toMatchObject([
    { counts: { failedCount: 1 }, refused: [{ code: expect.any(String), message: expect.any(String) }] },
  ]);
  expect(refused.stderr).toContain('INVALID_DOCUMENT');
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
