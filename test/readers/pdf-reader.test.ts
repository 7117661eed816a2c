import { afterEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isSynclineError } from '../../src/domain/errors.ts';
import { createPdfReader, type PdfReader, type PdfReaderOptions } from '../../src/readers/pdf/pdf-reader.ts';
import { makePdf } from '../support/make-pdf.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const open: PdfReader[] = [];
afterEach(async () => {
  while (open.length > 0) await open.pop()?.close();
});

function reader(options: PdfReaderOptions = {}): PdfReader {
  const made = createPdfReader(options);
  open.push(made);
  return made;
}

describe('the reader of PDFs', () => {
  test('gives the texts of the pages, paragraphs apart, and the title', async () => {
    const bytes = makePdf([['One line,', 'and another.', '', '', 'A paragraph.'], [], ['Third (page)']], {
      title: 'A title',
    });
    expect(await reader().read(bytes, 'a.pdf')).toEqual({
      content: 'One line,\nand another.\n\nA paragraph.\n\nThird (page)\n',
      title: 'A title',
      pageCount: 3,
    });
    // Whoever read the bytes still has them.
    expect(Buffer.from(bytes).subarray(0, 5).toString()).toBe('%PDF-');
  });

  test.each([
    ['is protected', makePdf([['Secret']], { isEncrypted: true }), 'SOURCE_UNREADABLE', 'password'],
    ['is garbage', Buffer.from('%PDF-1.7\ngarbage'), 'SOURCE_UNREADABLE', 'cannot be read'],
    ['is empty', Buffer.alloc(0), 'SOURCE_UNREADABLE', 'cannot be read'],
    ['was cut off', makePdf([['Text']]).slice(0, 200), 'SOURCE_UNREADABLE', ''],
    ['is scanned', makePdf([[]]), 'SOURCE_UNREADABLE', 'OCR'],
    ['has too many pages', makePdf(Array.from({ length: 4 }, () => ['x'])), 'DOCUMENT_TOO_LARGE', '4 pages'],
    ['has too much text', makePdf([['x'.repeat(90)]]), 'DOCUMENT_TOO_LARGE', '80 characters'],
  ] as const)('refuses one that %s, and reads the next', async (_, bytes, code, words) => {
    const pdf = reader({ pagesMax: 3, lengthMax: 80 });
    const error = await rejectionOf(pdf.read(bytes, 'bad.pdf'));
    expect(error).toMatchObject({ code, details: { path: 'bad.pdf' } });
    expect(String(error)).toContain(words);
    expect((await pdf.read(makePdf([['Sound']]), 'good.pdf')).content).toBe('Sound\n');
  });

  test('gives up on one that takes too long, and so with the next', async () => {
    const large = makePdf(Array.from({ length: 400 }, (_, page) => [`Page ${page}`]));
    const impatient = reader({ timeoutMs: 1 });
    expect(String(await rejectionOf(impatient.read(large, 'slow.pdf')))).toContain('longer than');
    expect(String(await rejectionOf(impatient.read(large, 'slow.pdf')))).toContain('longer than');
  });

  test.each([
    ['bun', [process.execPath, '--no-install']],
    ['deno', ['deno', 'run', '--allow-read', '--allow-env']],
  ])(
    'says which package is missing, in %s',
    async (_, command) => {
      using dir = makeTempDir();
      // Where nothing is installed: the reader and what it stands on.
      const source = resolve(import.meta.dir, '../../src');
      cpSync(join(source, 'readers/pdf'), dir.join('readers/pdf'), { recursive: true });
      cpSync(join(source, 'domain/errors.ts'), dir.join('domain/errors.ts'));
      writeFileSync(
        dir.join('program.ts'),
        `import { createPdfReader } from './readers/pdf/pdf-reader.ts';
      const reader = createPdfReader();
      await reader.read(new Uint8Array(9), 'a.pdf').catch((error) => console.log(error.code, error.message));
      await reader.close();`,
      );
      const [program = '', ...options] = command;
      const { stdout } = spawnSync(program, [...options, 'program.ts'], { cwd: dir.path, encoding: 'utf8' });
      expect(stdout).toContain('PACKAGE_MISSING "a.pdf": PDFs are read with the package "unpdf"');
    },
    120_000,
  );

  test('ends with its signal', async () => {
    const controller = new AbortController();
    const reading = reader({ signal: controller.signal }).read(makePdf([['Text']]), 'a.pdf');
    controller.abort();
    expect(isSynclineError(await rejectionOf(reading), 'ABORTED')).toBe(true);
  });
});
