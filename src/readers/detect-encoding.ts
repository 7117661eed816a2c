import { analyse } from 'chardet';

/** What most such files are, and what decodes any bytes. */
const FALLBACK = 'windows-1252';

/** How much is analysed, in bytes: some milliseconds' work. */
const SAMPLE_LENGTH = 4_096;
/** Of plain ASCII, only this much around other bytes is analysed: a text in two languages would look like one of them. */
const AROUND_LENGTH = 12;
/** Of 100. Up to 10 is what anything gets: short texts with a single accent, say. */
const CONFIDENCE_MIN = 12;

/** What chardet calls the encodings that decoders of the web know, and the name by which they know them. */
const LABELS: Readonly<Record<string, string>> = {
  Shift_JIS: 'shift_jis',
  'EUC-JP': 'euc-jp',
  'EUC-KR': 'euc-kr',
  Big5: 'big5',
  GB18030: 'gb18030',
  'KOI8-R': 'koi8-r',
  'ISO-8859-1': FALLBACK,
  'ISO-8859-2': 'iso-8859-2',
  'ISO-8859-5': 'iso-8859-5',
  'ISO-8859-6': 'iso-8859-6',
  'ISO-8859-7': 'iso-8859-7',
  'ISO-8859-8': 'iso-8859-8',
  'ISO-8859-9': 'windows-1254',
  'windows-1250': 'windows-1250',
  'windows-1251': 'windows-1251',
  'windows-1252': FALLBACK,
  'windows-1253': 'windows-1253',
  'windows-1254': 'windows-1254',
  'windows-1255': 'windows-1255',
  'windows-1256': 'windows-1256',
};

/** The encoding that bytes which are not UTF-8 look most like: a label of `TextDecoder`, valid for all of the bytes. */
export function detectLegacyEncoding(bytes: Uint8Array): string {
  for (const { name, confidence } of analyse(sampleOf(bytes))) {
    const label = LABELS[name];
    if (confidence < CONFIDENCE_MIN) break;
    if (label !== undefined && isValid(bytes, label)) return label;
  }
  return FALLBACK;
}

function sampleOf(bytes: Uint8Array): Uint8Array {
  const sample: number[] = [];
  let taken = 0;
  let left = 0;
  for (let index = 0; index < bytes.length && sample.length < SAMPLE_LENGTH; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte >= 128) {
      for (let before = Math.max(taken, index - AROUND_LENGTH); before < index; before += 1) {
        sample.push(bytes[before] ?? 0);
      }
      left = AROUND_LENGTH;
    } else if (left === 0) continue;
    else left -= 1;
    sample.push(byte);
    taken = index + 1;
  }
  return Uint8Array.from(sample);
}

function isValid(bytes: Uint8Array, label: string): boolean {
  try {
    new TextDecoder(label, { fatal: true }).decode(bytes);
    return true;
  } catch (error) {
    // Not valid in it, or not known to this engine.
    if (error instanceof TypeError || error instanceof RangeError) return false;
    throw error;
  }
}
