import { expect, setDefaultTimeout, test } from 'bun:test';
import { startEmbeddingServer } from '../support/embedding-server.ts';
import { NO_QUOTA } from '../support/provider-troubles.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { runCli, startCli } from './run-cli.ts';

// The program is started several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

const KEY = 'secret-key-of-the-test';

test('status and providers of another process say that a provider is out of order, why, and what became of the worker', async () => {
  using dir = makeTempDir();
  await using provider = await startEmbeddingServer({ dimensions: 32 });
  const environment = {
    SYNCLINE_EMBEDDER: 'openai',
    SYNCLINE_EMBEDDING_BASE_URL: provider.url,
    SYNCLINE_EMBEDDING_MODEL: 'test-model',
    SYNCLINE_EMBEDDING_DIMENSIONS: '32',
    SYNCLINE_EMBEDDING_API_KEY: KEY,
  };
  const run = (...args: readonly string[]) => runCli(args, { cwd: dir.path, environment });
  const stdin = '{"key":"1","content":"a lease lets one worker write"}\n';
  await runCli(['add', '-', '--mode', 'async', '-d', 'site/docs'], { cwd: dir.path, environment, stdin });
  provider.misbehave(NO_QUOTA, Number.POSITIVE_INFINITY);
  const serving = startCli(['serve', '--no-http'], { cwd: dir.path, environment });
  try {
    await serving.untilSaid('is unavailable');
    const [{ stdout: status }, { stdout: table }, { stdout: json }] = await Promise.all([
      run('status'),
      run('providers'),
      run('providers', '--json'),
    ]);
    expect(status).toMatch(
      /^Provider: \S+ is (unavailable|probing) since \S+Z.*: PROVIDER_QUOTA: The quota /m,
    );
    expect(table).toMatch(/^PROVIDER +STATE +SINCE +NEXT TRY +SEEN$/m);
    expect(table).toMatch(/^\S+ +(unavailable|probing) +\S+Z .*now, by the worker$/m);
    expect(JSON.parse(json)).toMatchObject({
      providers: [{ seenBy: 'worker', failure: { code: 'PROVIDER_QUOTA' } }],
    });
    expect(status + table + json).not.toContain(KEY);
  } finally {
    serving.child.kill('SIGKILL');
    await serving.ended;
  }
  const [left, seen] = await Promise.all([run('status'), run('providers')]);
  expect(left.stdout).toMatch(
    /^Provider: \S+ was (unavailable|probing) at \S+Z, as a worker saw it that has ended: PROVIDER_/m,
  );
  expect(seen.stdout).toMatch(/Z, by a worker that has ended$/m);
});
