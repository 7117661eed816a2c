import { describe, expect, test } from 'bun:test';
import { chunk } from './chunking-support.ts';

/** The embedded texts of a document: what decides about embedding again. */
function embedded(content: string, format: 'markdown' | 'text' = 'markdown'): Set<string> {
  const { texts, contexts } = chunk({ title: 'Book', content, format }, 256);
  return new Set(texts.map((text, index) => `${contexts[index]}\n\n${text}`));
}

/** Chunks of `after` that `before` does not have. */
function changed(before: string, after: string, format: 'markdown' | 'text' = 'markdown'): number {
  return embedded(after, format).difference(embedded(before, format)).size;
}

const section = (index: number, sentences: number, level = 2): string =>
  `${'#'.repeat(level)} Section ${index}\n\n${`Words of section ${index}. `.repeat(sentences)}\n\n`;
/** Sections of 10 to 120 tokens: several share a chunk. */
const sections = Array.from({ length: 200 }, (_, index) => section(index, 1 + ((index * 7) % 20)));
const book = sections.join('');

describe('an edit', () => {
  test('in one section changes the chunks of that section only, wherever it is', () => {
    for (let index = 0; index < sections.length; index += 7) {
      const edited = sections.with(index, `${sections[index]?.trimEnd()} One more sentence.\n\n`).join('');
      // One chunk; two when the chunk that the section shares no longer fits and is divided.
      expect(changed(book, edited)).toBeLessThanOrEqual(2);
      expect(changed(book, edited)).toBeGreaterThan(0);
    }
  });

  test('that makes a section much longer changes its chunks and those it shared', () => {
    const longer = sections.with(100, section(100, 200)).join('');
    const own = chunk({ title: 'Book', content: section(100, 200) }, 256).texts.length;
    expect(changed(book, longer)).toBeLessThanOrEqual(own + 3);
  });

  test('that adds or removes a section changes a few chunks only, also at the very start', () => {
    for (const index of [0, 1, 50, 199]) {
      expect(changed(book, sections.toSpliced(index, 0, section(1_000, 5)).join(''))).toBeLessThanOrEqual(6);
      expect(changed(book, sections.toSpliced(index, 1).join(''))).toBeLessThanOrEqual(6);
    }
  });

  test('in a long plain text changes a few chunks behind it only', () => {
    const lines = Array.from(
      { length: 2_000 },
      (_, index) => `Line ${index} says ${(index * 7919) % 1_000} things.`,
    );
    const paragraphs = lines.map((line, index) => (index % 5 === 4 ? `${line}\n` : line));
    const before = paragraphs.join('\n');
    expect(embedded(before, 'text').size).toBeGreaterThan(80);
    for (const index of [3, 500, 1_000]) {
      const after = paragraphs
        .with(index, 'A new and longer line, with quite a few more words than before.')
        .join('\n');
      expect(changed(before, after, 'text')).toBeLessThanOrEqual(8);
    }
  });
});
