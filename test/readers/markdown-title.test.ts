import { expect, test } from 'bun:test';
import { markdownTitle } from '../../src/readers/markdown-title.ts';

test.each([
  ['# One\n\n# Two', 'One'],
  ['text\n\n# One #\n', 'One'],
  ['## Sub\n\nBig\n===\n', 'Big'],
  ['```\n# code\n```\n# Real', 'Real'],
  ['## Sub\n#tag', undefined],
  ['', undefined],
])('the title of %j is %j', (content, title) => {
  expect(markdownTitle(content)).toBe(title);
});
