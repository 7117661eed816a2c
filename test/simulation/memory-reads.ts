import { SynclineError } from '../../src/domain/errors.ts';
import { rowBucket } from '../../src/domain/fingerprint.ts';
import { compileFilter } from '../../src/vectors/filter-sql.ts';
import type {
  StoredRows,
  TableContents,
  TableHit,
  TableScan,
  TableSpec,
  VectorQuery,
} from '../../src/vectors/vector-store.ts';
import type { StoredRow } from './memory-tables.ts';

/* What is read of the rows of one version. */

/** The best of the rows, as a search shows them. */
export function searchRows(
  rows: readonly StoredRow[],
  spec: TableSpec,
  { limit, filter }: Pick<VectorQuery, 'limit' | 'filter'>,
  scoreOf: (row: StoredRow) => number,
): TableHit[] {
  if (!Number.isInteger(limit) || limit < 1) throw invalidQuery(`has the limit ${limit}`);
  // Refuses what LanceDB would refuse; of what it takes, only equality is known here.
  if (filter !== undefined) compileFilter(filter, spec.fields);
  const wanted = rows.filter(
    ({ row }) => filter === undefined || (filter.op === 'eq' && row.fields[filter.field] === filter.value),
  );
  const hits = wanted.map((stored) => {
    const { fingerprint: _, fields: __, tokenCount: ___, contentFingerprint: ____, ...shown } = stored.row;
    return { ...shown, score: scoreOf(stored) };
  });
  return hits.sort((a, b) => b.score - a.score || a.chunkId - b.chunkId).slice(0, limit);
}

export function cosine(a: Float32Array, b: Float32Array): number {
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    product += value * other;
    squaresA += value * value;
    squaresB += other * other;
  }
  return product / Math.sqrt(squaresA * squaresB);
}

export function checkVector({ vector }: VectorQuery, { dimensions }: TableSpec): void {
  if (vector.length !== dimensions || !vector.every(Number.isFinite))
    throw invalidQuery(`has a vector that is not one of ${dimensions} finite numbers`);
}

function invalidQuery(what: string): SynclineError {
  return new SynclineError('INVALID_QUERY', `The query ${what}.`);
}

/** Where a row lies in its version: its number, from 1. */
export function placesOf(rows: readonly StoredRow[]): ReadonlyMap<bigint, StoredRow> {
  return new Map(rows.map((row, index) => [BigInt(index + 1), row]));
}

/** Everything of one version, in one page. */
export function scanRows(
  rows: readonly StoredRow[],
  version: number,
  call: <Result>(what: string, work: () => Result) => Promise<Result>,
): TableScan {
  return {
    version,
    rowCount: rows.length,
    async *rows(buckets) {
      const wanted = [...placesOf(rows)].filter(
        ([, { row }]) => buckets === undefined || buckets.includes(rowBucket(row.chunkId) & 255),
      );
      yield await call('scan rows', () => ({
        chunkIds: Float64Array.from(wanted, ([, { row }]) => row.chunkId),
        documentIds: Float64Array.from(wanted, ([, { row }]) => row.documentId),
        fingerprints: new Uint32Array(BigInt64Array.from(wanted, ([, { row }]) => row.fingerprint).buffer),
        places: BigUint64Array.from(wanted, ([place]) => place),
      }));
    },
    async *vectors() {
      yield await call('scan vectors', () => ({
        chunkIds: Float64Array.from(rows, ({ row }) => row.chunkId),
        documentIds: Float64Array.from(rows, ({ row }) => row.documentId),
        vectors: joinVectors(rows),
        incompleteRows: new Set<number>(),
      }));
    },
  };
}

function joinVectors(rows: readonly StoredRow[]): Float32Array {
  return Float32Array.from(rows.flatMap(({ vector }) => [...vector]));
}

/** See `VectorTable.listDocuments`. */
export function listDocuments(rows: readonly StoredRow[]): TableContents {
  const counts = new Map<number, number>();
  for (const { row } of rows) counts.set(row.documentId, (counts.get(row.documentId) ?? 0) + 1);
  const sorted = [...counts].sort(([a], [b]) => a - b);
  return {
    documentIds: Float64Array.from(sorted, ([id]) => id),
    rowCounts: Uint32Array.from(sorted, ([, count]) => count),
    chunkIdMax: rows.reduce((most, { row }) => Math.max(most, row.chunkId), 0),
  };
}

/** See `VectorTable.readDocuments`. */
export function readDocuments(
  rows: readonly StoredRow[],
  { firstId, lastId }: { readonly firstId: number; readonly lastId: number },
): StoredRows {
  const wanted = rows.filter(({ row }) => row.documentId >= firstId && row.documentId <= lastId);
  return {
    rows: wanted.map(({ row: { fields: _, ...shown } }) => shown),
    vectors: joinVectors(wanted),
  };
}
