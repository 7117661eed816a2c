import { expect, setDefaultTimeout, test } from 'bun:test';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { makeTempDir } from '../support/temp-dir.ts';
import { PATIENCE_MS, ROOT, useBrowser } from './browser.ts';

setDefaultTimeout(4 * PATIENCE_MS);

const browser = useBrowser();

/** A real server in a process of its own; resolves when it runs. */
async function serve(dataDir: string, port: number): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=development',
      'src/cli/main.ts',
      '--embedder',
      'local',
      '--data-dir',
      dataDir,
      'serve',
      '--port',
      String(port),
      '--json',
    ],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env.PATH, SYNCLINE_LEASE_WAIT_MS: '60000' },
    },
  );
  const started = Promise.withResolvers<number>();
  let output = '';
  child.stdout?.on('data', (data) => {
    output += String(data);
    const url = /"type":"serving".*"url":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(output)?.[1];
    if (url !== undefined) started.resolve(Number(url));
  });
  child.once('exit', () => started.reject(new Error(`The server ended: ${output}`)));
  return { child, port: await started.promise };
}

test('a page that is open goes on by itself when its server was killed and is started again', async () => {
  using folder = makeTempDir();
  const first = await serve(folder.path, 0);
  const url = `http://127.0.0.1:${first.port}`;
  const add = (key: string) =>
    fetch(`${url}/v1/datasets/shop/${key}/documents?wait=60`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ documents: [{ key, content: `A ${key} of steel.` }] }),
    });
  await add('stove');
  const { page } = await browser.open();
  await page.goto(url);
  await page.getByRole('link', { name: 'shop/stove' }).waitFor();
  await page.getByText('live', { exact: true }).waitFor();
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  await page.getByText('The server does not answer. Reconnecting').waitFor();
  await page.getByText('offline').waitFor();
  const second = await serve(folder.path, first.port);
  try {
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByText('The server does not answer').waitFor({ state: 'detached' });
    // The stream of the new server tells of what it did not know before.
    await add('tent');
    await page
      .getByRole('row', { name: /shop\/tent/ })
      .getByText('in sync')
      .waitFor();
    expect(await page.getByRole('row').count()).toBe(3);
  } finally {
    second.child.kill('SIGTERM');
    await once(second.child, 'exit');
  }
  await page.context().close();
});
