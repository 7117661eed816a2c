import {
  type Catalog,
  type DatasetRecord,
  type GenerationRecord,
  ROW_COUNT_UNKNOWN,
} from '../catalog/catalog.ts';
import { formatAddress } from '../domain/address.ts';
import type { Clock } from '../domain/clock.ts';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import {
  isAtLeast,
  NOTHING_FOUND,
  SYNC_KINDS,
  type SyncKind,
  type SyncLevel,
  type SyncProposal,
  type SyncReport,
} from '../domain/sync-report.ts';
import type { TableState, VectorStore, VectorTable } from '../vectors/vector-store.ts';
import { compareRows } from './compare-rows.ts';
import { compareVectors } from './compare-vectors.ts';
import { createDamageList, type DamageLists } from './damage.ts';
import { configurationOf, tableSpec } from './open-generation.ts';

/** What a check looks at. It writes nothing and needs no lease. */
export interface SyncSubject {
  readonly dataset: DatasetRecord;
  readonly catalog: Catalog;
  readonly store: VectorStore;
  readonly clock: Clock;
  /** Share of damaged rows, 0 to 1, above which a new table is proposed instead of a repair in place. */
  readonly repairShareMax: number;
}

/** A report, and what a repair needs beyond it. */
export interface SyncCheck {
  readonly report: SyncReport;
  /** What a repair in place has to do, where one is proposed. */
  readonly damage: Damage | undefined;
  readonly unembeddedChunkIds: readonly number[];
}

/** Damage of a table at one version. */
export interface Damage extends DamageLists {
  readonly generationId: number;
  readonly version: number;
}

/** Errors that mean: this table cannot be read as it is. */
export const UNREADABLE = ['TABLE_MISSING', 'TABLE_DAMAGED', 'TABLE_SCHEMA_DIFFERS'] as const;

/**
 * Compares a dataset's serving table with the catalog. Other processes may be at work: what was read counts only if the last
 * mark is the same before and after.
 *
 * @throws SynclineError `CHECK_INTERRUPTED` (retryable) when it is not; `ABORTED`.
 */
export async function checkSync(
  subject: SyncSubject,
  level: SyncLevel,
  signal?: AbortSignal,
): Promise<SyncCheck> {
  const startMs = subject.clock.monotonicMs();
  const generation = await servingGeneration(subject);
  const requireSameMark = async (): Promise<void> => {
    if (!isSameMark(generation, await servingGeneration(subject))) throw interrupted(subject.dataset);
  };
  const found = await lookAt(subject, generation, level, signal).catch(async (error: unknown) => {
    // What failed may have been taken away: by a switch to another table, by maintenance.
    await requireSameMark();
    throw error;
  });
  await requireSameMark();
  const recorded = generation?.recorded;
  const { parts, ...rest } = found;
  const report: SyncReport = {
    address: formatAddress(subject.dataset.address),
    level,
    inSync: parts.proposal === 'none',
    table: generation && recorded && { name: generation.tableName, version: recorded.version },
    repaired: 'none',
    ...emptyFindings(),
    ...parts,
    durationMs: subject.clock.monotonicMs() - startMs,
  };
  return { ...rest, report };
}

/** Why a check has to be made again: the table was written meanwhile. */
export function interrupted(dataset: DatasetRecord): SynclineError {
  return new SynclineError(
    'CHECK_INTERRUPTED',
    `The dataset "${formatAddress(dataset.address)}" was written to while it was checked, each time. Check it again when less is being written, or pause it.`,
    { retryable: true },
  );
}

type ReportParts = Pick<SyncReport, 'proposal' | 'reason' | 'catalogRowCount' | 'tableRowCount'> &
  Partial<Pick<SyncReport, SyncKind>>;

interface Found extends Omit<SyncCheck, 'report'> {
  readonly parts: ReportParts;
}

function emptyFindings(): Pick<SyncReport, SyncKind> {
  return Object.fromEntries(SYNC_KINDS.map((kind) => [kind, NOTHING_FOUND])) as Pick<SyncReport, SyncKind>;
}

const nothingElse = { damage: undefined, unembeddedChunkIds: [] } as const;

async function servingGeneration({ catalog, dataset }: SyncSubject): Promise<GenerationRecord | undefined> {
  const generations = await catalog.listGenerations(dataset.datasetId);
  return generations.find(({ state, recorded }) => state === 'serving' && recorded !== undefined);
}

function isSameMark(a: GenerationRecord | undefined, b: GenerationRecord | undefined): boolean {
  return (
    a?.generationId === b?.generationId &&
    a?.recorded?.version === b?.recorded?.version &&
    a?.recorded?.rowCount === b?.recorded?.rowCount
  );
}

async function lookAt(
  subject: SyncSubject,
  generation: GenerationRecord | undefined,
  level: SyncLevel,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const recorded = generation?.recorded;
  if (generation === undefined || recorded === undefined) {
    // Nothing is said to be in a table, so nothing can be missing from one.
    return {
      ...nothingElse,
      parts: { proposal: 'none', reason: undefined, catalogRowCount: 0, tableRowCount: 0 },
    };
  }
  const spec = tableSpec(subject.dataset, await configurationOf(subject, generation));
  try {
    const table = await subject.store.openTable(generation.tableName, spec);
    const standing = await standingOf(table, recorded);
    if (!isAtLeast(level, 'rows')) return quickly(standing, recorded);
    return await closely(subject, { generation, table, standing, level, signal });
  } catch (error) {
    if (!isSynclineError(error, ...UNREADABLE)) throw error;
    return { ...nothingElse, parts: unreadable(error, recorded) };
  }
}

/** Where the table stands against its last mark, and which of its versions is the one to compare. */
interface Standing {
  readonly state: TableState;
  readonly version: number;
  readonly proposal: SyncProposal;
  readonly reason: string | undefined;
}

async function standingOf(table: VectorTable, recorded: TableState): Promise<Standing> {
  const state = await table.state();
  if (state.version === recorded.version && state.rowCount === recorded.rowCount) {
    return { state, version: state.version, proposal: 'none', reason: undefined };
  }
  const shown = `the table is at version ${state.version} with ${state.rowCount} rows`;
  if (recorded.rowCount === ROW_COUNT_UNKNOWN) {
    const reason = 'a repair of the table was cut short';
    return { state, version: state.version, proposal: 'repair', reason };
  }
  if (state.version > recorded.version && (await hasVersion(table, recorded))) {
    const reason = `${shown}, ahead of its last mark (version ${recorded.version}, ${recorded.rowCount} rows)`;
    return { state, version: recorded.version, proposal: 'putBack', reason };
  }
  const reason = `${shown}, and what was recorded at its last mark (version ${recorded.version}, ${recorded.rowCount} rows) is gone`;
  return { state, version: state.version, proposal: 'repair', reason };
}

/** Whether a version can still be read, with the number of rows that is recorded of it. */
async function hasVersion(table: VectorTable, recorded: TableState): Promise<boolean> {
  try {
    return await table.scan(recorded.version, async ({ rowCount }) => rowCount === recorded.rowCount);
  } catch (error) {
    if (!isSynclineError(error, 'TABLE_DAMAGED')) throw error;
    return false;
  }
}

function quickly({ state, proposal, reason }: Standing, recorded: TableState): Found {
  const catalogRowCount = Math.max(0, recorded.rowCount);
  const parts = { proposal, reason, catalogRowCount, tableRowCount: state.rowCount };
  return { ...nothingElse, parts };
}

interface CloseLook {
  readonly generation: GenerationRecord;
  readonly table: VectorTable;
  readonly standing: Standing;
  readonly level: SyncLevel;
  readonly signal: AbortSignal | undefined;
}

async function closely(subject: SyncSubject, look: CloseLook): Promise<Found> {
  const { generation, table, standing, level, signal } = look;
  const { catalog, repairShareMax } = subject;
  const { generationId, recorded } = generation;
  const rowCount = Math.max(standing.state.rowCount, recorded?.rowCount ?? 0);
  const list = createDamageList(Math.floor(rowCount * repairShareMax));
  const { rows, vectors } = await table.scan(standing.version, async (scan) => {
    const comparison = { catalog, generationId, scan, damage: list, signal };
    const rows = await compareRows(comparison);
    return { rows, vectors: isAtLeast(level, 'deep') ? await compareVectors(comparison) : undefined };
  });
  const { catalogRowCount, tableRowCount, ...rowCounters } = rows;
  const { unembeddedChunkIds = [], ...vectorCounters } = vectors ?? {};
  const counters = Object.entries({ ...rowCounters, ...vectorCounters });
  const findings: Partial<Pick<SyncReport, SyncKind>> = Object.fromEntries(
    counters.map(([kind, counter]) => [kind, counter.finding()]),
  );
  const reasons = [
    ...(standing.reason === undefined ? [] : [standing.reason]),
    ...SYNC_KINDS.flatMap((kind) => describeFinding(kind, findings[kind]?.count ?? 0)),
  ];
  const lists = list.lists();
  const isDamaged = lists === undefined || lists.documentIds.length + lists.places.length > 0;
  const isUnembedded = (findings.unembedded?.count ?? 0) > 0;
  const damaged = lists === undefined ? 'rebuild' : 'repair';
  const proposal = isDamaged ? damaged : isUnembedded ? 'repair' : standing.proposal;
  const reason = reasons.length === 0 ? undefined : reasons.join('; ');
  return {
    parts: { ...findings, proposal, reason, catalogRowCount, tableRowCount },
    damage: lists && { ...lists, generationId, version: standing.version },
    unembeddedChunkIds,
  };
}

const KIND_WORDS: Readonly<Record<SyncKind, readonly [one: string, many: string]>> = {
  missing: ['chunk has no row', 'chunks have no row'],
  extra: ['row is of no chunk', 'rows are of no chunk'],
  duplicate: ['row is there once too often', 'rows are there once too often'],
  stale: ['row is not as the catalog has it', 'rows are not as the catalog has them'],
  vectorless: ['row has no usable vector', 'rows have no usable vector'],
  wrongDimension: ['row has a vector of another dimension', 'rows have vectors of another dimension'],
  wrongVector: ['row has another vector than the catalog', 'rows have another vector than the catalog'],
  unembedded: ['chunk has lost its embedding', 'chunks have lost their embedding'],
};

function describeFinding(kind: SyncKind, count: number): string[] {
  const [one, many] = KIND_WORDS[kind];
  return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
}

function unreadable(error: SynclineError, recorded: TableState): ReportParts {
  const catalogRowCount = Math.max(0, recorded.rowCount);
  const isDimension = error.code === 'TABLE_SCHEMA_DIFFERS' && error.details.column === 'vector';
  return {
    proposal: 'rebuild',
    reason: error.message,
    catalogRowCount,
    tableRowCount: 0,
    ...(isDimension && { wrongDimension: { count: catalogRowCount, firstChunkIds: [] } }),
  };
}
