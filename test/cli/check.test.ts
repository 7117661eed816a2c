import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { openTableDirectly, recordAsMarked } from '../support/damage-table.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { runCli, startCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

let dir: TempDir;

beforeEach(async () => {
  dir = makeTempDir();
  const lines = Array.from({ length: 20 }, (_, number) =>
    JSON.stringify({ key: `${number}`, content: `Words of document ${number}.` }),
  );
  writeFileSync(dir.join('documents.jsonl'), lines.join('\n'));
  const added = await runCli(['add', 'documents.jsonl', '--dataset', 'site/docs'], { cwd: dir.path });
  expect(added.code).toBe(0);
});

afterEach(() => dir.remove());

const check = (...args: string[]) => runCli(['check', ...args], { cwd: dir.path });

async function loseRows(): Promise<void> {
  const place = { dataDir: dir.join('.syncline') };
  const table = await openTableDirectly(place);
  await table.delete('chunk_id in (3, 17)');
  await recordAsMarked(place, table);
}

test('check says of every dataset whether it is in sync, and ends with 0', async () => {
  const { code, stdout, stderr } = await check();
  expect(stdout).toMatch(/^site\/docs: in sync, 20 rows, rows compared, .+\.\n$/);
  expect([code, stderr]).toEqual([0, '']);
  expect((await check('site/docs', '--deep')).stdout).toContain('rows and vectors compared');
  expect((await check('site/docs', '--quick')).stdout).toContain('version and row count compared');
});

test('check of a table that lacks rows names them and ends with 1; --repair puts them back and ends with 0', async () => {
  await loseRows();
  expect((await check('--quick')).code).toBe(0);
  const found = await check();
  expect(found.stdout).toMatch(/^site\/docs: OUT OF SYNC, 18 of 20 rows, rows compared, .+\.\n/);
  expect(found.stdout).toContain('\n  2 chunks without a row: chunk 3, 17\n');
  expect(found.stdout).toContain('\n  Can be repaired: "syncline check site/docs --repair".\n');
  expect([found.code, found.stderr]).toEqual([1, '']);

  const repaired = await check('site/docs', '--repair');
  expect(repaired.stdout).toContain('\n  Repaired in place, and checked again.\n');
  expect([repaired.code, repaired.stderr]).toEqual([0, '']);
  expect((await check('--deep')).code).toBe(0);
});

test('check --json gives the whole report', async () => {
  await loseRows();
  const { code, stdout, stderr } = await check('--json');
  expect(JSON.parse(stdout)).toMatchObject({
    datasets: [
      {
        address: 'site/docs',
        level: 'rows',
        inSync: false,
        catalogRowCount: 20,
        tableRowCount: 18,
        missing: { count: 2, firstChunkIds: [3, 17] },
        extra: { count: 0, firstChunkIds: [] },
        proposal: 'repair',
        repaired: 'none',
      },
    ],
  });
  expect([code, stderr]).toEqual([1, '']);
});

test('check looks while another process works, and only its --repair needs the lease', async () => {
  const serving = startCli(['serve'], { cwd: dir.path });
  await serving.untilSaid('Ctrl-C');
  expect((await check('--deep')).code).toBe(0);
  await loseRows();
  const { code, stderr } = await check('--repair');
  expect(stderr).toContain('LEASE_HELD');
  expect(code).toBe(3);
  serving.child.kill('SIGTERM');
  await serving.ended;
});

test('check with two levels at once, or of a dataset that is not there, says so', async () => {
  expect((await check('--quick', '--deep')).code).toBe(2);
  const { code, stderr } = await check('site/other');
  expect(stderr).toContain('DATASET_NOT_FOUND');
  expect(code).toBe(1);
});
