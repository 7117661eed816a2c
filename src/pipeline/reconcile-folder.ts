import type { Catalog, CatalogIds, CatalogWriter, GenerationRecord } from '../catalog/catalog.ts';
import { isSynclineError, throwIfAborted } from '../domain/errors.ts';
import type { VectorStore, VectorTable } from '../vectors/vector-store.ts';
import { salvageVectors } from './salvage-vectors.ts';
import { surveyTables, type UnknownTable } from './survey-tables.ts';

/** What reconciling needs, and whom it tells. */
export interface ReconcileParts {
  readonly catalog: Catalog;
  readonly writer: CatalogWriter;
  readonly store: VectorStore;
  readonly signal: AbortSignal;
  /** Vectors were taken over from a table; `dropped` when the table was of no other use. */
  readonly onSalvaged: (table: {
    readonly name: string;
    readonly vectors: number;
    readonly dropped: boolean;
  }) => void;
}

const PENDING_IDS_PER_PAGE = 5_000;
/** What is wrong with a table alone: its dataset's check deals with it. */
const TABLE_ERRORS = ['TABLE_MISSING', 'TABLE_DAMAGED', 'TABLE_SCHEMA_DIFFERS', 'TABLE_FAILED'] as const;

/**
 * Looks, at the beginning of a session and before any id is given out, whether the tables are newer than the catalog: it was
 * restored from a backup, or copied back by hand. Before such tables are put back or dropped, the vectors that were paid for
 * since are taken over, and the ids that were given out since are left out. Costs a listing of each table's folder of
 * versions; tables are opened only when there is something to look into.
 */
export async function reconcileFolder(parts: ReconcileParts): Promise<void> {
  const { catalog, store, signal } = parts;
  const { known, unknown } = await surveyTables(catalog, store);
  if (known.length + unknown.length === 0) return;
  const lastIds = await catalog.lastIds();
  const ahead = await tablesAhead(store, known);
  for (const generation of ahead) {
    throwIfAborted(signal);
    await unlessUnusable(() => salvageNewer(parts, generation, lastIds));
  }
  for (const table of unknown) {
    throwIfAborted(signal);
    if (table.standing === 'orphan') await unlessUnusable(() => collectOrphan(parts, table));
  }
}

/** A table that cannot be read gives nothing, and is left as it is. */
async function unlessUnusable(task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    if (!isSynclineError(error, ...TABLE_ERRORS)) throw error;
  }
}

async function tablesAhead(
  store: VectorStore,
  known: readonly GenerationRecord[],
): Promise<GenerationRecord[]> {
  const ahead: GenerationRecord[] = [];
  for (const generation of known) {
    const { recorded, tableName, state } = generation;
    if (recorded === undefined || state === 'dropping') continue;
    const version = await store.newestVersion(tableName);
    if (version !== undefined && version > recorded.version) ahead.push(generation);
  }
  return ahead;
}

/** Most tables that are ahead are so by the last commit before a crash, which the catalog knows all about. */
async function salvageNewer(
  parts: ReconcileParts,
  generation: GenerationRecord,
  lastIds: CatalogIds,
): Promise<void> {
  const { catalog, store } = parts;
  const configuration = await catalog.findConfiguration(generation.configurationId);
  const [dataset] = await catalog.listDatasets({ afterDatasetId: generation.datasetId - 1, limit: 1 });
  if (configuration === undefined || dataset?.datasetId !== generation.datasetId) return;
  const { profile } = configuration;
  const table = await store.openTable(generation.tableName, {
    dimensions: profile.dimensions,
    fields: dataset.fields,
  });
  const isNewer =
    (await table.countRowsAfter(lastIds.chunkId)) > 0 ||
    (await holdsPending(catalog, table, generation.configurationId));
  if (!isNewer) return;
  const vectors = await salvageVectors(parts, table, profile);
  parts.onSalvaged({ name: generation.tableName, vectors, dropped: false });
}

/** Whether rows are there of chunks that the catalog waits for vectors of: they were embedded after it was copied. */
async function holdsPending(catalog: Catalog, table: VectorTable, configurationId: number): Promise<boolean> {
  let afterChunkId = 0;
  for (;;) {
    const ids = await catalog.listPendingIds(configurationId, { afterChunkId, limit: PENDING_IDS_PER_PAGE });
    if (ids.length === 0) return false;
    if ((await table.countRowsOf(ids)) > 0) return true;
    afterChunkId = ids.at(-1) ?? afterChunkId;
  }
}

/** A table made for this catalog after the copy that it is now: nobody will ever open it again. */
async function collectOrphan(parts: ReconcileParts, { name, origin, fields }: UnknownTable): Promise<void> {
  if (origin === undefined || fields === undefined) return;
  const { profile, generationId } = origin;
  const table = await parts.store.openTable(name, { dimensions: profile.dimensions, fields });
  const vectors = await salvageVectors(parts, table, profile);
  await parts.writer.raiseIds({ documentId: 0, chunkId: 0, generationId });
  await parts.writer.assertLease();
  await parts.store.dropTable(name);
  parts.onSalvaged({ name, vectors, dropped: true });
}
