import type { Table } from '@lancedb/lancedb';
import { SynclineError } from '../domain/errors.ts';
import type { Arrow, Lance } from './lance-library.ts';
import { searchText, searchVector } from './lance-search.ts';
import { maintainLanceTable } from './maintain-lance-table.ts';
import { listDocuments, readDocuments } from './read-rows.ts';
import { deletePlaces, replaceRows } from './replace-rows.ts';
import { createTableScan } from './scan-table.ts';
import { sweepLeftovers } from './sweep-leftovers.ts';
import { createTableAccess, readState, type TableAccessDeps } from './table-access.ts';
import { checkRows, toArrowTable } from './table-rows.ts';
import { tableSchema } from './table-schema.ts';
import { readStatistics } from './table-statistics.ts';
import type { TableSpec, VectorTable } from './vector-store.ts';

/** What a table needs of its store. */
export interface LanceTableDeps extends TableAccessDeps {
  readonly arrow: Arrow;
  readonly lance: Lance;
  readonly spec: TableSpec;
  /** Its own folder; `undefined` for an object store. */
  readonly folder: string | undefined;
  readonly oneCommitBytesMax: number;
  readonly cleanupGraceMs: number;
  readonly vectorIndexBytesMin: number;
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
  const { read, write, commit, pinnedWhile, ...access } = createTableAccess(deps);
  const schema = tableSchema(arrow, spec);
  const { versionsRead, markDropped } = access;
  const care = { ...deps, dimensions: spec.dimensions, commit, versionsRead };

  return {
    name,
    state: () => read(readState),
    statistics: () => read((table) => readStatistics(table, care)),
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
    maintain: (options) => write(() => maintainLanceTable(care, options)),
    sweepLeftovers: (beforeMs = Date.now()) =>
      access.betweenWrites(async () =>
        deps.folder === undefined ? 0 : sweepLeftovers(deps.folder, beforeMs),
      ),
    listDocuments: () => read(listDocuments),
    readDocuments: (range) => read((table) => readDocuments(table, spec.dimensions, range)),
    countRowsOf: (chunkIds) =>
      read((table) => table.countRows(`chunk_id IN (${chunkIds.map((id) => id.toFixed(0)).join(',')})`)),
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
