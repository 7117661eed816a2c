import { afterAll, describe, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isSynclineError } from '../../src/domain/errors.ts';
import type { FileSelection } from '../../src/readers/file-rules.ts';
import { readDocuments } from '../../src/readers/read-documents.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const folder = makeTempDir();
afterAll(folder.remove);

function makeFolder(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [path, content] of Object.entries(files)) {
    const place = folder.join(name, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content);
  }
  return folder.join(name);
}

async function keysIn(root: string, selection: FileSelection = {}): Promise<string[]> {
  const keys: string[] = [];
  for await (const result of readDocuments(['.'], { cwd: root, ...selection })) {
    if ('document' in result) keys.push(result.document.key);
    if ('problem' in result) throw result.problem;
  }
  return keys;
}

describe('globs', () => {
  const root = makeFolder('globs', {
    'a.md': 'a',
    'b.txt': 'b',
    'docs/c.md': 'c',
    'docs/drafts/d.md': 'd',
    'docs/e.xyz': 'e',
    'docs/f.png': Uint8Array.of(0x89, 0, 0, 1),
    'drafts/g.md': 'g',
  });

  test.each<[string, FileSelection, string[]]>([
    ['nothing', {}, ['a.md', 'b.txt', 'docs/c.md', 'docs/drafts/d.md', 'drafts/g.md']],
    ['a name at any depth', { include: ['*.md'] }, ['a.md', 'docs/c.md', 'docs/drafts/d.md', 'drafts/g.md']],
    ['a path', { include: ['docs/*.md'] }, ['docs/c.md']],
    ['a path from the root', { include: ['/*.md'] }, ['a.md']],
    [
      'a folder, with files of any kind that are text',
      { include: ['docs'] },
      ['docs/c.md', 'docs/drafts/d.md', 'docs/e.xyz'],
    ],
    ['folders of a name', { include: ['**/drafts/'] }, ['docs/drafts/d.md', 'drafts/g.md']],
    ['braces', { include: ['./{a,b}.*'] }, ['a.md', 'b.txt']],
    ['no folder of a name', { exclude: ['drafts'] }, ['a.md', 'b.txt', 'docs/c.md']],
    ['no folder at a path', { exclude: ['/drafts/**'] }, ['a.md', 'b.txt', 'docs/c.md', 'docs/drafts/d.md']],
    ['some of some', { include: ['docs'], exclude: ['*.xyz', 'docs/drafts'] }, ['docs/c.md']],
    ['none at all', { include: [] }, []],
  ])('take %s', async (_, selection, keys) => {
    expect(await keysIn(root, selection)).toEqual(keys);
  });

  test.each(['', '/', '!a.md', '../x', 'x'.repeat(2_000)])(
    'that make no sense are refused: %j',
    async (pattern) => {
      for (const selection of [{ include: [pattern] }, { exclude: [pattern] }]) {
        const error = await rejectionOf(keysIn(root, selection));
        expect(isSynclineError(error, 'INVALID_OPTION')).toBe(true);
      }
    },
  );
});

describe('.gitignore', () => {
  const files = {
    '.gitignore': '*.log\n/out/\nsecret.md\n!keep/secret.md\n*.tmp.md\n',
    'a.md': 'a',
    'a.log': 'l',
    'secret.md': 's',
    'out/o.md': 'o',
    'deep/out/o.md': 'o',
    'keep/secret.md': 'k',
    'sub/.gitignore': '!*.log\nprivate\n!wanted.tmp.md\n',
    'sub/b.log': 'b',
    'sub/wanted.tmp.md': 'w',
    'sub/other.tmp.md': 'x',
    'sub/private/p.md': 'p',
    'sub/private/.gitignore': '!p.md\n',
    'private/q.md': 'q',
  };

  test('files of every level hold, the nearest first; nothing comes back out of a folder that is left out', async () => {
    expect(await keysIn(makeFolder('git', files))).toEqual([
      'a.md',
      'deep/out/o.md',
      'keep/secret.md',
      'private/q.md',
      'sub/b.log',
      'sub/wanted.tmp.md',
    ]);
  });

  test('counts for nothing when nobody wants it to', async () => {
    expect(await keysIn(makeFolder('git off', files), { gitignore: false })).toHaveLength(11);
  });

  test('of a folder above holds in the same repository, unless the folder itself is what it leaves out', async () => {
    makeFolder('repo', {
      '.git/HEAD': 'ref',
      '.git/info/exclude': 'mine.md\n',
      '.gitignore': 'docs/no.md\n*.bak.md\nbuild/\n',
      'docs/no.md': 'n',
      'docs/yes.md': 'y',
      'docs/mine.md': 'm',
      'docs/x.bak.md': 'x',
      'build/b.md': 'b',
      'build/x.bak.md': 'x',
    });
    expect(await keysIn(folder.join('repo', 'docs'))).toEqual(['yes.md']);
    expect(await keysIn(folder.join('repo'))).toEqual(['docs/yes.md']);
    expect(await keysIn(folder.join('repo', 'build'))).toEqual(['b.md', 'x.bak.md']);
    makeFolder('no repo', { '.gitignore': '*.md\n', 'docs/yes.md': 'y' });
    expect(await keysIn(folder.join('no repo', 'docs'))).toEqual(['yes.md']);
  });
});

describe('never taken', () => {
  const names = [
    '.a.md.swp',
    'a.md~',
    '#a.md#',
    '.#a.md',
    '4913',
    'a.md___jb_tmp___',
    'a.md___jb_old___',
    '~$a.md',
    '.~lock.a.md#',
  ];

  test('is what editors write beside a file, whatever is included', async () => {
    const root = makeFolder('editors', Object.fromEntries([...names, 'a.md'].map((name) => [name, 'x'])));
    expect(await keysIn(root, { include: ['**/*'], hidden: true })).toEqual(['a.md']);
  });

  test('is what is hidden, unless somebody wants it; what tools keep is never', async () => {
    const root = makeFolder('hidden', {
      '.a.md': 'a',
      '.b/c.md': 'c',
      '.git/d.md': 'd',
      'node_modules/e.md': 'e',
    });
    expect(await keysIn(root)).toEqual([]);
    expect(await keysIn(root, { hidden: true })).toEqual(['.a.md', '.b/c.md']);
  });
});
