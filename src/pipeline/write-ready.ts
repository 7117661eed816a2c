import type { Configuration, IndexMark, QueuedDocument } from '../catalog/catalog.ts';
import { runInSlices } from '../chunking/run-in-slices.ts';
import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import { isSynclineError, throwIfAborted } from '../domain/errors.ts';
import { type FieldTypes, fieldValues } from '../domain/fields.ts';
import { contentFingerprint, rowFingerprint } from '../domain/fingerprint.ts';
import type { Metadata } from '../domain/metadata.ts';
import type { TableRow, TableRows } from '../vectors/vector-store.ts';
import { maintainTable } from './maintain-table.ts';
import { changeSettled } from './settle-table.ts';
import type { DatasetWork, OpenGeneration } from './work.ts';

/*
 * The order of writes (DESIGN.md, section 4), as far as it concerns the table. It is the same for a dataset at work and
 * for a rebuild, and stands nowhere else:
 *
 *   1. catalog    content, chunk diff and removals, one transaction       apply-documents.ts
 *   2. embedding  stored under (profile, text hash) before any use        embed-pending.ts
 *   3. table      one commit per batch of whole documents, on disk        commitBatch, below
 *   4. mark       chunks are indexed, tombstones go, version recorded     commitBatch, below
 *
 * A crash between 3 and 4 leaves a table that is ahead of its recorded version. changeSettled puts it back, and the batch
 * is written again; the same where somebody else's commit came in between.
 */

/**
 * Commits after which a long run looks whether its table needs maintenance: manifests grow with the square of the commits
 * between, and what is indexed on the way need not be waited for at the end.
 */
export const COMMITS_BETWEEN_LOOKS = 32;

/** The write stage: brings every document whose vectors are there into the serving table. */
export async function writeReady(work: DatasetWork, signal: AbortSignal): Promise<void> {
  const open = work.serving.current;
  if (open === undefined) return;
  let waitedSinceMs: number | undefined;
  for (;;) {
    throwIfAborted(signal);
    const changed = work.changed.next();
    if (isWorthWaiting(work, waitedSinceMs)) {
      waitedSinceMs ??= work.clock.monotonicMs();
      await waitForMore(work, changed, waitedSinceMs, signal);
      continue;
    }
    const documents = await writeBatch(work, open, signal);
    if (work.unmaintained.commits >= COMMITS_BETWEEN_LOOKS) await maintainTable(work, { isMidRun: true });
    if (documents.length === 0) {
      if (!isMoreComing(work)) return;
      work.unwritten.vectors = 0;
      await waitForMore(work, changed, work.clock.monotonicMs(), signal);
    }
    waitedSinceMs = undefined;
  }
}

/** Writes one batch of a generation's queued documents and marks it; returns the documents that it wrote. */
export function writeBatch(
  work: DatasetWork,
  open: OpenGeneration,
  signal: AbortSignal,
): Promise<readonly QueuedDocument[]> {
  return work.writing.run(async () => {
    throwIfAborted(signal);
    const documents = await work.catalog.listWritableDocuments(open.generation.generationId, {
      chunkCountMax: chunksPerCommit(work, open.configuration),
    });
    if (documents.length === 0) return documents;
    try {
      await changeSettled(work, open, () => commitBatch(work, open, documents));
    } catch (error) {
      if (isSynclineError(error, 'TABLE_DAMAGED')) work.care.doubt = error.message;
      throw error;
    }
    return documents;
  });
}

/** Steps 3 and 4. Not interruptible in between: an abort is looked for before, never after the table's commit. */
async function commitBatch(
  work: DatasetWork,
  open: OpenGeneration,
  documents: readonly QueuedDocument[],
): Promise<void> {
  const onto = open.recorded.version;
  const rows = await runInSlices(toTableRows(documents, work.dataset.fields, open.configuration.profile));
  const hasRows = documents.some((document) => document.hasRows);
  let state = open.recorded;
  if (hasRows) {
    state = await open.table.replaceDocuments(
      documents.map((document) => document.documentId),
      rows,
      { onto },
    );
  } else if (rows.rows.length > 0) {
    state = await open.table.append(rows, { onto });
  }
  await work.writer.markIndexed({
    generationId: open.generation.generationId,
    version: state.version,
    rowCount: state.rowCount,
    documents: markedDocuments(documents, rows),
  });
  open.recorded = { version: state.version, rowCount: state.rowCount };
  work.unmaintained.commits += 1;
  work.unwritten.vectors = Math.max(0, work.unwritten.vectors - rows.rows.length);
  work.report({
    type: 'written',
    documents: documents.length,
    rows: rows.rows.length,
    version: state.version,
  });
}

/** A generator, so that the event loop gets its turn between documents. */
function* toTableRows(
  documents: readonly QueuedDocument[],
  fieldTypes: FieldTypes,
  { dimensions }: EmbeddingProfile,
): Generator<void, TableRows> {
  const count = documents.reduce((sum, document) => sum + document.chunks.length, 0);
  const vectors = new Float32Array(count * dimensions);
  const rows: TableRow[] = [];
  for (const document of documents) {
    const fields = fieldValues(fieldTypes, JSON.parse(document.metadataJson) as Metadata);
    const ofContent = contentFingerprint(document.contentHash);
    for (const chunk of document.chunks) {
      vectors.set(chunk.vector, rows.length * dimensions);
      rows.push({
        chunkId: chunk.chunkId,
        documentId: document.documentId,
        source: document.source,
        key: document.key,
        title: document.title,
        ordinal: chunk.ordinal,
        start: chunk.start,
        end: chunk.end,
        tokenCount: chunk.tokenCount,
        embeddedText: chunk.embeddedText,
        textStart: chunk.textStart,
        metadataJson: document.metadataJson,
        fingerprint: rowFingerprint(chunk.chunkId, chunk.textHash, document.metadataHash),
        contentFingerprint: ofContent,
        fields,
      });
    }
    yield;
  }
  return { rows, vectors };
}

/** Rows stand in the order of their documents. */
function markedDocuments(documents: readonly QueuedDocument[], { rows }: TableRows): IndexMark['documents'] {
  let start = 0;
  return documents.map(({ documentId, revision, chunks }) => {
    const own = rows.slice(start, start + chunks.length);
    start += chunks.length;
    return { documentId, revision, rows: own };
  });
}

/** Bytes of text that a token stands for, about: 4 characters of English. */
const BYTES_PER_TOKEN = 4;

function chunksPerCommit(work: DatasetWork, { profile, chunking }: Configuration): number {
  const vectorBytes = profile.dimensions * Float32Array.BYTES_PER_ELEMENT;
  const textBytes = chunking.tokensPerChunkMax * BYTES_PER_TOKEN;
  return Math.max(1, Math.floor(work.settings.commitBytesTarget / (vectorBytes + textBytes)));
}

function isMoreComing(work: DatasetWork): boolean {
  const { ingesting, chunking, embedding } = work.producers;
  return !work.hold.active && ingesting + chunking + embedding > 0;
}

/** Many small commits are slow to make and slow to read; while more vectors are on their way, a commit waits to be worth it. */
function isWorthWaiting(work: DatasetWork, waitedSinceMs: number | undefined): boolean {
  if (!isMoreComing(work) || work.unwritten.vectors >= chunksPerCommit(work, work.dataset)) return false;
  return (
    waitedSinceMs === undefined || work.clock.monotonicMs() - waitedSinceMs < work.settings.commitDelayMaxMs
  );
}

async function waitForMore(
  work: DatasetWork,
  changed: Promise<void>,
  sinceMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const leftMs = Math.max(1, sinceMs + work.settings.commitDelayMaxMs - work.clock.monotonicMs());
  const over = Promise.withResolvers<void>();
  const end = (): void => over.resolve();
  const callOff = work.clock.setTimer(leftMs, end);
  signal.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([changed, over.promise]);
  } finally {
    callOff();
    signal.removeEventListener('abort', end);
  }
}
