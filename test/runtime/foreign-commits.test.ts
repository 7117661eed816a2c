import { afterEach, beforeEach, expect, test } from 'bun:test';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { createLocalEmbedder } from '../../src/embedders/local-embedder.ts';
import type { Dataset } from '../../src/index.ts';
import { createAdapters } from '../../src/runtime/adapters.ts';
import { createRuntimeCore } from '../../src/runtime/core.ts';
import { type Runtime, runtimeOver } from '../../src/runtime/create-runtime.ts';
import { resolveOptions } from '../../src/runtime/options.ts';
import { createLanceVectorStore } from '../../src/vectors/lance-vector-store.ts';
import type { VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

/*
 * A worker that has lost its lease commits to a table, on top of whatever is there, before or after any one call that the
 * present worker makes to it. Whatever that call is, nothing of the commit is left, and no work of the present one is lost.
 */

type Moment = 'before' | 'after';

/** The table with somebody else committing to it at one moment: the call number `place` of all calls. */
function disturbed(
  store: VectorStore,
  onCall: (table: string, moment: Moment) => Promise<void>,
): VectorStore {
  const wrap = (table: VectorTable): VectorTable =>
    new Proxy(table, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== 'function') return member;
        return async (...args: readonly unknown[]): Promise<unknown> => {
          await onCall(table.name, 'before');
          const result: unknown = await Reflect.apply(member, target, args);
          await onCall(table.name, 'after');
          return result;
        };
      },
    });
  return {
    ...store,
    openTable: async (name, spec) => wrap(await store.openTable(name, spec)),
    createTable: async (name, spec) => wrap(await store.createTable(name, spec)),
  };
}

let folder: TempDir;
let runtime: Runtime;
let callCount: number;
/** At which call to tables of one dataset somebody else commits, and whether it came to that. */
let disturbance:
  | { readonly tables: string; readonly place: number; readonly moment: Moment; isDone: boolean }
  | undefined;

/** Changes every row and their number not: only the version tells. */
async function commitForeign(table: string): Promise<void> {
  const connection = await connect(join(folder.path, 'vectors'));
  const handle = await connection.openTable(table);
  await handle.update({ where: 'true', valuesSql: { fingerprint: '0', title: "'foreign'" } });
  connection.close();
}

beforeEach(() => {
  folder = makeTempDir();
  callCount = 0;
  disturbance = undefined;
  const options = resolveOptions({
    dataDir: folder.path,
    environment: {},
    durableTables: false,
    embedder: createLocalEmbedder({ dimensions: 64 }),
  });
  const store = createLanceVectorStore({ uri: options.vectorsUri, durable: false, oneCommitBytesMax: 0 });
  runtime = runtimeOver(
    createRuntimeCore(options, {
      ...createAdapters(options),
      store: disturbed(store, async (table, moment) => {
        if (disturbance === undefined || !table.startsWith(disturbance.tables)) return;
        if (moment === 'before') callCount += 1;
        if (disturbance.place !== callCount || disturbance.moment !== moment || disturbance.isDone) return;
        disturbance.isDone = true;
        await commitForeign(table);
      }),
    }),
  );
});

afterEach(async () => {
  await runtime.stop();
  folder.remove();
});

const KEYS = Array.from({ length: 6 }, (_, number) => `key-${number}`);
const documents = (words: string) => KEYS.map((key) => ({ key, content: `${words} of ${key}.` }));

const works: [string, (dataset: Dataset) => Promise<unknown>][] = [
  ['taking in new documents', (dataset) => dataset.ingest([{ key: 'new', content: 'New words.' }])],
  ['changing documents', (dataset) => dataset.ingest(documents('Other words'))],
  ['removing documents', (dataset) => dataset.deleteDocuments(KEYS.slice(3))],
  ['checking rows', (dataset) => dataset.check({ level: 'rows', repair: true })],
  ['rebuilding', (dataset) => dataset.rebuild()],
  ['maintaining', (dataset) => dataset.maintain()],
];

test.each(works)(
  '%s with a foreign commit before or after any call to the table',
  async (_, work) => {
    for (const moment of ['before', 'after'] as const) {
      for (let place = 1; ; place += 1) {
        const dataset = runtime.dataset(`${moment}/place-${place}`);
        await dataset.ingest(documents('Words'));
        await dataset.ingest(documents('More words').slice(0, 2));
        callCount = 0;
        disturbance = { tables: `${moment}__place-${place}__`, place, moment, isDone: false };
        await work(dataset);
        const { isDone } = disturbance;
        disturbance = undefined;
        // What came after the last call is found by the next one.
        await dataset.index();
        expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true });
        const hits = await dataset.search('words', { mode: 'text', limit: 100 });
        expect(hits.filter((hit) => hit.title === 'foreign')).toEqual([]);
        if (!isDone) break;
      }
    }
  },
  180_000,
);
