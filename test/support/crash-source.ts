/* What the program that is killed takes in: a source that changes step by step, the same for the same seed. */
import type { DocumentInput } from '../../src/index.ts';

/** The datasets that are worked on at the same time. They share some of their texts. */
export const CRASH_DATASETS = ['crash/one', 'crash/two'] as const;

/** One change of a source. */
export type CrashStep =
  | { readonly kind: 'ingest'; readonly mode: 'sync' | 'async'; readonly documents: readonly DocumentInput[] }
  | { readonly kind: 'remove'; readonly keys: readonly string[] }
  | { readonly kind: 'drop' };

/** Documents by key. */
export type CrashSource = ReadonlyMap<string, DocumentInput>;

const KEYS = 40;
/** Sections that any document may have, word for word. */
const SHARED_SECTIONS = 12;

/** The source of a dataset before its step number `step`, and what that step does. */
export function replaySource(
  seed: number,
  dataset: string,
  step: number,
): { readonly source: CrashSource; readonly next: CrashStep } {
  const source = new Map<string, DocumentInput>();
  for (let number = 0; number < step; number += 1) applyStep(source, stepAt(seed, dataset, number));
  return { source, next: stepAt(seed, dataset, step) };
}

/** The source after a step. */
export function sourceAfter(source: CrashSource, step: CrashStep): CrashSource {
  const after = new Map(source);
  applyStep(after, step);
  return after;
}

function applyStep(source: Map<string, DocumentInput>, step: CrashStep): void {
  if (step.kind === 'drop') source.clear();
  else if (step.kind === 'remove') for (const key of step.keys) source.delete(key);
  else for (const document of step.documents) source.set(document.key, document);
}

function stepAt(seed: number, dataset: string, number: number): CrashStep {
  const random = createRandom(`${seed} ${dataset} ${number}`);
  const kind = random();
  if (kind < 0.04 && number > 4) return { kind: 'drop' };
  if (kind < 0.2) return { kind: 'remove', keys: someKeys(random, 6) };
  const keys = someKeys(random, kind > 0.9 ? KEYS : 12);
  const documents = keys.map((key) => makeDocument(random, key, number));
  return { kind: 'ingest', mode: random() < 0.6 ? 'sync' : 'async', documents };
}

function someKeys(random: () => number, most: number): string[] {
  const count = 1 + Math.floor(random() * most);
  return [...new Set(Array.from({ length: count }, () => `key-${Math.floor(random() * KEYS)}`))];
}

/** Some documents are as they may have been before, some share sections with others, some are empty. */
function makeDocument(random: () => number, key: string, number: number): DocumentInput {
  const sections = Array.from({ length: Math.floor(random() * 6) }, (_, place) => {
    if (random() < 0.4) return section(`shared ${Math.floor(random() * SHARED_SECTIONS)}`);
    return section(`${key} ${random() < 0.5 ? 'for ever' : number} ${place}`);
  });
  return { key, content: sections.join(''), metadata: { round: Math.floor(random() * 3) } };
}

function section(name: string): string {
  return `## Of ${name}\n\n${`Words of ${name} that say something. `.repeat(6)}\n\n`;
}

/** Mulberry32 over an FNV-1a hash of the name. */
export function createRandom(name: string): () => number {
  let state = 0x811c9dc5 | 0;
  for (let at = 0; at < name.length; at += 1) state = Math.imul(state ^ name.charCodeAt(at), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
