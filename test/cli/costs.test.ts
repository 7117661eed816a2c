import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { startEmbeddingServer } from '../support/embedding-server.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { runCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

let dir: TempDir;
const run = (...args: readonly string[]) => runCli([...args], { cwd: dir.path });

beforeAll(async () => {
  dir = makeTempDir();
  const lines = ['a', 'b'].map((key) => JSON.stringify({ key, content: `Words of ${key}.` }));
  writeFileSync(dir.join('two.jsonl'), lines.join('\n'));
  expect((await run('add', 'two.jsonl', '--dataset', 'site/docs')).code).toBe(0);
  expect((await run('add', 'two.jsonl', '--dataset', 'site/copy')).code).toBe(0);
});

afterAll(() => dir.remove());

test('costs are shown by dataset, with what reuse saved', async () => {
  const { code, stdout } = await run('costs', '--by', 'dataset');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^DATASET +REQUESTS +TEXTS +TOKENS +COST +REUSED +SAVED$/m);
  expect(stdout).toMatch(/^site\/docs +1 +2 +\d+ +\$0\.00 +0 +\$0\.00$/m);
  expect(stdout).toMatch(/^site\/copy +0 +0 +0 +\$0\.00 +2 +\$0\.00$/m);
  const json = await run('costs', '--by', 'day,mode', '--since', '2026-01-01', '--json');
  expect(JSON.parse(json.stdout).costs).toMatchObject([
    { mode: 'direct', requestCount: 1, reusedTextCount: 2 },
  ]);
});

test('what there is nothing to put together by is refused', async () => {
  const { code, stderr } = await run('costs', '--by', 'week');
  expect([code, stderr]).toEqual([2, expect.stringContaining('INVALID_OPTION')]);
  expect((await run('costs', '--since', 'monday')).code).toBe(2);
});

test('a backfill tells what it would do, and does it', async () => {
  const plan = await run('backfill', 'site/docs', '--dry-run');
  expect(plan.code).toBe(0);
  expect(plan.stdout).toContain('site/docs: 0 chunks without a vector');
  expect(plan.stdout).toContain('0 tokens; free');
  const json = JSON.parse((await run('backfill', 'site/docs', '--dry-run', '--json')).stdout);
  expect(json).toMatchObject({ textCount: 0, requestCount: 0, price: { usdPerMillionTokens: 0 } });
  const done = await run('backfill', 'site/docs', '--limit', '5', '--batch-size', '2', '--usd-max', '1.5');
  expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/^site\/docs: 0 texts embedded/)]);
  expect((await run('backfill', 'site/docs', '--usd-max', 'much')).code).toBe(2);
});

test('the status tells what was spent where that is capped', async () => {
  const { stdout } = await run('status', '--set', 'spend.usdPerDayMax=5');
  expect(stdout).toContain('$0.00 of the $5.00 that today (UTC) may cost; work that would pass it waits');
  expect(stdout).toContain('or for a larger spend.usdPerDayMax');
});

test('a backfill that reaches its cap ends with its name, what was done, and how it goes on; status and costs of others tell it', async () => {
  using capped = makeTempDir();
  await using provider = await startEmbeddingServer({ dimensions: 32 });
  const environment = {
    SYNCLINE_EMBEDDER: 'openai',
    SYNCLINE_EMBEDDING_BASE_URL: provider.url,
    SYNCLINE_EMBEDDING_MODEL: 'test-model',
    SYNCLINE_EMBEDDING_DIMENSIONS: '32',
    SYNCLINE_EMBEDDING_API_KEY: 'key-of-the-test',
  };
  const price = { usdPerMillionTokens: 1_000, source: 'this test', asOf: '2026-11' };
  const prices = { [`${new URL(provider.url).host}/test-model`]: price };
  writeFileSync(capped.join('syncline.config.ts'), `export default ${JSON.stringify({ prices })};`);
  const runCapped = (...args: readonly string[]) => runCli(args, { cwd: capped.path, environment });
  const lines = Array.from({ length: 20 }, (_, key) =>
    JSON.stringify({ key: `${key}`, content: `Words ${key}.` }),
  );
  writeFileSync(capped.join('more.jsonl'), lines.join('\n'));
  await runCapped('add', 'more.jsonl', '--mode', 'async', '-d', 'site/docs');

  const [ended, json] = [
    await runCapped('backfill', 'site/docs', '--batch-size', '5', '--limit', '20', '--usd-max', '0.02'),
    await runCapped('backfill', 'site/docs', '--batch-size', '5', '--usd-max', '0.02', '--json'),
  ];
  expect([ended.code, json.code]).toEqual([1, 1]);
  expect(ended.stderr).toMatch(
    /SPEND_CAP_REACHED: .* cap of \$0\.02 a run is reached: .* a larger usdMax .* Embedded in this run: 5 texts; without a vector still: 15 chunks\./,
  );
  expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'SPEND_CAP_REACHED' } });
  const [status, costs] = [await runCapped('status'), await runCapped('costs', '--by', 'mode')];
  expect(status.stdout).toMatch(
    /^site\/docs .* waiting: 10 chunks to embed, .*; spend cap of the run reached/m,
  );
  const line =
    /SPEND_CAP_REACHED: the cap of \$0\.0200 a run is reached \(.*\); site\/docs waits\. To go on: "syncline index site\/docs"/;
  expect(status.stdout).toMatch(line);
  expect(costs.stdout).toMatch(line);
  expect((await runCapped('index', 'site/docs')).code).toBe(0);
  expect((await runCapped('status')).stdout).not.toContain('SPEND_CAP_REACHED');
});
