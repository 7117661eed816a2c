import { readAll } from '../../sources/read-source.ts';
import { type IndexRun, takeIn } from './index-run.ts';
import type { OpenedSource } from './open-sources.ts';
import { removeStale } from './remove-stale.ts';

/**
 * How far before the last run the next one begins, in milliseconds: clocks differ, and a transaction that was begun before a
 * run and committed after it has a time that the run has passed.
 */
export const SINCE_OVERLAP_MS = 10 * 60_000;

/**
 * Reads a source from end to end and takes in what differs from the catalog; with `isFull`, removes what it does not give any
 * more. Without, a source that knows when its records changed is asked for those alone that changed since the last run.
 * Nothing is removed, and nothing noted as read, unless the source ended without an error. Resolves with whether what the source
 * does not give any more is gone.
 */
export function scanSource(
  run: IndexRun,
  opened: OpenedSource,
  options: { readonly isFull: boolean },
): Promise<boolean> {
  // Two at a time would take each other's documents for older or newer ones than they are.
  return run.work.turns.take(`all of ${opened.source.name}`, run.task.signal, () =>
    scan(run, opened, options),
  );
}

async function scan(
  run: IndexRun,
  { source, stored }: OpenedSource,
  { isFull }: { readonly isFull: boolean },
): Promise<boolean> {
  const { core, work, dataset, task } = run;
  const { datasetId } = dataset;
  const storedCount = await (await core.catalog()).countDocuments(datasetId, source.name);
  const readUntilMs = core.clock.nowMs();
  const since = isFull || !source.knowsChanges ? undefined : stored?.readUntilMs;
  const endWatch = work.told.watch();
  const asOf = work.told.now();
  try {
    const records = readAll(source, {
      signal: task.signal,
      clock: core.clock,
      idleMsMax: core.options.sourceIdleMsMax,
      ...(since !== undefined && { since: Math.max(0, since - SINCE_OVERLAP_MS) }),
    });
    const read = await takeIn(run, source, records, { asOf, isScan: true }, task.signal);
    if (isFull && read.hasUnknownKeys) {
      // One of the documents that were not given may be the record that nobody could make out.
      core.hub.emit({ type: 'source.notCleaned', address: run.address, source: source.name });
    } else if (isFull) {
      await removeStale(run, { source: source.name, seen: read.seen, asOf, storedCount });
    }
    // What was refused is to be tried again, also when it does not change.
    if (stored !== undefined && !read.hasRefused)
      await work.writer.noteSourceRead(datasetId, { ...stored, readUntilMs });
    return isFull && !read.hasUnknownKeys;
  } finally {
    endWatch();
  }
}
