import type { Table } from '@lancedb/lancedb';
import { SynclineError } from '../domain/errors.ts';
import type { TableRows } from './vector-store.ts';

type ArrowTable = Awaited<ReturnType<ReturnType<Table['query']>['toArrow']>>;

/** Most ids in one `IN (…)`: larger lists take seconds and, far larger, gigabytes. */
const IDS_PER_STATEMENT_MAX = 10_000;

/** What {@link replaceRows} works on. */
export interface ReplaceRowsInput {
  readonly handle: Table;
  readonly documentIds: readonly number[];
  readonly rows: TableRows;
  readonly dimensions: number;
  /** See `LanceVectorStoreOptions`. */
  readonly oneCommitBytesMax: number;
  toArrow(): Promise<ArrowTable>;
  /** Runs one commit, once more after a conflict. */
  commit(work: () => Promise<unknown>): Promise<void>;
  /** Hides from searches what `work` commits until it is over. */
  pinnedWhile(work: () => Promise<void>): Promise<void>;
}

/** Makes `rows` the only rows of the documents, as `VectorTable.replaceDocuments` promises. */
export async function replaceRows(input: ReplaceRowsInput): Promise<void> {
  const { rows } = input.rows;
  const ids = new Set(input.documentIds);
  for (const { documentId, chunkId } of rows) {
    if (!ids.has(documentId)) {
      throw new SynclineError(
        'TABLE_FAILED',
        `Chunk ${chunkId} belongs to document ${documentId}, which is not among those to replace.`,
        { details: { chunkId, documentId } },
      );
    }
  }
  if (rows.length === 0) return deleteWhere(input, 'document_id', [...ids]);
  if (ids.size > IDS_PER_STATEMENT_MAX) {
    // Documents that lose all their rows go first, in portions; those that have new ones change in one commit below.
    const withRows = new Set(rows.map((row) => row.documentId));
    await deleteWhere(
      input,
      'document_id',
      [...ids].filter((id) => !withRows.has(id)),
    );
    return replaceRows({ ...input, documentIds: [...withRows] });
  }
  const vectorBytes = (await input.handle.countRows()) * input.dimensions * Float32Array.BYTES_PER_ELEMENT;
  if (vectorBytes <= input.oneCommitBytesMax) return replaceInOneStatement(input, [...ids]);
  return replaceThroughIndexes(input, [...ids]);
}

async function replaceInOneStatement(input: ReplaceRowsInput, ids: readonly number[]): Promise<void> {
  const data = await input.toArrow();
  await input.commit(() =>
    input.handle
      .mergeInsert('chunk_id')
      .whenMatchedUpdateAll()
      .whenNotMatchedInsertAll()
      .whenNotMatchedBySourceDelete({ where: inList('document_id', ids) })
      .execute(data),
  );
}

/** Searches of this process see the change whole, and so do those that name a version. */
async function replaceThroughIndexes(input: ReplaceRowsInput, ids: readonly number[]): Promise<void> {
  const data = await input.toArrow();
  const merge = (): Promise<void> =>
    input.commit(() =>
      input.handle.mergeInsert('chunk_id').whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(data),
    );
  const stale = await staleChunkIds(input, ids);
  if (stale.length === 0) return merge();
  await input.pinnedWhile(async () => {
    await merge();
    await deleteWhere(input, 'chunk_id', stale);
  });
}

/** Ids of the documents' rows that are not among the new ones. */
async function staleChunkIds(input: ReplaceRowsInput, ids: readonly number[]): Promise<number[]> {
  const next = new Set(input.rows.rows.map((row) => row.chunkId));
  const stale: number[] = [];
  const query = input.handle.query().where(inList('document_id', ids)).select(['chunk_id']);
  for await (const batch of query) {
    const column = batch.getChild('chunk_id');
    for (let row = 0; row < batch.numRows; row += 1) {
      const id = Number(column?.get(row));
      if (!next.has(id)) stale.push(id);
    }
  }
  return stale;
}

async function deleteWhere(input: ReplaceRowsInput, column: string, ids: readonly number[]): Promise<void> {
  for (let index = 0; index < ids.length; index += IDS_PER_STATEMENT_MAX) {
    const portion = ids.slice(index, index + IDS_PER_STATEMENT_MAX);
    await input.commit(() => input.handle.delete(inList(column, portion)));
  }
}

/** Deletes single rows by their places in the newest version. */
export async function deletePlaces(
  { handle, commit }: Pick<ReplaceRowsInput, 'handle' | 'commit'>,
  places: readonly bigint[],
): Promise<void> {
  for (let index = 0; index < places.length; index += IDS_PER_STATEMENT_MAX) {
    // A deletion moves no row: the places of the others stay what they are.
    const portion = places.slice(index, index + IDS_PER_STATEMENT_MAX);
    await commit(() => handle.delete(`_rowid IN (${portion.join(',')})`));
  }
}

function inList(column: string, ids: readonly number[]): string {
  return `${column} IN (${ids.map((id) => id.toFixed(0)).join(',')})`;
}
