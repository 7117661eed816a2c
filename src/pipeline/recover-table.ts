import type { CatalogWriter } from '../catalog/catalog.ts';
import type { CatalogImporter, ImportTarget } from '../catalog/catalog-import.ts';
import { runInSlices } from '../chunking/run-in-slices.ts';
import { describeKey } from '../domain/document.ts';
import { SynclineError, throwIfAborted } from '../domain/errors.ts';
import type { FieldTypes } from '../domain/fields.ts';
import type { StoredRows, TableInspection, TableOrigin, VectorStore } from '../vectors/vector-store.ts';
import { type AssembledDocument, assembleDocument, type VectorRow } from './assemble-document.ts';
import { documentRanges } from './document-ranges.ts';

/** Keys of documents that are named in a report. */
const KEYS_SHOWN = 20;

/** A table that says whose it is. */
export interface OwnedTable extends TableInspection {
  readonly origin: TableOrigin;
  readonly fields: FieldTypes;
}

/** What recovering needs. */
export interface RecoverParts {
  readonly writer: CatalogWriter;
  readonly importer: CatalogImporter;
  readonly store: VectorStore;
  readonly signal: AbortSignal | undefined;
  /** Called after each piece, and waited for. */
  readonly onDocuments: (done: number, total: number) => Promise<void>;
}

/** What came out of one table. */
export interface RecoveredTable {
  readonly table: string;
  readonly documents: number;
  readonly chunks: number;
  /** Documents with passages that no row holds: they had failed, or their rows are damaged. Spaces stand in their place. */
  readonly incompleteDocuments: number;
  /** Keys of the first of them, at most 20. */
  readonly firstIncomplete: readonly string[];
  /** Rows of no use: damaged, repeated, or of earlier contents. The first check of the table puts that right. */
  readonly leftOutRows: number;
}

/**
 * Fills the catalog with the dataset that a table holds, in bounded pieces, and makes the table serve. When the table turns out
 * to be damaged, the dataset is taken out again; the vectors that were read stay.
 *
 * @throws SynclineError `TABLE_DAMAGED` and what else is wrong with a table.
 */
export async function recoverTable(parts: RecoverParts, owned: OwnedTable): Promise<RecoveredTable> {
  const { writer, importer, store } = parts;
  const { name, origin, fields } = owned;
  const { address, profile, chunking, generationId } = origin;
  const table = await store.openTable(name, { dimensions: profile.dimensions, fields });
  const { datasetId, configurationId } = await writer.createDataset({ address, profile, fields, chunking });
  try {
    const before = await table.state();
    const target = await importer.adoptGeneration({
      datasetId,
      configurationId,
      generationId,
      tableName: name,
    });
    const contents = await table.listDocuments();
    const recovered = startRecovered(name);
    for (const range of documentRanges(contents)) {
      throwIfAborted(parts.signal);
      const rows = await table.readDocuments(range);
      await takeIn(
        parts,
        target,
        await runInSlices(assembleAll(rows, profile.dimensions), parts.signal),
        recovered,
      );
      await parts.onDocuments(recovered.documents, contents.documentIds.length);
    }
    refuseChanged(name, before.version, (await table.state()).version);
    // Rows that were left out are missing in this count: the first check of the table then compares rows.
    await importer.finishImport(target, { version: before.version, rowCount: recovered.chunks });
    return { ...recovered, leftOutRows: before.rowCount - recovered.chunks };
  } catch (error) {
    await writer.requestDatasetDeletion(datasetId);
    await writer.deleteDataset(datasetId);
    throw error;
  }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Running = Mutable<Omit<RecoveredTable, 'firstIncomplete' | 'leftOutRows'>> & {
  firstIncomplete: string[];
};

function startRecovered(table: string): Running {
  return { table, documents: 0, chunks: 0, incompleteDocuments: 0, firstIncomplete: [] };
}

async function takeIn(
  { importer }: RecoverParts,
  target: ImportTarget,
  documents: readonly AssembledDocument[],
  recovered: Running,
): Promise<void> {
  const counts = await importer.importDocuments(target, documents);
  recovered.documents += counts.documents;
  recovered.chunks += counts.chunks;
  for (const { isWhole, document } of documents) {
    if (isWhole) continue;
    recovered.incompleteDocuments += 1;
    if (recovered.firstIncomplete.length < KEYS_SHOWN) recovered.firstIncomplete.push(describeKey(document));
  }
}

/** The documents of some rows, the newest first. A generator, so that the event loop gets its turn. */
function* assembleAll(
  { rows, vectors }: StoredRows,
  dimensions: number,
): Generator<void, AssembledDocument[]> {
  const byDocument = new Map<number, VectorRow[]>();
  for (const [index, row] of rows.entries()) {
    const vector = vectors.subarray(index * dimensions, (index + 1) * dimensions);
    const same = byDocument.get(row.documentId);
    if (same === undefined) byDocument.set(row.documentId, [{ row, vector }]);
    else same.push({ row, vector });
  }
  const documents: AssembledDocument[] = [];
  for (const [, own] of [...byDocument].sort(([a], [b]) => b - a)) {
    const document = assembleDocument(own);
    if (document !== undefined) documents.push(document);
    yield;
  }
  return documents;
}

function refuseChanged(table: string, before: number, after: number): void {
  if (before === after) return;
  throw new SynclineError(
    'TABLE_CONFLICT',
    `Somebody wrote to the table "${table}" while it was read. Stop every worker, then recover again.`,
  );
}
