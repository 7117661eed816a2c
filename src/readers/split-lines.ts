const LINE_FEED = 0x0a;

/** The lines of a stream without their line feeds; `undefined` for one that is longer than `lineBytesMax`, of which no more is held. */
export async function* splitLines(
  bytes: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<Uint8Array | undefined> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      const part = chunk.subarray(start, end === -1 ? chunk.length : end);
      length += part.length;
      if (length > lineBytesMax) parts = [];
      else parts.push(part);
      if (end === -1) break;
      yield length > lineBytesMax ? undefined : Buffer.concat(parts);
      parts = [];
      length = 0;
      start = end + 1;
    }
  }
  if (length > 0) yield length > lineBytesMax ? undefined : Buffer.concat(parts);
}
