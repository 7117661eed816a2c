import { Buffer } from 'node:buffer';

const NEWLINE = 10;

/** A line of a stream; `undefined` in place of one that is longer than allowed, which is skipped. */
export type Line = string | undefined;

/**
 * Cuts a stream of bytes into lines of UTF-8 text without their ends, empty ones left out. Holds one piece of the stream and one
 * line at a time, however long the stream is.
 */
export async function* readLines(
  pieces: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<Line> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let isSkipping = false;
  const take = (part: Buffer): void => {
    begunBytes += part.byteLength;
    if (begunBytes > lineBytesMax) {
      isSkipping = true;
      begun = [];
    } else begun.push(part);
  };
  const end = (): Line | '' => {
    const line = isSkipping ? undefined : Buffer.concat(begun).toString('utf8').trim();
    begun = [];
    begunBytes = 0;
    isSkipping = false;
    return line;
  };
  for await (const piece of pieces) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let start = 0;
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, start);
      if (newline === -1) break;
      take(bytes.subarray(start, newline));
      start = newline + 1;
      const line = end();
      if (line !== '') yield line;
    }
    // Copied: the stream may use its piece again.
    if (start < bytes.byteLength && !isSkipping) take(Buffer.from(bytes.subarray(start)));
  }
  if (begunBytes > 0) {
    const line = end();
    if (line !== '') yield line;
  }
}
