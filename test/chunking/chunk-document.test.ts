import { describe, expect, test } from 'bun:test';
import * as fc from 'fast-check';
import { chunk, expectSoundPieces } from './chunking-support.ts';

/** Markdown-like text of the parts that decide about cuts, in any order. */
const markdown = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '# ',
        '## ',
        '###### ',
        '####### ',
        '#',
        '---\n',
        '===\n',
        '```\n',
        '~~~~ js\n',
        '````\n',
      ),
      fc.constantFrom('\n', '\n\n', '\r\n', '\r', ' \n', '\t', '  ', ' ', '\u00a0', '\u3000', '\u2028', '\f'),
      fc.constantFrom('| a | b |\n', '|---|---|\n', '- item\n', '1. one\n', '> quote\n', '    code\n'),
      fc.constantFrom(
        'word ',
        "it's ",
        " 'stuff",
        "'LL",
        '1234567',
        'Ende. ',
        '終わり。',
        '次の文。\n',
        '。。',
        '!?\n\n',
        '…',
      ),
      fc.constantFrom('👩‍👩‍👧‍👦', '\ud800', '\udc00', '𝐀𝐁', 'é', '<|endoftext|>', '-----', '\ufeff'),
      fc.lorem({ maxCount: 30 }),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc
        .tuple(fc.constantFrom('a', ' ', '\n', '漢', '-', 'x1', '\r\n', '𝐀', '。'), fc.nat(700))
        .map(([unit, times]) => unit.repeat(times)),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

const settings = fc.constantFrom(32, 33, 64, 200, 512);

describe('chunkDocument', () => {
  test('covers any content exactly, with exact token counts within the maximum', async () => {
    const property = fc.property(
      markdown,
      fc.oneof(fc.constant(''), fc.string({ unit: 'binary', maxLength: 300 }), markdown),
      fc.constantFrom('markdown' as const, 'text' as const),
      settings,
      (content, title, format, tokensMax) => {
        const { pieces } = chunk({ content, title, format }, tokensMax);
        expectSoundPieces(content, pieces, tokensMax);
      },
    );
    await fc.assert(property, { numRuns: 400 });
  });

  test('counts a sign exactly that begins a chunk, and would be one with the long word behind it', () => {
    for (let length = 170; length < 200; length += 5) {
      const content = `👩‍👩‍👧‍👦| a | b |\n 'stuff${'a'.repeat(length)}`;
      const { pieces } = chunk({ content, title: 'word integer augue lectus######' }, 32);
      expectSoundPieces(content, pieces, 32);
    }
  });

  test('gives the same pieces for the same document, whatever was chunked before', async () => {
    const property = fc.property(markdown, markdown, (content, other) => {
      const first = chunk(content, 64).pieces;
      chunk(other, 64);
      expect(chunk(content, 64).pieces).toEqual(first);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  test('leaves white space between chunks to the chunk before', async () => {
    const sentence = fc.lorem({ mode: 'sentences', maxCount: 1 });
    const space = fc.constantFrom(' ', '  ', '\n', '\n\n', ' \n  \n', '\t');
    const text = fc
      .array(fc.tuple(sentence, space), { minLength: 20, maxLength: 60 })
      .map((parts) => parts.flat().join('').trim());
    const property = fc.property(text, (content) => {
      for (const format of ['markdown', 'text'] as const) {
        for (const piece of chunk({ content, format }, 64).texts)
          expect(/^\s*[\r\n]/.test(piece)).toBe(false);
        for (const piece of chunk({ content: content.replaceAll('\n', ' '), format }, 64).texts) {
          expect(piece).toBe(piece.trimStart());
        }
      }
    });
    await fc.assert(property, { numRuns: 50 });
  });

  test.each(['', ' ', '\n\n', '\t\r\n \u3000\ufeff', ' '.repeat(100_000)])(
    'gives no pieces for white space only (%#)',
    (content) => {
      expect(chunk(content).pieces).toEqual([]);
    },
  );
});

describe('hostile content', () => {
  const cases: Record<string, string> = {
    'one run of letters': 'a'.repeat(100_000),
    'one run of spaces between words': `a${' '.repeat(100_000)}b`,
    'one run of line ends between words': `a.${'\n'.repeat(100_000)}b`,
    'one run of dashes': '-'.repeat(50_000),
    'lone surrogates': '\ud83d'.repeat(5_000) + '\ude00'.repeat(5_000),
    'emoji with joiners': '👩‍👩‍👧‍👦'.repeat(3_000),
    'Chinese without a space': '我们今天去公园散步看见很多花'.repeat(2_000),
    'Japanese sentences without a space': '今日は天気がいいです。散歩に行きましょう！'.repeat(1_000),
    'letters outside the basic plane': '𝐀'.repeat(10_000),
    'CRLF lines': 'A line of text.\r\n'.repeat(3_000),
    'CR lines': '# Heading\rA line of text.\r\r'.repeat(1_000),
    'special tokens': '<|endoftext|> <|fim_prefix|> '.repeat(2_000),
    'ten thousand equal headings': '# Heading\n'.repeat(10_000),
    'ten thousand different headings': Array.from(
      { length: 10_000 },
      (_, index) => `## Heading ${index}\n\nText.\n`,
    ).join(''),
    'headings that go down and up': Array.from(
      { length: 3_000 },
      (_, index) => `${'#'.repeat((index % 6) + 1)} H\n`,
    ).join(''),
    'deeply nested lists': Array.from({ length: 500 }, (_, index) => `${' '.repeat(index * 2)}- item\n`).join(
      '',
    ),
    'a fence that never ends': `\`\`\`\n${'# no heading\ncode();\n'.repeat(5_000)}`,
    'white space before runs that are cut hard':
      `𐀀${' '.repeat(467)}\ue000𐀀𐀀\n\t\t${'。'.repeat(35)}👩‍👧! \t\t\t'`.repeat(20),
    'a huge table': `| a | b |\n|---|---|\n${'| value | another value |\n'.repeat(5_000)}`,
    'a heading without an end': `# ${'heading '.repeat(20_000)}`,
    'one line of minified code': 'function(a,b){return a+b;}var c=[1,2,3];'.repeat(2_000),
    'one line of prose': 'The quick brown fox jumps over the lazy dog. Then it rests. '.repeat(2_000),
  };
  test.each(Object.entries(cases))(
    '%s is cut into sound pieces, with yields in between',
    (_name, content) => {
      for (const format of ['markdown', 'text'] as const) {
        const { pieces, yields } = chunk({ title: 'Title', content, format });
        expectSoundPieces(content, pieces, 512);
        // At least one yield for every 8,000 characters: the work between two yields is bounded.
        expect(yields).toBeGreaterThanOrEqual(Math.floor(content.length / 8_000) - 1);
      }
    },
  );

  test('a run of white space up to 2,000 characters never becomes a chunk of its own', () => {
    const content = `${'word '.repeat(300)}${' '.repeat(1_900)}${'word '.repeat(300)}`;
    for (const text of chunk({ content, format: 'text' }, 128).texts) expect(text.trim()).not.toBe('');
  });

  test('a chunk never holds a run that is slow to tokenize', () => {
    const { texts } = chunk(`${'a'.repeat(3_000)} ${' '.repeat(9_000)}b`, 8_191);
    for (const text of texts) {
      expect(/\S{257}/.test(text)).toBe(false);
      expect(/\s{2002}/.test(text)).toBe(false);
    }
  });
});
