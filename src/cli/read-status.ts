import { isSynclineError } from '../domain/errors.ts';
import type {
  DatasetStatus,
  LeaseHolder,
  ProviderStatus,
  ScheduleStatus,
  SourceStatus,
  SpendStatus,
  StrangeTable,
  Syncline,
  TaskRecord,
} from '../index.ts';

/** Everything that `status` tells. */
export interface Overview {
  readonly catalog: string;
  /** The one worker; `null` when nobody holds the lease. */
  readonly worker: LeaseHolder | null;
  readonly datasets: readonly DatasetOverview[];
  readonly runningTasks: readonly TaskRecord[];
  /** Tables in the folder that are not this catalog's. */
  readonly strangeTables: readonly StrangeTable[];
  /** What may be spent, and what was today. */
  readonly spend: SpendStatus;
  /** Of the one dataset that was asked for. */
  readonly detail?: DatasetDetail;
  /** How embedding providers stand, as the worker has noted it. */
  readonly providers: readonly ProviderStatus[];
}

/** What is read of a dataset only when it alone is asked for. */
export interface DatasetDetail {
  readonly sources: readonly SourceStatus[];
  readonly schedules: readonly ScheduleStatus[];
}

/** A dataset, without what only a runtime that works on it knows. */
export interface DatasetOverview extends Omit<DatasetStatus, 'phase' | 'failure' | 'lastCheck'> {
  /** The spend cap because of which it waits. */
  readonly reachedCap: 'day' | 'run' | null;
}

/**
 * Reads the state of one dataset or of all.
 *
 * @throws SynclineError `DATASET_NOT_FOUND` for the one dataset that was asked for.
 */
export async function readStatus(runtime: Syncline, address: string | undefined): Promise<Overview> {
  const { catalog, worker, tasks, strangeTables, spend, providers } = await runtime.status();
  const datasets: DatasetOverview[] = [];
  if (address !== undefined) datasets.push(await readDataset(runtime, address, spend));
  else {
    for await (const name of runtime.datasets()) {
      try {
        datasets.push(await readDataset(runtime, name, spend));
      } catch (error) {
        // Deleted since it was listed.
        if (!isSynclineError(error, 'DATASET_NOT_FOUND', 'DATASET_DELETING')) throw error;
      }
    }
  }
  const runningTasks = tasks.filter((task) => task.state === 'running');
  const detail = address === undefined ? undefined : await readDetail(runtime, address);
  return {
    catalog,
    worker: worker ?? null,
    datasets,
    ...(detail && { detail }),
    runningTasks,
    strangeTables,
    spend,
    providers,
  };
}

async function readDetail(runtime: Syncline, address: string): Promise<DatasetDetail> {
  const dataset = runtime.dataset(address);
  const [sources, schedules] = await Promise.all([dataset.sources(), dataset.schedules()]);
  return { sources, schedules };
}

async function readDataset(
  runtime: Syncline,
  address: string,
  { held }: SpendStatus,
): Promise<DatasetOverview> {
  const { phase: _, failure: __, lastCheck: ___, ...status } = await runtime.dataset(address).status();
  return { ...status, reachedCap: held.find((one) => one.address === status.address)?.cap ?? null };
}
