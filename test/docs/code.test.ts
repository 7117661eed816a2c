import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chooseEmbedder } from '../../src/embedders/choose-embedder.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { cleanEnvironment, copyDocumentation, makeCodeProject } from './code-project.ts';
import { BLOCKS, type CodeBlock, PAGES, ROOT } from './pages.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 300_000;
/** Says that `syncline` is this repository's source, as `tsconfig.json` does for Bun and the compiler. */
const DENO_CONFIG = join(ROOT, 'deno.json');

const byTitle = (blocks: readonly CodeBlock[]): [string, CodeBlock][] =>
  blocks.map((block) => [block.at, block]);
const ofLanguage = (language: string): CodeBlock[] => BLOCKS.filter((block) => block.language === language);
const marked = (language: string, mark: string): CodeBlock[] =>
  ofLanguage(language).filter((block) => block.marks.includes(mark));

describe('TypeScript on the pages', () => {
  const project = makeCodeProject();
  const environment = cleanEnvironment(project.path);
  const names = new Map<CodeBlock, string>();
  beforeAll(() => {
    for (const block of ofLanguage('ts')) names.set(block, project.write(block));
  });
  afterAll(() => project[Symbol.dispose]());

  test('is there', () => expect(names.size).toBeGreaterThan(8));

  test('is accepted by the compiler', () => compile('tsc', ['-p', project.path]), TIMEOUT_MS);

  test(
    'for Deno is accepted by Deno, and so are library, command line and example',
    () => {
      // Together: what takes long is the same in all of them.
      const files = [
        ...marked('ts', 'deno').map((block) => names.get(block) ?? ''),
        ...['src/index.ts', 'src/cli/main.ts', 'examples/deno-service.ts'].map((name) => join(ROOT, name)),
      ];
      return compile('deno', ['check', '--quiet', '--config', DENO_CONFIG, ...files]);
    },
    TIMEOUT_MS,
  );

  /** What the compiler complains of is the failure. */
  async function compile(command: string, args: readonly string[]): Promise<void> {
    const complaints = await run(command, [...args], { cwd: project.path, env: environment }).then(
      () => '',
      (error: { stdout?: string; stderr?: string }) => `${error.stdout}${error.stderr}`,
    );
    expect(complaints).toBe('');
  }

  test.each(byTitle(marked('ts', 'run')))(
    '%s runs and says something',
    async (_, block) => {
      const { stdout } = await run('bun', [names.get(block) ?? ''], { cwd: project.path, env: environment });
      expect(stdout).not.toBe('');
    },
    TIMEOUT_MS,
  );

  test.each(byTitle(marked('ts', 'service')))(
    '%s serves searches until it is told to stop',
    async (_, block) => {
      const name = names.get(block) ?? '';
      const folder = join(project.path, `${name}-data`);
      mkdirSync(folder);
      const [command, ...args] = block.marks.includes('deno')
        ? [await denoProgram(environment), 'run', '--allow-all', '--config', DENO_CONFIG]
        : ['bun'];
      const child = spawn(command, [...args, join(project.path, name)], { cwd: folder, env: environment });
      try {
        const url = await firstUrl(child);
        const answer = await fetch(`${url}?q=${encodeURIComponent('boil water')}`);
        expect(await answer.json()).toMatchObject([{ key: 'stove' }, { key: 'tent' }]);
        const bare = await fetch(url);
        expect([bare.status, await bare.text()]).toEqual([400, 'Ask with ?q=boil+water']);
        const ended = new Promise((resolve) => child.once('close', resolve));
        child.kill('SIGTERM');
        expect(await ended).toBe(0);
      } finally {
        child.kill('SIGKILL');
      }
    },
    TIMEOUT_MS,
  );
});

/** The program itself: the one on the path is a wrapper that passes no signals on. */
async function denoProgram(env: Record<string, string>): Promise<string> {
  return (await run('deno', ['eval', 'console.log(Deno.execPath())'], { env })).stdout.trim();
}

/** The first URL that a service says it listens on. */
function firstUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const look = (data: Buffer): void => {
      output += data.toString();
      const [, port] = /http:\/\/\S+?:(\d+)/.exec(output) ?? [];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}/`);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('close', (code) => reject(new Error(`The service ended with ${code}: ${output}`)));
  });
}

describe('commands on the pages', () => {
  const pages = PAGES.filter((page) => marked('sh', 'run').some((block) => block.page === page));

  test.each(pages)(
    'of %s run one after the other, each without an error',
    async (page) => {
      using folder = makeTempDir();
      copyDocumentation(folder.path);
      const bin = folder.join('bin');
      mkdirSync(bin);
      writeFileSync(join(bin, 'syncline'), `#!/bin/sh\nexec bun '${join(ROOT, 'src/cli/main.ts')}' "$@"\n`);
      chmodSync(join(bin, 'syncline'), 0o755);
      const { PATH, ...environment } = cleanEnvironment(folder.path);
      for (const { at, code } of marked('sh', 'run').filter((block) => block.page === page)) {
        const { stdout, stderr } = await run('sh', ['-e', '-c', code], {
          cwd: folder.path,
          env: { ...environment, PATH: `${bin}:${PATH}` },
        });
        expect([at, stdout === '', stderr.includes('syncline:')]).toEqual([at, false, false]);
        if (code.includes('syncline search'))
          expect([at, stdout]).toEqual([at, expect.stringMatching(/^ 1\. /m)]);
      }
    },
    TIMEOUT_MS,
  );

  test.each(byTitle(marked('sh', 'env')))('%s choose an embedder', (_, { code }) => {
    const environment = Object.fromEntries(
      [...code.matchAll(/^export (\w+)=(\S+)$/gm)].map((match) => [match[1] ?? '', match[2]]),
    );
    expect(Object.keys(environment)).toHaveLength(code.split('\n').length);
    const { embedder, reason } = chooseEmbedder(undefined, environment);
    expect(reason).toMatch(/is set$/);
    const { SYNCLINE_EMBEDDING_MODEL: model = 'text-embedding-3-small' } = environment;
    expect(embedder.model).toBe(model);
  });

  test('that are not run here are known to be run elsewhere', () => {
    const elsewhere: Readonly<Record<string, string>> = {
      'sh scripts/demo.sh': 'test/docs/demo.test.ts',
      'sh scripts/demo.sh FOLDER "QUERY"': 'test/docs/demo.test.ts',
      'sh scripts/test.sh': '.ci/run',
      'docker compose up -d --build': 'scripts/check-container.ts',
      'bun pm pack': 'scripts/check-package.ts',
      'bun add ./syncline-0.1.0.tgz': 'scripts/check-package.ts',
      'bun run bench': 'package.json',
    };
    const others = ofLanguage('sh').filter(
      // The command line's page is tested with the commands themselves: test/cli; the container without Docker's own
      // engine: scripts/check-container.ts; requests to the REST API in test/http/rest-page.test.ts.
      ({ marks, page }) =>
        !marks.includes('run') &&
        !marks.includes('env') &&
        // Tried in test/cli; test/docs/names.test.ts reads their names.
        !marks.includes('cli') &&
        !['docs/cli.md', 'docs/docker.md', 'docs/rest.md'].includes(page),
    );
    expect(others.filter(({ code }) => elsewhere[code] === undefined)).toEqual([]);
  });

  test('in package.json are all that CONTRIBUTING.md names', async () => {
    const { scripts } = (await Bun.file(join(ROOT, 'package.json')).json()) as { scripts: object };
    const text = await Bun.file(join(ROOT, 'CONTRIBUTING.md')).text();
    const named = [...text.matchAll(/bun run (\w+)/g)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(4);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe('JSON on the pages', () => {
  test.each(byTitle(ofLanguage('json')))('%s is valid', (_, { code }) => {
    expect(typeof JSON.parse(code)).toBe('object');
  });
});
