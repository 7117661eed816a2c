import { expect, test } from 'bun:test';
import { markdownTitle } from '../../src/readers/markdown-title.ts';

test.each([
  ['# One\n\n# Two', 'One'],
  ['text\n\n# One #\n', 'One'],
  ['## Sub\n\nBig\n===\n', 'Big'],
  ['```\n# code\n```\n# Real', 'Real'],
  ['---\ntitle: From matter\n---\n# One', 'From matter'],
  ['---\r\ntitle: "A \\"quoted\\" one" # c\r\n---\r\n', 'A "quoted" one'],
  ["---\ntitle: 'It''s'\n---\n", "It's"],
  ['---\ntitle: Plain # comment\n---\n', 'Plain'],
  ['---\ntitle: >\n  folded\n---\n# One', 'One'],
  ['---\ndescription: x\n# title: no\n---\n# One', 'One'],
  ['---\n\ntitle: no front matter end', undefined],
  ['## Sub\n#tag', undefined],
  ['', undefined],
])('the title of %j is %j', (content, title) => {
  expect(markdownTitle(content)).toBe(title);
});
