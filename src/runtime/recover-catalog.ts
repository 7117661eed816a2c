import { rm, stat } from 'node:fs/promises';
import type { Catalog } from '../catalog/catalog.ts';
import { formatAddress } from '../domain/address.ts';
import { isSynclineError, SynclineError, throwIfAborted, toSynclineError } from '../domain/errors.ts';
import {
  type OwnedTable,
  type RecoveredTable,
  type RecoverParts,
  recoverTable,
} from '../pipeline/recover-table.ts';
import { ID_GAP } from '../pipeline/salvage-vectors.ts';
import type { TableInspection, VectorStore } from '../vectors/vector-store.ts';
import { createAdapters, type RuntimeAdapters } from './adapters.ts';
import { type ResolvedOptions, resolveOptions, type SynclineOptions } from './options.ts';
import { catalogExists, putAside } from './restore-catalog.ts';
import { takeLease } from './session.ts';

/** How {@link recoverCatalog} works. */
export interface RecoverOptions {
  /** Replaces a catalog that is there (a damaged one, for example); it is kept beside the new one. Default `false`. */
  readonly force?: boolean;
  /** Which catalog to make, where the folder holds tables of several. */
  readonly catalogId?: string;
  readonly onProgress?: (progress: RecoverProgress) => void;
  /** Ends it; nothing is left. */
  readonly signal?: AbortSignal;
}

/** How far {@link recoverCatalog} is. */
export interface RecoverProgress {
  /** `project/dataset`. */
  readonly dataset: string;
  readonly documents: number;
  readonly documentsTotal: number;
}

/** One dataset that was recovered. */
export interface RecoveredDataset extends RecoveredTable {
  /** `project/dataset`. */
  readonly dataset: string;
}

/** A table that gave nothing, and was left as it is. */
export interface UnrecoveredTable {
  readonly table: string;
  readonly reason: string;
}

/** What {@link recoverCatalog} did. */
export interface RecoverReport {
  /** The new catalog, as an absolute path. */
  readonly path: string;
  /** Where the catalog is now that was replaced. */
  readonly keptAs: string | undefined;
  readonly catalogId: string;
  readonly datasets: readonly RecoveredDataset[];
  readonly notRecovered: readonly UnrecoveredTable[];
  readonly durationMs: number;
}

const LEASE_TTL_MS = 60_000;

/**
 * Makes a catalog from what tables hold, where there is neither a catalog nor a backup: datasets with their documents, chunks
 * (under the ids that they had) and vectors. Tables go on serving as they are. What no table holds is not in it: documents
 * without text, passages that had failed, what still waited, vectors of texts that were gone. It appears whole or not at all.
 *
 * @param options - Where catalog and tables are: `dataDir`, `catalogUrl` (a file), `vectorsUri`, as for `createSyncline`.
 * @throws SynclineError `FILE_EXISTS` without `force`, `CATALOG_MISSING` when there is no table to make one from,
 * `INVALID_OPTION` when tables of several catalogs lie there and `catalogId` is not given, `LEASE_HELD`, `DISK_FULL`.
 */
export async function recoverCatalog({
  force = false,
  catalogId,
  onProgress,
  signal,
  ...place
}: RecoverOptions & Pick<SynclineOptions, 'dataDir' | 'catalogUrl' | 'vectorsUri'>): Promise<RecoverReport> {
  const options = resolveOptions({ ...place, environment: {} });
  const adapters = createAdapters(options);
  const { clock, files, store } = adapters;
  const startMs = clock.monotonicMs();
  try {
    const path = requireFile(adapters.catalogPath);
    if (!force && (await isThere(path))) throw catalogExists(path);
    const found = await findTables(store, options.vectorsUri, catalogId);
    const building = `${path}.recovering`;
    const made = await buildCatalog({ adapters, options, building, found, onProgress, signal });
    throwIfAborted(signal);
    if (!force && (await isThere(path))) throw catalogExists(path);
    const keptAs = await putAside(adapters, path);
    await files.move(building, path);
    return { path, keptAs, catalogId: found.catalogId, ...made, durationMs: clock.monotonicMs() - startMs };
  } finally {
    await store.close();
  }
}

interface FoundTables {
  readonly catalogId: string;
  readonly owned: readonly OwnedTable[];
  readonly others: readonly UnrecoveredTable[];
}

interface BuildParts {
  readonly onProgress: RecoverOptions['onProgress'] | undefined;
  readonly signal: AbortSignal | undefined;
  readonly adapters: RuntimeAdapters;
  readonly options: ResolvedOptions;
  readonly building: string;
  readonly found: FoundTables;
}

/** Builds it beside its place; a build that was cut short is begun anew. */
async function buildCatalog(parts: BuildParts): Promise<Pick<RecoverReport, 'datasets' | 'notRecovered'>> {
  const { adapters, options, building, found } = parts;
  const open = (): Promise<Catalog> =>
    createAdapters({ ...options, catalogUrl: building, access: 'readWrite' }).openCatalog();
  const lease = { identity: adapters.identity, leaseTtlMs: LEASE_TTL_MS };
  if (await isThere(building)) {
    // Somebody who is still at it holds the lease.
    const earlier = await open();
    await takeLease(earlier, adapters.clock.newId(), lease).finally(() => earlier.close());
    await removeFile(building);
  }
  const catalog = await open();
  let isComplete = false;
  try {
    const token = await takeLease(catalog, adapters.clock.newId(), lease);
    await catalog.migrate();
    const made = await fillCatalog(parts, catalog, token);
    await catalog.writer(token).raiseIds(await idsBeyond(adapters.store, found, await catalog.lastIds()));
    await catalog.releaseLease(token);
    isComplete = true;
    return made;
  } finally {
    await catalog.close();
    if (!isComplete) await removeFile(building);
  }
}

async function fillCatalog(
  { adapters, found, onProgress, signal }: BuildParts,
  catalog: Catalog,
  token: number,
): Promise<Pick<RecoverReport, 'datasets' | 'notRecovered'>> {
  const importer = catalog.importer(token);
  await importer.adoptIdentity(found.catalogId);
  const datasets: RecoveredDataset[] = [];
  const notRecovered: UnrecoveredTable[] = [...found.others];
  for (const [dataset, tables] of byDataset(found.owned)) {
    const parts: RecoverParts = {
      writer: catalog.writer(token),
      importer,
      store: adapters.store,
      signal,
      async onDocuments(documents, documentsTotal) {
        onProgress?.({ dataset, documents, documentsTotal });
        await catalog.renewLease(token, LEASE_TTL_MS);
      },
    };
    let isRecovered = false;
    for (const table of tables) {
      throwIfAborted(signal);
      if (isRecovered) {
        notRecovered.push({
          table: table.name,
          reason: `It is older than the one that was recovered for ${dataset}.`,
        });
        continue;
      }
      try {
        datasets.push({ dataset, ...(await recoverTable(parts, table)) });
        isRecovered = true;
      } catch (error) {
        if (!isTableError(error)) throw error;
        notRecovered.push({ table: table.name, reason: toSynclineError(error).message });
      }
    }
  }
  return { datasets, notRecovered };
}

function isTableError(error: unknown): boolean {
  return isSynclineError(error, 'TABLE_MISSING', 'TABLE_DAMAGED', 'TABLE_SCHEMA_DIFFERS', 'TABLE_FAILED');
}

/** Tables by dataset: the one that served last first, and those that never did (a build that was cut short) last. */
function byDataset(tables: readonly OwnedTable[]): Map<string, OwnedTable[]> {
  const datasets = new Map<string, OwnedTable[]>();
  for (const table of [...tables].sort(byService)) {
    const dataset = formatAddress(table.origin.address);
    const same = datasets.get(dataset);
    if (same === undefined) datasets.set(dataset, [table]);
    else same.push(table);
  }
  return datasets;
}

function byService(a: OwnedTable, b: OwnedTable): number {
  const served = (b.servedAtMs ?? 0) - (a.servedAtMs ?? 0);
  return served || b.origin.generationId - a.origin.generationId;
}

async function findTables(
  store: VectorStore,
  vectorsUri: string,
  wantedId: string | undefined,
): Promise<FoundTables> {
  const owned: OwnedTable[] = [];
  const others: UnrecoveredTable[] = [];
  for (const name of await store.tableNames()) {
    const table = await store.inspectTable(name);
    const { origin, fields } = table;
    if (origin !== undefined && fields !== undefined) owned.push({ ...table, origin, fields });
    else if (table.kind !== 'other') others.push({ table: name, reason: reasonAgainst(table) });
  }
  const ids = [...new Set(owned.map(({ origin }) => origin.catalogId))];
  const [catalogId = ''] = wantedId === undefined ? ids : ids.filter((id) => id === wantedId);
  if (catalogId === '') throw nothingToRecover(vectorsUri, ids, wantedId);
  if (wantedId === undefined && ids.length > 1) throw severalCatalogs(vectorsUri, owned);
  for (const { name, origin } of owned) {
    if (origin.catalogId !== catalogId)
      others.push({ table: name, reason: `It belongs to another catalog (${origin.catalogId}).` });
  }
  return { catalogId, owned: owned.filter(({ origin }) => origin.catalogId === catalogId), others };
}

function reasonAgainst({ problem }: TableInspection): string {
  return problem === undefined ? 'It does not say which dataset it was made for.' : problem.message;
}

/** Ids beyond all that any table of the catalog holds, also those that were not recovered. */
async function idsBeyond(
  store: VectorStore,
  { owned }: FoundTables,
  last: { readonly documentId: number; readonly chunkId: number; readonly generationId: number },
) {
  const ids = { ...last };
  for (const { name, origin, fields } of owned) {
    ids.generationId = Math.max(ids.generationId, origin.generationId);
    try {
      const table = await store.openTable(name, { dimensions: origin.profile.dimensions, fields });
      const { documentIds, chunkIdMax } = await table.listDocuments();
      ids.documentId = Math.max(ids.documentId, documentIds.at(-1) ?? 0);
      ids.chunkId = Math.max(ids.chunkId, chunkIdMax);
    } catch (error) {
      // Told of in the report already.
      if (!isTableError(error)) throw error;
    }
  }
  return { ...ids, documentId: ids.documentId + ID_GAP, chunkId: ids.chunkId + ID_GAP };
}

function requireFile(path: string | undefined): string {
  if (path !== undefined) return path;
  throw new SynclineError(
    'INVALID_OPTION',
    'A recovered catalog is a local file: give its path as catalogUrl. A server can then import it.',
    { details: { option: 'catalogUrl' } },
  );
}

async function isThere(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return (found?.size ?? 0) > 0;
}

async function removeFile(path: string): Promise<void> {
  for (const ending of ['', '-wal', '-shm']) await rm(`${path}${ending}`, { force: true });
}

function nothingToRecover(
  vectorsUri: string,
  ids: readonly string[],
  wantedId: string | undefined,
): SynclineError {
  const found =
    wantedId === undefined
      ? ''
      : ` of the catalog ${wantedId}; there are tables of ${ids.join(', ') || 'none'}`;
  return new SynclineError(
    'CATALOG_MISSING',
    `${vectorsUri} holds no table that says which dataset it was made for${found}. Restore a backup, or give the folder of the tables as vectorsUri.`,
  );
}

function severalCatalogs(vectorsUri: string, owned: readonly OwnedTable[]): SynclineError {
  const lines = owned.map(({ origin }) => `${origin.catalogId} (${formatAddress(origin.address)})`);
  return new SynclineError(
    'INVALID_OPTION',
    `${vectorsUri} holds tables of several catalogs: ${[...new Set(lines)].slice(0, 10).join(', ')}. Say by catalogId which one to recover.`,
    { details: { option: 'catalogId' } },
  );
}
