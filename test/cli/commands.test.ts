import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { startEmbeddingServer } from '../support/embedding-server.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { runCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

/** A folder of documents, two of them sound. */
function writeDocuments(dir: TempDir): void {
  mkdirSync(dir.join('docs/guide'), { recursive: true });
  writeFileSync(
    dir.join('docs/leases.md'),
    '# Leases\n\nA lease lets one worker write. Its heartbeat renews it.\n',
  );
  writeFileSync(dir.join('docs/guide/search.md'), '# Searching\n\nHybrid ranking fuses words and meaning.\n');
}

describe('with documents', () => {
  let dir: TempDir;
  beforeAll(async () => {
    dir = makeTempDir();
    writeDocuments(dir);
    const added = await runCli(['add', 'docs', '--dataset', 'site/docs', '--json'], { cwd: dir.path });
    expect(added.code).toBe(0);
    expect(JSON.parse(added.stdout)).toMatchObject({ dataset: 'site/docs', addedCount: 2, problems: [] });
  });
  afterAll(() => dir.remove());

  test('adding the same folder again changes nothing and says so', async () => {
    const { code, stdout } = await runCli(['add', 'docs', '--dataset', 'site/docs'], { cwd: dir.path });
    expect(stdout).toMatch(/^site\/docs: 2 documents in .+, 0 added, 0 changed, 2 unchanged\.\n$/);
    expect(code).toBe(0);
  });

  test('search finds the passage without being told where to look', async () => {
    const { code, stdout, stderr } = await runCli(['search', 'renew', 'the', 'heartbeat'], { cwd: dir.path });
    const [first = '', second = '', third = ''] = stdout.split('\n');
    expect(first).toMatch(/^ 1\. docs\/leases\.md {2}site\/docs {2}0\.\d{4}$/);
    expect(second).toBe('    Leases');
    expect(third).toContain('heartbeat renews it');
    expect([code, stderr]).toEqual([0, '']);
  });

  test('search --json gives whole passages with their offsets', async () => {
    const args = [
      'search',
      'hybrid ranking',
      '--dataset',
      'site/docs',
      '--limit',
      '1',
      '--mode',
      'text',
      '--json',
    ];
    const { code, stdout } = await runCli(args, { cwd: dir.path });
    const answer = JSON.parse(stdout) as { results: { key: string; text: string; textScore: number }[] };
    expect(answer).toMatchObject({ query: 'hybrid ranking', mode: 'text', dataset: 'site/docs' });
    expect(answer.results.map(({ key }) => key)).toEqual(['docs/guide/search.md']);
    expect(answer.results[0]?.text).toContain('Hybrid ranking fuses words and meaning.');
    expect(answer.results[0]?.textScore).toBeGreaterThan(0);
    expect(code).toBe(0);
  });

  test('search takes a filter, and refuses one with an unknown field as wrong usage', async () => {
    const find = (field: string) =>
      runCli(
        [
          'search',
          'ranking',
          '--filter',
          JSON.stringify({ op: 'eq', field, value: 'docs/leases.md' }),
          '--json',
        ],
        {
          cwd: dir.path,
        },
      );
    const [known, unknown] = await Promise.all([find('key'), find('colour')]);
    const { results } = JSON.parse(known.stdout) as { results: { key: string }[] };
    expect(results.map(({ key }) => key)).toEqual(['docs/leases.md']);
    expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: 'INVALID_FILTER' } });
    expect([known.code, unknown.code]).toEqual([0, 2]);
  });

  test('status shows the dataset, that it is up to date, and that nobody works', async () => {
    const [table, json] = await Promise.all([
      runCli(['status'], { cwd: dir.path }),
      runCli(['status', 'site/docs', '--json'], { cwd: dir.path }),
    ]);
    expect(table.stdout).toMatch(/site\/docs +2 +2 +0 +0 +2 {2}up to date {2}local\//);
    expect(table.stdout).toContain('Worker:  none');
    expect(JSON.parse(json.stdout)).toMatchObject({
      worker: null,
      runningTasks: [],
      datasets: [{ address: 'site/docs', isUpToDate: true, counts: { documents: 2, indexedChunks: 2 } }],
    });
  });

  test('a pipe gets no escape sequences, even when a document holds some', async () => {
    writeFileSync(dir.join('hostile.md'), '# Hostile\n\nfirst \u001b[2J\u001b]0;owned\u0007 second zebra\n');
    const options = { cwd: dir.path, environment: { FORCE_COLOR: '1' } };
    const added = await runCli(['add', 'hostile.md', '--dataset', 'other/docs'], options);
    const found = await runCli(['search', 'zebra', '--project', 'other'], options);
    expect(found.stdout).toContain('second zebra');
    expect(
      (added.stdout + added.stderr + found.stdout + found.stderr).includes(String.fromCharCode(27)),
    ).toBe(false);
  });

  test('--quiet leaves stderr empty', async () => {
    const { code, stdout, stderr } = await runCli(['add', 'docs', '--dataset', 'site/docs', '--quiet'], {
      cwd: dir.path,
    });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('an unknown dataset is one line on stderr, and an error document with --json', async () => {
    const { code, stdout, stderr } = await runCli(['search', 'x', '--dataset', 'no/such', '--json'], {
      cwd: dir.path,
    });
    expect(stderr).toMatch(/^syncline: DATASET_NOT_FOUND: There is no dataset "no\/such"\..*\n$/);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'DATASET_NOT_FOUND', details: { address: 'no/such' } },
    });
    expect(code).toBe(1);
  });
});

describe('add', () => {
  test('names what it cannot take in, takes in the rest, and ends with 1', async () => {
    using dir = makeTempDir();
    writeDocuments(dir);
    writeFileSync(dir.join('docs/binary.md'), Buffer.from([0x63, 0x61, 0x00, 0xe9, 0x03]));
    writeFileSync(
      dir.join('docs/rows.jsonl'),
      '{"key":"r1","content":"one"}\nnonsense\n{"key":"","content":"no key"}\n',
    );
    const { code, stdout, stderr } = await runCli(['add', 'docs', 'missing.md', '--json'], { cwd: dir.path });
    const result = JSON.parse(stdout) as {
      problems: { code: string; path?: string; line?: number; key?: string }[];
    };
    expect(result).toMatchObject({ addedCount: 3, refusedCount: 1, unreadableCount: 3 });
    expect(result.problems.map(({ code, path, line, key }) => ({ code, path, line, key }))).toContainEqual({
      code: 'INVALID_DOCUMENT',
      path: 'docs/rows.jsonl',
      line: 2,
      key: undefined,
    });
    const lines = stderr.split('\n');
    expect(
      lines.filter((line) => line.startsWith('syncline: SOURCE_UNREADABLE: "docs/binary.md"')),
    ).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('syncline: SOURCE_UNREADABLE: "missing.md"'))).toHaveLength(
      1,
    );
    expect(
      lines.filter((line) => line.startsWith('syncline: INVALID_DOCUMENT: "docs/rows.jsonl", line 2')),
    ).toHaveLength(1);
    expect(code).toBe(1);
  });

  test('creates nothing when nothing can be read', async () => {
    using dir = makeTempDir();
    const { code, stdout } = await runCli(['add', 'missing.md', '--json'], { cwd: dir.path });
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'SOURCE_UNREADABLE' } });
    expect(code).toBe(1);
    expect(existsSync(dir.join('.syncline'))).toBe(false);
  });

  test('reads JSON Lines from standard input under the source that is given', async () => {
    using dir = makeTempDir();
    const stdin = '{"key":"1","content":"red shoes"}\n{"key":"2","content":"blue hat","source":"other"}\n';
    const added = await runCli(['add', '-', '--source', 'erp', '-d', 'shop/products'], {
      cwd: dir.path,
      stdin,
    });
    expect(added.code).toBe(0);
    const found = await runCli(['search', 'shoes hat', '--json'], { cwd: dir.path });
    const { results } = JSON.parse(found.stdout) as { results: { source: string; key: string }[] };
    expect(results.map(({ source, key }) => `${source}/${key}`).sort()).toEqual(['erp/1', 'other/2']);
  });

  test('with --mode async queues, and index does the rest', async () => {
    using dir = makeTempDir();
    writeDocuments(dir);
    const added = await runCli(['add', 'docs', '--mode', 'async'], { cwd: dir.path });
    const waiting = await runCli(['status'], { cwd: dir.path });
    const indexed = await runCli(['index', '--json'], { cwd: dir.path });
    expect(added.stdout).toContain('Queued');
    expect(waiting.stdout).toContain('waiting: 2 documents to chunk');
    expect(JSON.parse(indexed.stdout)).toMatchObject({
      datasets: [{ dataset: 'default/documents', indexedChunks: 2 }],
    });
    expect([added.code, waiting.code, indexed.code]).toEqual([0, 0, 0]);
  });
});

describe('chunks that were given up', () => {
  test('are told by add, listed by failures, and done by index --retry-failed', async () => {
    await using server = await startEmbeddingServer({ dimensions: 8 });
    using dir = makeTempDir();
    writeDocuments(dir);
    writeFileSync(dir.join('docs/bad.md'), 'This text is POISON to the provider.');
    server.poison('POISON');
    const embedder = [
      '--embedder',
      'openai',
      '--base-url',
      server.url,
      '--model',
      'stand-in',
      '--dimensions',
      '8',
    ];
    const environment = { SYNCLINE_EMBEDDING_API_KEY: 'sk-very-secret' };
    const run = (...args: string[]) => runCli([...args, ...embedder], { cwd: dir.path, environment });

    const added = await run('add', 'docs', '-d', 'site/docs');
    expect(added.code).toBe(1);
    expect(added.stdout).toContain('3 added, 0 changed, 0 unchanged, 1 chunk given up');
    const listed = await run('failures', 'site/docs');
    expect(listed.stdout).toMatch(/^docs\/bad\.md, chunk 1, 1 attempt: .+\n$/);
    server.poison(undefined);
    const retried = await run('index', 'site/docs', '--retry-failed');
    expect(retried.stdout).toContain('3 chunks indexed, 1 tried again');
    expect((await run('failures', 'site/docs', '--json')).stdout).toBe(
      '{"dataset":"site/docs","failures":[]}\n',
    );
    expect([added, listed, retried].some(({ stdout, stderr }) => (stdout + stderr).includes('secret'))).toBe(
      false,
    );
  });
});

describe('dataset', () => {
  test('creates, lists and deletes; deleting in a pipe needs --yes', async () => {
    using dir = makeTempDir();
    const run = (...args: string[]) => runCli(['dataset', ...args], { cwd: dir.path });
    const created = await run(
      'create',
      'shop/products',
      '--field',
      'price:number',
      '--field',
      'tags:string[]',
      '--json',
    );
    expect(JSON.parse(created.stdout)).toMatchObject({ fields: { price: 'number', tags: 'string[]' } });
    const differs = await run('create', 'shop/products', '--field', 'price:string');
    expect(differs.stderr).toStartWith('syncline: DATASET_EXISTS: ');
    await run('create', 'site/docs');
    expect((await run('list')).stdout).toBe('shop/products\nsite/docs\n');
    const refused = await run('delete', 'shop/products');
    expect(refused.stderr).toContain('--yes');
    const deleted = await run('delete', 'shop/products', '--yes');
    expect((await run('list', '--json')).stdout).toBe('{"datasets":["site/docs"]}\n');
    expect([created.code, differs.code, refused.code, deleted.code]).toEqual([0, 1, 2, 0]);
  });
});

/** Commands of each kind that look at, or change, what is there. */
const NEEDING_CATALOG = [
  'costs',
  'index',
  'failures p/d --retry',
  'rebuild p/d',
  'dataset delete p/d --yes',
  'schedule off p/d',
  'batch list',
  'batch flush',
  'batch cancel 1',
  'batch policy p/d auto',
];

describe('a place that cannot be used', () => {
  test('a missing catalog names the command that makes one, and nothing is created', async () => {
    using dir = makeTempDir();
    const { code, stderr } = await runCli(['status'], { cwd: dir.path });
    expect(stderr).toMatch(/^syncline: CATALOG_MISSING: .+"syncline add FOLDER".+\n$/);
    expect(code).toBe(1);
    for (const command of NEEDING_CATALOG) {
      const look = await runCli(command.split(' '), { cwd: dir.path });
      expect([command, look.code, look.stderr]).toEqual([command, 1, stderr]);
    }
    expect(existsSync(dir.join('.syncline'))).toBe(false);
  }, 120_000);

  test('a data folder that is a file is a clean error; its stack is shown on demand only', async () => {
    using dir = makeTempDir();
    writeDocuments(dir);
    const args = ['add', 'docs', '--data-dir', 'docs/leases.md', '--quiet'];
    const plain = await runCli(args, { cwd: dir.path });
    const debug = await runCli(args, { cwd: dir.path, environment: { SYNCLINE_DEBUG: '1' } });
    expect(plain.stderr).toMatch(/^syncline: CATALOG_UNREADABLE: .+\n$/);
    expect(debug.stderr).toMatch(/^syncline: CATALOG_UNREADABLE: .+\n.*SynclineError[\s\S]+ at /);
    expect([plain.code, debug.code]).toEqual([1, 1]);
  });

  test('an unreachable provider is an error that names the server', async () => {
    using dir = makeTempDir();
    writeDocuments(dir);
    const base = ['--base-url', 'http://127.0.0.1:9/v1', '--model', 'm', '--dimensions', '8'];
    const { code, stderr } = await runCli(['add', 'docs', ...base], { cwd: dir.path });
    expect(stderr).toMatch(/syncline: PROVIDER_UNREACHABLE: .*127\.0\.0\.1:9/);
    expect(code).toBe(1);
  });
});
