import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { makeTempDir } from '../support/temp-dir.ts';
import { type RunningCli, runCli, startCli } from './run-cli.ts';

// Each test starts the program several times; on a busy machine that takes a while.
setDefaultTimeout(120_000);

const KEY = 'a-key-that-is-long-enough';

/** Ends the program even when an expectation failed before. */
function ending(running: RunningCli): Disposable {
  return { [Symbol.dispose]: () => running.child.kill('SIGKILL') };
}

/** Starts `serve` on a free port and waits until it answers. */
async function serve(cwd: string, environment: Record<string, string> = {}, args: readonly string[] = []) {
  const running = startCli(['serve', '--port', '0', '--json', ...args], { cwd, environment });
  let stdout = '';
  running.child.stdout.on('data', (text: string) => {
    stdout += text;
  });
  await running.untilSaid('"type":"serving"');
  const line = stdout.split('\n').find((candidate) => candidate.includes('"type":"serving"')) ?? '';
  const { http } = JSON.parse(line) as { http: { url: string; needsKey: boolean; keyFile: string | null } };
  return { running, http };
}

describe('serve', () => {
  test('answers on this machine without a key, and ends with 0 on SIGTERM', async () => {
    using dir = makeTempDir();
    const { running, http } = await serve(dir.path);
    using _ = ending(running);
    expect(http.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(http.needsKey).toBe(false);
    expect((await fetch(`${http.url}/v1/datasets`)).status).toBe(200);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });

  test('answers what is under way when it is told to stop, and takes nothing new', async () => {
    using dir = makeTempDir();
    const { running, http } = await serve(dir.path);
    using _ = ending(running);
    const [head, tail] = ['{"project":"a",', '"dataset":"b"}'];
    let finish: () => void = () => undefined;
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(head));
        finish = () => {
          controller.enqueue(new TextEncoder().encode(tail));
          controller.close();
        };
      },
    });
    const headers = { 'Content-Type': 'application/json' };
    const underWay = fetch(`${http.url}/v1/datasets`, { method: 'POST', headers, body });
    // Whatever is sent behind it has been seen, so it has, too.
    await (await fetch(`${http.url}/v1/datasets`)).text();
    running.child.kill('SIGTERM');
    await running.untilSaid('Stopping when the work under way is done');
    finish();
    expect((await underWay).status).toBe(201);
    const late = await fetch(`${http.url}/v1/datasets`).then(
      ({ status }) => status,
      () => 'refused',
    );
    expect([503, 'refused']).toContain(late);
    expect((await running.ended).code).toBe(0);
  });

  test('ends event streams with a word when it is told to stop', async () => {
    using dir = makeTempDir();
    const { running, http } = await serve(dir.path);
    using _ = ending(running);
    const stream = await fetch(`${http.url}/v1/events`);
    running.child.kill('SIGTERM');
    expect(await stream.text()).toContain('event: end\ndata: {"reason":"stopping"}');
    expect((await running.ended).code).toBe(0);
  });

  test('cuts off at the deadline what does not end, and still ends with 0', async () => {
    using dir = makeTempDir();
    const { running, http } = await serve(dir.path, { SYNCLINE_DRAIN_TIMEOUT_MS: '300' });
    using _ = ending(running);
    const stuck = fetch(`${http.url}/v1/datasets`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{')) }),
    }).then(
      ({ status }) => status,
      () => 'cut',
    );
    await (await fetch(`${http.url}/v1/datasets`)).text();
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    expect(await stuck).toBe('cut');
  });

  test('takes keys from the environment and from files', async () => {
    using dir = makeTempDir();
    writeFileSync(dir.join('read-keys'), `${KEY}-read\n`);
    const environment = {
      SYNCLINE_API_KEYS: `${KEY},${KEY}-2`,
      SYNCLINE_READ_KEYS_FILE: dir.join('read-keys'),
    };
    const { running, http } = await serve(dir.path, environment, ['--host', '0.0.0.0']);
    using _ = ending(running);
    const status = async (key: string) =>
      (await fetch(`${http.url}/v1/datasets`, { headers: { 'X-API-Key': key } })).status;
    expect(http.needsKey).toBe(true);
    expect(await Promise.all([KEY, `${KEY}-2`, `${KEY}-read`, `${KEY}-3`].map(status))).toEqual([
      200, 200, 200, 401,
    ]);
  });

  test('makes a key at the first start when it is told to, keeps it to itself and uses it again', async () => {
    using dir = makeTempDir();
    const environment = { SYNCLINE_HTTP_GENERATE_KEY: 'true', SYNCLINE_HTTP_HOST: '0.0.0.0' };
    const keyFile = dir.join('.syncline/api-key');
    const keys = new Set<string>();
    for (let start = 0; start < 2; start += 1) {
      const { running, http } = await serve(dir.path, environment);
      using _ = ending(running);
      const key = readFileSync(keyFile, 'utf8').trim();
      keys.add(key);
      expect(statSync(keyFile).mode & 0o777).toBe(0o600);
      expect((await fetch(`${http.url}/v1/datasets`)).status).toBe(401);
      const headers = { Authorization: `Bearer ${key}` };
      expect((await fetch(`${http.url}/v1/datasets`, { headers })).status).toBe(200);
      running.child.kill('SIGTERM');
      const { stdout, stderr } = await running.ended;
      expect(stdout + stderr).not.toContain(key);
    }
    expect(keys.size).toBe(1);
  });

  test('waits for the lease of another when it is told to, and can be stopped meanwhile', async () => {
    using dir = makeTempDir();
    const { running } = await serve(dir.path);
    using _ = ending(running);
    const args = ['serve', '--port', '0', '--json', '--set', 'leaseWaitMs=60000'];
    const waiting = startCli(args, { cwd: dir.path });
    using __ = ending(waiting);
    await waiting.untilSaid('"type":"lease.waiting"');
    waiting.child.kill('SIGTERM');
    expect((await waiting.ended).code).toBe(0);
    const next = startCli(args, { cwd: dir.path });
    using ___ = ending(next);
    await next.untilSaid('"type":"lease.waiting"');
    running.child.kill('SIGTERM');
    await next.untilSaid('"type":"serving"');
  });

  test('with --no-http only works', async () => {
    using dir = makeTempDir();
    const { running, http } = await serve(dir.path, {}, ['--no-http']);
    using _ = ending(running);
    expect(http).toBeNull();
  });

  test.each([
    [['--host', '0.0.0.0'], 2, 'Without a key only this machine may ask'],
    [['--host', '0.0.0.0', '--set', 'http.requestBurstMax=0'], 2, 'give a whole number from 1'],
    [['--port', '70000'], 2, 'Give a whole number from 0 to 65535.'],
    [['--host', '192.0.2.1'], 2, 'Without a key'],
  ] as const)('%j is refused before anything is made', async (args, code, told) => {
    using dir = makeTempDir();
    const ended = await runCli(['serve', ...args], { cwd: dir.path });
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toContain(told);
    expect(existsSync(dir.join('.syncline'))).toBe(false);
  });

  test('says when its port is in use, and takes no lease', async () => {
    using dir = makeTempDir();
    const { running, http } = await serve(dir.path);
    using _ = ending(running);
    const port = new URL(http.url).port;
    const second = await runCli(['serve', '--port', port, '--data-dir', 'other'], { cwd: dir.path });
    expect(second.stderr).toContain('LISTEN_FAILED: Cannot listen on 127.0.0.1');
    expect(second.code).toBe(1);
  });
});

test('config prints what is in force, as a table and as JSON, without secrets', async () => {
  using dir = makeTempDir();
  writeFileSync(
    dir.join('syncline.config.ts'),
    'export default { pollIntervalMs: 2_000 as number, http: { port: 8080 } };',
  );
  const environment = { SYNCLINE_API_KEYS: KEY };
  const args = ['config', '--set', 'leaseTtlMs=5000', '--set', `vectorsUri=${'v'.repeat(200)}`];
  const table = await runCli(args, { cwd: dir.path, environment });
  expect(table.stdout).toMatch(/^pollIntervalMs +2000 +file$/m);
  expect(table.stdout).toMatch(/^leaseTtlMs +5000 +flag --set$/m);
  expect(table.stdout).toMatch(/^http\.apiKeys +\["\(hidden\)"\] +environment SYNCLINE_API_KEYS$/m);
  expect(table.stdout).toMatch(/^dataDir +\.syncline +default$/m);
  const longest = table.stdout.split('\n').filter((line) => line.length > 120);
  expect(longest).toEqual([expect.stringMatching(/^vectorsUri +v{200} {2}flag --set$/)]);
  expect(table.stderr).toContain('syncline.config.ts');
  const { stdout, code } = await runCli([...args, '--json'], { cwd: dir.path, environment });
  expect(JSON.parse(stdout).settings).toContainEqual({
    name: 'http.port',
    value: 8_080,
    origin: 'file',
    where: dir.join('syncline.config.ts'),
  });
  expect([code, (stdout + table.stdout).includes(KEY)]).toEqual([0, false]);
  const wrong = await runCli(['status'], { cwd: dir.path, environment: { SYNCLINE_DATADIR: 'x' } });
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    'syncline: INVALID_OPTION: There is no environment variable "SYNCLINE_DATADIR"; did you mean "SYNCLINE_DATA_DIR"?\n',
  ]);
});
