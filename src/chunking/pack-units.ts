import type { ChunkPiece } from '../domain/chunk.ts';
import { type Context, countOpening } from './context.ts';
import { hashStart } from './text-hash.ts';
import { countShortText } from './token-counter.ts';
import type { Unit } from './unit.ts';
import type { WorkMeter } from './work-meter.ts';

/** A chunk ends at the best place between this share of the maximum and the maximum. */
const FILL_MIN = 1 / 2;
/** The last chunk of a section gets at least about this share of the maximum. */
const TAIL_MIN = 1 / 4;

/** What {@link packUnits} needs beside the units. */
export interface Packing {
  readonly content: string;
  readonly context: Context;
  /** Hard maximum of a chunk, context included. */
  readonly tokensMax: number;
  readonly meter: WorkMeter;
}

/**
 * Packs the units of one section into chunks. Each chunk ends at the strongest place in the upper half of the maximum,
 * among equals before the unit with the smallest hash: two versions of a text that once end a chunk at the same place
 * go on alike, so that an edit in a long text changes only a few chunks behind it. `undefined`: time to yield.
 */
export function* packUnits(
  units: Generator<Unit | undefined>,
  packing: Packing,
): Generator<ChunkPiece | undefined> {
  const { tokensMax, meter } = packing;
  let waiting: Unit[] = [];
  let tokens = packing.context.tokens;
  for (const unit of units) {
    if (unit === undefined) {
      yield;
      continue;
    }
    if (unit.isForced) {
      yield* packAll(waiting, packing);
      waiting = [];
      tokens = packing.context.tokens;
    }
    waiting.push(unit);
    tokens += unit.tokens;
    if (tokens > tokensMax * (1 + TAIL_MIN)) {
      const cut = cutOnce(waiting, packing, tokensMax);
      yield cut.piece;
      if (meter.spend(waiting.length)) yield;
      waiting = cut.rest;
      tokens = cut.rest.reduce((sum, rest) => sum + rest.tokens, packing.context.tokens);
    }
  }
  yield* packAll(waiting, packing);
}

/** The chunk of consecutive lines that have `tokens` tokens; `undefined` when it is over the maximum. */
export function wholePiece(
  lines: readonly { readonly start: number; readonly end: number }[],
  tokens: number,
  packing: Packing,
): ChunkPiece | undefined {
  const [first, last] = [lines[0], lines.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const { content, context, tokensMax, meter } = packing;
  const tokenCount = tokens + countOpening(context, leadingLines(content, first), meter);
  if (tokenCount > tokensMax) return undefined;
  return { start: first.start, end: last.end, context: context.text, tokenCount };
}

/** Packs units that nothing follows. */
function* packAll(units: readonly Unit[], packing: Packing): Generator<ChunkPiece> {
  let rest = units;
  while (rest.length > 0) {
    const total = prefixTokens(rest, packing).at(-1) ?? 0;
    const tail = Math.min(packing.tokensMax, total - packing.tokensMax * TAIL_MIN);
    const cut = total <= packing.tokensMax ? takeAll(rest, packing, total) : cutOnce(rest, packing, tail);
    yield cut.piece;
    rest = cut.rest;
  }
}

interface Cut {
  readonly piece: ChunkPiece;
  readonly rest: Unit[];
}

function takeAll(units: readonly Unit[], packing: Packing, tokenCount: number): Cut {
  const end = units.at(-1)?.end ?? 0;
  return { piece: toPiece(units, end, tokenCount, packing), rest: [] };
}

/** Takes one chunk from the front; the last place that fits is used when none up to `tokensWanted` is good. */
function cutOnce(units: readonly Unit[], packing: Packing, tokensWanted: number): Cut {
  const { content, tokensMax } = packing;
  const prefix = prefixTokens(units, packing);
  let best: { readonly index: number; readonly strength: number; readonly hash: number } | undefined;
  let lastFitting = 1;
  for (let index = 1; index < units.length; index += 1) {
    const unit = units[index];
    const tokens = prefix[index - 1] ?? 0;
    if (unit === undefined || tokens > tokensMax) break;
    if (tokens + leadTokens(unit, packing) > tokensMax) continue;
    lastFitting = index;
    if (tokens < tokensMax * FILL_MIN || tokens > tokensWanted) continue;
    if (best !== undefined && unit.strength < best.strength) continue;
    const hash = hashStart(content, unit.start + unit.lead, unit.end);
    if (best === undefined || unit.strength > best.strength || hash <= best.hash) {
      best = { index, strength: unit.strength, hash };
    }
  }
  const index = best?.index ?? lastFitting;
  return cutBefore(units, index, prefix[index - 1] ?? 0, packing);
}

/** Ends a chunk before `units[index]`; the white space at the start of that unit stays with the chunk where it fits. */
function cutBefore(units: readonly Unit[], index: number, tokens: number, packing: Packing): Cut {
  const { content, tokensMax, meter } = packing;
  const taken = units.slice(0, index);
  const next = units[index];
  if (next === undefined) return takeAll(taken, packing, tokens);
  const leadEnd = next.start + next.lead;
  const tokensWithLead = tokens + leadTokens(next, packing);
  if (next.lead === 0 || tokensWithLead > tokensMax || joinsWithoutLead(content, leadEnd, next.end)) {
    return { piece: toPiece(taken, next.start, tokens, packing), rest: units.slice(index) };
  }
  const rest = units.slice(index + 1);
  if (leadEnd < next.end) {
    const body = countShortText(content.slice(leadEnd, next.end), meter);
    rest.unshift({ ...next, start: leadEnd, tokens: body, lead: 0 });
  }
  return { piece: toPiece(taken, leadEnd, tokensWithLead, packing), rest };
}

/**
 * Whether a unit without its white space would be encoded as one with the unit behind it, and count differently: a sign before
 * letters, as in " (" and "longword", which were two pre-tokens.
 */
function joinsWithoutLead(content: string, leadEnd: number, end: number): boolean {
  const isOneSign = end - leadEnd <= 2 && /^[^\p{L}\p{N}\s]$/u.test(content.slice(leadEnd, end));
  return isOneSign && /^\p{L}/u.test(content.slice(end, end + 2));
}

/** Tokens of the white space at the start of a unit, when it ends a chunk. */
function leadTokens({ start, lead }: Unit, { content, meter }: Packing): number {
  return lead === 0 ? 0 : countShortText(content.slice(start, start + lead), meter);
}

function toPiece(units: readonly Unit[], end: number, tokenCount: number, { context }: Packing): ChunkPiece {
  return { start: units[0]?.start ?? 0, end, context: context.text, tokenCount };
}

/** Tokens of a chunk of the first 1, 2, 3 … units, context included. */
function prefixTokens(units: readonly Unit[], packing: Packing): number[] {
  const first = units[0];
  if (first === undefined) return [];
  const { content, context, meter } = packing;
  let sum = countOpening(context, leadingLines(content, first), meter);
  return units.map((unit) => {
    sum += unit.tokens;
    return sum;
  });
}

/** White space up to the last line end before the first other character: it merges with the blank line behind the context. */
function leadingLines(
  content: string,
  { start, end }: { readonly start: number; readonly end: number },
): string {
  const first = content.charCodeAt(start);
  if (first > 32 && first < 128) return '';
  const space = /^\s+/.exec(content.slice(start, end))?.[0] ?? '';
  if (start + space.length === end) return /[\r\n]/.test(space) ? space : '';
  return /^\s*[\r\n]/.exec(space)?.[0] ?? '';
}
