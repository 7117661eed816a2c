import { describe, expect, test } from 'bun:test';
import { readFrontMatter } from '../../src/readers/front-matter.ts';

describe('front matter', () => {
  test('becomes plain JSON, and the text is what stands behind it', () => {
    const yaml = [
      'title: "A \\"quoted\\" one" # comment',
      "other: 'It''s'",
      'date: 2026-11-26',
      'moment: 2026-11-26T03:00:00Z',
      'draft: false',
      'yes: yes',
      'weight: 1.5',
      'count: 42',
      'id: 12345678901234567890',
      'tags: [a, "b"]',
      'nothing:',
      'odd: .nan',
      'zero: "a\\0b"',
      'folded: >',
      '  one',
      '  two',
      'author: { name: Ann, links: [{ to: x }] }',
      '1: number',
      '__proto__: { polluted: true }',
    ];
    const { metadata, body, problem } = readFrontMatter(`---\r\n${yaml.join('\r\n')}\r\n---\r\n# One\n`);
    expect(problem).toBeUndefined();
    expect(body).toBe('# One\n');
    expect(JSON.parse(JSON.stringify(metadata))).toEqual({
      title: 'A "quoted" one',
      other: "It's",
      date: '2026-11-26',
      moment: '2026-11-26T03:00:00Z',
      draft: false,
      yes: 'yes',
      weight: 1.5,
      count: 42,
      id: '12345678901234567890',
      tags: ['a', 'b'],
      nothing: null,
      odd: null,
      zero: 'a\ufffdb',
      folded: 'one two\n',
      author: { name: 'Ann', links: [{ to: 'x' }] },
      '1': 'number',
    });
  });

  test.each([
    ['---\n---\ntext', 'text'],
    ['---\n# only a comment\n---\ntext', 'text'],
    ['---\na: 1\n...\ntext', 'text'],
    ['---\na: 1\n---', ''],
  ])('of %j leaves %j', (text, body) => {
    expect(readFrontMatter(text)).toMatchObject({ body, problem: undefined });
  });

  test.each([
    '',
    'text',
    '---\nProse between rules.\n---\n',
    '---\n\nprose\n',
    '---\n- a\n---\n',
    '--- x\na: 1\n---\n',
    '\n---\na: 1\n---\n',
  ])('is not what %j begins with', (text) => {
    expect(readFrontMatter(text)).toEqual({ metadata: {}, body: text, problem: undefined });
  });

  test.each([
    ['a: [1, 2\nb: 2', 'YAML'],
    ['a: 1\na: 2', 'line 3'],
    ['a: b: c', 'line 2'],
    ['a: *nobody', 'alias'],
    [`a: "${'x'.repeat(20_000)}"`, '16384'],
    [`a: ${'['.repeat(40)}${']'.repeat(40)}`, 'deeper'],
    [`a: [${'x,'.repeat(3_000)}]`, '2000 values'],
  ])('that is malformed is left in the text and told: %j', (yaml, words) => {
    const text = `---\n${yaml}\n---\n# One\n`;
    const { metadata, body, problem } = readFrontMatter(text);
    expect([metadata, body]).toEqual([{}, text]);
    expect(problem).toContain(words);
    expect(problem).toContain('was left in the text');
  });

  test('that grows by its aliases is left in the text, whatever it would become', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const before = level === 0 ? 'x' : `*a${level - 1}`;
      return `a${level}: &a${level} [${Array.from({ length: 9 }, () => before).join(',')}]`;
    });
    const { metadata, problem } = readFrontMatter(`---\n${levels.join('\n')}\n---\n`);
    expect(metadata).toEqual({});
    expect(problem).toContain('was left in the text');
    expect(readFrontMatter('---\na: &x [1, 2]\nb: *x\n---\n').metadata).toEqual({ a: [1, 2], b: [1, 2] });
  });
});
