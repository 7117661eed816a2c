import { prepareChunks } from '../../src/chunking/prepare-chunks.ts';
import { loadTokenizer } from '../../src/chunking/token-counter.ts';
import { type DocumentInput, type PreparedDocument, prepareDocument } from '../../src/domain/document.ts';
import { renderEmbeddedText } from '../../src/domain/embedded-text.ts';
import type { FeedRecord } from './feed.ts';
import type { Random } from './random.ts';

await loadTokenizer();

/** Hard maxima of tokens of a chunk in the simulation, the first at first: about one section. */
export const CUTS = [32, 40] as const;

/** A document as its owner has it, and what has to come of it. */
export interface Revision {
  readonly input: DocumentInput;
  /** Its embedded texts, in order, by the most tokens of a chunk. */
  readonly cuts: ReadonlyMap<number, readonly string[]>;
  readonly metadataJson: string;
}

/** What may be stored of a document: one thing where every call about it was answered, else several. */
export type Allowed = readonly (Revision | undefined)[];

/** Everything that a document ever was to be, in order; `undefined` where it was to be gone. */
export type History = (Revision | undefined)[];

/** What the owner of a dataset knows of it. */
export interface SourceDataset {
  readonly address: string;
  /** The records that its documents are read from; `undefined` where documents are pushed. */
  readonly feed: Map<string, FeedRecord> | undefined;
  readonly history: Map<string, History>;
  readonly allowed: Map<string, Allowed>;
  /** Keys of calls that are under way: nobody else touches them. */
  readonly busy: Set<string>;
  /** Calls under way. */
  calls: number;
  /** A deletion was asked for and not confirmed. */
  isGoing: boolean;
  pauses: number;
}

export function createSourceDataset(address: string, feed?: Map<string, FeedRecord>): SourceDataset {
  return {
    address,
    feed,
    history: new Map(),
    allowed: new Map(),
    busy: new Set(),
    calls: 0,
    isGoing: false,
    pauses: 0,
  };
}

/**
 * A word that the provider takes in no text. There is one text with it, or few: of many refused ones and none accepted, the
 * provider is blamed.
 */
export const POISON = 'bane';

const SHARED_SECTIONS = 8;
const SECTIONS_MAX = 4;
const POISONED = 0.04;

/** Some documents are as they were before, some share sections with others, some are empty. */
export function drawDocument(random: Random, key: string, round: number): DocumentInput {
  const sections = Array.from({ length: random.between(0, SECTIONS_MAX) }, (_, place) => {
    if (random.chance(POISONED)) return section(POISON);
    if (random.chance(0.4)) return section(`shared ${random.between(1, SHARED_SECTIONS)}`);
    return section(random.chance(0.5) ? `${key} ${place}` : `${key} ${place} in ${round}`);
  });
  return { key, content: sections.join(''), metadata: { round: random.between(0, 2) } };
}

function section(name: string): string {
  return `## ${name}\n\n${`word of ${name} `.repeat(4)}\n\n`;
}

const revisions = new Map<string, Revision>();
/** Bounds what is remembered between seeds. */
const REVISIONS_MAX = 20_000;

/** What has to come of a document. */
export function revisionOf(input: DocumentInput): Revision {
  const name = JSON.stringify(input);
  const known = revisions.get(name);
  if (known !== undefined) return known;
  const document = prepareDocument(input, { fields: {}, contentLengthMax: 1_000_000 });
  const cuts = new Map(CUTS.map((tokens) => [tokens, cut(document, tokens)]));
  const revision = { input, cuts, metadataJson: document.metadataJson };
  if (revisions.size >= REVISIONS_MAX) revisions.clear();
  revisions.set(name, revision);
  return revision;
}

function cut(document: PreparedDocument, tokensPerChunkMax: number): string[] {
  const steps = prepareChunks(document, { tokensPerChunkMax });
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value.map(({ context, start, end }) =>
    renderEmbeddedText(context, document.content.slice(start, end)),
  );
}

/**
 * Whether texts, in order, are those of a revision, from the first to the last. What its provider refused may be missing, nothing
 * else. A text may be shown without its context.
 */
export function isWhole(shown: readonly string[], { cuts }: Revision, refused: ReadonlySet<string>): boolean {
  return [...cuts.values()].some((texts) => {
    let at = 0;
    for (const text of texts) {
      if (at < shown.length && text.endsWith(shown[at] ?? '')) at += 1;
      else if (!refused.has(text)) return false;
    }
    return at === shown.length;
  });
}

/** Whether nothing of a revision need be in a table. */
export function isEmpty(revision: Revision | undefined, refused: ReadonlySet<string>): boolean {
  if (revision === undefined) return true;
  return [...revision.cuts.values()].some((texts) => texts.every((text) => refused.has(text)));
}
