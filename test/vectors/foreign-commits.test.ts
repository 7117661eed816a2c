import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection, Table } from '@lancedb/lancedb';
import { createInFlight } from '../../src/vectors/in-flight.ts';
import { loadLance } from '../../src/vectors/lance-library.ts';
import { createLanceTable, type LanceTable } from '../../src/vectors/lance-table.ts';
import { createLanceVectorStore } from '../../src/vectors/lance-vector-store.ts';
import { createSerialQueue } from '../../src/vectors/serial-queue.ts';
import type { TableState, VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { noRows, row, rowsOf, spec } from './table-fixtures.ts';

/*
 * A commit of another writer in the middle of a write, between any two steps of it: after the version was looked at and
 * before the commit, between two commits, and before the state is read. The native handles are real; the steps of theirs
 * that commit first let the other writer do so.
 */

/** The methods by which LanceDB commits. */
const COMMITTING: ReadonlySet<string | symbol> = new Set(['add', 'delete', 'restore', 'execute']);

/** `target`, calling `before` ahead of every method that commits and `after` behind it; also on what its methods return. */
function watched<Target extends object>(
  target: Target,
  before: () => Promise<void>,
  after: () => Promise<void>,
): Target {
  return new Proxy(target, {
    get(_, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: readonly unknown[]): unknown => {
        if (!COMMITTING.has(name)) {
          const result: unknown = Reflect.apply(member, target, args);
          return name === 'mergeInsert' || String(name).startsWith('when')
            ? watched(result as object, before, after)
            : result;
        }
        return (async () => {
          await before();
          const result: unknown = await Reflect.apply(member, target, args);
          await after();
          return result;
        })();
      };
    },
  });
}

let folder: string;
let store: VectorStore;
let connection: Connection;
let foreign: VectorTable;
let recorded: TableState;
let lastForeignId: number;

async function commitForeign(): Promise<void> {
  lastForeignId += 1;
  // The number of rows stays what it was: only the version tells.
  await foreign.replaceDocuments([2], rowsOf([row(lastForeignId, 2)]));
}

/** The table, into which the other writer commits before or after the commit number `at` of ours. */
async function openDisturbed(
  when: 'before' | 'after',
  at: number,
  options: { readonly oneCommitBytesMax: number },
) {
  const counts = { before: 0, after: 0 };
  const disturb = (which: 'before' | 'after') => async (): Promise<void> => {
    counts[which] += 1;
    if (which === when && counts[which] === at) await commitForeign();
  };
  const watch = (handle: Table): Table => watched(handle, disturb('before'), disturb('after'));
  const table: LanceTable = createLanceTable({
    ...(await loadLance()),
    folder: join(folder, 't.lance'),
    name: 't',
    spec,
    handle: watch(await connection.openTable('t')),
    queue: createSerialQueue(),
    files: undefined,
    cleanupGraceMs: 0,
    vectorIndexBytesMin: 1_000_000,
    inFlight: createInFlight(),
    openAt: async (version) => watch(await connection.openTable('t', undefined, { version })),
    ...options,
  });
  return { table, counts };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'syncline-foreign-'));
  store = createLanceVectorStore({ uri: folder, durable: false });
  await store.createTable('t', spec);
  foreign = await store.openTable('t', spec);
  recorded = await foreign.append(rowsOf([row(1, 1), row(2, 2)]));
  lastForeignId = 100;
  const { lance } = await loadLance();
  connection = await lance.connect(folder, { readConsistencyInterval: 0 });
});

afterEach(async () => {
  connection.close();
  await store.close();
  await rm(folder, { recursive: true });
});

const ONE_COMMIT = { oneCommitBytesMax: 1_000_000 };
const TWO_COMMITS = { oneCommitBytesMax: 0 };

type Write = (table: VectorTable, onto: number) => Promise<TableState>;

const append: Write = (table, onto) => table.append(rowsOf([row(3, 3)]), { onto });
const replace: Write = (table, onto) => table.replaceDocuments([1], rowsOf([row(4, 1)]), { onto });
const remove: Write = (table, onto) => table.replaceDocuments([1], noRows, { onto });
const restore: Write = (table, onto) => table.restore(recorded.version, { onto });

const writes: [string, Write, { oneCommitBytesMax: number }, number][] = [
  ['append', append, ONE_COMMIT, 1],
  ['replaceDocuments in one commit', replace, ONE_COMMIT, 1],
  ['replaceDocuments in two commits', replace, TWO_COMMITS, 2],
  ['replaceDocuments without rows', remove, ONE_COMMIT, 1],
  ['restore', restore, ONE_COMMIT, 1],
];

describe.each(writes)('%s', (_, write, options, commitCount) => {
  const moments = Array.from({ length: commitCount }, (_, index) => index + 1).flatMap((at) => [
    ['before', at] as const,
    ['after', at] as const,
  ]);

  test.each(moments)(
    'with a foreign commit %s commit %p is a conflict, and can be put back',
    async (when, at) => {
      const { table } = await openDisturbed(when, at, options);
      const error = await write(table, recorded.version).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'TABLE_CONFLICT', retryable: true });
      const { version } = await table.state();
      const restored = await table.restore(recorded.version, { onto: version });
      expect(restored).toEqual({ version: version + 1, rowCount: recorded.rowCount });
      const hits = await table.searchVector({ vector: new Float32Array([1, 0, 0]), limit: 9 });
      expect(hits.map((hit) => hit.chunkId)).toEqual([1, 2]);
    },
  );

  test('undisturbed commits as often as was said', async () => {
    const { table, counts } = await openDisturbed('before', 99, options);
    const state = await write(table, recorded.version);
    expect(counts).toEqual({ before: commitCount, after: commitCount });
    expect(state.version).toBe(recorded.version + commitCount);
  });
});
