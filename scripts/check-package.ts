/*
 * Builds the package as it would be published, installs it into an empty folder, and runs it there in Bun and in Deno.
 * (Deno takes no TypeScript from node_modules, and a worker or a migration left out of the package shows only here.)
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = `
import { createSyncline } from 'syncline';
import { answer, createClient } from 'syncline/client';
await using syncline = createSyncline({ dataDir: process.argv[2], environment: {} });
await syncline.dataset('shop/articles').ingest([{ key: 'stove', content: 'A stove that boils water.' }]);
const [hit] = await syncline.dataset('shop/articles').search('boil water');
if (hit?.key !== 'stove') throw new Error('Found: ' + hit?.key);
const app = await syncline.http();
const client = createClient('http://127.0.0.1', { fetch: (input, init) => app.fetch(new Request(input, init)) });
const { items } = await answer(client.v1.datasets.$get({ query: {} }));
if (items[0]?.address !== 'shop/articles') throw new Error('Over HTTP: ' + JSON.stringify(items));
const docs = await app.fetch(new Request('http://127.0.0.1/docs'));
if (!(await docs.text()).includes('searchProject')) throw new Error('The docs page says nothing.');
const page = await (await app.fetch(new Request('http://127.0.0.1/'))).text();
const script = /<script type="module" src="([^"]+)"/.exec(page)?.[1];
const loaded = await app.fetch(new Request('http://127.0.0.1/' + script));
if (loaded.status !== 200 || (await loaded.text()).length < 10_000) throw new Error('The dashboard is not there: ' + page);
`;

const folder = mkdtempSync(join(tmpdir(), 'syncline-package-'));
const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
  execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  execFileSync('bun', ['scripts/build-web.ts'], { stdio: 'inherit' });
  execFileSync(
    'bun',
    ['pm', 'pack', '--ignore-scripts', '--quiet', '--filename', join(folder, 'syncline.tgz')],
    { stdio: 'ignore' },
  );
  const { overrides } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    overrides: Record<string, string>;
  };
  // The optional model packages of LanceDB are large and never loaded.
  const empty = new URL('../tools/empty-package', import.meta.url).pathname;
  const dependencies = { syncline: 'file:./syncline.tgz' };
  const manifest = {
    type: 'module',
    dependencies,
    overrides: { ...overrides, '@huggingface/transformers': `file:${empty}` },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'deno.json'), '{ "nodeModulesDir": "manual" }');
  writeFileSync(join(folder, 'program.mjs'), PROGRAM);
  run('bun', 'install', '--silent');
  run('bun', 'program.mjs', 'bun-data');
  run('deno', 'run', '--allow-all', '--quiet', 'program.mjs', 'deno-data');
  const status = run(
    'bun',
    join('node_modules', '.bin', 'syncline'),
    'status',
    '--json',
    '--data-dir',
    'bun-data',
  );
  if (!status.includes('shop/articles')) throw new Error(`The command line answered: ${status}`);
  console.log('the package works in Bun and Deno');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
