import { expect, test } from 'bun:test';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTempDir } from '../support/temp-dir.ts';
import { cleanEnvironment } from './code-project.ts';
import { codeBlocks, ROOT } from './pages.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;

/** The keys of ranked passages, best first. */
function keysOf(output: string): string[] {
  return [...output.matchAll(/^ *\d+\. (.+?) {2}\S+ {2}[\d.]+$/gm)].map((match) => match[1] ?? '');
}

/** Output without what differs from run to run, also progress, which is told of what takes long; up to the ellipsis that stands for the rest. */
function withoutNumbers(output: string): string {
  return (output.split(/^ …$/m)[0] ?? '')
    .replaceAll(/^[━─].*\n/gm, '')
    .replaceAll(/[\d.]+/g, '#')
    .replace(/in # m?s,/, 'in # ms,')
    .trim();
}

/** What a demo makes anew or does not need, and other tests write to meanwhile: it may vanish while it is copied. */
const LEFT_OUT = new Set(['dist', 'test', 'web/dist'].map((path) => join(ROOT, path)));

/** The repository without what earlier runs of the demo have left in it. */
function linkRepository(to: string): string {
  const repository = join(to, 'repository');
  mkdirSync(repository);
  for (const name of readdirSync(ROOT)) {
    if (name.startsWith('.')) continue;
    const path = join(ROOT, name);
    if (name === 'node_modules' || name === 'src') symlinkSync(path, join(repository, name));
    else cpSync(path, join(repository, name), { recursive: true, filter: (from) => !LEFT_OUT.has(from) });
  }
  return repository;
}

async function demo(repository: string, cwd: string, ...args: string[]): Promise<string> {
  const env = { ...cleanEnvironment(cwd), SYNCLINE_EMBEDDER: 'openai' };
  const { stdout, stderr } = await run('sh', [join(repository, 'scripts/demo.sh'), ...args], { cwd, env });
  return stderr + stdout;
}

test(
  'the demo finds in the documentation what the README shows, with the local embedder whatever the environment says',
  async () => {
    using folder = makeTempDir();
    const shown = codeBlocks('README.md').find(({ marks }) => marks.includes('demo'))?.code ?? '';
    const output = await demo(linkRepository(folder.path), folder.path);
    expect(keysOf(output)).toHaveLength(3);
    expect(withoutNumbers(shown)).toContain('local hashed n-grams');
    expect(withoutNumbers(output)).toEqual(expect.stringContaining(withoutNumbers(shown)));
  },
  TIMEOUT_MS,
);

test(
  'the demo takes a folder, relative to where it is called from, and a question',
  async () => {
    using folder = makeTempDir();
    mkdirSync(folder.join('my notes'));
    writeFileSync(folder.join('my notes/zebra.md'), '# Zebra\n\nA zebra has stripes.\n');
    writeFileSync(folder.join('my notes/lion.txt'), 'A lion sleeps most of the day.');
    const output = await demo(linkRepository(folder.path), folder.path, 'my notes', 'who has stripes');
    expect(keysOf(output)).toEqual(['my notes/zebra.md', 'my notes/lion.txt']);
  },
  TIMEOUT_MS,
);
