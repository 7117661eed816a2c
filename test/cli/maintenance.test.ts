import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { runCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

let dir: TempDir;

beforeAll(async () => {
  dir = makeTempDir();
  mkdirSync(dir.join('docs'));
  for (const name of ['a', 'b', 'c'])
    writeFileSync(dir.join(`docs/${name}.md`), `# ${name}\n\nWords of ${name}.`);
  expect((await runCli(['add', 'docs', '--dataset', 'site/docs'], { cwd: dir.path })).code).toBe(0);
});

afterAll(() => dir.remove());

describe('maintain', () => {
  test('compacts the tables of all datasets and says what they are then', async () => {
    const { code, stdout, stderr } = await runCli(['maintain'], { cwd: dir.path });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^site\/docs: 3 rows in 1 fragment, [\d.]+ kB; [\d.]+ \w+ of old versions left, /);
  });

  test('tells the same as JSON, and a dataset that is not there as an error', async () => {
    const { code, stdout } = await runCli(['maintain', 'site/docs', '--json'], { cwd: dir.path });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).datasets).toMatchObject([
      {
        dataset: 'site/docs',
        table: { rowCount: 3, fragmentCount: 1, unindexedRowCount: 0, hasVectorIndex: false },
      },
    ]);
    const none = await runCli(['maintain', 'site/none'], { cwd: dir.path });
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('DATASET_NOT_FOUND')]);
  });
});

describe('a table whose maintenance fails', () => {
  /** As a worker records it: what made it fail there (a full disk, say) cannot be had everywhere. */
  async function recordFailure(): Promise<void> {
    const catalog = await openCatalog({
      url: dir.join('.syncline/catalog.db'),
      authToken: undefined,
      access: 'readWrite',
      timeoutMs: 5_000,
    });
    const holder = {
      holderId: 'test',
      pid: process.pid,
      host: 'here',
      startedAtMs: Date.now(),
      ttlMs: 5_000,
    };
    const lease = await catalog.acquireLease(holder);
    if (!lease.granted) throw new Error('The lease is held.');
    const writer = catalog.writer(lease.token);
    const dataset = await catalog.findDataset({ project: 'site', dataset: 'docs' });
    const taskId = await writer.startTask({ kind: 'maintain', datasetId: dataset?.datasetId ?? 0 });
    await writer.finishTask(taskId, {
      state: 'failed',
      progress: { failureCount: 3 },
      error: 'DISK_FULL: The disk could fill up over it.',
      isLatestOnly: true,
    });
    await catalog.releaseLease(lease.token);
    await catalog.close();
  }

  test('is warned of by status, fails index with the rest done, and is over when it succeeds', async () => {
    await recordFailure();
    const status = await runCli(['status'], { cwd: dir.path });
    expect(status.code).toBe(0);
    expect(status.stdout).toContain('Warning: the table of site/docs could not be maintained');
    expect(status.stdout).toContain('3 times in a row): DISK_FULL: The disk could fill up over it.');
    const asJson = await runCli(['status', '--json'], { cwd: dir.path });
    expect(JSON.parse(asJson.stdout).datasets[0].maintenance).toMatchObject({
      failure: { code: 'DISK_FULL' },
      failureCount: 3,
    });
    const index = await runCli(['index'], { cwd: dir.path });
    expect([index.code, index.stderr]).toEqual([1, expect.stringContaining('DISK_FULL')]);
    expect(index.stdout).toContain('site/docs: up to date');
    expect((await runCli(['maintain', '--quiet'], { cwd: dir.path })).code).toBe(0);
    expect((await runCli(['index'], { cwd: dir.path })).code).toBe(0);
    expect((await runCli(['status'], { cwd: dir.path })).stdout).not.toContain('Warning');
  });
});

test('search --exact asks past the vector index', async () => {
  const { code, stdout } = await runCli(['search', 'words', '--exact', '--json'], { cwd: dir.path });
  expect([code, JSON.parse(stdout).results.length]).toEqual([0, 3]);
});
