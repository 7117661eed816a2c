/**
 * How the local embedder sees a UTF-16 code unit. Everything is decided by fixed ranges and by mappings that the Unicode
 * stability policy has frozen, never by the engine's own idea of "letter": Bun and Deno carry different Unicode versions,
 * and the same text has to become the same bytes in both.
 */

/** Not part of any word: white space, punctuation, symbols. */
export const SEPARATOR = 0;
/** Part of a word. */
export const LETTER = 1;
/** Part of a script that is written without spaces (or that reads best as short n-grams), and of surrogate pairs. */
export const UNSPACED = 2;
/** Ignored, as if it were not there: combining accents, soft hyphens, variation selectors. */
export const IGNORED = 3;

/** Two tables over all 65,536 code units. */
export interface CharacterTables {
  /** One of the four classes for each code unit. */
  readonly classes: Uint8Array;
  /** Lower-case letter without accents for each code unit; itself where nothing is known. */
  readonly folded: Uint16Array;
}

type Range = readonly [from: number, to: number];

const SEPARATOR_RANGES: readonly Range[] = [
  [0x0000, 0x002f],
  [0x003a, 0x0040],
  [0x005b, 0x0060],
  [0x007b, 0x00a9],
  [0x00ab, 0x00b1],
  [0x00b4, 0x00b4],
  [0x00b6, 0x00b8],
  [0x00bb, 0x00bf],
  [0x00d7, 0x00d7],
  [0x00f7, 0x00f7],
  [0x02c2, 0x02c5],
  [0x037e, 0x037e],
  [0x0387, 0x0387],
  [0x055a, 0x055f],
  [0x0589, 0x058a],
  [0x05be, 0x05be],
  [0x05c0, 0x05c0],
  [0x05c3, 0x05c3],
  [0x05f3, 0x05f4],
  [0x0600, 0x060f],
  [0x061b, 0x061f],
  [0x066a, 0x066d],
  [0x06d4, 0x06d4],
  [0x0964, 0x0965],
  [0x0e4f, 0x0e4f],
  [0x0e5a, 0x0e5b],
  [0x104a, 0x104f],
  [0x1360, 0x1368],
  [0x17d4, 0x17da],
  [0x2000, 0x200b],
  [0x200e, 0x2060],
  [0x2061, 0x206f],
  [0x20a0, 0x20cf],
  [0x2190, 0x245f],
  [0x2500, 0x2bff],
  [0x2e00, 0x2e7f],
  [0x3000, 0x3004],
  [0x3008, 0x3020],
  [0x3030, 0x3030],
  [0x303d, 0x303f],
  [0x30a0, 0x30a0],
  [0x30fb, 0x30fb],
  [0xe000, 0xf8ff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff0f],
  [0xff1a, 0xff20],
  [0xff3b, 0xff40],
  [0xff5b, 0xff65],
  [0xffe0, 0xffff],
];

const IGNORED_RANGES: readonly Range[] = [
  [0x00ad, 0x00ad],
  [0x0300, 0x036f],
  [0x0483, 0x0489],
  [0x0591, 0x05bd],
  [0x05bf, 0x05bf],
  [0x05c1, 0x05c2],
  [0x05c4, 0x05c5],
  [0x05c7, 0x05c7],
  [0x0610, 0x061a],
  [0x0640, 0x0640],
  [0x064b, 0x065f],
  [0x0670, 0x0670],
  [0x1ab0, 0x1aff],
  [0x1dc0, 0x1dff],
  [0x200c, 0x200d],
  [0x20d0, 0x20ff],
  [0xfe00, 0xfe0f],
  [0xfe20, 0xfe2f],
  [0xfeff, 0xfeff],
];

/** Thai, Lao, Tibetan, Myanmar, Hangul, Khmer, Kana, Han, surrogates. Separators inside them are written afterwards. */
const UNSPACED_RANGES: readonly Range[] = [
  [0x0e00, 0x0fff],
  [0x1000, 0x109f],
  [0x1100, 0x11ff],
  [0x1780, 0x17ff],
  [0x2e80, 0x2fff],
  [0x3005, 0x303c],
  [0x3040, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7ff],
  [0xd800, 0xdfff],
  [0xf900, 0xfaff],
  [0xff66, 0xffdf],
];

/** Blocks whose lower case and decomposition are complete and frozen in every engine we run on. */
const FOLDED_RANGES: readonly Range[] = [
  [0x0041, 0x005a],
  [0x00aa, 0x052f],
  [0x0531, 0x0556],
  [0x0622, 0x06d3],
  [0x10a0, 0x10c5],
  [0x1e00, 0x1fff],
  [0x2070, 0x2094],
  [0x2100, 0x217f],
  [0x2460, 0x24e9],
];

/** Letters that Unicode does not decompose but that people type without their stroke or dot. */
const FOLDED_BY_HAND: readonly (readonly [string, string])[] = [
  ['ß', 's'],
  ['ø', 'o'],
  ['ł', 'l'],
  ['đ', 'd'],
  ['ð', 'd'],
  ['ħ', 'h'],
  ['ı', 'i'],
  ['ς', 'σ'],
];

let tables: CharacterTables | undefined;

/** The tables, made once on first use (a few milliseconds). */
export function characterTables(): CharacterTables {
  tables ??= makeTables();
  return tables;
}

function makeTables(): CharacterTables {
  const classes = new Uint8Array(0x10000).fill(LETTER);
  fillRanges(classes, UNSPACED_RANGES, UNSPACED);
  fillRanges(classes, SEPARATOR_RANGES, SEPARATOR);
  fillRanges(classes, IGNORED_RANGES, IGNORED);
  const folded = new Uint16Array(0x10000);
  for (let unit = 0; unit < folded.length; unit += 1) folded[unit] = unit;
  for (const [from, to] of FOLDED_RANGES) {
    for (let unit = from; unit <= to; unit += 1) folded[unit] = foldUnit(unit, classes);
  }
  // Full-width Latin letters and digits are the plain ones, moved by a constant.
  for (let unit = 0xff10; unit <= 0xff5a; unit += 1) folded[unit] = folded[unit - 0xfee0] ?? unit;
  for (const [letter, plain] of FOLDED_BY_HAND) {
    foldByHand(folded, letter.charCodeAt(0), plain.charCodeAt(0));
  }
  return { classes, folded };
}

function fillRanges(classes: Uint8Array, ranges: readonly Range[], value: number): void {
  for (const [from, to] of ranges) classes.fill(value, from, to + 1);
}

/** The base letter of `unit` in lower case when there is exactly one, else `unit`. */
function foldUnit(unit: number, classes: Uint8Array): number {
  const decomposed = String.fromCharCode(unit).normalize('NFKD').toLowerCase().normalize('NFKD');
  let base = -1;
  for (let at = 0; at < decomposed.length; at += 1) {
    const part = decomposed.charCodeAt(at);
    if (classes[part] === IGNORED) continue;
    if (base !== -1) return unit;
    base = part;
  }
  return base === -1 ? unit : base;
}

/** Also moves the capital (and accented) forms that already fold to `unit`. */
function foldByHand(folded: Uint16Array, unit: number, plain: number): void {
  for (let other = 0xc0; other <= 0x1fff; other += 1) {
    if (folded[other] === unit) folded[other] = plain;
  }
  folded[unit] = plain;
}
