import type { DocumentKey } from '../../domain/document.ts';
import { isSynclineError, SynclineError } from '../../domain/errors.ts';
import { readByIds } from '../../sources/read-source.ts';
import type { Source, SourceId } from '../../sources/source.ts';
import { DOCUMENTS_PER_BATCH } from '../dataset-documents.ts';
import type { ChangedIds } from './index-options.ts';
import { type IndexRun, takeIn } from './index-run.ts';
import type { OpenedSource } from './open-sources.ts';
import { guardRemoval, removeDocuments } from './remove-stale.ts';

/** Ids that a source is asked for at once. */
const IDS_PER_PAGE = 500;

/** Documents that a source does not have any more. */
interface Missing {
  readonly keys: readonly DocumentKey[];
  /** When that was found out. */
  readonly asOf: number;
}

/**
 * The sources that a delta is for, each with its tables.
 *
 * @throws SynclineError `INVALID_SOURCE` for a table that none of them has.
 */
export function tablesOf<Opened extends Pick<OpenedSource, 'source'>>(
  sources: readonly Opened[],
  changedIds: ChangedIds,
): readonly (readonly [Opened, string])[] {
  return Object.keys(changedIds).flatMap((table) => {
    const having = sources.filter(({ source }) => hasTable(source, table));
    if (having.length > 0) return having.map((opened) => [opened, table] as const);
    const known = sources.map(({ source }) => `${source.name} (${source.tables?.join(', ')})`).join('; ');
    throw new SynclineError('INVALID_SOURCE', `No source has the table "${table}". There are: ${known}.`, {
      details: { table },
    });
  });
}

export function hasTable({ tables }: Pick<Source, 'tables'>, table: string): boolean {
  return tables === undefined || tables.includes(table);
}

/**
 * Looks at single records of a source: takes in what differs, and removes those that are not there any more; these last, so
 * that nothing is removed when the source fails, or too much of it would be.
 *
 * @returns The keys of those that were neither in the source nor in the dataset.
 */
export async function applyDelta(
  run: IndexRun,
  source: Source,
  table: string,
  ids: readonly SourceId[],
): Promise<ReadonlySet<string>> {
  const { core, work, dataset } = run;
  const endWatch = work.told.watch();
  try {
    const missing: Missing[] = [];
    for (let start = 0; start < ids.length; start += IDS_PER_PAGE)
      missing.push(await readPage(run, source, table, ids.slice(start, start + IDS_PER_PAGE)));
    const unknown = new Set(missing.flatMap(({ keys }) => keys.map(({ key }) => key)));
    const removals = await stillStored(run, missing);
    for (const { keys } of removals) for (const { key } of keys) unknown.delete(key);
    // With those that were taken in: a folder with most of the files may have got another name.
    const storedCount = await (await core.catalog()).countDocuments(dataset.datasetId, source.name);
    const removeCount = removals.reduce((sum, { keys }) => sum + keys.length, 0);
    guardRemoval(run, { source: source.name, removeCount, storedCount, gaveNothing: false });
    for (const { keys, asOf } of removals) await removeDocuments(run, keys, { asOf, isScan: false });
    return unknown;
  } finally {
    endWatch();
  }
}

/** Takes in the records of some ids; returns the documents of those that are not there. */
async function readPage(
  run: IndexRun,
  source: Source,
  table: string,
  ids: readonly SourceId[],
): Promise<Missing> {
  const { core, work, task } = run;
  // What is read of a source later is applied later: two deltas with the same id must not end with what the first has read.
  return work.turns.take(`some of ${source.name}`, task.signal, async () => {
    const asOf = work.told.now();
    const options = { signal: task.signal, clock: core.clock, idleMsMax: core.options.sourceIdleMsMax };
    const records = readByIds(source, table, ids, options);
    const { seen, hasUnknownKeys } = await takeIn(run, source, records, { asOf }, task.signal);
    // Any of those that were not given may be the record that nobody could make out.
    const absent = hasUnknownKeys ? [] : keysOf(source, table, ids).filter((key) => !seen.has(key));
    const keys = absent
      .map((key) => ({ source: source.name, key }))
      .filter((key) => !work.told.isNewer(key, asOf));
    // Also of those that are not stored: a full run may have read them before they went.
    work.told.note(keys);
    return { asOf: work.told.now(), keys };
  });
}

/** Without those that cannot be ids: they were refused. */
function keysOf(source: Source, table: string, ids: readonly SourceId[]): string[] {
  const keys = new Set<string>();
  for (const id of ids) {
    try {
      keys.add(source.documentKey(table, id).toWellFormed());
    } catch (error) {
      if (!isSynclineError(error, 'INVALID_SOURCE_ID')) throw error;
    }
  }
  return [...keys];
}

/** Those that are in the catalog: nothing else is to be removed. */
async function stillStored(run: IndexRun, missing: readonly Missing[]): Promise<Missing[]> {
  const catalog = await run.core.catalog();
  const stored: Missing[] = [];
  for (const { keys, asOf } of missing) {
    for (let start = 0; start < keys.length; start += DOCUMENTS_PER_BATCH) {
      const page = keys.slice(start, start + DOCUMENTS_PER_BATCH);
      const found = await catalog.findDocuments(run.dataset.datasetId, page);
      if (found.length > 0) stored.push({ keys: found.map(({ key, source }) => ({ source, key })), asOf });
    }
  }
  return stored;
}
