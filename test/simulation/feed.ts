import { SynclineError } from '../../src/domain/errors.ts';
import { jsonlSource } from '../../src/index.ts';
import type { Source, SourceId, SourceRecord } from '../../src/sources/source.ts';
import type { Revision, SourceDataset } from './source.ts';
import type { SimProcess, World } from './world.ts';

/*
 * A source that documents are read from: records that change, come and go, also while they are read.
 */

/** A record as it is now. */
export interface FeedRecord {
  readonly revision: Revision;
  readonly changedAtMs: number;
}

export const FEED_TABLE = 'rows';
const FEED_NAME = 'feed';
const RECORDS_PER_PAGE = 2;

/** How the source of a dataset is declared: what is at the path is the simulation's. */
export function feedDefinition({ address }: Pick<SourceDataset, 'address'>) {
  return jsonlSource({ name: FEED_NAME, path: address });
}

/** The source as one process reads it. */
export function createFeedSource(
  world: World,
  process: SimProcess,
  records: ReadonlyMap<string, FeedRecord>,
): Source {
  const { random, plan } = world;
  const happens = (share: number | undefined): boolean => world.isFaulty() && random.chance(share ?? 0);

  const toRecord = (key: string, { revision }: FeedRecord): SourceRecord => {
    if (!happens(plan.source?.refused)) return { document: revision.input };
    const isKnown = random.chance(0.5);
    return {
      refused: { key: isKnown ? key : undefined, code: 'SOURCE_FAILED', message: 'It is no document now.' },
    };
  };

  /** A page at one moment, in the order of the keys. */
  const readPage = (wanted: readonly string[], signal: AbortSignal): Promise<SourceRecord[]> =>
    process.call({
      port: 'source',
      name: `source read ${wanted.length}`,
      signal,
      effect: () =>
        wanted.flatMap((key) => {
          const found = records.get(key);
          if (found === undefined) return [];
          const record = toRecord(key, found);
          return happens(plan.source?.twice) ? [record, record] : [record];
        }),
    });

  const nextKeys = (after: string, since: number, signal: AbortSignal): Promise<string[]> =>
    process.call({
      port: 'source',
      name: 'source list',
      signal,
      effect: () =>
        [...records]
          .filter(([key, { changedAtMs }]) => key > after && changedAtMs >= since)
          .map(([key]) => key)
          .toSorted()
          .slice(0, RECORDS_PER_PAGE),
    });

  return {
    name: FEED_NAME,
    kind: 'simulated',
    tables: [FEED_TABLE],
    knowsChanges: true,
    documentKey: (_, id) => String(id),
    async *extractAll({ signal, since = 0 }) {
      let left = happens(plan.source?.brokenOff) ? random.between(0, records.size) : Number.POSITIVE_INFINITY;
      for (let after = ''; ; ) {
        const keys = await nextKeys(after, since, signal);
        if (left < keys.length) throw new SynclineError('SOURCE_FAILED', 'The source breaks off.');
        left -= keys.length;
        if (keys.length === 0) return;
        yield* await readPage(keys, signal);
        after = keys.at(-1) ?? after;
      }
    },
    async *extractByIds(_, ids, { signal }) {
      const keys = ids.map((id: SourceId) => String(id));
      for (let start = 0; start < keys.length; start += RECORDS_PER_PAGE)
        yield* await readPage(keys.slice(start, start + RECORDS_PER_PAGE), signal);
    },
  };
}

/** How far the history of each record went at a moment. */
export type FeedMark = ReadonlyMap<string, number>;

export function markFeed({ history }: SourceDataset): FeedMark {
  return new Map([...history].map(([key, revisions]) => [key, revisions.length]));
}

/** From now on nothing older than at that moment may be stored of these records. */
export function noteRead({ history, allowed }: SourceDataset, mark: FeedMark): void {
  for (const [key, length] of mark) {
    const since = (history.get(key) ?? []).slice(length - 1);
    if (since.length < (allowed.get(key)?.length ?? 0)) allowed.set(key, since);
  }
}

/** Changes a record, or removes it. What was stored of it may stay, until it is read. */
export function changeRecord(dataset: SourceDataset, key: string, record: FeedRecord | undefined): void {
  if (record === undefined) dataset.feed?.delete(key);
  else dataset.feed?.set(key, record);
  noteRevision(dataset, key, record?.revision);
}

/** The dataset goes, and comes again with what the source has. */
export function noteDrop(dataset: SourceDataset): void {
  for (const key of dataset.history.keys()) {
    noteRevision(dataset, key, undefined);
    noteRevision(dataset, key, dataset.feed?.get(key)?.revision);
  }
}

function noteRevision(
  { history, allowed }: SourceDataset,
  key: string,
  revision: Revision | undefined,
): void {
  history.set(key, [...(history.get(key) ?? [undefined]), revision]);
  allowed.set(key, [...(allowed.get(key) ?? [undefined]), revision]);
}
