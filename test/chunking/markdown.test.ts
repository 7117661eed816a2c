import { describe, expect, test } from 'bun:test';
import { chunk } from './chunking-support.ts';

const filler = (word: string, sentences: number): string =>
  `Some words about ${word} for a test. `.repeat(sentences).trim();

const HANDBOOK = `---
title: Handbook
# a comment, no heading
---

# Handbook

Welcome.

## Installation

${filler('installing', 10)}

\`\`\`sh
# no heading
npm install

# still none
\`\`\`

### On [Linux](https://example.com) with \`apt\`

${filler('Linux', 12)}

Usage
-----

${filler('usage', 14)}

~~~~md
## no heading
~~~
## no heading
~~~~

## Notes ##

${filler('notes', 14)}
`;

describe('Markdown', () => {
  test('is cut at headings, with the headings above as context', () => {
    const { texts, contexts } = chunk({ title: 'Handbook', content: HANDBOOK }, 200);
    expect(texts.map((text) => text.split('\n').find((line) => /^#+ |^Usage/.test(line)))).toEqual([
      '# a comment, no heading',
      '## Installation',
      '### On [Linux](https://example.com) with `apt`',
      'Usage',
      '## Notes ##',
    ]);
    expect(contexts).toEqual([
      'Handbook',
      'Handbook › Installation',
      'Handbook › Installation › On Linux with apt',
      'Handbook › Usage',
      'Handbook › Notes',
    ]);
    expect(texts.join('')).toBe(HANDBOOK);
  });

  test('shares a chunk between neighbouring sections that fit, under the headings above all of them', () => {
    const content = `# Guide\n\n## One\n\n${filler('one', 20)}\n\n### A\n\na\n\n### B\n\nb\n\n### C\n\nc\n\n## Two\n\n${filler('two', 20)}`;
    const { texts, contexts } = chunk({ title: 'Guide', content }, 250);
    expect(texts.map((text) => text.match(/^#+ .*/gm))).toEqual([
      ['# Guide', '## One', '### A', '### B', '### C'],
      ['## Two'],
    ]);
    expect(contexts).toEqual(['Guide › One', 'Guide › Two']);
  });

  test('gives a document that fits as one chunk', () => {
    const { texts, contexts } = chunk({ title: 'T', content: '# A\n\nx\n\n# B\n\ny\n' });
    expect(texts).toEqual(['# A\n\nx\n\n# B\n\ny\n']);
    expect(contexts).toEqual(['T']);
  });

  test.each([
    ['####### seven', []],
    ['#nospace', []],
    ['    # code', []],
    ['> # quote', []],
    ['- item\n---', []],
    ['a\nb\n---', []],
    ['| a |\n---', []],
    ['# A #', ['A']],
    ['#\tTab', ['Tab']],
    ['   # Indented', ['Indented']],
    ['Title\r\n===\r\n', ['Title']],
    ['\n\nTitle\n---\n', ['Title']],
    ['# A\nTitle\n---', ['A', 'Title']],
    ['```\n# no\n````\n# A', ['A']],
    ['````\n```\n# no\n````\n# A', ['A']],
    ['~~~\n```\n# no\n~~~\n# A', ['A']],
    ['``` a`b\n# A', ['A']],
    ['- ```\n  # no\n  ```\n# A', ['A']],
    ['1. x\n     ```\n# no\n     ```\n# A', ['A']],
    ['```\n# no', []],
    ['---\n# no\n...\n# A', ['A']],
    ['+++\n# no\n+++\n# A', ['A']],
    ['---\n\n# A', ['A']],
  ] satisfies [string, string[]][])('finds the headings of %j', (start, headings) => {
    // The paragraph is too long for a chunk: each of its chunks shows the path of headings that it stands under.
    const { contexts } = chunk(`${start}\n\n${filler('it', 60)}`, 256);
    const path = headings[1] === 'Title' ? ['A › Title'] : headings;
    expect(contexts.at(-1)).toBe(path[0] ?? '');
  });

  test('keeps fences and tables whole where they fit', () => {
    const fence = `\`\`\`js\n${'call();\n\n'.repeat(40)}\`\`\``;
    const table = `| a | b |\n|---|---|\n${'| one | two |\n'.repeat(20)}`;
    const content = `# A\n\n${filler('a', 18)}\n\n${fence}\n\n${filler('b', 18)}\n${table}\n${filler('c', 18)}`;
    const { texts } = chunk(content, 256);
    expect(texts.filter((text) => text.includes(fence))).toHaveLength(1);
    expect(texts.filter((text) => text.includes(table))).toHaveLength(1);
  });

  test('cuts a long fence between lines, at blank and unindented ones rather than at others', () => {
    const code = Array.from(
      { length: 90 },
      (_, index) => `function f${index}() {\n  return ${index};\n}\n`,
    ).join('\n');
    const { texts } = chunk(`# Code\n\n\`\`\`js\n${code}\`\`\`\n`, 256);
    expect(texts.length).toBeGreaterThan(3);
    for (const text of texts.slice(1)) expect(text).toMatch(/^function f\d+\(\) \{\n/);
  });

  test('cuts a long paragraph between sentences', () => {
    const { texts } = chunk(filler('sentences', 100), 128);
    expect(texts.length).toBeGreaterThan(5);
    for (const text of texts) expect(text).toMatch(/^Some words .*\. ?$/);
  });

  test('keeps a heading with the text behind it', () => {
    const content = `# A\n\n${filler('a', 80)}\n\n## B\n\n### C\n\n${filler('c', 80)}`;
    for (const text of chunk(content, 128).texts) expect(text).not.toMatch(/(?:^|\n)#+ \w+\s*$/);
  });

  test('ignores the marks of Markdown in plain text', () => {
    const content = `# A\n\n${filler('a', 60)}`;
    expect(new Set(chunk({ content, title: 'T', format: 'text' }, 128).contexts)).toEqual(new Set(['T']));
  });
});

describe('the context', () => {
  test('says nothing twice in a row', () => {
    expect(
      chunk({ title: 'Guide', content: `# **Guide**\n\n## Guide\n\n### Use\n\n${filler('x', 70)}` })
        .contexts[0],
    ).toBe('Guide › Use');
  });

  test('takes at most a quarter of the maximum and never ends inside a character', () => {
    for (const title of ['𝐀'.repeat(500), 'word '.repeat(800), 'a'.repeat(4_096)]) {
      const content = `# ${'heading '.repeat(50)}\n\n## Last\n\n${filler('x', 40)}`;
      for (const tokensMax of [32, 128, 512]) {
        const { pieces, texts } = chunk({ title, content }, tokensMax);
        const context = pieces[0]?.context ?? '';
        const own =
          chunk({ title: '', content: texts[0] ?? '', format: 'text' }, 8_191).pieces[0]?.tokenCount ?? 0;
        expect(context).not.toBe('');
        expect(context.isWellFormed()).toBe(true);
        expect((pieces[0]?.tokenCount ?? 0) - own).toBeLessThanOrEqual(tokensMax / 4);
      }
    }
  });

  test('prefers the title and the innermost heading when the path is too long', () => {
    const content = `# ${'outer '.repeat(40)}\n\n## ${'middle '.repeat(40)}\n\n### Inner\n\n${filler('x', 60)}`;
    expect(chunk({ title: 'Title', content }, 128).contexts.at(-1)).toBe('Title › Inner');
  });
});
