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

/** Output without what differs from run to run, up to the ellipsis that stands for the rest. */
function withoutNumbers(output: string): string {
  return (output.split(/^ …$/m)[0] ?? '')
    .replaceAll(/[\d.]+/g, '#')
    .replace(/in # m?s,/, 'in # ms,')
    .trim();
}

/** The repository without what earlier runs of the demo have left in it. */
function linkRepository(to: string): string {
  const repository = join(to, 'repository');
  mkdirSync(repository);
  for (const name of readdirSync(ROOT)) {
    if (name.startsWith('.') || name === 'dist') continue;
    if (name === 'node_modules' || name === 'src') symlinkSync(join(ROOT, name), join(repository, name));
    else cpSync(join(ROOT, name), join(repository, name), { recursive: true });
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
