import type { Failure } from '../actors/failure.ts';
import type { Catalog, TaskRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import type { Clock } from '../domain/clock.ts';
import { throwIfAborted } from '../domain/errors.ts';
import { maintainTable } from '../pipeline/maintain-table.ts';
import type { DatasetWork } from '../pipeline/work.ts';
import { type RuntimeCore, requireDataset, withActor, withSession } from './core.ts';
import { waitUntilServing } from './wait-until-indexed.ts';

/** Sizes of a table, as its last maintenance left them. */
export interface TableSizes {
  readonly rowCount: number;
  readonly fragmentCount: number;
  /** Rows beside some index: searches find them all the same, slower. */
  readonly unindexedRowCount: number;
  /** Files of the newest version, indexes included. */
  readonly totalBytes: number;
  /** Files of older versions, which clean-up removes by and by. */
  readonly reclaimableBytes: number;
  readonly hasVectorIndex: boolean;
}

/** The last maintenance of a dataset's table, whoever did it. */
export interface MaintenanceStatus {
  /** Unix milliseconds. */
  readonly lastRunAtMs: number;
  /** Why it failed, if it did: then the table grows until one succeeds. It is tried again by itself. */
  readonly failure: Pick<Failure, 'code' | 'message'> | undefined;
  /** Failures in a row, as far as the worker that failed last has counted them. */
  readonly failureCount: number;
  readonly table: TableSizes;
}

export interface MaintainOptions {
  readonly signal?: AbortSignal;
}

export interface MaintainResult {
  readonly durationMs: number;
  /** `undefined` when the dataset has no table. */
  readonly table: TableSizes | undefined;
}

/** Rounds until nothing more can be freed: rows, then what the first round replaced, then what the second did. */
const ROUNDS_MAX = 4;

/**
 * See `Dataset.maintain`.
 *
 * @throws SynclineError what made it fail: `DISK_FULL`, `TABLE_FAILED`, …; `LEASE_HELD`.
 */
export function maintainDataset(
  core: RuntimeCore,
  address: DatasetAddress,
  options: MaintainOptions = {},
): Promise<MaintainResult> {
  const { clock } = core;
  const startMs = clock.monotonicMs();
  return withSession(core, options.signal, async (_, sessionSignal) => {
    const dataset = await requireDataset(core, address);
    const { datasetId } = dataset;
    await withActor(core, dataset, sessionSignal, async (work, attended) => {
      const catalog = await core.catalog();
      await waitUntilServing(work, formatAddress(address), { catalog, actors: core.actors, ...attended });
      await maintainInRounds(work, clock, attended.signal);
    });
    const status = await readMaintenance(await core.catalog(), datasetId);
    return { durationMs: clock.monotonicMs() - startMs, table: status?.table };
  });
}

async function maintainInRounds(work: DatasetWork, clock: Clock, signal: AbortSignal): Promise<void> {
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    throwIfAborted(signal);
    const { failure, moreInMs } = await maintainTable(work, { force: true, readAll: round === 1 });
    if (failure !== undefined) throw failure;
    if (moreInMs === undefined) return;
    await waitFor(clock, moreInMs, signal);
  }
}

async function waitFor(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  const end = (): void => over.resolve();
  const callOff = clock.setTimer(delayMs, end);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    await over.promise;
  } finally {
    callOff();
    signal.removeEventListener('abort', end);
  }
}

/** Finished runs that are looked at: only the last is kept, beside those that a killed worker was at. */
const RUNS_SHOWN_MAX = 5;

async function readMaintenance(catalog: Catalog, datasetId: number): Promise<MaintenanceStatus | undefined> {
  return maintenanceOf(await catalog.listTasks({ datasetId, kind: 'maintain', limit: RUNS_SHOWN_MAX }));
}

/** The last maintenance that came to an end, of the newest; `undefined` when the table never asked for one. */
export function maintenanceOf(tasks: readonly TaskRecord[]): MaintenanceStatus | undefined {
  const last = tasks.find(isEnded);
  if (last === undefined) return undefined;
  const { progress, error, state, finishedAtMs, startedAtMs } = last;
  const count = (name: string): number => progress[name] ?? 0;
  const [, code = 'INTERNAL', message = ''] = FAILURE.exec(error ?? '') ?? [];
  return {
    lastRunAtMs: finishedAtMs ?? startedAtMs,
    failure: state === 'failed' ? { code, message } : undefined,
    failureCount: count('failureCount'),
    table: {
      rowCount: count('rowCount'),
      fragmentCount: count('fragmentCount'),
      unindexedRowCount: count('unindexedRowCount'),
      totalBytes: count('totalBytes'),
      reclaimableBytes: count('reclaimableBytes'),
      hasVectorIndex: count('vectorIndexCount') > 0,
    },
  };
}

/** How a task tells why it failed. One that was cut short by the end of its process tells something else. */
const FAILURE = /^([A-Z_]+): (.*)$/s;

function isEnded({ state, error }: TaskRecord): boolean {
  return state === 'succeeded' || (state === 'failed' && FAILURE.test(error ?? ''));
}
