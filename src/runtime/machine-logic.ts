import { fromPromise } from 'xstate';
import {
  type DatasetReport,
  datasetBackoffMs,
  datasetMachine,
  datasetReport,
  type Measured,
} from '../actors/dataset-machine.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { isSynclineError } from '../domain/errors.ts';
import type { TableVerdict } from '../domain/sync-report.ts';
import { checkTable } from '../pipeline/check-table.ts';
import { chunkIncoming } from '../pipeline/chunk-incoming.ts';
import { deleteDataset } from '../pipeline/delete-dataset.ts';
import { dueRebuild } from '../pipeline/due-rebuild.ts';
import { embedPending } from '../pipeline/embed-pending.ts';
import { createGate } from '../pipeline/gate.ts';
import { maintainTable } from '../pipeline/maintain-table.ts';
import { rebuildTable } from '../pipeline/rebuild-table.ts';
import { repairTable } from '../pipeline/repair-table.ts';
import type { DatasetWork } from '../pipeline/work.ts';
import { writeReady } from '../pipeline/write-ready.ts';

export interface DatasetLogicParts {
  readonly catalog: () => Promise<Catalog>;
  /** A number from 0 to below 1, for the jitter of waits. */
  readonly random: () => number;
  /** The shared parts of a dataset's stages; the same object for the same dataset throughout a session. */
  readonly workFor: (datasetId: number) => Promise<DatasetWork>;
  /** The work of a dataset if any of its stages has asked for it. */
  readonly knownWork: (datasetId: number) => DatasetWork | undefined;
  readonly onReport: (report: DatasetReport) => void;
  /** Settles when no other actor of this runtime works for the dataset. Asked before a table is checked. */
  readonly untilFree: (datasetId: number) => Promise<void>;
}

/**
 * Tables looked at at once: of a thousand datasets that are resumed together, each look goes through a dozen turns of the event
 * loop, and what all of them were answered comes back in one.
 */
const LOOKS_AT_ONCE_MAX = 16;

/** The dataset machine with its stages: the one place where behaviour meets I/O. */
export function createDatasetLogic(parts: DatasetLogicParts): typeof datasetMachine {
  type Input = { input: { datasetId: number }; signal: AbortSignal };
  /** What fails after another worker has taken over, such as on a table that it dropped, is told as just that. */
  const onWork = async <Result>(
    datasetId: number,
    run: (work: DatasetWork) => Promise<Result>,
  ): Promise<Result> => {
    const work = await parts.workFor(datasetId);
    try {
      return await run(work);
    } catch (error) {
      const loss = await work.writer.assertLease().catch((reason: unknown) => reason);
      throw isSynclineError(loss, 'LEASE_LOST') ? loss : error;
    }
  };
  const stage = (run: (work: DatasetWork, signal: AbortSignal) => Promise<void>) =>
    fromPromise<void, { readonly datasetId: number }>(({ input, signal }: Input) =>
      onWork(input.datasetId, (work) => run(work, signal)),
    );
  const mend = (run: (work: DatasetWork, reason: string, signal: AbortSignal) => Promise<void>) =>
    fromPromise<void, { readonly datasetId: number; readonly reason: string }>(({ input, signal }) =>
      onWork(input.datasetId, async (work) => {
        await run(work, input.reason, signal);
        work.checkAsked.level = undefined;
      }),
    );
  const looks = createGate(LOOKS_AT_ONCE_MAX);
  /** Checks of all rows may take minutes: they hold nobody up, and are as many as were asked for. */
  const check = (datasetId: number, signal: AbortSignal): Promise<TableVerdict> => {
    const { level = 'quick' } = parts.knownWork(datasetId)?.checkAsked ?? {};
    const look = () => onWork(datasetId, (work) => checkTable(work, signal));
    return level === 'quick' ? looks.run(look, signal) : look();
  };
  const setHold = (datasetId: number, active: boolean): void => {
    const work = parts.knownWork(datasetId);
    if (work === undefined) return;
    work.hold.active = active;
    work.changed.ring();
  };
  return datasetMachine.provide({
    actors: {
      checkTable: fromPromise<TableVerdict, { readonly datasetId: number }>(async ({ input, signal }) => {
        await parts.untilFree(input.datasetId);
        return check(input.datasetId, signal);
      }),
      measureBacklog: fromPromise<Measured, { readonly datasetId: number }>(async ({ input }) => ({
        rebuildReason: (await dueRebuild(await parts.workFor(input.datasetId)))?.reason,
        backlog: await (await parts.catalog()).datasetBacklog(input.datasetId),
      })),
      chunkIncoming: stage(chunkIncoming),
      embedPending: stage(embedPending),
      writeReady: stage(writeReady),
      maintainTable: stage(async (work) => {
        await maintainTable(work);
      }),
      repairTable: mend(repairTable),
      rebuildTable: mend(rebuildTable),
      deleteDataset: stage(deleteDataset),
    },
    actions: {
      reportPhase: ({ context }, params) => parts.onReport(datasetReport(context, params.phase)),
      holdWork: ({ context }) => setHold(context.datasetId, true),
      releaseWork: ({ context }) => setHold(context.datasetId, false),
    },
    delays: { backoff: ({ context }) => datasetBackoffMs(context, parts.random) },
  });
}
