import type { Heading } from './context.ts';
import type { Line } from './scan-lines.ts';
import { hashStart } from './text-hash.ts';
import type { WorkMeter } from './work-meter.ts';

/** A heading with the text up to the next heading, or the text before the first heading. */
export interface Section {
  readonly firstLine: number;
  /** Exclusive. */
  readonly endLine: number;
  /** Level of its heading; 0 for the text before the first one. */
  readonly level: number;
  /** A number that only depends on the heading: where a run of sections is divided. */
  readonly hash: number;
  /** The headings above its text, its own included. */
  readonly path: readonly Heading[];
  readonly tokens: number;
}

/** Consecutive sections: `sections[from]` to `sections[to - 1]`. */
export interface SectionRange {
  readonly from: number;
  readonly to: number;
  /** The headings above all of them. */
  readonly path: readonly Heading[];
  readonly tokens: number;
}

/** Groups lines into sections. A heading without text of its own stays with the deeper heading that follows it. */
export function findSections(lines: readonly Line[]): Section[] {
  const sections: Section[] = [];
  let open: OpenSection = { firstLine: 0, level: 0, text: '', hasBody: false, tokens: 0, path: [] };
  for (const [index, line] of lines.entries()) {
    if (line.headingLevel > 0) {
      const path = descend(open.path, { level: line.headingLevel, text: line.headingText });
      const innermost = open.path.at(-1)?.level ?? 0;
      if (!open.hasBody && line.headingLevel > innermost) {
        const isFirst = open.firstLine === index;
        open = { ...open, path, ...(isFirst ? { level: line.headingLevel, text: line.headingText } : {}) };
      } else {
        sections.push(close(open, index));
        open = {
          firstLine: index,
          level: line.headingLevel,
          text: line.headingText,
          hasBody: false,
          tokens: 0,
          path,
        };
      }
    } else if (line.role !== 'frontMatter') {
      open.hasBody = true;
    }
    open.tokens += line.tokens;
  }
  sections.push(close(open, lines.length));
  return sections;
}

interface OpenSection {
  readonly firstLine: number;
  readonly level: number;
  readonly text: string;
  readonly path: readonly Heading[];
  hasBody: boolean;
  tokens: number;
}

function close(open: OpenSection, endLine: number): Section {
  const { firstLine, level, path, tokens, text } = open;
  return { firstLine, endLine, level, path, tokens, hash: hashStart(text, 0) };
}

function descend(path: readonly Heading[], heading: Heading): Heading[] {
  return [...path.filter(({ level }) => level < heading.level), heading];
}

/**
 * Divides sections into ranges that fit, in order: a range that `fits` is left whole, any other is divided before the
 * shallowest heading in it, among equals before the one with the smallest hash. The places depend on headings and on what
 * fits alone, not on how full earlier ranges are, so that an edit in one section changes no range but its own.
 */
export function* divideSections(
  sections: readonly Section[],
  fits: (range: SectionRange) => boolean,
  meter: WorkMeter,
): Generator<SectionRange | undefined> {
  const open: { readonly from: number; readonly to: number }[] = [{ from: 0, to: sections.length }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { from, to } = next;
    const range = describeRange(sections, from, to);
    if (meter.spend(to - from)) yield;
    if (to - from <= 1 || fits(range)) {
      yield range;
    } else {
      const middle = findDivision(sections, from, to);
      open.push({ from: middle, to }, { from, to: middle });
    }
  }
}

function describeRange(sections: readonly Section[], from: number, to: number): SectionRange {
  let tokens = 0;
  let level = Number.POSITIVE_INFINITY;
  for (let index = from; index < to; index += 1) {
    tokens += sections[index]?.tokens ?? 0;
    if (index > from) level = Math.min(level, sections[index]?.level ?? 0);
  }
  const path = (sections[from]?.path ?? []).filter((heading) => heading.level < level);
  return { from, to, path, tokens };
}

function findDivision(sections: readonly Section[], from: number, to: number): number {
  const center = (from + to) / 2;
  let best = from + 1;
  for (let index = from + 2; index < to; index += 1) {
    if (
      isBetterDivision(sections[index], sections[best], Math.abs(index - center) < Math.abs(best - center))
    ) {
      best = index;
    }
  }
  return best;
}

function isBetterDivision(
  a: Section | undefined,
  b: Section | undefined,
  isNearerToCenter: boolean,
): boolean {
  if (a === undefined || b === undefined) return false;
  if (a.level !== b.level) return a.level < b.level;
  if (a.hash !== b.hash) return a.hash < b.hash;
  return isNearerToCenter;
}
