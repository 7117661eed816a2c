import type { DatasetOverview } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import type { SqlRow } from '../sql-driver.ts';
import { integerAt, textAt } from '../sql-values.ts';
import { policiesStatement, policyOf } from './batch-room.ts';
import { countsOf, countsStatement } from './datasets.ts';
import { generationOf, generationsStatement } from './generations.ts';
import { refusedCountsStatement } from './noted-changes.ts';
import { indexingStatement, schedulesStatement, summariesOf } from './schedules.ts';
import { unreadSourcesStatement } from './sources.ts';
import { newestTasks, newestTasksStatement, taskOf } from './tasks.ts';

/** All that the statuses of datasets need, in one answer; by their ids. */
export async function datasetOverviews(
  session: CatalogSession,
  datasetIds: readonly number[],
): Promise<ReadonlyMap<number, DatasetOverview>> {
  const results = await session.read(
    countsStatement(datasetIds),
    generationsStatement(datasetIds),
    policiesStatement(datasetIds),
    newestTasksStatement(datasetIds),
    indexingStatement(datasetIds),
    schedulesStatement(datasetIds),
    unreadSourcesStatement(datasetIds),
    refusedCountsStatement(datasetIds),
  );
  const rowsOf = (place: number): readonly SqlRow[] => results[place]?.rows ?? [];
  const byDataset = (place: number) => Map.groupBy(rowsOf(place), (row) => integerAt(row, 0));
  const [counts, policies, unread] = [byDataset(0), byDataset(2), byDataset(6)];
  const generations = Map.groupBy(rowsOf(1).map(generationOf), ({ datasetId }) => datasetId);
  const tasks = Map.groupBy(rowsOf(3).map(taskOf), ({ datasetId }) => datasetId);
  const refused = new Map(rowsOf(7).map((row) => [integerAt(row, 0), integerAt(row, 1)]));
  const indexing = new Map(summariesOf(rowsOf(4), rowsOf(5)).map((summary) => [summary.datasetId, summary]));
  return new Map(
    datasetIds.map((datasetId) => [
      datasetId,
      {
        counts: countsOf(counts.get(datasetId)?.[0]),
        generations: generations.get(datasetId) ?? [],
        batchPolicy: policyOf(policies.get(datasetId)?.[0]),
        ...newestTasks(tasks.get(datasetId) ?? []),
        indexing: indexing.get(datasetId),
        refusedChangeCount: refused.get(datasetId) ?? 0,
        unreadSources: (unread.get(datasetId) ?? []).map((row) => textAt(row, 1)),
      },
    ]),
  );
}
