import { SynclineError, toSynclineError } from '../../src/domain/errors.ts';
import { checkRows } from '../../src/vectors/table-rows.ts';
import type {
  TableRows,
  TableSpec,
  TableState,
  VectorTable,
  WriteOptions,
} from '../../src/vectors/vector-store.ts';
import {
  checkVector,
  cosine,
  listDocuments,
  placesOf,
  readDocuments,
  scanRows,
  searchRows,
} from './memory-reads.ts';
import {
  commit,
  latestRows,
  type MemoryDisk,
  maintain,
  restore,
  type StoredRow,
  type StoredTable,
  stateOf,
} from './memory-tables.ts';
import { matchScore } from './text-match.ts';

/** How a call reaches the disk: at once in tests of the store itself, when the scheduler says so in the simulation. */
export type StoreCalls = <Result>(call: {
  readonly name: string;
  readonly lane?: string;
  readonly effect: () => Result;
  readonly halfway?: () => void;
}) => Promise<Result>;

export interface MemoryStoreParts {
  readonly disk: MemoryDisk;
  readonly call: StoreCalls;
  /** Called after each commit, with what made it. */
  readonly onCommit?: (table: StoredTable, what: string) => void;
  /** How many small fragments a commit counts for: more, so that maintenance comes soon. */
  readonly fragmentsPerCommit?: number;
}

export interface MemoryTable extends VectorTable {
  isOf(table: StoredTable): boolean;
  markDropped(): void;
}

/** A handle of one process on a table. */
export function createMemoryTable(parts: MemoryStoreParts, table: StoredTable, spec: TableSpec): MemoryTable {
  const { disk, call, fragmentsPerCommit = 1 } = parts;
  const { name } = table;
  let isDropped = false;
  const refuseDropped = (): void => {
    if (isDropped || disk.tables.get(name) !== table) throw missing(name);
  };
  const refuseBroken = (): void => {
    if (table.isBroken) throw new SynclineError('TABLE_DAMAGED', `Files of the table "${name}" are gone.`);
  };
  const read = async <Result>(what: string, work: () => Result): Promise<Result> => {
    if (isDropped) throw missing(name);
    const effect = (): Result => {
      refuseDropped();
      return work();
    };
    return call({ name: `${what} ${name}`, effect });
  };
  const rowsAt = (version: number | undefined): readonly StoredRow[] => {
    refuseBroken();
    const rows = version === undefined ? latestRows(table) : table.versions.get(version);
    if (rows !== undefined) return rows;
    throw new SynclineError('TABLE_DAMAGED', `"${name}" has no version ${version}.`);
  };
  const write = async (
    what: string,
    work: () => unknown,
    { onto }: WriteOptions = {},
    halfway?: () => unknown,
  ): Promise<TableState> => {
    if (isDropped) throw missing(name);
    const guarded = (change: () => unknown) => (): TableState => {
      refuseDropped();
      refuseBroken();
      const before = table.latest;
      if (onto !== undefined && before !== onto) throw foreign(name, before, onto);
      change();
      if (table.latest !== before) parts.onCommit?.(table, what);
      return stateOf(table);
    };
    const effects = { effect: guarded(work), ...(halfway && { halfway: guarded(halfway) }) };
    return call({ name: `${what} ${name}`, lane: name, ...effects });
  };
  const commitRows = (rows: readonly StoredRow[], added: readonly StoredRow[]): void => {
    table.fragments += fragmentsPerCommit;
    table.unindexedRows += added.length;
    commit(table, rows);
  };

  return {
    name,
    isOf: (other) => other === table && !isDropped,
    markDropped() {
      isDropped = true;
    },
    state: () => read('state', () => stateOf(table)),
    statistics: () => read('statistics', () => statisticsOf(table, spec)),
    async append(input, options) {
      const added = toStored(checkRows(name, input, spec.dimensions), spec);
      return write(
        `append ${added.length}`,
        () => added.length > 0 && commitRows([...latestRows(table), ...added], added),
        options,
      );
    },
    async replaceDocuments(documentIds, input, options) {
      const added = toStored(checkRows(name, input, spec.dimensions), spec);
      const ids = new Set(documentIds);
      const stranger = added.find(({ row }) => !ids.has(row.documentId));
      if (stranger !== undefined) {
        const { chunkId } = stranger.row;
        throw new SynclineError('TABLE_FAILED', `Chunk ${chunkId} is of a document that is not named.`);
      }
      return write(
        `replace ${ids.size} by ${added.length}`,
        () => {
          const chunkIds = new Set(added.map(({ row }) => row.chunkId));
          const isOther = ({ row }: StoredRow) => !ids.has(row.documentId) && !chunkIds.has(row.chunkId);
          commitRows([...latestRows(table).filter(isOther), ...added], added);
        },
        options,
      );
    },
    async scan(version, reader) {
      const rows = await read('scan', () => rowsAt(version));
      try {
        return await reader(scanRows(rows, version, read));
      } catch (error) {
        if (error instanceof SynclineError) throw error;
        throw new SynclineError('TABLE_FAILED', toSynclineError(error).message);
      }
    },
    deleteRows: (places, options) =>
      write(
        `delete ${places.length}`,
        () => {
          if (places.length === 0) return;
          const left = new Map(placesOf(latestRows(table)));
          for (const place of places) left.delete(place);
          commitRows([...left.values()], []);
        },
        options,
      ),
    restore: (version, options) => write(`restore ${version}`, () => restore(table, version), options),
    maintain: ({ recordedVersion }) =>
      write(
        'maintain',
        () => maintain(table, recordedVersion, true),
        {},
        () => maintain(table, recordedVersion, false),
      ),
    listDocuments: () => read('list documents', () => listDocuments(rowsAt(undefined))),
    readDocuments: (range) => read('read documents', () => readDocuments(rowsAt(undefined), range)),
    sweepLeftovers: () => read('sweep', () => 0),
    countRowsOf: (chunkIds) =>
      read('count rows', () => rowsAt(undefined).filter(({ row }) => chunkIds.includes(row.chunkId)).length),
    countRowsAfter: (chunkId) =>
      read('count rows', () => rowsAt(undefined).filter(({ row }) => row.chunkId > chunkId).length),
    async searchVector(query) {
      checkVector(query, spec);
      return read('search vector', () =>
        searchRows(rowsAt(query.version), spec, query, ({ vector }) => cosine(vector, query.vector)),
      );
    },
    searchText: (query) =>
      read('search text', () =>
        searchRows(
          rowsAt(query.version).filter(({ row }) => matchScore(row.embeddedText, query.text) > 0),
          spec,
          query,
          ({ row }) => matchScore(row.embeddedText, query.text),
        ),
      ),
  };
}

function statisticsOf(table: StoredTable, spec: TableSpec) {
  return {
    ...stateOf(table),
    smallFragmentCount: table.fragments,
    fragmentCount: Math.max(1, table.fragments),
    unindexedRowCount: table.unindexedRows,
    totalBytes: latestRows(table).length * spec.dimensions * Float32Array.BYTES_PER_ELEMENT,
    reclaimableBytes: 0,
    hasVectorIndex: false,
    vectorIndexDue: false,
  };
}

function toStored({ rows, vectors }: TableRows, { dimensions }: TableSpec): StoredRow[] {
  return rows.map((row, index) => ({
    row,
    vector: vectors.slice(index * dimensions, (index + 1) * dimensions),
  }));
}

/** The error of a table that is not there (any more). */
export function missing(name: string): SynclineError {
  return new SynclineError('TABLE_MISSING', `The table "${name}" does not exist or was dropped.`);
}

function foreign(name: string, version: number, expected: number): SynclineError {
  const message = `The table "${name}" is at version ${version}, not ${expected}.`;
  return new SynclineError('TABLE_CONFLICT', message, { retryable: true });
}
