import { detectLegacyEncoding } from './detect-encoding.ts';

/** Text, or why the bytes are none. */
export type Decoded =
  | {
      readonly text: string;
      /** `"utf-8"`, `"utf-16le"`, `"utf-16be"`, or what a legacy encoding was taken for (`"windows-1252"`, `"shift_jis"`, …). */
      readonly encoding: string;
    }
  | {
      /** A sentence that says what to do. */
      readonly reason: string;
      /** Whether the bytes look like no text at all: an image, a program, an archive. */
      readonly isBinary: boolean;
    };

const BINARY: Decoded = {
  reason:
    'it holds bytes that no text has (zero bytes or control characters). Leave it out, or convert it to text.',
  isBinary: true,
};
const NO_UTF16: Decoded = {
  reason: 'it starts like UTF-16 but is not valid UTF-16. Save it again as UTF-8.',
  isBinary: false,
};

/** How much is looked at to tell UTF-16 from binary data, in bytes. */
const SAMPLE_LENGTH = 4_096;
/** The share of control characters from which on bytes are no text. */
const CONTROL_SHARE_MAX = 1 / 50;
/** Of the characters of a text in UTF-16, at least this share is of an alphabet, a space or a mark. */
const COMMON_SHARE_MIN = 1 / 5;

/**
 * Decodes the bytes of a whole file: UTF-8 and UTF-16 with or without a byte order mark, else the legacy encoding that they
 * look most like. In the first two nothing is replaced; which of the legacy ones it is, is a guess, which is why
 * {@link Decoded} names it.
 */
export function decodeText(bytes: Uint8Array): Decoded {
  const marked = utf16Encoding(bytes);
  if (marked !== undefined) return withoutZero(decode(bytes, marked), marked) ?? NO_UTF16;
  const utf8 = decode(bytes, 'utf-8');
  if (utf8 !== undefined && !utf8.includes('\0')) return { text: utf8, encoding: 'utf-8' };
  const unmarked = guessUtf16(bytes);
  if (unmarked !== undefined) return withoutZero(decode(bytes, unmarked), unmarked) ?? BINARY;
  if (bytes.includes(0) || hasControls(bytes)) return BINARY;
  const legacy = detectLegacyEncoding(bytes);
  return { text: new TextDecoder(legacy).decode(bytes), encoding: legacy };
}

/** Which UTF-16 the byte order mark announces; `undefined` without one. */
export function utf16Encoding(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

/** UTF-16 without a mark: read as it, the bytes are assigned characters, some of them of those that every text has. */
function guessUtf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes.length % 2 !== 0) return undefined;
  // The last unit may be half of a pair; it is left out of the sample.
  const sample = bytes.subarray(0, SAMPLE_LENGTH);
  const little = commonShare(new TextDecoder('utf-16le').decode(sample).slice(0, -1));
  const big = commonShare(new TextDecoder('utf-16be').decode(sample).slice(0, -1));
  if (Math.max(little, big) < COMMON_SHARE_MIN) return undefined;
  return little >= big ? 'utf-16le' : 'utf-16be';
}

/** The share of characters that are common in texts; 0 when there are some that are in none. */
function commonShare(text: string): number {
  if (text === '' || /[\p{Cn}\p{Co}\p{Cs}\ufffd]/u.test(text)) return 0;
  return (text.match(/[\t\n\r -~\u00a0-\u05ff\u3000-\u30ff\uff00-\uffef]/g)?.length ?? 0) / text.length;
}

function hasControls(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, SAMPLE_LENGTH);
  let controls = 0;
  for (let index = 0; index < length; index += 1) {
    const byte = bytes[index] ?? 0;
    // Tab, line ends, form feed and escape are in texts.
    if (byte < 32 && !(byte >= 9 && byte <= 13) && byte !== 27) controls += 1;
  }
  return controls > length * CONTROL_SHARE_MAX;
}

function withoutZero(text: string | undefined, encoding: string): Decoded | undefined {
  if (text === undefined) return undefined;
  return text.includes('\0') ? BINARY : { text, encoding };
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
