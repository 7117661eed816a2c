import type { Catalog } from '../../catalog/catalog.ts';
import { formatAddress } from '../../domain/address.ts';
import { type BatchReport, type BatchWork, DEFAULT_BATCH_SETTINGS } from '../../pipeline/batch/batch-work.ts';
import type { RuntimeCore } from '../core.ts';
import { type BatchKeeper, createBatchKeeper } from './batch-keeper.ts';
import { createBatchLogic } from './batch-logic.ts';
import { viewBatchJob } from './batch-view.ts';
import { datasetOf } from './batches.ts';

/** What a runtime has for batch jobs. */
export interface BatchParts {
  readonly batches: BatchKeeper;
  /** What the steps of batch jobs work on, in the session that is open now. */
  batchWork(catalog: Catalog): BatchWork;
}

/** @param core - Asked for when it is needed: these parts are made before it is complete. */
export function createBatchParts(
  core: () => RuntimeCore,
  outside: Pick<RuntimeCore, 'options' | 'clock' | 'inspection'>,
): BatchParts {
  const { options, clock, inspection } = outside;
  const batchWork = (catalog: Catalog): BatchWork => ({
    catalog,
    writer: core().work().writer,
    clock,
    settings: {
      ...DEFAULT_BATCH_SETTINGS,
      textAttemptsMax: options.textAttemptsMax,
      submissionSettleMs: options.batchSettleMs,
    },
    embedderFor: core().embedderFor,
    priceOf: core().prices.priceOf,
    report: (report) => tell(core(), report),
    wake: (profileId, options) => wakeDatasets(core(), catalog, { profileId, isRetry: false, ...options }),
  });
  const logic = createBatchLogic({
    work: async () => batchWork(await core().catalog()),
    random: clock.random,
  });
  return {
    batchWork,
    batches: createBatchKeeper({
      logic: () => logic,
      catalog: () => core().catalog(),
      clock,
      inspection,
      pollMs: options.batchPollIntervalMs,
      drainTimeoutMs: options.drainTimeoutMs,
    }),
  };
}

function tell({ hub, clock, prices }: RuntimeCore, report: BatchReport): void {
  const { job } = report;
  const view = viewBatchJob(job, { nowMs: clock.nowMs(), price: prices.priceOf(job.profile) });
  const { batchJobId, address } = view;
  switch (report.type) {
    case 'state':
      hub.emit({ type: 'batch.state', job: view });
      return;
    case 'harvested': {
      const { texts, tokensCharged } = report;
      hub.emit({ type: 'batch.harvested', batchJobId, address, texts, tokensCharged });
      return;
    }
    case 'textFailed': {
      const { gaveUp, error } = report;
      const { code, message } = error;
      if (address !== undefined) hub.emit({ type: 'text.failed', address, gaveUp, code, message });
      return;
    }
  }
}

/** Datasets that have something to write, or texts that wait again. */
async function wakeDatasets(
  core: RuntimeCore,
  catalog: Catalog,
  { profileId, isRetry }: { readonly profileId: number; readonly isRetry: boolean },
): Promise<void> {
  for (const datasetId of await catalog.listDatasetsToWake(profileId)) {
    const [dataset] = await datasetOf(core, datasetId);
    if (dataset === undefined) continue;
    core.supervision?.tell(datasetId, formatAddress(dataset.address), { type: 'dataset.changed' });
    core.actors.send(datasetId, { type: 'dataset.changed' });
    if (isRetry) {
      core.supervision?.send(datasetId, { type: 'dataset.retry' });
      core.actors.send(datasetId, { type: 'dataset.retry' });
    }
    core.actors.notifier(datasetId).ring();
  }
}
