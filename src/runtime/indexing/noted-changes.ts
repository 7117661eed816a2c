import type { NotedChange } from '../../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../../domain/address.ts';
import { isSynclineError } from '../../domain/errors.ts';
import type { SourceId } from '../../sources/source.ts';
import { type RuntimeCore, requireDataset, withSession } from '../core.ts';
import { indexDataset } from './index-dataset.ts';
import type { ChangedIds } from './index-options.ts';
import { idsByTable, REFUSED_CHANGES_MAX } from './refused-changes.ts';

/** Noted changes of a dataset, beyond which they become one note for everything. */
export const NOTED_CHANGES_MAX = 50_000;
/** Noted changes of one run. */
const CHANGES_PER_RUN = 2_000;

/** A note that stands for all records. */
export const ALL_RECORDS: NotedChange = { table: '', idJson: '' };

export function noteOf(table: string, id: SourceId): NotedChange {
  return { table, idJson: JSON.stringify(id) };
}

/**
 * Reads the records that were noted as changed until none is left, and forgets each note when it was read. A note for
 * everything is a fallback run. Notes that no source can be asked for are forgotten: they would fail for ever. Those that would
 * delete too much at once are set aside, so that they hold up no others.
 *
 * @throws SynclineError as `index()`; what was noted is then kept.
 */
export async function indexNoted(
  core: RuntimeCore,
  address: DatasetAddress,
  signal: AbortSignal,
): Promise<void> {
  await withSession(core, signal, async ({ writer }) => {
    const catalog = await core.catalog();
    const { datasetId } = await requireDataset(core, address);
    const { turns } = await core.work().workFor(datasetId);
    await turns.take('noted changes', signal, async () => {
      for (;;) {
        const noted = await catalog.listNotedChanges(datasetId, CHANGES_PER_RUN);
        if (noted.length === 0) return;
        const refusedTables = await indexOnce(core, address, noted, signal);
        const isRefused = ({ table }: NotedChange): boolean => refusedTables.includes(table);
        const refused = noted.filter(isRefused).map(({ changeId }) => changeId);
        await writer.refuseNotedChanges(datasetId, refused, REFUSED_CHANGES_MAX);
        const read = noted.filter((change) => !isRefused(change)).map(({ changeId }) => changeId);
        await writer.forgetNotedChanges(datasetId, read);
      }
    });
  });
}

/** Reads noted changes; returns the tables of which too much would have been deleted. */
async function indexOnce(
  core: RuntimeCore,
  address: DatasetAddress,
  noted: readonly NotedChange[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const isAll = noted.some(
    ({ table, idJson }) => table === ALL_RECORDS.table && idJson === ALL_RECORDS.idJson,
  );
  if (!isAll) return indexTables(core, address, idsByTable(noted), signal);
  await indexDataset(core, address, { signal });
  return [];
}

/** A table that no source has any more, or of which too much would be deleted, keeps nothing else from being read. */
async function indexTables(
  core: RuntimeCore,
  address: DatasetAddress,
  changedIds: ChangedIds,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    await indexDataset(core, address, { changedIds, signal });
    return [];
  } catch (error) {
    if (!isSynclineError(error, 'INVALID_SOURCE', 'SOURCE_NOT_FOUND', 'MASS_DELETION_REFUSED')) throw error;
    const tables = Object.entries(changedIds);
    const [first] = tables;
    if (first === undefined || tables.length > 1) {
      const refused: string[] = [];
      for (const [table, ids] of tables)
        refused.push(...(await indexTables(core, address, { [table]: ids }, signal)));
      return refused;
    }
    const { code, message } = error;
    const told = { address: formatAddress(address), code, message };
    const [table, ids] = first;
    if (code !== 'MASS_DELETION_REFUSED') {
      core.hub.emit({ type: 'hook.failed', ...told, willRetry: false });
      return [];
    }
    core.hub.emit({ type: 'changes.refused', ...told, table, changes: ids.length });
    return [table];
  }
}
