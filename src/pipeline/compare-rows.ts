import type { Catalog } from '../catalog/catalog.ts';
import { runInSlices } from '../chunking/run-in-slices.ts';
import { throwIfAborted } from '../domain/errors.ts';
import {
  createRowFold,
  differingBuckets,
  foldedRowCount,
  foldRows,
  joinPages,
  type RowFold,
  type RowPage,
  type TableRowPage,
} from '../domain/row-page.ts';
import { createFindingCounter, type FindingCounter } from '../domain/sync-report.ts';
import type { TableScan } from '../vectors/vector-store.ts';
import type { DamageList } from './damage.ts';

/** What is compared. */
export interface Comparison {
  readonly catalog: Catalog;
  readonly generationId: number;
  readonly scan: TableScan;
  readonly damage: DamageList;
  readonly signal: AbortSignal | undefined;
}

/** What comparing rows found. */
export interface RowFindings {
  readonly catalogRowCount: number;
  readonly tableRowCount: number;
  readonly missing: FindingCounter;
  readonly extra: FindingCounter;
  readonly duplicate: FindingCounter;
  readonly stale: FindingCounter;
}

/**
 * Rows of both sides that are held at once while buckets are compared row by row: about 25 MB. Each such portion costs one
 * more scan of both sides.
 */
const ROWS_AT_ONCE = 262_144;
/** Rows between two chances for the event loop: well below a millisecond. */
const ROWS_PER_SLICE = 4_096;

/**
 * Level 2: folds both sides per bucket in one streamed scan each, at the same time, and compares row by row only the buckets
 * that differ. Memory is bounded whatever the size of the table.
 */
export async function compareRows(comparison: Comparison): Promise<RowFindings> {
  const [expected, found] = await both(foldCatalog(comparison), foldTable(comparison));
  const findings: RowFindings = {
    catalogRowCount: foldedRowCount(expected),
    tableRowCount: foldedRowCount(found),
    missing: createFindingCounter(),
    extra: createFindingCounter(),
    duplicate: createFindingCounter(),
    stale: createFindingCounter(),
  };
  for (const buckets of portionsOf(differingBuckets(expected, found), [expected, found])) {
    await compareBuckets(comparison, buckets, findings);
  }
  return findings;
}

/** Waits for the end of both also when one fails: nothing may go on reading behind the caller's back. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

async function foldCatalog(comparison: Comparison): Promise<RowFold> {
  const fold = createRowFold();
  for await (const page of catalogPages(comparison)) foldRows(fold, page);
  return fold;
}

async function foldTable({ scan, signal }: Comparison): Promise<RowFold> {
  const fold = createRowFold();
  for await (const page of scan.rows()) {
    throwIfAborted(signal);
    foldRows(fold, page);
  }
  return fold;
}

async function* catalogPages(
  { catalog, generationId, signal }: Comparison,
  buckets?: readonly number[],
): AsyncGenerator<RowPage> {
  let page = await catalog.listIndexedRows(generationId, { ...(buckets && { buckets }) });
  for (;;) {
    throwIfAborted(signal);
    const after = page.next;
    // The next page is under way while this one is worked on.
    const next = after && catalog.listIndexedRows(generationId, { after, ...(buckets && { buckets }) });
    next?.catch(() => undefined);
    yield page.rows;
    if (next === undefined) return;
    page = await next;
  }
}

/** Buckets in portions that can be held in memory; a bucket that is larger is a portion of its own. */
function portionsOf(buckets: readonly number[], folds: readonly RowFold[]): number[][] {
  const portions: number[][] = [];
  let rowCount = 0;
  for (const bucket of buckets) {
    const bucketRowCount = Math.max(...folds.map(({ counts }) => counts[bucket] ?? 0));
    const portion = portions.at(-1);
    if (portion === undefined || rowCount + bucketRowCount > ROWS_AT_ONCE) {
      portions.push([bucket]);
      rowCount = bucketRowCount;
    } else {
      portion.push(bucket);
      rowCount += bucketRowCount;
    }
  }
  return portions;
}

async function compareBuckets(
  comparison: Comparison,
  buckets: readonly number[],
  findings: RowFindings,
): Promise<void> {
  const [expected, found] = await both(
    collect(catalogPages(comparison, buckets)),
    collect(comparison.scan.rows(buckets), comparison.signal),
  );
  const compared = compareHeld(joinPages(expected), joinPages(found), findings, comparison.damage);
  await runInSlices(compared, comparison.signal);
}

async function collect<Page>(pages: AsyncIterable<Page>, signal?: AbortSignal): Promise<Page[]> {
  const collected: Page[] = [];
  for await (const page of pages) {
    throwIfAborted(signal);
    collected.push(page);
  }
  return collected;
}

/** What was found of each expected row. */
interface Match {
  readonly rowCounts: Uint32Array;
  /** 1: one of its rows is as expected. */
  readonly isRight: Uint8Array;
  /** The row to keep: the one that is as expected, else the first. */
  readonly kept: Int32Array;
}

/** A generator, so that the event loop gets its turn. */
function* compareHeld(
  expected: RowPage,
  found: TableRowPage,
  findings: RowFindings,
  damage: DamageList,
): Generator<void, void> {
  const rowCount = expected.chunkIds.length;
  const rowOf = new Map<number, number>();
  for (let row = 0; row < rowCount; row += 1) {
    rowOf.set(expected.chunkIds[row] ?? 0, row);
    if (row % ROWS_PER_SLICE === 0) yield;
  }
  const match: Match = {
    rowCounts: new Uint32Array(rowCount),
    isRight: new Uint8Array(rowCount),
    kept: new Int32Array(rowCount),
  };
  for (let index = 0; index < found.chunkIds.length; index += 1) {
    const row = rowOf.get(found.chunkIds[index] ?? 0);
    if (row === undefined) {
      findings.extra.add(found.chunkIds[index] ?? 0);
      damage.remove(found.places[index] ?? 0n);
    } else matchRow({ expected, found, match, damage }, row, index);
    if (index % ROWS_PER_SLICE === 0) yield;
  }
  for (let row = 0; row < rowCount; row += 1) {
    judgeRow({ expected, found, match, damage }, row, findings);
    if (row % ROWS_PER_SLICE === 0) yield;
  }
}

interface Held {
  readonly expected: RowPage;
  readonly found: TableRowPage;
  readonly match: Match;
  readonly damage: DamageList;
}

/** Takes in one more row of a chunk: of several, one is kept and the others have to go. */
function matchRow({ expected, found, match, damage }: Held, row: number, index: number): void {
  const isRight = isSameRow(expected, row, found, index);
  const isFirst = match.rowCounts[row] === 0;
  match.rowCounts[row] = (match.rowCounts[row] ?? 0) + 1;
  const isBetter = isRight && match.isRight[row] === 0;
  if (!isFirst) damage.remove(found.places[isBetter ? (match.kept[row] ?? 0) : index] ?? 0n);
  if (isFirst || isBetter) match.kept[row] = index;
  if (isRight) match.isRight[row] = 1;
}

function isSameRow(a: RowPage, rowOfA: number, b: RowPage, rowOfB: number): boolean {
  return (
    a.fingerprints[rowOfA * 2] === b.fingerprints[rowOfB * 2] &&
    a.fingerprints[rowOfA * 2 + 1] === b.fingerprints[rowOfB * 2 + 1] &&
    a.documentIds[rowOfA] === b.documentIds[rowOfB]
  );
}

function judgeRow({ expected, found, match, damage }: Held, row: number, findings: RowFindings): void {
  const chunkId = expected.chunkIds[row] ?? 0;
  const documentId = expected.documentIds[row] ?? 0;
  const rowCount = match.rowCounts[row] ?? 0;
  for (let surplus = 1; surplus < rowCount; surplus += 1) findings.duplicate.add(chunkId);
  if (match.isRight[row] === 1) return;
  damage.rewrite(documentId);
  if (rowCount === 0) {
    findings.missing.add(chunkId);
    return;
  }
  findings.stale.add(chunkId);
  const kept = match.kept[row] ?? 0;
  // Writing a document again replaces its rows by their document; a row of another one would be left behind.
  if (found.documentIds[kept] !== documentId) damage.remove(found.places[kept] ?? 0n);
}
