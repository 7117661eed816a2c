import { expect, test } from 'bun:test';
import { collectChanged } from '../../src/cli/changed-ids.ts';

test('the ids of a key of several columns are lists, beside those of one', () => {
  expect(collectChanged('reviews:[2,1]')).toEqual({ reviews: [[2, 1]] });
  expect(collectChanged(' reviews : [ 2 , "a, \\"b\\"" ] , 7,x y ,["de",9007199254740993]')).toEqual({
    reviews: [[2, 'a, "b"'], 7, 'x y', ['de', '9007199254740993']],
  });
  expect(collectChanged('lines:[1,2]', { lines: [[1, 1]] })).toEqual({
    lines: [
      [1, 1],
      [1, 2],
    ],
  });
});

test('a list of one is that one, as a text with a comma has to be written', () => {
  expect(collectChanged('files:["a,b.md"],[7]')).toEqual({ files: ['a,b.md', 7] });
});

test('what only begins like a list is text', () => {
  expect(collectChanged('files:[slug].tsx,[a,1],["x"].md,[]')).toEqual({
    files: ['[slug].tsx', '[a', '1]', '["x"].md', '[]'],
  });
});

test.each(['reviews', 'reviews:', ':1', 'reviews:1,', 'reviews:[1,2],', 'reviews:,[1,2]'])(
  '%s names no records, and is told how they are named',
  (text) => {
    expect(() => collectChanged(text)).toThrow(/orders:1,2.*lines:\[1,2\],\[1,3\]/);
  },
);
