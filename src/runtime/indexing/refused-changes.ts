import type { NotedChange } from '../../catalog/catalog.ts';
import type { DatasetAddress } from '../../domain/address.ts';
import type { SourceId } from '../../sources/source.ts';
import { type RuntimeCore, requireDataset, withSession } from '../core.ts';
import { type Page, type PageOptions, readPage } from '../page.ts';
import { applyDelta, hasTable } from './apply-delta.ts';
import type { ChangedIds } from './index-options.ts';
import type { IndexRun } from './index-run.ts';
import type { OpenedSource } from './open-sources.ts';

/* Changes that a hook was told and that were set aside, as they would have deleted too much at once. */

/** Changes that are set aside of a dataset; beyond, the oldest are forgotten: the next full run finds what they are about. */
export const REFUSED_CHANGES_MAX = 50_000;
/** Of them, those that are read again at once. */
const CHANGES_PER_PAGE = 2_000;

/** A change that was set aside. */
export interface RefusedChange {
  readonly changeId: number;
  readonly table: string;
  readonly id: SourceId;
  /** Unix milliseconds. */
  readonly refusedAtMs: number;
}

/** See {@link Dataset.refusedChanges}. */
export async function listRefusedChanges(
  core: RuntimeCore,
  address: DatasetAddress,
  page: PageOptions,
): Promise<Page<RefusedChange>> {
  const { datasetId } = await requireDataset(core, address);
  const catalog = await core.catalog();
  const { items, next } = await readPage(
    page,
    (afterChangeId = 0, limit) => catalog.listRefusedChanges(datasetId, { afterChangeId, limit }),
    ({ changeId }) => changeId,
  );
  return {
    items: items.map(({ changeId, table, idJson, refusedAtMs = 0 }) => ({
      changeId,
      table,
      id: JSON.parse(idJson) as SourceId,
      refusedAtMs,
    })),
    next,
  };
}

/** See {@link Dataset.dropRefusedChanges}. */
export function dropRefusedChanges(
  core: RuntimeCore,
  address: DatasetAddress,
): Promise<{ readonly droppedCount: number }> {
  return withSession(core, undefined, async ({ writer }) => {
    const { datasetId } = await requireDataset(core, address);
    return { droppedCount: await writer.forgetRefusedChanges(datasetId, Number.MAX_SAFE_INTEGER) };
  });
}

/** Reads what was set aside once more, by a run that may delete as much as there is, and forgets it. */
export async function readRefused(run: IndexRun, sources: readonly OpenedSource[]): Promise<void> {
  const { core, dataset, work } = run;
  const catalog = await core.catalog();
  for (let afterChangeId = 0; ; ) {
    const page = { afterChangeId, limit: CHANGES_PER_PAGE };
    const changes = await catalog.listRefusedChanges(dataset.datasetId, page);
    const last = changes.at(-1);
    if (last === undefined) return;
    afterChangeId = last.changeId;
    const changedIds = idsByTable(changes);
    // A table that no source has any more has nothing to read.
    for (const { source } of sources)
      for (const [table, ids] of Object.entries(changedIds))
        if (hasTable(source, table)) await applyDelta(run, source, table, ids);
    const changeIds = changes.map(({ changeId }) => changeId);
    await work.writer.forgetNotedChanges(dataset.datasetId, changeIds);
  }
}

export function idsByTable(changes: readonly NotedChange[]): ChangedIds {
  const ids: Record<string, SourceId[]> = {};
  for (const { table, idJson } of changes) {
    ids[table] ??= [];
    ids[table].push(JSON.parse(idJson) as SourceId);
  }
  return ids;
}
