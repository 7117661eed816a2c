import type { Catalog } from '../catalog/catalog.ts';
import { runInSlices } from '../chunking/run-in-slices.ts';
import { throwIfAborted } from '../domain/errors.ts';
import {
  createRowCollector,
  createRowFold,
  differingBuckets,
  foldedRowCount,
  foldRows,
  type RowFold,
  type RowPage,
  rowsByBucket,
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
 * Rows of each side that are held at once while buckets are compared row by row: about 35 MB. Each such portion costs one
 * more scan of both sides.
 */
const ROWS_AT_ONCE = 500_000;
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
  for (const portion of portionsOf(differingBuckets(expected, found), [expected, found])) {
    await compareBuckets(comparison, portion, findings);
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

/** Buckets that are compared at once, and how many rows they have on the side that has more. */
interface Portion {
  readonly buckets: number[];
  rowCount: number;
}

/** Buckets in portions that can be held in memory; a bucket that is larger is a portion of its own. */
function portionsOf(buckets: readonly number[], folds: readonly RowFold[]): Portion[] {
  const portions: Portion[] = [];
  for (const bucket of buckets) {
    const rowCount = Math.max(...folds.map(({ counts }) => counts[bucket] ?? 0));
    const portion = portions.at(-1);
    if (portion === undefined || portion.rowCount + rowCount > ROWS_AT_ONCE)
      portions.push({ buckets: [bucket], rowCount });
    else {
      portion.buckets.push(bucket);
      portion.rowCount += rowCount;
    }
  }
  return portions;
}

async function compareBuckets(
  comparison: Comparison,
  { buckets, rowCount }: Portion,
  findings: RowFindings,
): Promise<void> {
  const { scan, damage, signal } = comparison;
  const [expected, found] = await both(
    collect(catalogPages(comparison, buckets), rowCount, signal),
    collect(scan.rows(buckets), rowCount, signal),
  );
  await runInSlices(compareHeld({ expected, found, findings, damage }), signal);
}

async function collect(
  pages: AsyncIterable<RowPage & Partial<TableRowPage>>,
  rowCount: number,
  signal: AbortSignal | undefined,
): Promise<TableRowPage> {
  const collector = createRowCollector(rowCount);
  for await (const page of pages) {
    throwIfAborted(signal);
    collector.add(page);
  }
  return collector.rows();
}

/** Rows of both sides, of the same buckets. */
interface Held {
  readonly expected: RowPage;
  readonly found: TableRowPage;
  readonly findings: RowFindings;
  readonly damage: DamageList;
}

/** Bucket by bucket, so that what is looked up stays small. A generator, so that the event loop gets its turn. */
function* compareHeld(held: Held): Generator<void, void> {
  const expectedRows = yield* rowsByBucket(held.expected, ROWS_PER_SLICE);
  const foundRows = yield* rowsByBucket(held.found, ROWS_PER_SLICE);
  for (const [bucket, rows] of expectedRows.entries()) {
    yield* compareBucket(held, rows, foundRows[bucket] ?? new Uint32Array(0));
    yield;
  }
}

/** What was found of the expected rows of one bucket: columns again, for there are many. */
interface Matches {
  readonly rowCounts: Uint32Array;
  /** 1: one of its rows is as expected. */
  readonly isRight: Uint8Array;
  /** The row to keep: the one that is as expected, else the first. */
  readonly kept: Uint32Array;
}

function* compareBucket(
  held: Held,
  expectedRows: Uint32Array,
  foundRows: Uint32Array,
): Generator<void, void> {
  const { expected, found, findings, damage } = held;
  const indexOf = new Map<number, number>();
  for (const [index, row] of expectedRows.entries()) indexOf.set(expected.chunkIds[row] ?? 0, index);
  yield;
  const matches: Matches = {
    rowCounts: new Uint32Array(expectedRows.length),
    isRight: new Uint8Array(expectedRows.length),
    kept: new Uint32Array(expectedRows.length),
  };
  for (const [place, foundRow] of foundRows.entries()) {
    const chunkId = found.chunkIds[foundRow] ?? 0;
    const index = indexOf.get(chunkId);
    if (index === undefined) {
      findings.extra.add(chunkId);
      damage.remove(found.places[foundRow] ?? 0n);
    } else {
      const isRight = isSameRow(expected, expectedRows[index] ?? 0, found, foundRow);
      matchRow(held, matches, index, { foundRow, isRight });
    }
    if (place % ROWS_PER_SLICE === 0) yield;
  }
  for (const [index, row] of expectedRows.entries()) {
    judgeRow(held, matches, index, row);
    if (index % ROWS_PER_SLICE === 0) yield;
  }
}

/** Takes in one more row of a chunk: of several, one is kept and the others have to go. */
function matchRow(
  { found, damage }: Held,
  { rowCounts, isRight, kept }: Matches,
  index: number,
  row: { readonly foundRow: number; readonly isRight: boolean },
): void {
  const isFirst = rowCounts[index] === 0;
  const isBetter = row.isRight && isRight[index] === 0;
  rowCounts[index] = (rowCounts[index] ?? 0) + 1;
  if (!isFirst) damage.remove(found.places[isBetter ? (kept[index] ?? 0) : row.foundRow] ?? 0n);
  if (isFirst || isBetter) kept[index] = row.foundRow;
  if (row.isRight) isRight[index] = 1;
}

function isSameRow(a: RowPage, rowOfA: number, b: RowPage, rowOfB: number): boolean {
  return (
    a.fingerprints[rowOfA * 2] === b.fingerprints[rowOfB * 2] &&
    a.fingerprints[rowOfA * 2 + 1] === b.fingerprints[rowOfB * 2 + 1] &&
    a.documentIds[rowOfA] === b.documentIds[rowOfB]
  );
}

function judgeRow(
  { expected, found, findings, damage }: Held,
  { rowCounts, isRight, kept }: Matches,
  index: number,
  row: number,
): void {
  const chunkId = expected.chunkIds[row] ?? 0;
  const documentId = expected.documentIds[row] ?? 0;
  const rowCount = rowCounts[index] ?? 0;
  for (let surplus = 1; surplus < rowCount; surplus += 1) findings.duplicate.add(chunkId);
  if (isRight[index] === 1) return;
  damage.rewrite(documentId);
  if (rowCount === 0) {
    findings.missing.add(chunkId);
    return;
  }
  findings.stale.add(chunkId);
  const keptRow = kept[index] ?? 0;
  // Writing a document again replaces its rows by their document; a row of another one would be left behind.
  if (found.documentIds[keptRow] !== documentId) damage.remove(found.places[keptRow] ?? 0n);
}
