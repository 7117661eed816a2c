import type { Line } from './scan-lines.ts';
import { splitLine } from './split-line.ts';
import { Strength, type Unit } from './unit.ts';
import type { WorkMeter } from './work-meter.ts';

/**
 * The units of a section that is too long for one chunk: each block (paragraph, list, fence, table) that has at most
 * `tokensMax` tokens is one unit, a longer one is given as lines, a longer line as words. `undefined`: time to yield.
 */
export function* sectionUnits(
  content: string,
  lines: readonly Line[],
  tokensMax: number,
  meter: WorkMeter,
): Generator<Unit | undefined> {
  let from = 0;
  while (from < lines.length) {
    const to = endOfBlock(lines, from);
    const block = lines.slice(from, to);
    const tokens = block.reduce((sum, line) => sum + line.tokens, 0);
    const [first, last] = [block[0], block.at(-1)];
    if (first === undefined || last === undefined) return;
    if (tokens <= tokensMax) {
      yield toUnit(first.start, last.end, tokens, blockStrength(first));
    } else {
      yield* lineUnits(content, block, tokensMax, meter);
    }
    if (meter.spend(block.length)) yield;
    from = to;
  }
}

function endOfBlock(lines: readonly Line[], from: number): number {
  let to = from + 1;
  while (to < lines.length && lines[to]?.startsBlock === false) to += 1;
  return to;
}

function* lineUnits(
  content: string,
  block: readonly Line[],
  tokensMax: number,
  meter: WorkMeter,
): Generator<Unit | undefined> {
  for (const [index, line] of block.entries()) {
    const strength = index === 0 ? blockStrength(line) : lineStrength(content, line, block[index - 1]);
    if (line.tokens <= tokensMax) {
      yield toUnit(line.start, line.end, line.tokens, strength);
      continue;
    }
    // A third of the maximum, so that a word with its white space (at most two pre-tokens) always fits.
    let isFirst = true;
    for (const unit of splitLine(content, line.start, line.end, Math.floor(tokensMax / 3), meter)) {
      yield isFirst && unit !== undefined ? { ...unit, strength } : unit;
      if (unit !== undefined) isFirst = false;
    }
  }
}

function blockStrength(first: Line): number {
  return first.indented ? Strength.IndentedBlock : Strength.Block;
}

function lineStrength(content: string, line: Line, before: Line | undefined): number {
  const staysWithBefore = before === undefined || before.headingLevel > 0 || before.role === 'fenceStart';
  if (staysWithBefore || line.role === 'fenceEnd') return Strength.None;
  // A line that only closes what stands above it is no better place than the lines in it.
  if (line.indented || '})]'.includes(content.charAt(line.start))) return Strength.IndentedLine;
  return line.afterGap ? Strength.Paragraph : Strength.Line;
}

function toUnit(start: number, end: number, tokens: number, strength: number): Unit {
  return { start, end, tokens, lead: 0, strength, isForced: false };
}
