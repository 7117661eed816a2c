import type { TableStatistics } from '../vectors/vector-store.ts';
import { changeSettled } from './settle-table.ts';
import type { DatasetWork } from './work.ts';

/** Small fragments that make compaction worth its cost (about one per commit; without it manifests grow quadratically). */
const SMALL_FRAGMENTS_MAX = 100;
/** Rows that text searches may scan beside the index before it is refreshed: about 1.5 MB, 60 ms a search (measured). */
const UNINDEXED_ROWS_MAX = 1_000;

/** Compacts the table and refreshes its indexes when its own statistics ask for it. Nothing the catalog has recorded is removed. */
export async function maintainTable(work: DatasetWork): Promise<void> {
  const open = work.serving.current;
  if (open === undefined || work.hold.active) return;
  work.unmaintained.commits = 0;
  await work.writing.run(async () => {
    if (!needsMaintenance(await open.table.statistics())) return;
    await changeSettled(work, open, async () => {
      const state = await open.table.maintain({ recordedVersion: open.recorded.version });
      await work.writer.recordTable(open.generation.generationId, state);
      open.recorded = { version: state.version, rowCount: state.rowCount };
      work.report({ type: 'maintained', version: state.version });
    });
  });
}

function needsMaintenance(statistics: TableStatistics): boolean {
  return (
    statistics.smallFragmentCount > SMALL_FRAGMENTS_MAX || statistics.unindexedRowCount > UNINDEXED_ROWS_MAX
  );
}
