import type { Catalog, CatalogWriter, DatasetRecord } from '../catalog/catalog.ts';
import { formatAddress } from '../domain/address.ts';
import type { Clock } from '../domain/clock.ts';
import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import { SynclineError } from '../domain/errors.ts';
import type { Embedder } from '../embedders/embedder.ts';
import { createInFlightTexts } from '../pipeline/in-flight-texts.ts';
import {
  createDatasetWork,
  type DatasetWork,
  DEFAULT_PIPELINE_SETTINGS,
  type PipelineSettings,
  type WorkReport,
} from '../pipeline/work.ts';
import type { VectorStore } from '../vectors/vector-store.ts';
import type { EventHub } from './events.ts';
import type { Session } from './session.ts';

/** Those who hear of what is done. */
export interface WorkListeners {
  /** Tells a dataset's actor what its stages did. */
  readonly onWork: (
    datasetId: number,
    type: 'work.chunked' | 'work.embedded' | 'dataset.maintain' | 'dataset.changed',
  ) => void;
  /** A batch job was made; `undefined` where one may have been of which nobody knows. */
  readonly onBatchJob: (batchJobId: number | undefined) => void;
  /** Called after every piece of work. */
  readonly onProgress: (datasetId: number) => void;
}

export interface SessionWorkParts extends WorkListeners {
  readonly session: Session;
  readonly catalog: Catalog;
  readonly store: VectorStore;
  readonly clock: Clock;
  readonly settings: Pick<
    PipelineSettings,
    | 'textAttemptsMax'
    | 'tooLongTexts'
    | 'generationsKeptMax'
    | 'generationKeptMs'
    | 'repairShareMax'
    | 'maintenance'
  >;
  readonly hub: EventHub;
  /** The embedder of a profile; throws `PROFILE_MISMATCH` when this runtime has none. */
  readonly embedderFor: (profile: EmbeddingProfile) => Embedder;
  readonly priceOf: DatasetWork['priceOf'];
  readonly spend: DatasetWork['spend'];
}

/** The works of all datasets of one session, each made when first asked for. */
export interface SessionWork {
  readonly writer: CatalogWriter;
  workFor(datasetId: number): Promise<DatasetWork>;
  knownWork(datasetId: number): DatasetWork | undefined;
  /** Forgets a dataset that is gone. */
  forget(datasetId: number): void;
  /** Calls off what was to be done later, and waits until all is quiet. */
  end(): Promise<void>;
  /** Waits for what cannot be aborted, of one dataset or of all: a catalog transaction, a table commit with its mark. */
  untilQuiet(datasetId?: number): Promise<void>;
}

export function createSessionWork(parts: SessionWorkParts): SessionWork {
  const inFlightTexts = createInFlightTexts();
  const works = new Map<number, DatasetWork>();
  const maintenance = createLaterCalls(parts.clock, (datasetId) =>
    parts.onWork(datasetId, 'dataset.maintain'),
  );
  const looks = createLaterCalls(parts.clock, (datasetId) => parts.onWork(datasetId, 'dataset.changed'));
  const untilQuiet = async (datasetId?: number): Promise<void> => {
    for (const work of works.values()) {
      if (datasetId !== undefined && work.dataset.datasetId !== datasetId) continue;
      await work.applying.run(nothing);
      await work.writing.run(nothing);
    }
  };
  return {
    writer: parts.session.writer,
    async workFor(datasetId) {
      const known = works.get(datasetId);
      if (known !== undefined) return known;
      const dataset = await findDataset(parts.catalog, datasetId);
      const address = formatAddress(dataset.address);
      const work =
        works.get(datasetId) ??
        createDatasetWork({
          dataset,
          catalog: parts.catalog,
          writer: parts.session.writer,
          store: parts.store,
          leaseSinceMs: parts.session.sinceMs,
          clock: parts.clock,
          settings: { ...DEFAULT_PIPELINE_SETTINGS, ...parts.settings },
          inFlightTexts,
          embedderFor: parts.embedderFor,
          priceOf: parts.priceOf,
          spend: parts.spend,
          scheduleMaintenance: (delayMs) => maintenance.schedule(datasetId, delayMs),
          scheduleLook: (delayMs) => looks.schedule(datasetId, Math.max(0, delayMs)),
          onJob: parts.onBatchJob,
          report: (report) => {
            emitReport(parts.hub, address, report);
            if (report.type === 'chunked' || report.type === 'recut') parts.onWork(datasetId, 'work.chunked');
            if (report.type === 'embedded' || report.type === 'textFailed')
              parts.onWork(datasetId, 'work.embedded');
            parts.onProgress(datasetId);
          },
        });
      works.set(datasetId, work);
      return work;
    },
    knownWork: (datasetId) => works.get(datasetId),
    forget(datasetId) {
      works.delete(datasetId);
      maintenance.schedule(datasetId, undefined);
      looks.schedule(datasetId, undefined);
    },
    async end() {
      maintenance.callOffAll();
      looks.callOffAll();
      await untilQuiet();
      // A maintenance that ended meanwhile may have asked for another.
      maintenance.callOffAll();
      looks.callOffAll();
    },
    untilQuiet,
  };
}

async function nothing(): Promise<void> {}

/** At most one call per dataset, some time from now. */
function createLaterCalls(clock: Clock, call: (datasetId: number) => void) {
  const timers = new Map<number, () => void>();
  const callOff = (datasetId: number): void => {
    timers.get(datasetId)?.();
    timers.delete(datasetId);
  };
  return {
    /** Takes the place of an earlier one; with `undefined` there is none. */
    schedule(datasetId: number, delayMs: number | undefined): void {
      callOff(datasetId);
      if (delayMs === undefined) return;
      const fire = (): void => {
        timers.delete(datasetId);
        call(datasetId);
      };
      timers.set(datasetId, clock.setTimer(delayMs, fire));
    },
    callOffAll(): void {
      for (const datasetId of [...timers.keys()]) callOff(datasetId);
    },
  };
}

async function findDataset(catalog: Catalog, datasetId: number): Promise<DatasetRecord> {
  const [dataset] = await catalog.listDatasets({ afterDatasetId: datasetId - 1, limit: 1 });
  if (dataset?.datasetId === datasetId) return dataset;
  throw new SynclineError(
    'DATASET_NOT_FOUND',
    `The dataset number ${datasetId} is not in the catalog any more.`,
  );
}

function emitReport(hub: EventHub, address: string, report: WorkReport): void {
  switch (report.type) {
    case 'chunked':
      hub.emit({ ...report.counts, type: 'documents.applied', address });
      return;
    case 'recut':
      hub.emit({ type: 'documents.recut', address, documents: report.documents });
      return;
    case 'embedded':
      hub.emit({ type: 'texts.embedded', address, texts: report.texts, tokensCharged: report.tokensCharged });
      return;
    case 'batched':
      // The job tells of itself.
      return;
    case 'textCut': {
      const { type: _, ...cut } = report;
      hub.emit({ type: 'text.cut', address, ...cut });
      return;
    }
    case 'textFailed': {
      const { code, message } = report.error;
      hub.emit({ type: 'text.failed', address, gaveUp: report.gaveUp, code, message });
      return;
    }
    case 'written':
      hub.emit({
        type: 'table.written',
        address,
        documents: report.documents,
        rows: report.rows,
        version: report.version,
      });
      return;
    case 'restored':
      hub.emit({
        type: 'table.restored',
        address,
        fromVersion: report.fromVersion,
        toVersion: report.toVersion,
      });
      return;
    case 'rebuilt':
      hub.emit({ type: 'table.rebuilt', address, reason: report.reason, rows: report.rows });
      return;
    case 'maintained': {
      const { version, fragmentCount, totalBytes, hasVectorIndex } = report.statistics;
      const sizes = { fragments: fragmentCount, bytes: totalBytes, hasVectorIndex };
      hub.emit({ type: 'table.maintained', address, version, ...sizes });
      return;
    }
    case 'checked':
      hub.emit({ type: 'sync.checked', address, report: report.report });
      return;
    case 'repaired':
      hub.emit({
        type: 'sync.repaired',
        address,
        reason: report.reason,
        documents: report.documents,
        rowsRemoved: report.rowsRemoved,
      });
      return;
    case 'maintenanceFailed': {
      const { error, failureCount, retryInMs } = report;
      const { code, message } = error;
      hub.emit({ type: 'table.maintenanceFailed', address, code, message, failureCount, retryInMs });
      return;
    }
  }
}
