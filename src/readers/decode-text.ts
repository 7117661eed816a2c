/** Text, or why the bytes are none (a sentence that says what to do). */
export type Decoded = { readonly text: string } | { readonly reason: string };

const BINARY = 'it holds zero bytes, so it is not text. Leave it out, or convert it to text first.';
const NO_UTF8 = 'it is not valid UTF-8. Convert it (for example with iconv) and add it again.';

/**
 * Decodes the bytes of a whole file: UTF-8 with or without a byte order mark, UTF-16 with one. Nothing is replaced:
 * bytes that are not valid are refused.
 */
export function decodeText(bytes: Uint8Array): Decoded {
  const encoding = utf16Encoding(bytes);
  const decoded = decode(bytes, encoding ?? 'utf-8');
  if (decoded === undefined) {
    if (encoding === undefined && bytes.includes(0)) return { reason: BINARY };
    return { reason: encoding === undefined ? NO_UTF8 : 'it starts like UTF-16 but is not valid UTF-16.' };
  }
  return decoded.includes('\0') ? { reason: BINARY } : { text: decoded };
}

/** Which UTF-16 the byte order mark announces; `undefined` without one. */
export function utf16Encoding(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

function decode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    // The decoder's way to say that bytes are not valid; anything else is a defect.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
