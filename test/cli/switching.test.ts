import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { runCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

describe('a dataset of the command line', () => {
  let dir: TempDir;
  const cli = (...args: string[]) => runCli(args, { cwd: dir.path });
  const json = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await cli(...args, '--json');
    return { code, stderr, ...(JSON.parse(stdout) as Record<string, unknown>) };
  };

  beforeEach(async () => {
    dir = makeTempDir();
    const sentences = Array.from({ length: 40 }, (_, number) => `Sentence ${number} tells of leases.`);
    writeFileSync(dir.join('long.md'), `# Leases\n\n${sentences.join(' ')}\n`);
    writeFileSync(dir.join('short.md'), '# Tents\n\nA tent for two.\n');
    expect((await cli('add', 'long.md', 'short.md', '-q')).code).toBe(0);
  });
  afterEach(() => dir.remove());

  test('is rebuilt, and rolled back to the table that it had', async () => {
    const [before] = (await json('status')).datasets as { table: { name: string } }[];
    const rebuilt = await json('rebuild', 'default/documents');
    expect(rebuilt).toMatchObject({ code: 0, dataset: 'default/documents', rowCount: 2 });
    const back = await cli('rollback', 'default/documents');
    expect(back.code).toBe(0);
    expect(back.stdout).toMatch(
      new RegExp(`^default/documents: the table ${before?.table.name} serves, 2 rows, .+\\.\n$`),
    );
    const wrong = await cli('rollback', 'default/documents', '--table', 'nobody');
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('NO_EARLIER_TABLE')]);
  });

  test('shows what a reconfiguration costs, asks for --yes, carries it out and says so', async () => {
    const command = ['dataset', 'reconfigure', 'default/documents', '--tokens-per-chunk', '64'];
    const plan = await cli(...command, '--dry-run');
    expect(plan.code).toBe(0);
    expect(plan.stdout).toMatch(
      /^default\/documents: 2 documents\n {2}from .*512 tokens\n {2}to .*64 tokens\n {2}makes {2}\d+ chunks; \d+ texts to embed \(1 more has a vector already\)\n {2}costs {2}\d+ tokens; free: it runs in this process\n$/,
    );
    const refused = await cli(...command);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    const done = await json(...command, '--yes');
    expect(done).toMatchObject({ code: 0, to: { tokensPerChunkMax: 64 } });
    expect((done.switched as { rowCount: number }).rowCount).toBeGreaterThan(4);
    const again = await cli(...command, '--yes');
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('already')]);
    const nothing = await cli('dataset', 'cancel', 'default/documents');
    expect([nothing.code, nothing.stdout]).toEqual([0, 'default/documents: nothing is being built.\n']);
  });

  test('gives its texts out and takes vectors for them in', async () => {
    const other = ['--embedder', 'local', '--dimensions', '8'];
    const texts = await cli('dataset', 'texts', 'default/documents', ...other);
    const lines = texts.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    const vectors = lines.map((line) => {
      const { text, hasVector } = JSON.parse(line) as { text: string; hasVector: boolean };
      expect(hasVector).toBe(false);
      return JSON.stringify({ text, vector: [1, 2, 3, 4, 5, 6, 7, 8] });
    });
    writeFileSync(dir.join('vectors.jsonl'), `${vectors.join('\n')}\n\n`);
    const take = ['dataset', 'import-vectors', 'default/documents'];
    const taken = await cli(...take, 'vectors.jsonl', ...other);
    expect([taken.code, taken.stdout]).toEqual([0, expect.stringContaining('2 of 2 vectors stored')]);
    const missing = await cli('dataset', 'texts', 'default/documents', '--missing', ...other);
    expect([missing.code, missing.stdout]).toEqual([0, '']);
    const plan = await json('dataset', 'reconfigure', 'default/documents', '--dry-run', ...other);
    expect(plan).toMatchObject({ textsToEmbedCount: 0, knownTextCount: 2 });
    const wrong = await runCli([...take, '-'], { cwd: dir.path, stdin: '{"text":"x","vector":[1]}\n' });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('INVALID_VECTOR')]);
    const garbage = await runCli([...take, '-'], { cwd: dir.path, stdin: '\n{"text":1}\n' });
    expect(garbage.stderr).toContain('-, line 2: it needs a "text" that is a string');
    const absent = await cli(...take, 'nowhere.jsonl');
    expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining('nowhere.jsonl')]);
  });
});
