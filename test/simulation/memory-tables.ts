import { SynclineError } from '../../src/domain/errors.ts';
import type { TableRow, TableSpec, TableState } from '../../src/vectors/vector-store.ts';

/*
 * The disk of the simulated vector store: what survives a process. It follows what was measured of LanceDB: versions
 * that only grow, a restore that is a new version, appends that duplicate without a word, a drop that is not atomic.
 */

/** A row with its vector. Never changed once it is stored. */
export interface StoredRow {
  readonly row: TableRow;
  readonly vector: Float32Array;
}

export interface StoredTable {
  readonly name: string;
  readonly spec: TableSpec;
  latest: number;
  readonly versions: Map<number, readonly StoredRow[]>;
  /** Some of its files are gone: an interrupted drop, or damage. */
  isBroken: boolean;
  /** When it was last switched to. */
  servedAtMs: number | undefined;
  /** Commits since the last maintenance. */
  fragments: number;
  /** Rows since then. */
  unindexedRows: number;
}

/** The folder of the tables. */
export class MemoryDisk {
  readonly tables = new Map<string, StoredTable>();
}

/** Versions that making a table and its indexes takes. */
const FIRST_VERSION = 4;

export function latestRows(table: StoredTable): readonly StoredRow[] {
  return table.versions.get(table.latest) ?? [];
}

export function stateOf(table: StoredTable): TableState {
  return { version: table.latest, rowCount: latestRows(table).length };
}

export function makeTable(disk: MemoryDisk, name: string, spec: TableSpec): StoredTable {
  if (disk.tables.has(name)) throw new SynclineError('TABLE_CONFLICT', `A table named "${name}" exists.`);
  const table: StoredTable = {
    name,
    spec,
    latest: FIRST_VERSION,
    versions: new Map([[FIRST_VERSION, []]]),
    isBroken: false,
    servedAtMs: undefined,
    fragments: 0,
    unindexedRows: 0,
  };
  disk.tables.set(name, table);
  return table;
}

/** Makes `rows` the newest version. */
export function commit(table: StoredTable, rows: readonly StoredRow[]): TableState {
  table.latest += 1;
  table.versions.set(table.latest, rows);
  return stateOf(table);
}

export function restore(table: StoredTable, version: number): TableState {
  const rows = table.versions.get(version);
  if (rows === undefined)
    throw new SynclineError('TABLE_DAMAGED', `"${table.name}" has no version ${version}.`);
  return commit(table, rows);
}

/** Compaction, then indexes, then versions before the recorded one go; `isWhole` is `false` where it is cut short after the first. */
export function maintain(table: StoredTable, recordedVersion: number, isWhole: boolean): TableState {
  commit(table, latestRows(table));
  if (!isWhole) return stateOf(table);
  commit(table, latestRows(table));
  table.fragments = 0;
  table.unindexedRows = 0;
  if (table.versions.has(recordedVersion)) {
    for (const version of [...table.versions.keys()])
      if (version < recordedVersion) table.versions.delete(version);
  }
  return stateOf(table);
}
