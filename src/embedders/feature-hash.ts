/** Start of an FNV-1a hash. */
export const FNV_OFFSET = 0x811c9dc5 | 0;
/** Multiplier of an FNV-1a hash; apply with `Math.imul`. */
export const FNV_PRIME = 0x01000193;

/** 32-bit FNV-1a over the UTF-16 code units of `text`, as a signed integer. */
export function hashUnits(text: string): number {
  let hash = FNV_OFFSET;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  return hash;
}

/** The final mix of MurmurHash3, as an unsigned integer: every bit of `hash` moves every bit of the result. */
export function mixHash(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
