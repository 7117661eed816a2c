import { type SqlResult, statement } from '../../src/catalog/sql-driver.ts';
import type { Supervision } from '../../src/runtime/supervision.ts';
import type { VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { BATCH_DEFECTS } from './batch-defects.ts';
import { NOTHING, withWrites } from './defective-driver.ts';
import { SOURCE_DEFECTS } from './feed-defects.ts';
import { latestRows, stateOf } from './memory-tables.ts';
import type { Defect } from './sim-runtime.ts';

/*
 * Mistakes that an indexer can make, planted at the ports of a sound one. Each makes the whole behave as if the mistake were
 * in the code: a port that confirms before it writes is a mark before the write.
 */

/** A store with other tables. */
function withTables(store: VectorStore, change: (table: VectorTable) => VectorTable): VectorStore {
  return {
    ...store,
    openTable: async (name, spec) => change(await store.openTable(name, spec)),
    createTable: async (name, spec) => change(await store.createTable(name, spec)),
  };
}

export const DEFECTS = {
  /** Rows are marked as indexed before they are in the table. */
  markBeforeWrite: {
    store: (store) =>
      withTables(store, (table) => ({
        ...table,
        async append(rows, options) {
          const { version, rowCount } = await table.state();
          table.append(rows, options).catch(() => undefined);
          return { version: version + 1, rowCount: rowCount + rows.rows.length };
        },
      })),
  },

  /** The old rows of a document go before its new ones are in. */
  deleteBeforeInsert: {
    store: (store) =>
      withTables(store, (table) => ({
        ...table,
        async replaceDocuments(documentIds, rows, options) {
          const without = await table.replaceDocuments(
            documentIds,
            { rows: [], vectors: new Float32Array(0) },
            options,
          );
          return rows.rows.length === 0 ? without : table.append(rows, { onto: without.version });
        },
      })),
  },

  /** A change that comes while the dataset is at work is forgotten. */
  lostWakeUp: {
    core(core) {
      let supervision: Supervision | undefined;
      return Object.defineProperty(core, 'supervision', {
        get: () => supervision,
        set(value: Supervision | undefined) {
          if (value !== undefined) {
            const { tell } = value;
            Object.assign(value, {
              tell(...[datasetId, address, event]: Parameters<typeof tell>) {
                const isBusy = core.actors.standing(datasetId)?.phase !== 'idle';
                if (event.type !== 'dataset.changed' || !isBusy) tell(datasetId, address, event);
              },
            });
          }
          supervision = value;
        },
      });
    },
  },

  /** An answer is charged whenever it is stored. */
  chargedTwice: {
    driver: (driver) =>
      withWrites(driver, (statements) =>
        statements.flatMap((one) => (one.sql.includes('insert into cost_days') ? [one, one] : [one])),
      ),
  },

  /** An answer is charged after its vectors were stored, where a crash can come between. */
  chargedLater: {
    driver: (driver) => ({
      ...driver,
      async write(statements) {
        const charges = statements.filter(({ sql }) => sql.includes('insert into cost_days'));
        const results = await driver.write(statements.map((one) => (charges.includes(one) ? NOTHING : one)));
        if (charges.length > 0) await driver.write(charges);
        return results;
      },
    }),
  },

  /** A worker that lost its lease goes on writing. */
  noFencing: {
    driver: (driver) => ({
      ...withWrites(driver, (statements) =>
        statements.map((one) => (one.sql.includes('lease_guard') ? NOTHING : one)),
      ),
      async read(statements) {
        const results = await driver.read(statements);
        const isAsking = statements.some(({ sql }) => /^select 1 from leases where token/.test(sql));
        return isAsking ? [{ rows: [[1]], changeCount: 0 }] : results;
      },
    }),
  },

  /** Ids of chunks that are gone are given out again. */
  idsUsedAgain: {
    driver: (driver) =>
      withWrites(driver, (statements) => [
        ...statements,
        statement(
          `update sqlite_sequence set seq = (select coalesce(max(chunk_id), 0) from chunks) where name = 'chunks'`,
        ),
      ]),
  },

  /** A chunk counts as embedded although its vector was not stored. */
  readyWithoutVector: {
    driver: (driver) =>
      withWrites(driver, (statements) =>
        statements.map((one) => (one.sql.includes('insert into embeddings') ? NOTHING : one)),
      ),
  },

  /** What waits for a vector is read from a copy that is out of date. */
  outdatedRead: {
    driver(driver, { world }) {
      const before = new Map<string, readonly SqlResult[]>();
      return {
        ...driver,
        async read(statements) {
          const isPending = statements.some(({ sql }) => sql.includes(`embedding_status = 'pending'`));
          const name = JSON.stringify(statements);
          const known = before.get(name);
          const results = await driver.read(statements);
          before.set(name, results);
          return isPending && known !== undefined && world.random.chance(0.5) ? known : results;
        },
      };
    },
  },

  /** A table that is ahead of its mark is taken for the recorded one. */
  aheadIsTrusted: {
    store: (store, { database }) =>
      withTables(store, (table) => ({
        ...table,
        async state() {
          const state = await table.state();
          const [row] = database.rows(
            'select recorded_version, recorded_row_count from generations where table_name = ?',
            table.name,
          );
          if (row === undefined || row[0] === null) return state;
          return { version: Number(row[0]), rowCount: Number(row[1]) };
        },
        append: (rows) => table.append(rows),
        replaceDocuments: (documentIds, rows) => table.replaceDocuments(documentIds, rows),
      })),
  },

  /** Maintenance removes the version that is recorded. */
  cleanedTooFar: {
    store: (store, { disk }) =>
      withTables(store, (table) => ({
        ...table,
        async maintain(options) {
          const state = await table.maintain(options);
          const stored = disk.tables.get(table.name);
          if (stored !== undefined) {
            stored.versions.clear();
            stored.versions.set(stateOf(stored).version, latestRows(stored));
          }
          return state;
        },
      })),
  },

  ...BATCH_DEFECTS,
  ...SOURCE_DEFECTS,
} as const satisfies Readonly<Record<string, Defect>>;
