import type { CatalogWriter, DatasetRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { documentMapKey, type PreparedDocument } from '../domain/document.ts';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import { sameBytes } from '../domain/hash.ts';
import { applyBatches } from './apply-batches.ts';
import { type RuntimeCore, requireDataset, withActor, withSession } from './core.ts';
import type { IngestOptions, IngestResult } from './dataset.ts';
import { makeDataset } from './dataset-control.ts';
import {
  type BatchReader,
  createBatchReader,
  type DocumentSource,
  REFUSED_LISTED_MAX,
  type RefusedDocument,
} from './ingest.ts';
import { duringRun } from './spend-runs.ts';
import { runTask, type TaskHandle } from './task.ts';
import { waitUntilIndexed } from './wait-until-indexed.ts';

/** A list of more documents than this is queued rather than waited for, where the mode is `auto`. */
const AUTO_SYNC_DOCUMENTS_MAX = 100;
export const DOCUMENTS_PER_BATCH = 200;
/** Of the documents of one batch, in UTF-16 units. */
export const TEXT_LENGTH_PER_BATCH = 1_000_000;

/** See {@link Dataset.ingest}. */
export function ingest(
  core: RuntimeCore,
  address: DatasetAddress,
  source: DocumentSource,
  options: IngestOptions = {},
): Promise<IngestResult> {
  const startMs = core.clock.monotonicMs();
  if (!isSource(source)) {
    const problem = 'The documents to ingest must be a list, an iterable or an async iterable of documents.';
    return Promise.reject(new SynclineError('INVALID_DOCUMENT', problem));
  }
  return withSession(core, options.signal, async ({ writer }, sessionSignal) => {
    const dataset = await findOrMakeDataset(core, writer, address);
    requireEmbedder(core, dataset);
    const mode = chooseMode(options, source, core.supervision !== undefined);
    const { datasetId } = dataset;
    const spec = { kind: 'ingest', datasetId, signal: sessionSignal, onTask: options.onTask };
    const run = await runTask(core, writer, spec, async (task) => {
      const started = startIngest(core, dataset, source, task);
      await (mode === 'sync' ? ingestSync(core, started) : ingestAsync(core, writer, started));
      return started;
    });
    return {
      mode,
      readCount: run.reader.readCount(),
      ...run.counts,
      refused: run.refused,
      durationMs: core.clock.monotonicMs() - startMs,
    };
  });
}

/**
 * A runtime that cannot embed for this dataset takes nothing in, rather than queue what nobody can finish. On the way to
 * another model, that one is enough: its former provider may be gone for good.
 */
export function requireEmbedder(core: RuntimeCore, { profile, target }: DatasetRecord): void {
  try {
    core.embedderFor(profile);
  } catch (error) {
    if (target === undefined) throw error;
    core.embedderFor(target.profile);
  }
}

function isSource(source: unknown): boolean {
  return (
    typeof source === 'object' &&
    source !== null &&
    (Symbol.iterator in source || Symbol.asyncIterator in source)
  );
}

interface IngestRun {
  readonly dataset: DatasetRecord;
  readonly address: string;
  readonly reader: BatchReader;
  readonly task: TaskHandle;
  readonly counts: { addedCount: number; changedCount: number; unchangedCount: number; refusedCount: number };
  readonly refused: RefusedDocument[];
}

function startIngest(
  core: RuntimeCore,
  dataset: DatasetRecord,
  source: DocumentSource,
  task: TaskHandle,
): IngestRun {
  const address = formatAddress(dataset.address);
  const counts = { addedCount: 0, changedCount: 0, unchangedCount: 0, refusedCount: 0 };
  const { refused } = task;
  const reader = createBatchReader(source, {
    clock: core.clock,
    rules: { fields: dataset.fields, contentLengthMax: core.options.documentLengthMax },
    documentsMax: DOCUMENTS_PER_BATCH,
    textLengthMax: TEXT_LENGTH_PER_BATCH,
    signal: task.signal,
    onRefused: (document) => {
      counts.refusedCount += 1;
      if (refused.length < REFUSED_LISTED_MAX) refused.push(document);
      core.hub.emit({ type: 'document.refused', address, ...document });
    },
  });
  return { dataset, address, reader, task, counts, refused };
}

function chooseMode(options: IngestOptions, source: DocumentSource, isStarted: boolean): 'sync' | 'async' {
  const { mode = 'auto' } = options;
  if (mode !== 'auto') return mode;
  const isSmall = Array.isArray(source) && source.length <= AUTO_SYNC_DOCUMENTS_MAX;
  return isStarted && !isSmall ? 'async' : 'sync';
}

/** Brings the documents into the catalog batch by batch while the stages behind already work, then waits for the rest. */
function ingestSync(core: RuntimeCore, run: IngestRun): Promise<void> {
  const { dataset, task, counts } = run;
  return withActor(core, dataset, task.signal, async (work, attended) => {
    // Its texts are not counted, but must not count for an index run at the same time either.
    const account = work.accounts.open({ isRead: false });
    try {
      await duringRun(core, work, undefined, async () => {
        await applyBatches(
          { core, work, attended, ...run },
          run.reader.batches(),
          (documents) => ({ documents, deletions: [], account }),
          async () => {
            Object.assign(task.progress, counts);
            await task.save();
          },
        );
        Object.assign(task.progress, counts);
        await waitUntilIndexed(dataset.datasetId, run.address, {
          catalog: await core.catalog(),
          actors: core.actors,
          ...attended,
        });
      });
    } finally {
      work.accounts.close(account, { endedWell: false });
    }
  });
}

/** Queues what differs from the catalog; the worker, or the next `index()`, does the rest. */
async function ingestAsync(core: RuntimeCore, writer: CatalogWriter, run: IngestRun): Promise<void> {
  const { datasetId } = run.dataset;
  const work = await core.work().workFor(datasetId);
  for await (const documents of run.reader.batches()) {
    // Also of those that are the same: a run that reads a source meanwhile may have read something older.
    work.told.note(documents);
    const changed = await selectChanged(core, datasetId, documents, run.counts);
    if (changed.length > 0) {
      try {
        await writer.enqueueIncoming(
          datasetId,
          changed.map((document) => ({ kind: 'upsert', document })),
        );
      } finally {
        // Also after an error: the answer can be lost after the commit.
        core.supervision?.tell(datasetId, run.address, { type: 'dataset.changed' });
      }
    }
    Object.assign(run.task.progress, run.counts);
    await run.task.save();
  }
}

/** Documents that differ from the catalog. One that is the same is queued too while another change of it may wait. */
async function selectChanged(
  core: RuntimeCore,
  datasetId: number,
  documents: readonly PreparedDocument[],
  counts: IngestRun['counts'],
): Promise<PreparedDocument[]> {
  const catalog = await core.catalog();
  // In this order: a waiting change that is applied in between is then in what is stored.
  const waiting = await catalog.findIncoming(datasetId, documents);
  const stored = await catalog.findDocuments(datasetId, documents);
  const byKey = new Map(stored.map((document) => [documentMapKey(document), document]));
  return documents.filter((document) => {
    const before = byKey.get(documentMapKey(document));
    const isSame =
      before !== undefined &&
      sameBytes(before.contentHash, document.contentHash) &&
      sameBytes(before.metadataHash, document.metadataHash);
    counts[before === undefined ? 'addedCount' : isSame ? 'unchangedCount' : 'changedCount'] += 1;
    return !isSame || waiting.length > 0;
  });
}

async function findOrMakeDataset(
  core: RuntimeCore,
  writer: CatalogWriter,
  address: DatasetAddress,
): Promise<DatasetRecord> {
  try {
    return await requireDataset(core, address);
  } catch (error) {
    if (!isSynclineError(error, 'DATASET_NOT_FOUND')) throw error;
    return makeDataset(core, writer, address);
  }
}
