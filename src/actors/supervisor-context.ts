import type { DatasetEvent } from './dataset-messages.ts';
import type { DatasetEntry, DatasetListing, DatasetOrder } from './dataset-room.ts';
import type { BackoffSettings, Failure } from './failure.ts';

/* What the supervisor remembers, and how that changes: pure functions. */

export interface SupervisorSettings {
  /** Datasets at work at the same time. */
  readonly datasetsAtWorkMax: number;
  /** Dataset actors alive at the same time; idle ones are let go of to make room. Stopping children costs the square of their number. */
  readonly datasetActorsMax: number;
  readonly datasetOrder: DatasetOrder;
  /** How often the catalog is asked for datasets that others created, changed or deleted. */
  readonly pollIntervalMs: number;
  /** How long stopping waits for work under way before it is aborted. */
  readonly drainTimeoutMs: number;
  readonly backoff: BackoffSettings;
}

/** What the supervisor is started with. */
export interface SupervisorInput {
  readonly settings: SupervisorSettings;
}

/** What the machine remembers; JSON-safe. */
export interface SupervisorContext extends SupervisorInput {
  /** The datasets that have an actor, ascending by id: a list of a thousand is copied in a microsecond, a record takes sixty. */
  readonly datasets: readonly DatasetEntry[];
  /** Datasets that wait for an actor, first come first. */
  readonly waiting: readonly DatasetListing[];
  /** Ids of datasets that were let go of with nothing to do; they come back when they are told something. */
  readonly resting: Readonly<Record<number, true>>;
  /** For which reasons datasets were paused, by id: an actor that comes back is paused for the same ones. */
  readonly datasetPauses: Readonly<Record<number, readonly string[]>>;
  readonly pauseReasons: readonly string[];
  readonly failure: Failure | undefined;
  readonly failureCount: number;
  /** The catalog was asked for its datasets since work began or went on. */
  readonly hasLooked: boolean;
  readonly lookAgain: boolean;
  readonly lookCount: number;
  readonly reportCount: number;
}

/** The reason for which the supervisor pauses all datasets. */
export const OWN_PAUSE_REASON = 'supervisor';

type Entries = SupervisorContext['datasets'];

/** Where a dataset stands among the entries, or would. */
function placeOf(entries: Entries, datasetId: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.datasetId ?? 0) < datasetId) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What is known of a dataset that has an actor. */
export function entryOf({ datasets }: SupervisorContext, datasetId: number): DatasetEntry | undefined {
  const found = datasets[placeOf(datasets, datasetId)];
  return found?.datasetId === datasetId ? found : undefined;
}

/** The entries with one that is new, or in place of the one before. */
export function withEntry(entries: Entries, entry: DatasetEntry): Entries {
  const place = placeOf(entries, entry.datasetId);
  return entries[place]?.datasetId === entry.datasetId
    ? entries.with(place, entry)
    : entries.toSpliced(place, 0, entry);
}

export function withoutEntry(entries: Entries, datasetId: number): Entries {
  return entries.filter((entry) => entry.datasetId !== datasetId);
}

export function without<Value>(record: Readonly<Record<number, Value>>, key: number): Record<number, Value> {
  const { [key]: _, ...others } = record;
  return others;
}

/** After these an idle actor is at work or paused, and says so. */
const STIRRING_EVENTS: readonly DatasetEvent['type'][] = [
  'dataset.changed',
  'dataset.check',
  'dataset.maintain',
  'dataset.pause',
  'dataset.delete',
];

export function afterTelling(entry: DatasetEntry, event: DatasetEvent): DatasetEntry {
  return {
    ...entry,
    told: entry.told || (entry.phase === 'idle' && STIRRING_EVENTS.includes(event.type)),
    deleting: entry.deleting || event.type === 'dataset.delete',
  };
}

/** The reasons for which a dataset is paused, once it was told `event`. */
export function pausesAfter(context: SupervisorContext, datasetId: number, event: DatasetEvent) {
  const before = context.datasetPauses[datasetId] ?? [];
  if (event.type !== 'dataset.pause' && event.type !== 'dataset.resume') return context.datasetPauses;
  const others = before.filter((reason) => reason !== event.reason);
  const reasons = event.type === 'dataset.pause' ? [...others, event.reason] : others;
  if (reasons.length === 0) return without(context.datasetPauses, datasetId);
  return { ...context.datasetPauses, [datasetId]: reasons };
}

export function addWaiting(
  waiting: readonly DatasetListing[],
  listing: DatasetListing,
): readonly DatasetListing[] {
  const known = waiting.find((other) => other.datasetId === listing.datasetId);
  if (known === undefined) return [...waiting, listing];
  if (known.deleting || !listing.deleting) return waiting;
  return waiting.map((other) => (other === known ? listing : other));
}

/** Datasets in the catalog that have to be spawned, and those that are there no more. */
export function compareListings(context: SupervisorContext, listings: readonly DatasetListing[]) {
  const listed = new Map(listings.map((listing) => [listing.datasetId, listing]));
  const waiting = new Map(context.waiting.map((listing) => [listing.datasetId, listing]));
  for (const listing of listings) {
    const { datasetId, deleting } = listing;
    if (entryOf(context, datasetId) !== undefined) continue;
    // One that rests has nothing to do, but for its deletion.
    if (deleting || (context.resting[datasetId] === undefined && !waiting.has(datasetId)))
      waiting.set(datasetId, listing);
  }
  return {
    waiting: [...waiting.values()],
    /** Those spawned before the look began; a newer one may have been created after its page was read. */
    gone: context.datasets.filter(
      (entry) => entry.spawnedInLook < context.lookCount && !listed.has(entry.datasetId),
    ),
    toDelete: context.datasets.filter((entry) => !entry.deleting && listed.get(entry.datasetId)?.deleting),
    resting: keepKnown(context.resting, (datasetId) => listed.has(datasetId) && !waiting.has(datasetId)),
    datasetPauses: keepKnown(
      context.datasetPauses,
      (datasetId) =>
        listed.has(datasetId) || waiting.has(datasetId) || entryOf(context, datasetId) !== undefined,
    ),
  };
}

function keepKnown<Value>(record: Readonly<Record<number, Value>>, isKnown: (key: number) => boolean) {
  return Object.fromEntries(Object.entries(record).filter(([key]) => isKnown(Number(key))));
}

/** What a new actor is told at once. */
export function firstEvents(context: SupervisorContext, listing: DatasetListing): DatasetEvent[] {
  const reasons = context.datasetPauses[listing.datasetId] ?? [];
  const own = context.pauseReasons.length > 0 ? [OWN_PAUSE_REASON] : [];
  const pauses = [...reasons, ...own].map((reason): DatasetEvent => ({ type: 'dataset.pause', reason }));
  return listing.deleting ? [...pauses, { type: 'dataset.delete' }] : pauses;
}

export function newEntry(listing: DatasetListing, lookCount: number): DatasetEntry {
  return {
    ...listing,
    phase: 'checking',
    backlog: undefined,
    failure: undefined,
    granted: false,
    told: false,
    spawnedInLook: lookCount,
    reportSeq: 0,
  };
}
