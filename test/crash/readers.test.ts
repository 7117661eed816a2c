import { describe, expect, test } from 'bun:test';
import type { Runtime } from '../../src/index.ts';
import { createAdapters } from '../../src/runtime/adapters.ts';
import { createRuntimeCore } from '../../src/runtime/core.ts';
import { runtimeOver } from '../../src/runtime/create-runtime.ts';
import { resolveOptions } from '../../src/runtime/options.ts';
import { createLanceVectorStore } from '../../src/vectors/lance-vector-store.ts';
import { startProgram } from '../support/child-program.ts';
import { type CrashOperation, runOperation } from '../support/crash-operations.ts';
import { CRASH_DIMENSIONS, crashOptions } from '../support/crash-runtime.ts';
import { createRandom } from '../support/crash-source.ts';
import { startEmbeddingServer } from '../support/embedding-server.ts';
import { movingDocument, startMovingReader } from '../support/moving-source.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/** Rounds of all changes, each in an order of its own, under the readers. More, or those of a run that failed: set these variables. */
const ROUNDS = Number(process.env.SYNCLINE_TEST_ROUNDS ?? 4);
const SEED = Number(process.env.SYNCLINE_TEST_SEED ?? Math.floor(Math.random() * 1_000_000));
const PROGRAM = new URL('../support/moving-reader.ts', import.meta.url);
const ADDRESS = 'moving/one';
/** Always there, and there now and then. */
const LASTING = Array.from({ length: 8 }, (_, number) => `lasting-${number}`);
const PASSING = Array.from({ length: 4 }, (_, number) => `passing-${number}`);

/** A runtime whose tables replace documents in one commit, or in two as large ones do. */
function openRuntime(dataDir: string, baseUrl: string, oneCommitBytesMax: number): Runtime {
  const options = resolveOptions(
    crashOptions({
      dataDir,
      baseUrl,
      name: 'writer',
      pollIntervalMs: 100,
      // A table that was switched away from is dropped at once, under whoever reads it.
      generationsKeptMax: 0,
      maintenance: { smallFragmentsMax: 4, unindexedRowsMax: 20, versionsKeptMs: 0 },
    }),
  );
  const store = createLanceVectorStore({
    uri: options.vectorsUri,
    durable: false,
    oneCommitBytesMax,
    // Nothing is spared for readers: they find another version when theirs is gone.
    cleanupGraceMs: 0,
  });
  return runtimeOver(createRuntimeCore(options, { ...createAdapters(options), store }));
}

type Change = (runtime: Runtime, random: () => number, revision: number) => Promise<void>;

const some = (random: () => number, keys: readonly string[]): string[] => keys.filter(() => random() < 0.5);

const CHANGES: Readonly<Record<string, Change>> = {
  update: async (runtime, random, revision) => {
    const keys = some(random, LASTING);
    await runtime.dataset(ADDRESS).ingest(keys.map((key) => movingDocument(key, revision)));
  },
  add: async (runtime, random, revision) => {
    const keys = some(random, PASSING);
    await runtime.dataset(ADDRESS).ingest(keys.map((key) => movingDocument(key, revision)));
  },
  remove: async (runtime, random) => {
    await runtime.dataset(ADDRESS).deleteDocuments(some(random, PASSING));
  },
  rebuild: (runtime, random) => operate(runtime, 'rebuild', random),
  rollback: (runtime, random) => operate(runtime, 'rollback', random),
  changeModel: (runtime, random) => operate(runtime, 'changeModel', random),
  changeChunking: (runtime, random) => operate(runtime, 'changeChunking', random),
  maintain: (runtime, random) => operate(runtime, 'maintain', random),
};

async function operate(runtime: Runtime, operation: CrashOperation, random: () => number): Promise<void> {
  await runOperation(runtime, ADDRESS, operation, random);
}

describe('readers in this process and in another one see no error, no half of a change and no empty table', () => {
  const forms = [
    ['in one commit', 1_000_000_000],
    ['in two commits', 0],
  ] as const;
  test.each(forms)(
    `while documents are replaced %s, and tables rebuilt, switched, dropped and compacted (seed ${SEED})`,
    async (_, oneCommitBytesMax) => {
      const random = createRandom(`readers ${SEED}`);
      await using provider = await startEmbeddingServer({ dimensions: CRASH_DIMENSIONS });
      using folder = makeTempDir();
      const dataDir = folder.join('data');
      await using runtime = openRuntime(dataDir, provider.url, oneCommitBytesMax);
      await runtime.dataset(ADDRESS).ingest(LASTING.map((key) => movingDocument(key, 0)));
      await runtime.start();
      const here = startMovingReader(runtime, ADDRESS, { lasting: LASTING, passing: PASSING });
      const there = startProgram(PROGRAM, [dataDir, provider.url, ADDRESS, LASTING.join(), PASSING.join()]);
      await there.said('reading');
      for (let round = 1; round <= ROUNDS; round += 1) {
        const names = Object.keys(CHANGES).sort(() => random() - 0.5);
        for (const name of names) await CHANGES[name]?.(runtime, random, round);
      }
      there.child.kill('SIGTERM');
      await here.end();
      expect(`${await there.ended}: ${there.output()}`).toMatch(/^0: reading\nsearched [1-9]\d*\n$/);
      expect(here.searchCount()).toBeGreaterThan(0);
    },
    180_000,
  );
});
