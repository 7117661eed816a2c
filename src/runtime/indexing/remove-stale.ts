import type { DocumentKey } from '../../domain/document.ts';
import { SynclineError } from '../../domain/errors.ts';
import type { KeySet } from '../../domain/key-set.ts';
import { prepareBatch } from '../../pipeline/apply-documents.ts';
import { applyBatch } from '../apply-batches.ts';
import { DOCUMENTS_PER_BATCH } from '../dataset-documents.ts';
import { type IndexRun, saveCounts } from './index-run.ts';

/** Keys asked of the catalog at once. */
const KEYS_PER_PAGE = 1_000;
/** So few documents may always be removed, however many there are. */
export const REMOVED_ALWAYS_MAX = 20;

/** What a run is about to remove of a source. */
export interface Removal {
  readonly source: string;
  readonly removeCount: number;
  /** Documents of the source when the run began. */
  readonly storedCount: number;
  /** The source gave nothing at all, although it was read from end to end. */
  readonly gaveNothing: boolean;
}

/**
 * Stops a run before it removes most of a source: more often it is out of order, or another one, than empty.
 *
 * @throws SynclineError `MASS_DELETION_REFUSED`.
 */
export function guardRemoval(
  run: IndexRun,
  { source, removeCount, storedCount, gaveNothing }: Removal,
): void {
  if (removeCount === 0 || run.options.allowMassDeletion) return;
  const share = run.core.options.removalShareMax;
  const isMass = removeCount > REMOVED_ALWAYS_MAX && removeCount > storedCount * share;
  if (!isMass && !gaveNothing) return;
  const why = gaveNothing
    ? 'it gave nothing at all'
    : `that is more than ${Math.round(share * 100)} % of them (option removalShareMax)`;
  throw new SynclineError(
    'MASS_DELETION_REFUSED',
    `${removeCount} of ${storedCount} documents of the source "${source}" in "${run.address}" would be removed, and ${why}. None was. Look whether the source is in order; if it is, run again with allowMassDeletion (on the command line, --allow-mass-deletion).`,
    { details: { source, removeCount, storedCount } },
  );
}

/** Removes the documents of a source that it did not give, except those of which others told since it was begun to be read. */
export async function removeStale(
  run: IndexRun,
  {
    source,
    seen,
    asOf,
    storedCount,
  }: {
    readonly source: string;
    readonly seen: KeySet;
    readonly asOf: number;
    readonly storedCount: number;
  },
): Promise<void> {
  const { told } = run.work;
  const stale = (): AsyncGenerator<DocumentKey[]> =>
    staleKeys(run, source, (key) => !seen.has(key.key) && !told.isNewer(key, asOf));
  let removeCount = 0;
  for await (const keys of stale()) removeCount += keys.length;
  guardRemoval(run, { source, removeCount, storedCount, gaveNothing: seen.size === 0 });
  if (removeCount > 0)
    for await (const keys of stale()) await removeDocuments(run, keys, { asOf, isScan: true });
}

async function* staleKeys(
  run: IndexRun,
  source: string,
  isStale: (key: DocumentKey) => boolean,
): AsyncGenerator<DocumentKey[]> {
  const catalog = await run.core.catalog();
  for (let afterKey = ''; ; ) {
    run.task.signal.throwIfAborted();
    const page = { source, afterKey, limit: KEYS_PER_PAGE };
    const keys = await catalog.listDocumentKeys(run.dataset.datasetId, page);
    const last = keys.at(-1);
    if (last === undefined) return;
    afterKey = last;
    const stale = keys.map((key) => ({ source, key })).filter(isStale);
    if (stale.length > 0) yield stale;
  }
}

/** Removes documents, those excepted of which others told since. */
export async function removeDocuments(
  run: IndexRun,
  keys: readonly DocumentKey[],
  { asOf, isScan }: { readonly asOf: number; readonly isScan: boolean },
): Promise<void> {
  const { work, task } = run;
  for (let start = 0; start < keys.length; start += DOCUMENTS_PER_BATCH) {
    const deletions = keys.slice(start, start + DOCUMENTS_PER_BATCH);
    const batch = await prepareBatch(work, { documents: [], deletions, asOf, isScan }, task.signal);
    run.counts.removedCount += (await applyBatch(run, batch)).removed;
    await saveCounts(run);
  }
}
