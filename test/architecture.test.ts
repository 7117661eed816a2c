import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/*
 * The rules of ARCHITECTURE.md that a program can check, read from the source itself.
 */
const ROOT = resolve(import.meta.dir, '..');
const SOURCE = join(ROOT, 'src');

const files = readdirSync(SOURCE, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .sort();

interface Import {
  readonly from: string;
  /** Path below src, or the package's name. */
  readonly to: string;
}

const imports: Import[] = files.flatMap((from) => {
  const text = readFileSync(join(SOURCE, from), 'utf8');
  const names = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
  return names.map((name) => ({
    from,
    to: name.startsWith('.') ? relative(SOURCE, resolve(SOURCE, dirname(from), name)) : name,
  }));
});

/** The interfaces that stages, machines and runtime may know; the rest of their folders are adapters. */
const INTERFACES = [
  'catalog/catalog.ts',
  'catalog/catalog-files.ts',
  'catalog/catalog-import.ts',
  'vectors/vector-store.ts',
  'embedders/embedder.ts',
  'embedders/pack-requests.ts',
  'batch/batch-api.ts',
  'sources/source.ts',
  'sources/read-source.ts',
  'sources/source-definition.ts',
  'sources/source-listener.ts',
];
const ADAPTER_FOLDERS = ['catalog', 'vectors', 'embedders', 'batch', 'sources'];
/** Adapters of the same providers. */
const SIBLINGS = ['embedders', 'batch'];
/** The composition root: the only place that chooses adapters. */
const COMPOSITION_ROOT = ['runtime/adapters.ts', 'runtime/core.ts', 'runtime/options.ts', 'index.ts'];

function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : path;
}

/** What each folder may import from within src, besides itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  chunking: ['domain'],
  readers: ['domain'],
  batch: ['domain', 'embedders'],
  embedders: ['domain', 'batch'],
  sources: ['domain', 'readers'],
  vectors: ['domain'],
  catalog: ['domain'],
  pipeline: ['domain', 'chunking', 'catalog', 'vectors', 'embedders', 'batch'],
  actors: ['domain', 'catalog'],
  runtime: ['domain', 'actors', 'pipeline', 'catalog', 'vectors', 'embedders', 'batch', 'sources'],
  mcp: ['domain', 'runtime'],
  http: ['domain', 'actors', 'mcp', 'readers', 'runtime', 'sources'],
  cli: ['domain', 'http', 'mcp', 'readers', 'runtime', 'sources', 'index.ts'],
  client: ['http'],
  'syncline.ts': ['http', 'runtime'],
  'index.ts': [
    'batch',
    'domain',
    'actors',
    'catalog',
    'embedders',
    'http',
    'readers',
    'runtime',
    'sources',
    'syncline.ts',
  ],
};

test('every folder of src has its rule', () => {
  expect([...new Set(files.map(folderOf))].sort()).toEqual(Object.keys(ALLOWED).sort());
});

test('imports run one way', () => {
  const wrong = imports.filter(({ from, to }) => {
    const isOutside = !files.includes(to);
    const folder = folderOf(from);
    return !isOutside && folderOf(to) !== folder && !ALLOWED[folder]?.includes(folderOf(to));
  });
  expect(wrong).toEqual([]);
});

test('only the composition root imports adapters', () => {
  const wrong = imports.filter(
    ({ from, to }) =>
      ADAPTER_FOLDERS.includes(folderOf(to)) &&
      folderOf(from) !== folderOf(to) &&
      !SIBLINGS.includes(folderOf(from)) &&
      !INTERFACES.includes(to) &&
      !COMPOSITION_ROOT.includes(from),
  );
  expect(wrong).toEqual([]);
});

test('the library loads nothing of HTTP, and no table of tokens, before it is needed', () => {
  const reached = new Set<string>();
  const follow = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    // What stands in `import type` and `export type` is gone at run time, and `import()` comes later.
    const text = readFileSync(join(SOURCE, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm)) {
      const to = name.startsWith('.') ? relative(SOURCE, resolve(SOURCE, dirname(file), name)) : name;
      if (files.includes(to)) follow(to);
      else reached.add(to);
    }
  };
  follow('index.ts');
  expect(reached.size).toBeGreaterThan(50);
  expect([...reached].filter((name) => /hono|^zod|^http\/|^gpt-tokenizer\/encoding\//.test(name))).toEqual(
    [],
  );
});

test('the client loads nothing of the server', () => {
  const text = readFileSync(join(SOURCE, 'client/client.ts'), 'utf8');
  const loaded = [...text.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm)].map(
    ([, name]) => name,
  );
  expect(loaded).toEqual(['hono/client']);
});

test('machines hold no I/O', () => {
  const outside = imports
    .filter(({ from, to }) => folderOf(from) === 'actors' && !files.includes(to))
    .map(({ to }) => to);
  expect([...new Set(outside)]).toEqual(['xstate']);
});

test('no file uses an API of one engine alone, but the one that listens: there is no standard for that', () => {
  const wrong = files.filter((name) =>
    /\b(?:Bun|Deno)\.|from 'bun/.test(readFileSync(join(SOURCE, name), 'utf8')),
  );
  expect(wrong).toEqual(['http/listen.ts']);
});

test('files stay small enough to read', () => {
  const long = files.filter((name) => readFileSync(join(SOURCE, name), 'utf8').split('\n').length > 400);
  expect(long).toEqual([]);
  const others = ['bench', 'examples', 'scripts', 'test', 'web'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true }).map((name) => join(folder, String(name))),
  );
  const longOthers = others.filter(
    (name) => /\.tsx?$/.test(name) && readFileSync(join(ROOT, name), 'utf8').split('\n').length > 500,
  );
  expect(longOthers).toEqual([]);
});

interface Packages {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

const packages = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Packages;
const optionalPackages = Object.keys(packages.peerDependencies).sort();

function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

test('every package that src imports is declared, and none is declared in vain', () => {
  const used = imports
    .map(({ to }) => to)
    .filter((to) => !files.includes(to) && !to.startsWith('node:') && !to.startsWith('..'))
    .map(packageOf);
  const declared = [...Object.keys(packages.dependencies), ...optionalPackages];
  expect(declared.sort()).toEqual([...new Set(used)].sort());
});

test('what need not be installed is declared so, and loaded only when it is needed', () => {
  for (const name of optionalPackages) {
    expect(packages.peerDependenciesMeta[name]).toEqual({ optional: true });
    expect(packages.devDependencies[name]).toBeDefined();
  }
  const loadedAtOnce = files.filter((file) => {
    const text = readFileSync(join(SOURCE, file), 'utf8');
    const names = [...text.matchAll(/^(?:import|export) (?!type )(?:[^;]*? from )?'([^']+)';/gm)];
    return names.some(([, name = '']) => optionalPackages.includes(packageOf(name)));
  });
  expect(loadedAtOnce).toEqual([]);
});

test('the order of writes stands in one place: only the write stage marks rows as indexed', () => {
  const callers = files.filter((name) => /\.markIndexed\(/.test(readFileSync(join(SOURCE, name), 'utf8')));
  expect(callers).toEqual(['pipeline/write-ready.ts']);
});
