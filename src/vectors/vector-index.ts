import type { IndexStatistics, Table, VectorQuery } from '@lancedb/lancedb';
import type { Lance } from './lance-library.ts';

/** Name of the vector index. */
export const vectorIndexName = 'vector_idx';

/**
 * Rows of one partition, LanceDB's own choice for this kind of index. Smaller ones make a search faster and its answer
 * worse at the same share of rows read (`bench/recall.ts`).
 */
const ROWS_PER_PARTITION = 4_096;
/** Fewest partitions that a search reads: up to about 80,000 rows that is all of them. */
const PROBES_MIN = 20;
/**
 * Share of the partitions that a search of a larger table reads. At 100,000 rows recall@10 is 0.90 with 0.4 of them and 0.99
 * with 0.8 for the local embedder, whose vectors are the hardest (`bench/recall.ts`).
 */
const PROBED_SHARE = 0.6;

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
  const config = lance.Index.ivfFlat({ distanceType: 'cosine' });
  await table.createIndex('vector', { config, name: vectorIndexName, replace: true });
}

/**
 * Makes a vector search read enough partitions of an index, if there is one, for a recall of 0.95 and more; and more than
 * that where a filter leaves too few rows in them.
 */
export function probeEnough(search: VectorQuery, rowCount: number): void {
  const partitions = Math.ceil(rowCount / ROWS_PER_PARTITION);
  // 0 stands for all: the order matters, a maximum below the minimum is refused.
  search.maximumNprobes(0).minimumNprobes(Math.max(PROBES_MIN, Math.ceil(partitions * PROBED_SHARE)));
}
