import type { IndexStatistics, Table, VectorQuery } from '@lancedb/lancedb';
import type { Lance } from './lance-library.ts';

/** Name of the vector index. */
export const vectorIndexName = 'vector_idx';

/**
 * Rows of one partition. A quarter of LanceDB's own choice: a search of 100,000 rows then finds as much in half of the rows
 * as in 0.6 of them, and each probe is cheaper (`bench/recall.ts`).
 */
const ROWS_PER_PARTITION = 1_024;
/** Fewest partitions that a search reads: up to about 20,000 rows that is all of them. */
const PROBES_MIN = 20;
/**
 * Share of the partitions that a search of a larger table reads. That is much, and for a reason: of 100,000 passages embedded by
 * the local embedder, whose vectors are the hardest for an index, 0.4 of them hold 0.95 of the ten nearest, 0.6 hold 0.98.
 */
const PROBED_SHARE = 0.5;

/**
 * Parts of the index, one of them for the rows of each refresh, from which on it is built anew. LanceDB compacts no
 * fragments across them: without this they would grow in number for ever.
 */
const PARTS_MAX = 16;

/**
 * Whether a vector index is to be built: the table is large enough for one to pay, and has none, or one in too many parts.
 * An index that is there is kept when the table shrinks.
 */
export function isVectorIndexDue(
  index: Partial<IndexStatistics> | undefined,
  vectorBytes: number,
  vectorIndexBytesMin: number,
): boolean {
  if (index === undefined) return vectorBytes > 0 && vectorBytes >= vectorIndexBytesMin;
  return (index.numIndices ?? 1) > PARTS_MAX;
}

/**
 * Builds the vector index, or builds it anew: partitions by k-means, exact distances within (IVF_FLAT), by cosine as all
 * searches. One commit; searches go on meanwhile. LanceDB draws its training sample at random and takes no seed: two
 * indexes of the same rows may differ in what they miss.
 */
export async function createVectorIndex(lance: Lance, table: Table): Promise<void> {
  const numPartitions = partitionsOf(await table.countRows());
  const config = lance.Index.ivfFlat({ distanceType: 'cosine', numPartitions });
  await table.createIndex('vector', { config, name: vectorIndexName, replace: true });
}

/**
 * Makes a vector search read enough partitions of an index, if there is one, for a recall of 0.95 and more; and more than
 * that where a filter leaves too few rows in them.
 */
export function probeEnough(search: VectorQuery, rowCount: number): void {
  // 0 stands for all: the order matters, a maximum below the minimum is refused.
  search
    .maximumNprobes(0)
    .minimumNprobes(Math.max(PROBES_MIN, Math.ceil(partitionsOf(rowCount) * PROBED_SHARE)));
}

function partitionsOf(rowCount: number): number {
  return Math.max(1, Math.ceil(rowCount / ROWS_PER_PARTITION));
}
