import { expect, test } from 'bun:test';
import { type Line, readLines } from '../../src/batch/jsonl-lines.ts';

/** A text as a stream of pieces of one size. */
async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.slice(start, start + size);
}

async function linesOf(text: string, size: number, lineBytesMax = 100): Promise<Line[]> {
  return Array.fromAsync(readLines(inPieces(text, size), lineBytesMax));
}

test.each([1, 2, 3, 7, 1_000])(
  'lines are the same in pieces of %d bytes, also where a character is cut',
  async (size) => {
    expect(await linesOf('{"a":"é"}\r\n\n  \n{"b":"€𝄞"}\nend', size)).toEqual([
      '{"a":"é"}',
      '{"b":"€𝄞"}',
      'end',
    ]);
  },
);

test.each([1, 5, 1_000])(
  'a line that is too long is told as such and harms no other, in pieces of %d bytes',
  async (size) => {
    expect(await linesOf(`one\n${'x'.repeat(30)}\ntwo\n${'y'.repeat(11)}`, size, 10)).toEqual([
      'one',
      undefined,
      'two',
      undefined,
    ]);
  },
);

test('nothing is made of an empty stream', async () => {
  expect(await linesOf('', 1)).toEqual([]);
});
