/** How much of a text {@link hashStart} looks at, in UTF-16 units. */
const LENGTH_MAX = 48;

/** FNV-1a (32 bits) of the first characters of `text` from `start`: a cheap number that only depends on them. */
export function hashStart(text: string, start: number, end: number = text.length): number {
  let hash = 0x811c9dc5;
  const stop = Math.min(end, start + LENGTH_MAX);
  for (let index = start; index < stop; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  // The low bits of FNV differ well, the high ones do not: mix them, because hashes are compared by size.
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
}
