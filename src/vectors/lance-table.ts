import type { Table } from '@lancedb/lancedb';
import { SynclineError } from '../domain/errors.ts';
import type { Arrow } from './lance-library.ts';
import { searchText, searchVector } from './lance-search.ts';
import { listDocuments, readDocuments } from './read-rows.ts';
import { deletePlaces, replaceRows } from './replace-rows.ts';
import { createTableScan } from './scan-table.ts';
import { createTableAccess, readState, type TableAccessDeps } from './table-access.ts';
import { textIndexName } from './table-indexes.ts';
import { checkRows, toArrowTable } from './table-rows.ts';
import { tableSchema } from './table-schema.ts';
import type { TableSpec, TableStatistics, VectorTable } from './vector-store.ts';

/** What a table needs of its store. */
export interface LanceTableDeps extends TableAccessDeps {
  readonly arrow: Arrow;
  readonly spec: TableSpec;
  readonly oneCommitBytesMax: number;
  readonly cleanupGraceMs: number;
}

/** A {@link VectorTable} with what its store needs of it. */
export interface LanceTable extends VectorTable {
  /** See `TableAccess.markDropped`. */
  markDropped(): void;
  /** Closes the native handle; nothing may be in flight. */
  release(): void;
}

/** One LanceDB table over an open native handle. */
export function createLanceTable(deps: LanceTableDeps): LanceTable {
  const { arrow, name, spec, handle, oneCommitBytesMax } = deps;
  const { read, write, commit, pinnedWhile, markDropped } = createTableAccess(deps);
  const schema = tableSchema(arrow, spec);

  return {
    name,
    state: () => read(readState),
    statistics: () => read(readStatistics),
    async append(input, options) {
      const rows = checkRows(name, input, spec.dimensions);
      return write(async () => {
        if (rows.rows.length === 0) return;
        const data = await toArrowTable(arrow, schema, spec, rows);
        await commit(() => handle.add(data));
      }, options);
    },
    async replaceDocuments(documentIds, input, options) {
      const rows = checkRows(name, input, spec.dimensions);
      const toArrow = () => toArrowTable(arrow, schema, spec, rows);
      const { dimensions } = spec;
      return write(
        () =>
          replaceRows({
            handle,
            documentIds,
            rows,
            dimensions,
            oneCommitBytesMax,
            toArrow,
            commit,
            pinnedWhile,
          }),
        options,
      );
    },
    scan: (version, readAll) =>
      read(async (table) => readAll(await createTableScan(table, version, spec.dimensions)), version),
    deleteRows: (places, options) => write(() => deletePlaces({ handle, commit }, places), options),
    restore: (version, options) =>
      write(async () => {
        const earlier = await openEarlier(deps, version);
        await commit(() => earlier.restore());
        await handle.checkoutLatest();
      }, options),
    maintain: ({ recordedVersion }) =>
      write(async () => {
        const cleanupOlderThan = await cleanupCutoff(handle, recordedVersion, deps.cleanupGraceMs);
        await commit(() => handle.optimize({ cleanupOlderThan }));
      }),
    listDocuments: () => read(listDocuments),
    readDocuments: (range) => read((table) => readDocuments(table, spec.dimensions, range)),
    countRowsAfter: (chunkId) => read((table) => table.countRows(`chunk_id > ${chunkId.toFixed(0)}`)),
    searchVector: (query) => read((table) => searchVector(table, spec, query), query.version),
    searchText: (query) => read((table) => searchText(table, spec, query), query.version),
    markDropped,
    release: () => handle.close(),
  };
}

async function openEarlier(deps: LanceTableDeps, version: number): Promise<Table> {
  try {
    return await deps.openAt(version);
  } catch (error) {
    if (!(error instanceof Error) || !/_versions\/\d+\.manifest/.test(error.message)) throw error;
    throw new SynclineError(
      'TABLE_DAMAGED',
      `The table "${deps.name}" has no version ${version} any more, so it cannot be put back to it. Rebuild it from the catalog.`,
      { cause: error, details: { table: deps.name, version } },
    );
  }
}

async function readStatistics(table: Table): Promise<TableStatistics> {
  const state = await readState(table);
  const { totalBytes, fragmentStats } = await table.stats();
  const index = await table.indexStats(textIndexName);
  return {
    ...state,
    totalBytes,
    fragmentCount: fragmentStats.numFragments,
    smallFragmentCount: fragmentStats.numSmallFragments,
    unindexedRowCount: index?.numUnindexedRows ?? state.rowCount,
  };
}

/**
 * The time before which versions may go: that of the recorded version, and at least the grace ago. When the recorded
 * version is not among them nothing is removed (LanceDB's own default would remove what is older than a week).
 */
async function cleanupCutoff(table: Table, recordedVersion: number, graceMs: number): Promise<Date> {
  const versions = await table.listVersions();
  const recorded = versions.find(({ version }) => version === recordedVersion);
  if (recorded === undefined) return new Date(0);
  return new Date(Math.min(recorded.timestamp.getTime(), Date.now() - graceMs));
}
