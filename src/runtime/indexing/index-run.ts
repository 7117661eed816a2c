import type { DatasetRecord } from '../../catalog/catalog.ts';
import type { PreparedDocument } from '../../domain/document.ts';
import { createKeySet, type KeySet } from '../../domain/key-set.ts';
import type { Account } from '../../pipeline/accounts.ts';
import type { DocumentBatch } from '../../pipeline/apply-documents.ts';
import type { DatasetWork } from '../../pipeline/work.ts';
import type { Source, SourceDocument, SourceRecord } from '../../sources/source.ts';
import { applyBatches } from '../apply-batches.ts';
import type { Attended, RuntimeCore } from '../core.ts';
import { DOCUMENTS_PER_BATCH, TEXT_LENGTH_PER_BATCH } from '../dataset-documents.ts';
import { createBatchReader, REFUSED_LISTED_MAX, type RefusedDocument } from '../ingest.ts';
import type { TaskHandle } from '../task.ts';
import type { IndexCounts, IndexOptions } from './index-options.ts';

/** One run over sources: what it works with, and what it has counted. */
export interface IndexRun {
  readonly core: RuntimeCore;
  readonly dataset: DatasetRecord;
  readonly address: string;
  readonly options: IndexOptions;
  readonly work: DatasetWork;
  readonly attended: Attended;
  readonly task: TaskHandle;
  readonly account: Account;
  /** Changed as the work goes on. */
  readonly counts: {
    readCount: number;
    addedCount: number;
    changedCount: number;
    unchangedCount: number;
    removedCount: number;
    unknownCount: number;
    refusedCount: number;
    retriedCount: number;
  };
}

/** What the run has done so far. */
export function countsOf({ counts, account }: Pick<IndexRun, 'counts' | 'account'>): IndexCounts {
  const { refusedCount, ...documents } = counts;
  const { costUsd, ...embedding } = account.counts;
  return {
    ...documents,
    failedCount: refusedCount,
    ...embedding,
    costUsd: account.isPriced ? costUsd : undefined,
  };
}

/** Puts the counts into the task. */
export function noteCounts(run: Pick<IndexRun, 'counts' | 'account' | 'task'>): void {
  const { costUsd, ...counts } = countsOf(run);
  Object.assign(run.task.progress, counts, costUsd === undefined ? {} : { costUsd });
}

/** The same, and writes them unless that was done a moment ago. */
export function saveCounts(run: Pick<IndexRun, 'counts' | 'account' | 'task'>): Promise<void> {
  noteCounts(run);
  return run.task.save();
}

/** Tells of a record that cannot become a document. */
export function refuse(run: IndexRun, refused: RefusedDocument): void {
  run.counts.refusedCount += 1;
  if (run.task.refused.length < REFUSED_LISTED_MAX) run.task.refused.push(refused);
  run.core.hub.emit({ type: 'document.refused', address: run.address, ...refused });
}

/** What was read of a source. */
export interface ReadRecords {
  /** Keys of all records that were given, also of those that were refused. */
  readonly seen: KeySet;
  /** A record was refused of which nobody knows which document it would be. */
  hasUnknownKeys: boolean;
  hasRefused: boolean;
}

/**
 * Brings what a source gives into the catalog, batch by batch. A record that cannot become a document is refused, and so is
 * the second one of a key.
 *
 * @param batch - What else there is to say of its documents.
 */
export async function takeIn(
  run: IndexRun,
  source: Source,
  records: AsyncIterable<SourceRecord>,
  batch: Pick<DocumentBatch, 'asOf' | 'isScan'>,
  signal: AbortSignal,
): Promise<ReadRecords> {
  const read: ReadRecords = { seen: createKeySet(), hasUnknownKeys: false, hasRefused: false };
  const onRefused = (refused: RefusedDocument): void => {
    read.hasRefused = true;
    refuse(run, refused);
  };
  const reader = createBatchReader(documentsOf(run, source, records, read, onRefused), {
    clock: run.core.clock,
    rules: { fields: run.dataset.fields, contentLengthMax: run.core.options.documentLengthMax },
    documentsMax: DOCUMENTS_PER_BATCH,
    textLengthMax: TEXT_LENGTH_PER_BATCH,
    signal,
    onRefused,
  });
  const toBatch = (documents: PreparedDocument[]): DocumentBatch => ({
    documents,
    deletions: [],
    account: run.account,
    ...batch,
  });
  await applyBatches(run, reader.batches(), toBatch, () => saveCounts(run));
  return read;
}

async function* documentsOf(
  run: IndexRun,
  source: Source,
  records: AsyncIterable<SourceRecord>,
  read: ReadRecords,
  onRefused: (refused: RefusedDocument) => void,
): AsyncGenerator<SourceDocument & { readonly source: string }> {
  for await (const record of records) {
    run.counts.readCount += 1;
    if ('refused' in record) {
      const { key, code, message } = record.refused;
      if (key === undefined) read.hasUnknownKeys = true;
      else read.seen.add(key.toWellFormed());
      onRefused({ key: key ?? '', code, message });
    } else if (read.seen.add(record.document.key.toWellFormed())) {
      yield { ...record.document, source: source.name };
    } else {
      const { key } = record.document;
      const message = `The source "${source.name}" gave the key "${key}" twice; the first document is kept.`;
      onRefused({ key, code: 'DUPLICATE_KEY', message });
    }
  }
}
