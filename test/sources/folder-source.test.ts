import { describe, expect, test } from 'bun:test';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type FolderSourceDefinition, folderSource } from '../../src/sources/folder/folder-definition.ts';
import { openSource } from '../../src/sources/open-source.ts';
import type { Source, SourceId } from '../../src/sources/source.ts';
import { parseSourceDefinition } from '../../src/sources/source-definition.ts';
import { makePdf } from '../support/make-pdf.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { byKey, collect, describeSource, failureOf, noSignal } from './source-suite.ts';

type Options = Omit<FolderSourceDefinition, 'kind' | 'name' | 'path'>;

describeSource('A folder', async () => {
  const dir = makeTempDir();
  const definition = folderSource({ name: 'notes', path: dir.path, allowEmpty: true });
  return {
    source: openSource(definition, { environment: {} }),
    table: 'files',
    id: (at) => `part-${at % 7}/note-${at}.md`,
    async fill(records) {
      for (let part = 0; part < 7; part += 1) {
        rmSync(dir.join(`part-${part}`), { recursive: true, force: true });
        mkdirSync(dir.join(`part-${part}`));
      }
      for (const { at, text } of records) writeFileSync(dir.join(`part-${at % 7}/note-${at}.md`), text);
    },
    async close() {
      dir.remove();
    },
  };
});

interface Folder extends Disposable {
  readonly dir: TempDir;
  readonly source: Source;
  /** The contents of everything by key; codes for what is refused. */
  all(): Promise<Record<string, string>>;
  some(...ids: SourceId[]): Promise<Record<string, string>>;
}

function makeFolder(files: Readonly<Record<string, string | Uint8Array>>, options: Options = {}): Folder {
  const dir = makeTempDir();
  mkdirSync(dir.join('docs'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(dir.join('docs', path)), { recursive: true });
    writeFileSync(dir.join('docs', path), content);
  }
  const definition = folderSource({ name: 'docs', path: 'docs', ...options });
  const source = openSource(definition, { environment: {}, cwd: dir.path });
  return {
    dir,
    source,
    all: async () => byKey(await collect(source.extractAll({ signal: noSignal() }))),
    some: async (...ids) => byKey(await collect(source.extractByIds('files', ids, { signal: noSignal() }))),
    [Symbol.dispose]: dir.remove,
  };
}

describe('A folder', () => {
  test('gives a document per file, with the path below the folder as key', async () => {
    using folder = makeFolder({
      'a.md': '---\ntags: [x]\n---\n# A',
      'sub/b.txt': 'B',
      'sub/c.pdf': makePdf([['C']], { title: 'Paper' }),
      'd.ts': 'D',
      'lines.jsonl': '{"key":"x","content":"not of this kind of source"}',
      'e.png': Uint8Array.of(0x89, 0),
    });
    const records = await collect(folder.source.extractAll({ signal: noSignal() }));
    expect(records).toContainEqual({
      document: {
        key: 'a.md',
        title: 'A',
        content: '# A',
        format: 'markdown',
        metadata: { tags: ['x'], path: 'a.md', extension: '.md' },
      },
    });
    expect(byKey(records)).toEqual({ 'a.md': '# A', 'd.ts': 'D', 'sub/b.txt': 'B', 'sub/c.pdf': 'C' });
  });

  test('finds by id exactly what a walk finds', async () => {
    using folder = makeFolder(
      {
        '.gitignore': 'private\n*.log\n',
        'sub/.gitignore': '!kept.log\n',
        'a.md': 'a',
        'a.log': 'no',
        'sub/kept.log': 'k',
        'private/p.md': 'no',
        'drafts/d.md': 'no',
        '.hidden/h.md': 'no',
        'node_modules/n.md': 'no',
        'x.bin': 'no',
        'lines.jsonl': '{"key":"k","content":"no"}',
        'sub/deep/er/e.md': 'e',
      },
      { exclude: ['drafts'] },
    );
    const outside = folder.dir.join('outside');
    mkdirSync(outside);
    writeFileSync(folder.dir.join('outside/o.md'), 'o');
    symlinkSync(outside, folder.dir.join('docs/linked'));
    symlinkSync(folder.dir.join('docs/sub'), folder.dir.join('docs/again'));
    symlinkSync(folder.dir.path, folder.dir.join('docs/above'));
    symlinkSync('a.md', folder.dir.join('docs/link.md'));
    symlinkSync('nowhere.md', folder.dir.join('docs/broken.md'));
    const expected = {
      'a.md': 'a',
      'broken.md': 'SOURCE_UNREADABLE',
      'link.md': 'a',
      'linked/o.md': 'o',
      'sub/deep/er/e.md': 'e',
      'sub/kept.log': 'k',
    };
    expect(await folder.all()).toEqual(expected);
    const others = ['a.log', 'private/p.md', 'drafts/d.md', '.hidden/h.md', 'node_modules/n.md', 'x.bin'];
    const wrong = ['lines.jsonl', 'sub', 'a.md/b.md', 'again/kept.log', 'above/docs/a.md', 'none/none.md'];
    expect(await folder.some(...Object.keys(expected), ...others, ...wrong)).toEqual(expected);
    expect(await folder.some('./sub/../a.md', 'sub//kept.log')).toEqual({ 'a.md': 'a', 'sub/kept.log': 'k' });
  });

  test.each(['../x.md', '/etc/passwd', '..', '.', 'sub/', 'a\0b'])('has no file with the id %j', (id) => {
    using folder = makeFolder({ 'a.md': 'a' });
    expect(() => folder.source.documentKey('files', id)).toThrow('path of a file below the folder');
  });

  test('refuses one by one what is too large or no text', async () => {
    using folder = makeFolder(
      { 'a.md': 'a', 'large.md': 'x'.repeat(101), 'zero.md': 'a\0b\0\0' },
      { bytesMax: 100 },
    );
    const expected = { 'a.md': 'a', 'large.md': 'DOCUMENT_TOO_LARGE', 'zero.md': 'SOURCE_UNREADABLE' };
    expect(await folder.all()).toEqual(expected);
    expect(await folder.some('a.md', 'large.md', 'zero.md')).toEqual(expected);
  });

  test('with a folder in it that cannot be read says that nobody knows what is there', async () => {
    using folder = makeFolder({ 'a.md': 'a', 'sub/b.md': 'b' });
    // A .gitignore that is too large stands for whatever cannot be read: permissions do not hold for root.
    writeFileSync(folder.dir.join('docs/sub/.gitignore'), 'x\n'.repeat(600_000));
    expect(await folder.all()).toEqual({ 'a.md': 'a', undefined: 'SOURCE_UNREADABLE' });
    expect(await folder.some('sub/b.md')).toEqual({ 'sub/b.md': 'SOURCE_UNREADABLE' });
  });

  test.each([
    [
      'has vanished',
      (dir: TempDir) => rmSync(dir.join('docs'), { recursive: true }),
      'no such file or folder',
    ],
    ['is not mounted', (dir: TempDir) => rmSync(dir.join('docs/a.md')), 'not mounted'],
    [
      'is a file',
      (dir: TempDir) => {
        rmSync(dir.join('docs'), { recursive: true });
        writeFileSync(dir.join('docs'), 'x');
      },
      'not a folder',
    ],
  ])('that %s is an error, and never one without files', async (_, harm, words) => {
    using folder = makeFolder({ 'a.md': 'a' });
    harm(folder.dir);
    const signal = noSignal();
    for (const records of [
      folder.source.extractAll({ signal }),
      folder.source.extractByIds('files', ['a.md'], { signal }),
    ]) {
      const error = await failureOf(records);
      expect(error).toMatchObject({ code: 'SOURCE_UNREADABLE', details: { source: 'docs' } });
      expect(String(error)).toContain(words);
    }
  });

  test('that vanishes while it is read is an error', async () => {
    for (const replacement of [undefined, 'empty']) {
      using folder = makeFolder({ 'a.md': 'a', 'b.md': 'b', 'c.md': 'c' });
      const read = async (): Promise<void> => {
        for await (const _ of folder.source.extractAll({ signal: noSignal() })) {
          renameSync(folder.dir.join('docs'), folder.dir.join('elsewhere'));
          if (replacement !== undefined) mkdirSync(folder.dir.join('docs'));
        }
      };
      expect(await read().catch((error: unknown) => error)).toMatchObject({ code: 'SOURCE_UNREADABLE' });
    }
  });

  test('may be empty where that is said', async () => {
    using folder = makeFolder({}, { allowEmpty: true });
    expect(await folder.all()).toEqual({});
  });
});

describe('The definition of a folder', () => {
  test('is plain JSON that reads as it was written', () => {
    const definition = folderSource({
      name: 'docs',
      path: 'docs',
      include: ['*.md'],
      exclude: ['drafts'],
      gitignore: false,
      hidden: true,
      bytesMax: 1_000,
      allowEmpty: true,
      watch: true,
      polling: true,
    });
    expect(parseSourceDefinition(JSON.parse(JSON.stringify(definition)))).toEqual(definition);
    expect(parseSourceDefinition({ kind: 'folder', name: 'docs', path: 'docs', include: null })).toEqual(
      folderSource({ name: 'docs', path: 'docs' }),
    );
  });

  test.each([
    [{}, 'path'],
    [{ path: '' }, 'path'],
    [{ path: 'x', include: '*.md' }, 'include'],
    [{ path: 'x', include: ['!a'] }, 'include'],
    [{ path: 'x', exclude: ['../a'] }, 'exclude'],
    [{ path: 'x', bytesMax: 0 }, 'bytesMax'],
    [{ path: 'x', watch: 'yes' }, 'watch'],
    [{ path: 'x', glob: '*' }, 'glob'],
  ])('is refused when it is wrong: %j', (fields, field) => {
    const parse = () => parseSourceDefinition({ kind: 'folder', name: 'docs', ...fields });
    expect(parse).toThrow(`"${field}"`);
  });
});
