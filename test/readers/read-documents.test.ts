import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DocumentInput } from '../../src/domain/document.ts';
import { isSynclineError, type SynclineError } from '../../src/domain/errors.ts';
import { type ReadOptions, readDocuments } from '../../src/readers/read-documents.ts';
import type { SkippedFiles } from '../../src/readers/read-result.ts';
import { makePdf } from '../support/make-pdf.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'syncline-readers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes files below a fresh folder and gives that folder. */
function makeFolder(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = join(folder, name);
  mkdirSync(root, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

interface Read {
  readonly documents: DocumentInput[];
  readonly keys: string[];
  readonly problems: { readonly path: string; readonly line?: number; readonly problem: SynclineError }[];
  readonly skipped: SkippedFiles[];
  readonly notes: string[];
}

async function read(paths: readonly string[], options: ReadOptions = {}): Promise<Read> {
  const found: Read = { documents: [], keys: [], problems: [], skipped: [], notes: [] };
  for await (const result of readDocuments(paths, { cwd: folder, ...options })) {
    if ('document' in result) {
      found.documents.push(result.document);
      found.keys.push(result.document.key);
      if (result.note !== undefined) found.notes.push(result.note);
    } else if ('problem' in result) found.problems.push(result);
    else found.skipped.push(result.skipped);
  }
  return found;
}

async function* bytesOf(text: string, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

describe('a folder', () => {
  test('is walked in order of names, with keys that begin with its path below the current folder', async () => {
    const root = makeFolder('walk', {
      'b.md': '# B\n',
      'a/z.txt': 'z',
      'a/Ä.MD': '# Ä\n',
      'a.html': '<title>Page</title><p>Hi',
      'B.mdx': 'x',
      'lines.jsonl': '{"key":"k1","content":"c"}\n{"key":"k2","content":"d"}',
      '.hidden/x.md': 'no',
      '.dot.md': 'no',
      'node_modules/p/readme.md': 'no',
      'image.png': 'no',
      LICENSE: 'no',
    });
    const { documents, keys, problems, skipped } = await read([root]);
    expect(keys).toEqual([
      'walk/B.mdx',
      'walk/a/z.txt',
      'walk/a/Ä.MD',
      'walk/a.html',
      'walk/b.md',
      'k1',
      'k2',
    ]);
    expect(problems).toEqual([]);
    expect(skipped).toEqual([{ count: 3, byExtension: { '.md': 1, '.png': 1, '': 1 } }]);
    expect(documents.map(({ format }) => format)).toEqual([
      'markdown',
      'text',
      'markdown',
      'markdown',
      'markdown',
      undefined,
      undefined,
    ]);
    expect(documents[2]).toEqual({
      key: 'walk/a/Ä.MD',
      title: 'Ä',
      content: '# Ä\n',
      format: 'markdown',
      metadata: { path: 'walk/a/Ä.MD', extension: '.md' },
    });
  });

  test('outside the current folder gives keys that begin with its name; the current folder itself adds nothing', async () => {
    const root = makeFolder('same', { 'a/b.md': 'x' });
    expect((await read([root], { cwd: join(folder, 'elsewhere') })).keys).toEqual(['same/a/b.md']);
    expect((await read(['.'], { cwd: root })).keys).toEqual(['a/b.md']);
  });

  test('and a file of the same name beside it have keys of their own', async () => {
    const root = makeFolder('beside', { 'README.md': 'x', 'docs/README.md': 'y' });
    expect((await read(['README.md', 'docs'], { cwd: root })).keys).toEqual(['README.md', 'docs/README.md']);
  });

  test('counts what is skipped once for all paths', async () => {
    const one = makeFolder('skip1', { 'a.bin': '' });
    const two = makeFolder('skip2', { 'b.bin': '', 'c.exe': '' });
    expect((await read([one, two])).skipped).toEqual([{ count: 3, byExtension: { '.bin': 2, '.exe': 1 } }]);
  });

  test('is read once, whatever links lead around in it', async () => {
    const root = makeFolder('links', { 'a/one.md': '1', 'b/two.md': '2' });
    const outside = makeFolder('outside', { 'three.md': '3' });
    symlinkSync(root, join(root, 'a', 'loop'));
    symlinkSync(join(root, 'b'), join(root, 'a', 'again'));
    symlinkSync(folder, join(root, 'above'));
    symlinkSync(outside, join(root, 'c'));
    symlinkSync(outside, join(root, 'd'));
    symlinkSync(root, join(outside, 'back'));
    symlinkSync(join(root, 'a', 'one.md'), join(root, 'link.md'));
    symlinkSync('nowhere.md', join(root, 'broken.md'));
    symlinkSync('self.md', join(root, 'self.md'));
    const { keys, problems } = await read([root]);
    expect(keys).toEqual(['links/a/one.md', 'links/b/two.md', 'links/c/three.md', 'links/link.md']);
    expect(problems.map(({ path, problem: { code } }) => [path, code])).toEqual([
      ['links/broken.md', 'SOURCE_UNREADABLE'],
      ['links/self.md', 'SOURCE_UNREADABLE'],
    ]);
  });

  test('goes on behind folders and files without permission', async () => {
    const root = makeFolder('locked', { 'a/x.md': 'x', 'b.md': 'b', 'c.md': 'c' });
    chmodSync(join(root, 'a'), 0);
    chmodSync(join(root, 'b.md'), 0);
    const isRoot = process.getuid?.() === 0;
    const { keys, problems } = await read([root]);
    chmodSync(join(root, 'a'), 0o755);
    // Permissions do not hold for root, who reads everything.
    expect(keys).toEqual(isRoot ? ['locked/a/x.md', 'locked/b.md', 'locked/c.md'] : ['locked/c.md']);
    expect(problems.map(({ path }) => path)).toEqual(isRoot ? [] : ['locked/a', 'locked/b.md']);
    for (const { problem } of problems) expect(problem.message).toContain('permission');
  });
});

describe('kinds of files', () => {
  test('are read each in its own way, and what is odd is told', async () => {
    const root = makeFolder('kinds', {
      'a.md': '---\ntitle: Named\ntags: [x]\npath: no\n---\n# One\n',
      'bad.md': '---\na: [1\n---\n# One\n',
      'code.ts': 'export const a = 1;\n',
      Dockerfile: 'FROM scratch\n',
      'old.txt': Buffer.from("Café au lait, s'il vous plaît", 'latin1'),
      'paper.pdf': makePdf([['Page one'], ['Page two']], { title: 'Paper' }),
      'scan.pdf': makePdf([[]]),
    });
    const { documents, problems, notes } = await read(['.'], { cwd: root });
    expect(documents).toEqual([
      {
        key: 'Dockerfile',
        content: 'FROM scratch\n',
        format: 'text',
        metadata: { path: 'Dockerfile', extension: '' },
      },
      {
        key: 'a.md',
        title: 'Named',
        content: '# One\n',
        format: 'markdown',
        metadata: { title: 'Named', tags: ['x'], path: 'a.md', extension: '.md' },
      },
      {
        key: 'bad.md',
        title: 'One',
        content: '---\na: [1\n---\n# One\n',
        format: 'markdown',
        metadata: { path: 'bad.md', extension: '.md', frontMatterProblem: expect.stringContaining('YAML') },
      },
      {
        key: 'code.ts',
        content: 'export const a = 1;\n',
        format: 'text',
        metadata: { path: 'code.ts', extension: '.ts' },
      },
      {
        key: 'old.txt',
        content: "Café au lait, s'il vous plaît",
        format: 'text',
        metadata: { path: 'old.txt', extension: '.txt', encoding: 'windows-1252' },
      },
      {
        key: 'paper.pdf',
        title: 'Paper',
        content: 'Page one\n\nPage two\n',
        format: 'text',
        metadata: { path: 'paper.pdf', extension: '.pdf', pageCount: 2 },
      },
    ]);
    expect(problems.map(({ path, problem: { code } }) => [path, code])).toEqual([
      ['scan.pdf', 'SOURCE_UNREADABLE'],
    ]);
    expect(notes).toEqual([expect.stringContaining('"bad.md": its front matter is not valid YAML (line')]);
  });
});

describe('a file', () => {
  test('is read whatever its extension is, with its path from the current folder as key', async () => {
    makeFolder('direct', { 'a/notes.xyz': '# no heading', 'a/readme.md': '# R', '.dot.md': 'd' });
    const { documents, keys } = await read([
      'direct/a/notes.xyz',
      './direct/x/../a/readme.md',
      'direct/.dot.md',
    ]);
    expect(keys).toEqual(['direct/a/notes.xyz', 'direct/a/readme.md', 'direct/.dot.md']);
    expect(documents[0]).toMatchObject({ format: 'text', metadata: { extension: '.xyz' } });
  });

  test('outside the current folder has the name of its own folder in its key', async () => {
    const root = makeFolder('far', { 'a.md': 'x' });
    expect((await read([join(root, 'a.md')], { cwd: join(folder, 'elsewhere') })).keys).toEqual(['far/a.md']);
  });

  test('that is a pipe is read to its end, up to the limit', async () => {
    const pipe = join(folder, 'pipe.txt');
    if (spawnSync('mkfifo', [pipe]).status !== 0) throw new Error('mkfifo failed');
    const write = (text: string): Bun.Subprocess =>
      Bun.spawn(['sh', '-c', `printf %s "${text}" > "${pipe}"`]);
    const writer = write('from a pipe');
    expect((await read([pipe])).documents[0]?.content).toBe('from a pipe');
    await writer.exited;
    const tooMuch = write('far too much');
    expect((await read([pipe], { bytesMax: 5 })).problems[0]?.problem.code).toBe('DOCUMENT_TOO_LARGE');
    await tooMuch.exited;
  });

  test.each([
    ['missing.md', 'SOURCE_UNREADABLE', 'no such file'],
    ['binary.md', 'SOURCE_UNREADABLE', 'zero bytes'],
    ['binary-invalid.txt', 'SOURCE_UNREADABLE', 'zero bytes'],
    ['large.md', 'DOCUMENT_TOO_LARGE', '1000 bytes'],
    ['utf16.jsonl', 'SOURCE_UNREADABLE', 'UTF-16'],
    ['odd-utf16.txt', 'SOURCE_UNREADABLE', 'UTF-16'],
  ])('%s is a problem that does not stop the others', async (name, code, words) => {
    const root = makeFolder(`problem-${name}`, {
      'binary.md': 'a\0b',
      'binary-invalid.txt': Uint8Array.of(0x7f, 0, 0xff, 0xfe),
      'large.md': 'x'.repeat(1_001),
      'utf16.jsonl': Buffer.from('\ufeff{"key":"a","content":"b"}', 'utf16le'),
      'odd-utf16.txt': Uint8Array.of(0xff, 0xfe, 0x00, 0xd8),
      'good.md': 'x'.repeat(1_000),
    });
    const { keys, problems } = await read([join(root, name), join(root, 'good.md')], {
      bytesMax: 1_000,
      cwd: root,
    });
    expect(keys).toEqual(['good.md']);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.problem.code).toBe(code as SynclineError['code']);
    expect(problems[0]?.problem.message).toContain(words);
    expect(problems[0]?.problem.message).toContain(name);
    expect(String(problems[0]?.problem.details.path)).toEndWith(name);
  });

  test.each([
    ['utf8 with a mark', Buffer.from('\ufeffGrüße', 'utf8')],
    ['utf16 little endian', Buffer.from('\ufeffGrüße', 'utf16le')],
    ['utf16 big endian', Buffer.from('\ufeffGrüße', 'utf16le').swap16()],
    ['utf16 without a mark', Buffer.from('Grüße', 'utf16le')],
    ['latin 1', Buffer.from('Grüße', 'latin1')],
  ])('in %s is decoded without its mark', async (name, bytes) => {
    const root = makeFolder(`encoding ${name}`, { 'a.txt': bytes });
    expect((await read([root])).documents[0]?.content).toBe('Grüße');
  });
});

describe('JSON Lines', () => {
  test('are read from standard input with all fields', async () => {
    const document = {
      key: 'a',
      content: 'Ü\n',
      title: 'T',
      source: 's',
      format: 'text',
      metadata: { n: 1, list: ['x'] },
    } as const;
    const text = `\ufeff${JSON.stringify(document)}\r\n\n  \n{"key":"b","content":"","title":null}`;
    const { documents, problems } = await read(['-'], { stdin: bytesOf(text) });
    expect(documents).toEqual([document, { key: 'b', content: '' }]);
    expect(problems).toEqual([]);
  });

  test('with faults are problems with their line, and the other lines are read', async () => {
    const lines = [
      '{"key":"good","content":"1"}',
      '{"key":"a","content":',
      '[]',
      '{"content":"x"}',
      '{"key":"k","content":5}',
      '{"key":"k","content":"x","title":1}',
      '{"key":"k","content":"x","format":"pdf"}',
      '{"key":"k","content":"x","metadata":[]}',
      '{"key":"k","content":"x","tags":["a"]}',
      `{"key":"k","content":"${'x'.repeat(200)}"}`,
      'null',
      '{"key":"last","content":"2"}',
    ];
    const root = makeFolder('faults', { 'x.ndjson': `${lines.join('\n')}\n` });
    const { keys, problems } = await read([root], { bytesMax: 100 });
    expect(keys).toEqual(['good', 'last']);
    expect(problems.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    for (const { problem, line, path } of problems) {
      expect(problem.code).toBe(line === 10 ? 'DOCUMENT_TOO_LARGE' : 'INVALID_DOCUMENT');
      expect(problem.details).toEqual({ path: 'faults/x.ndjson', line });
      expect(problem.message).toContain(`line ${line}:`);
      expect(path).toBe('faults/x.ndjson');
    }
    expect(problems[7]?.problem.message).toContain('"tags"');
  });

  test('that are not UTF-8 are problems of their own lines', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"key":"a","content":"x"}\n{"key":"b","content":"'),
      Uint8Array.of(0xe9),
      Buffer.from('"}\n{"key":"c","content":"x"}\n'),
    ]);
    const root = makeFolder('latin1 lines', { 'x.jsonl': bytes });
    const { keys, problems } = await read([root]);
    expect(keys).toEqual(['a', 'c']);
    expect(problems.map(({ line }) => line)).toEqual([2]);
  });

  test('are streamed: the first is given before the last is there, and an overlong line is not held', async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"key":"a","content":"x"}\n');
      for (;;) {
        sent += 1;
        yield Buffer.alloc(65_536, 'x');
        if (sent === 1_000) yield Buffer.from('\n{"key":"b","content":"y"}\n');
      }
    }
    const keys: string[] = [];
    const sentAt: number[] = [];
    for await (const result of readDocuments(['-'], { stdin: endless(), bytesMax: 1_000 })) {
      sentAt.push(sent);
      if ('document' in result) keys.push(result.document.key);
      if (keys.length === 2) break;
    }
    expect(keys).toEqual(['a', 'b']);
    expect(sentAt).toEqual([0, 1_000, 1_000]);
  });
});

describe('readDocuments', () => {
  test('stops when the signal is aborted', async () => {
    const root = makeFolder('abort', { 'a.md': '1', 'b.md': '2', 'c.md': '3' });
    const controller = new AbortController();
    const keys: string[] = [];
    const run = async (): Promise<void> => {
      for await (const result of readDocuments([root], { signal: controller.signal })) {
        if ('document' in result) keys.push(result.document.key);
        controller.abort();
      }
    };
    const error = await run().catch((reason: unknown) => reason);
    expect(isSynclineError(error, 'ABORTED')).toBe(true);
    expect(keys).toEqual(['abort/a.md']);
  });

  test('refuses a limit that is no number of bytes', async () => {
    for (const bytesMax of [0, -1, 1.5, Number.NaN]) {
      const error = await read([folder], { bytesMax }).catch((reason: unknown) => reason);
      expect(isSynclineError(error, 'INVALID_OPTION')).toBe(true);
    }
  });
});
