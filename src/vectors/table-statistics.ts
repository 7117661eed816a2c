import type { IndexStatistics, Table } from '@lancedb/lancedb';
import { bytesOnDisk } from './sweep-leftovers.ts';
import { readState } from './table-access.ts';
import { isDamage } from './table-error.ts';
import { textIndexName } from './table-indexes.ts';
import { isVectorIndexDue, vectorIndexName } from './vector-index.ts';
import type { TableStatistics } from './vector-store.ts';

/** What statistics are told of beside the table. */
export interface StatisticsParts {
  /** The `<name>.lance` folder; `undefined` for an object store. */
  readonly folder: string | undefined;
  readonly dimensions: number;
  readonly vectorIndexBytesMin: number;
}

/** See {@link TableStatistics}. Reads manifests, and the sizes of all files; 3 ms and some 20 µs a file. */
export async function readStatistics(table: Table, parts: StatisticsParts): Promise<TableStatistics> {
  const state = await readState(table);
  const text = await readIndex(table, textIndexName);
  const vector = await readIndex(table, vectorIndexName);
  const vectorBytes = state.rowCount * parts.dimensions * Float32Array.BYTES_PER_ELEMENT;
  const diskBytes = parts.folder === undefined ? 0 : await bytesOnDisk(parts.folder);
  const stats = await unlessDamaged(table.stats());
  const totalBytes = stats?.totalBytes ?? diskBytes;
  return {
    ...state,
    totalBytes,
    reclaimableBytes: Math.max(0, diskBytes - totalBytes),
    fragmentCount: stats?.fragmentStats.numFragments ?? 0,
    smallFragmentCount: stats?.fragmentStats.numSmallFragments ?? 0,
    unindexedRowCount: Math.max(
      text?.numUnindexedRows ?? state.rowCount,
      vector === undefined ? 0 : (vector.numUnindexedRows ?? state.rowCount),
    ),
    hasVectorIndex: vector !== undefined,
    vectorIndexDue: isVectorIndexDue(vector, vectorBytes, parts.vectorIndexBytesMin),
  };
}

/** Whether the table has a vector index, sound or not. */
export async function hasVectorIndex(table: Table): Promise<boolean> {
  return (await readIndex(table, vectorIndexName)) !== undefined;
}

/** What is known of an index; nothing is known of one that cannot be read, but that it is there. */
async function readIndex(table: Table, name: string): Promise<Partial<IndexStatistics> | undefined> {
  return unlessDamaged(table.indexStats(name), {});
}

/** LanceDB opens indexes to tell of them, and of the table; one that cannot be read is found damaged by whoever uses it. */
async function unlessDamaged<Value, Other = undefined>(
  call: Promise<Value>,
  other?: Other,
): Promise<Value | Other | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isDamage(error)) return other;
    throw error;
  }
}
