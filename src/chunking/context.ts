import { textStartAfter } from '../domain/embedded-text.ts';
import { countBoundedText } from './token-counter.ts';
import type { WorkMeter } from './work-meter.ts';

/** A heading on the way from the top of a document to a section. */
export interface Heading {
  readonly level: number;
  readonly text: string;
}

/** The context of a chunk, ready to be put before its text. */
export interface Context {
  /** `Title › Heading › Heading`; may be empty. */
  readonly text: string;
  /** Exact tokens of the context and of the blank line behind it. */
  readonly tokens: number;
}

/** The share of the token maximum that a context may take: a chunk is about its own text. */
const CONTEXT_SHARE_MAX = 1 / 4;
/** Longest part of a context (a title or a heading), in UTF-16 units. */
const PART_LENGTH_MAX = 200;
const JOINT = ' › ';

/**
 * Makes the contexts of one document: its title and the headings above a section, without links and emphasis, without
 * repetitions next to each other (a title and an H1 that say the same), at most a quarter of `tokensMax`. When that is too
 * much, the headings behind the title go first, then the end is cut off between two code points.
 */
export function createContexts(
  title: string,
  tokensMax: number,
  meter: WorkMeter,
): (path: readonly Heading[]) => Context {
  const known = new Map<string, Context>();
  const limit = Math.floor(tokensMax * CONTEXT_SHARE_MAX);
  return (path) => {
    const parts = withoutRepetitions([title, ...path.map(({ text }) => text)].map(cleanPart));
    const key = parts.join(JOINT);
    const context = known.get(key) ?? fitContext(parts, limit, meter);
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(key, context);
    return context;
  };
}

/** How many contexts are remembered: sections come in order, so a few would do. */
const KNOWN_MAX = 256;

/** Tokens of what stands before the text when the text starts with `leadingSpace` (white space with a line end in it). */
export function countOpening(context: Context, leadingSpace: string, meter: WorkMeter): number {
  if (leadingSpace === '' || context.text === '') return context.tokens;
  // The blank line behind the context and the white space are encoded as one: what that adds to the white space alone.
  const separator = '\n'.repeat(textStartAfter(context.text) - context.text.length);
  const joined = countBoundedText(`${context.text}${separator}${leadingSpace}`, meter);
  return joined - countBoundedText(leadingSpace, meter);
}

function fitContext(parts: readonly string[], limit: number, meter: WorkMeter): Context {
  let kept = parts;
  let context = measure(kept.join(JOINT), meter);
  while (context.tokens > limit && kept.length > 2) {
    kept = [...kept.slice(0, 1), ...kept.slice(2)];
    context = measure(kept.join(JOINT), meter);
  }
  while (context.tokens > limit) {
    const length = Math.min(
      context.text.length - 1,
      Math.floor((context.text.length * limit) / context.tokens),
    );
    context = measure(
      context.text
        .slice(0, length)
        .toWellFormed()
        .replace(/\uFFFD$/, '')
        .trimEnd(),
      meter,
    );
  }
  return context;
}

function measure(text: string, meter: WorkMeter): Context {
  if (text === '') return { text, tokens: 0 };
  const separator = '\n'.repeat(textStartAfter(text) - text.length);
  return { text, tokens: countBoundedText(`${text}${separator}`, meter) };
}

function withoutRepetitions(parts: readonly string[]): string[] {
  return parts.filter((part, index) => part !== '' && part !== parts[index - 1]);
}

/** Plain text of a title or heading: no link targets, code marks or emphasis, single spaces. */
function cleanPart(part: string): string {
  return part
    .slice(0, PART_LENGTH_MAX * 2)
    .replace(/!?\[([^\][]*)\]\([^()]*\)/g, '$1')
    .replace(/`|\*\*|__|\{#[^{}]*\}/g, '')
    .replace(/\s+/g, ' ')
    .slice(0, PART_LENGTH_MAX)
    .toWellFormed()
    .trim();
}
