import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { type BatchServer, startBatchServer } from '../support/batch-server.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { runCli } from './run-cli.ts';

// The program is started again and again; on a busy machine that takes a while.
setDefaultTimeout(180_000);

let dir: TempDir;
let server: BatchServer;

beforeEach(async () => {
  dir = makeTempDir();
  server = await startBatchServer({ dimensions: 8, looksUntilOver: 1 });
  const embedder = { provider: 'openai', baseUrl: server.url, model: 'm', dimensions: 8, batch: {} };
  writeFileSync(dir.join('syncline.config.json'), JSON.stringify({ embedder }));
  writeFileSync(dir.join('tent.md'), '# Tents\n\nA tent for two.\n');
  writeFileSync(dir.join('boat.md'), '# Boats\n\nA boat for three.\n');
});

afterEach(async () => {
  await server.close();
  dir.remove();
});

const cli = (...args: string[]) => runCli(args, { cwd: dir.path });

test('batch jobs are made by policy, listed, brought in and shown on the command line', async () => {
  expect((await cli('add', 'tent.md', '-q')).code).toBe(0);
  const policy = await cli('batch', 'policy', 'default/documents', 'always', '--max-wait', '5');
  expect([policy.code, policy.stdout]).toEqual([
    0,
    'default/documents: always, 1,000 texts for a job, waiting 5.0 s at most\n',
  ]);
  expect((await cli('batch', 'policy', 'default/documents', 'often')).code).toBe(2);
  expect((await cli('add', 'boat.md', '-q')).code).toBe(0);
  expect(server.direct.texts).toHaveLength(1);

  const flushed = await cli('batch', 'flush');
  expect(flushed.code).toBe(0);
  const listed = JSON.parse((await cli('batch', 'list', '--json')).stdout) as { jobs: object[] };
  expect(listed.jobs).toMatchObject([{ batchJobId: 1, address: 'default/documents', textCount: 1 }]);

  for (let isDone = false; !isDone; ) {
    const synced = JSON.parse((await cli('batch', 'sync', '--json')).stdout) as {
      jobs: { nextStep: string }[];
    };
    isDone = synced.jobs.every(({ nextStep }) => nextStep === 'done');
  }
  const shown = await cli('batch', 'show', '1');
  expect(shown.stdout).toMatch(/^Batch job 1 \(syncline-[0-9a-f]{24}\): completed\n/);
  expect(shown.stdout).toContain('1 text in 1 request: 1 stored, 0 refused, 0 waiting again');
  const table = (await cli('batch', 'list')).stdout.split('\n');
  expect(table[0]).toMatch(/^JOB {2}DATASET +STATUS +TEXTS {2}DONE/);
  expect(table[1]).toMatch(/^ {2}1 {2}default\/documents {2}completed +1 +1 /);

  const late = await cli('batch', 'cancel', '1');
  expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('BATCH_NOT_ALLOWED')]);
  const unknown = await cli('batch', 'pull-back', '9');
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('BATCH_NOT_FOUND')]);
});
