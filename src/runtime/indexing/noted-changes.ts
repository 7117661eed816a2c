import type { Catalog, NotedChange } from '../../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../../domain/address.ts';
import { isSynclineError } from '../../domain/errors.ts';
import type { SourceId } from '../../sources/source.ts';
import { type RuntimeCore, requireDataset, withSession } from '../core.ts';
import { indexDataset } from './index-dataset.ts';
import type { ChangedIds } from './index-options.ts';

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
 * everything is a fallback run. Notes that no source can be asked for are forgotten: they would fail for ever.
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
        await indexOnce(core, address, noted, signal);
        const changeIds = noted.map(({ changeId }) => changeId);
        await writer.forgetNotedChanges(datasetId, changeIds);
      }
    });
  });
}

type Noted = Awaited<ReturnType<Catalog['listNotedChanges']>>;

async function indexOnce(
  core: RuntimeCore,
  address: DatasetAddress,
  noted: Noted,
  signal: AbortSignal,
): Promise<void> {
  const isAll = noted.some(
    ({ table, idJson }) => table === ALL_RECORDS.table && idJson === ALL_RECORDS.idJson,
  );
  if (isAll) {
    await indexDataset(core, address, { signal });
    return;
  }
  const changedIds: Record<string, SourceId[]> = {};
  for (const { table, idJson } of noted) {
    changedIds[table] ??= [];
    changedIds[table].push(JSON.parse(idJson) as SourceId);
  }
  await indexTables(core, address, changedIds, signal);
}

/** A table that no source has any more keeps nothing else from being read. */
async function indexTables(
  core: RuntimeCore,
  address: DatasetAddress,
  changedIds: ChangedIds,
  signal: AbortSignal,
): Promise<void> {
  try {
    await indexDataset(core, address, { changedIds, signal });
  } catch (error) {
    if (!isSynclineError(error, 'INVALID_SOURCE', 'SOURCE_NOT_FOUND')) throw error;
    const { code, message } = error;
    core.hub.emit({ type: 'hook.failed', address: formatAddress(address), code, message, willRetry: false });
    for (const [table, ids] of Object.entries(changedIds)) {
      if (Object.keys(changedIds).length === 1) return;
      await indexTables(core, address, { [table]: ids }, signal);
    }
  }
}
