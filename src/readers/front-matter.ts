import { parseDocument } from 'yaml';
import type { MetadataValue } from '../domain/metadata.ts';

/** A Markdown text taken apart. */
export interface FrontMatter {
  /** What the YAML says; empty without any. */
  readonly metadata: Readonly<Record<string, MetadataValue>>;
  /** The text behind it; the whole text where there is none that can be read. */
  readonly body: string;
  /** Why it could not be read: a sentence. Then it is left in the text. */
  readonly problem: string | undefined;
}

const BLOCK = /^---[ \t]*\r?\n(?:([\s\S]*?)\r?\n)?(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/;

/** Longest front matter, in UTF-16 units: parsing it is some milliseconds' work. */
const LENGTH_MAX = 16_384;
/** Most values in it once aliases are followed. */
const VALUES_MAX = 2_000;
const DEPTH_MAX = 16;
/** YAML's aliases may repeat what they stand for more than once; more is refused by the parser. */
const ALIASES_MAX = 50;

/**
 * Reads the YAML between `---` lines at the start of a Markdown file. Values become plain JSON: dates stay text as written,
 * whole numbers that a double cannot hold become text, what JSON has no word for (`.nan`) becomes `null`. Never throws.
 */
export function readFrontMatter(text: string): FrontMatter {
  if (!text.startsWith('---')) return { metadata: {}, body: text, problem: undefined };
  const block = BLOCK.exec(text.slice(0, LENGTH_MAX));
  const asText = (problem: string | undefined): FrontMatter => ({ metadata: {}, body: text, problem });
  const asFault = (reason: string): FrontMatter =>
    // Prose between two rules is no front matter, and nothing is wrong with it.
    asText(looksLikeFrontMatter(text) ? `its front matter ${reason} and was left in the text.` : undefined);
  if (block === null) return asFault(`is longer than ${LENGTH_MAX} characters, or has no end,`);
  const read = readYaml(block[1] ?? '');
  if ('fault' in read) return asFault(read.fault);
  if (read.metadata === undefined) return asText(undefined);
  return { metadata: read.metadata, body: text.slice(block[0].length), problem: undefined };
}

/** Whether a first line `---` is followed by `key: value`, not by prose under a rule. */
function looksLikeFrontMatter(text: string): boolean {
  return /^---[ \t]*\r?\n[\w-]+:(?:[ \t]|\r?\n)/.test(text.slice(0, 300));
}

function readYaml(
  yaml: string,
): { readonly metadata: Readonly<Record<string, MetadataValue>> | undefined } | { readonly fault: string } {
  try {
    const document = parseDocument(yaml, { schema: 'core', intAsBigInt: true, logLevel: 'silent' });
    const [fault] = document.errors;
    if (fault !== undefined) {
      // Line 1 of the YAML is line 2 of the file. Only the first line of the message is about the fault; the rest shows it.
      const line = (fault.linePos?.[0].line ?? 1) + 1;
      const reason = fault.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '';
      return { fault: `is not valid YAML (line ${line}: ${reason})` };
    }
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    if (value === null || value === undefined) return { metadata: {} };
    if (typeof value !== 'object' || Array.isArray(value)) return { metadata: undefined };
    const metadata = createConverter()(value, 0);
    return { metadata: metadata as Readonly<Record<string, MetadataValue>> };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { fault: `cannot be read (${reason})` };
  }
}

/** Turns what the parser gives into JSON, and counts: aliases make much of little. */
function createConverter(): (value: unknown, depth: number) => MetadataValue {
  let count = 0;
  return function convert(value, depth): MetadataValue {
    count += 1;
    if (count > VALUES_MAX) throw new Error(`it has more than ${VALUES_MAX} values`);
    if (depth > DEPTH_MAX) throw new Error(`it is nested deeper than ${DEPTH_MAX} levels`);
    if (typeof value === 'string') return value.replaceAll('\0', '\ufffd');
    if (typeof value === 'boolean') return value;
    if (typeof value === 'number') return Number.isFinite(value) ? value : null;
    if (typeof value === 'bigint') {
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    }
    if (Array.isArray(value)) return value.map((item) => convert(item, depth + 1));
    if (typeof value !== 'object' || value === null) return null;
    const entries = Object.entries(value).filter(([key]) => key !== '__proto__');
    return Object.fromEntries(
      entries.map(([key, item]) => [key.replaceAll('\0', '\ufffd'), convert(item, depth + 1)]),
    );
  };
}
