import { SynclineError } from '../../src/domain/errors.ts';
import type { TableSpec, VectorStore } from '../../src/vectors/vector-store.ts';
import {
  createMemoryTable,
  type MemoryStoreParts,
  type MemoryTable,
  missing,
  type StoreCalls,
} from './memory-table.ts';
import { makeTable, type StoredTable } from './memory-tables.ts';

/** An in-memory {@link VectorStore} that behaves as LanceDB's does, as far as Syncline can tell. */
export function createMemoryVectorStore(parts: MemoryStoreParts): VectorStore {
  const { disk } = parts;
  const known = new Map<string, MemoryTable>();
  const running = new Set<Promise<unknown>>();
  let isClosed = false;

  const call: StoreCalls = async (one) => {
    if (isClosed) throw new SynclineError('RUNTIME_STOPPED', 'The vector store is closed.');
    const answer = parts.call(one);
    running.add(answer);
    try {
      return await answer;
    } finally {
      running.delete(answer);
    }
  };

  const keep = (table: StoredTable, spec: TableSpec): MemoryTable => {
    const found = known.get(table.name);
    if (found?.isOf(table)) return found;
    const made = createMemoryTable({ ...parts, call }, table, spec);
    known.set(table.name, made);
    return made;
  };

  const forget = (name: string): StoredTable | undefined => {
    known.get(name)?.markDropped();
    known.delete(name);
    return disk.tables.get(name);
  };

  return {
    async openTable(name, spec) {
      checkName(name);
      const effect = (): MemoryTable => {
        const table = disk.tables.get(name);
        if (table === undefined) throw missing(name);
        checkSpec(name, table.spec, spec);
        return keep(table, spec);
      };
      return call({ name: `open ${name}`, effect });
    },
    async createTable(name, spec) {
      checkName(name);
      const effect = (): MemoryTable => {
        const table = makeTable(disk, name, spec);
        parts.onCommit?.(table, 'create');
        return keep(table, spec);
      };
      return call({ name: `create ${name}`, lane: name, effect });
    },
    async dropTable(name) {
      checkName(name);
      const effect = (): void => {
        if (forget(name) !== undefined) disk.tables.delete(name);
      };
      // It still opens at its newest version, but cannot be read.
      const halfway = (): void => {
        const table = forget(name);
        if (table !== undefined) table.isBroken = true;
      };
      await call({ name: `drop ${name}`, lane: name, effect, halfway });
    },
    tableNames: () => call({ name: 'list tables', effect: () => [...disk.tables.keys()].toSorted() }),
    newestVersion: (name) =>
      call({ name: `newest version ${name}`, effect: () => disk.tables.get(name)?.latest }),
    inspectTable(name) {
      const effect = () => {
        const table = disk.tables.get(name);
        const nothing = {
          name,
          origin: undefined,
          fields: undefined,
          servedAtMs: undefined,
          problem: undefined,
        };
        if (table === undefined) return { ...nothing, kind: 'unreadable', problem: missing(name) } as const;
        const { servedAtMs } = table;
        const { origin, fields } = table.spec;
        return { ...nothing, servedAtMs, kind: 'ours', origin, ...(origin && { fields }) } as const;
      };
      return call({ name: `inspect ${name}`, effect });
    },
    markServed: (name, nowMs) =>
      call({
        name: `mark ${name} as served`,
        effect() {
          const table = disk.tables.get(name);
          if (table === undefined) throw missing(name);
          table.servedAtMs = nowMs;
        },
      }),
    async close() {
      isClosed = true;
      await Promise.allSettled(running);
    },
  };
}

function checkSpec(name: string, has: TableSpec, wanted: TableSpec): void {
  const describe = ({ dimensions, fields }: TableSpec): string =>
    JSON.stringify([dimensions, Object.entries(fields).toSorted()]);
  if (describe(has) === describe(wanted)) return;
  throw new SynclineError('TABLE_SCHEMA_DIFFERS', `The table "${name}" has other columns.`);
}

function checkName(name: string): void {
  if (/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}$/.test(name)) return;
  throw new SynclineError('TABLE_FAILED', `"${name}" cannot name a table.`);
}
