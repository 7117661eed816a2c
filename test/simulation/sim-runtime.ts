import type { CatalogFiles } from '../../src/catalog/catalog-files.ts';
import { createSqlCatalog } from '../../src/catalog/sql-catalog.ts';
import type { SqlDriver } from '../../src/catalog/sql-driver.ts';
import type { Embedder } from '../../src/embedders/embedder.ts';
import { createRuntimeCore, type RuntimeCore } from '../../src/runtime/core.ts';
import { type Runtime, runtimeOver } from '../../src/runtime/create-runtime.ts';
import { resolveOptions } from '../../src/runtime/options.ts';
import type { Source } from '../../src/sources/source.ts';
import type { VectorStore } from '../../src/vectors/vector-store.ts';
import { type BatchChecks, createBatchChecks, isTooLate } from './batch-checks.ts';
import { type BatchDesk, createBatchDesk } from './batch-desk.ts';
import { createFeedSource } from './feed.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { MemoryDisk } from './memory-tables.ts';
import { createMemoryVectorStore } from './memory-vector-store.ts';
import { createObserver, type Observer } from './observer.ts';
import { createSimBatch, LATE_MS_MAX } from './sim-batch.ts';
import { createSimDriver, type SimDatabase } from './sim-catalog.ts';
import { createSimEmbedder } from './sim-embedder.ts';
import { CUTS, type History, type SourceDataset } from './source.ts';
import type { SimProcess, World } from './world.ts';

/** What a planted defect may put in the place of the sound parts. */
export interface Defect {
  /** What a seed has to have for it to show; any seed will do where it is left out. */
  readonly needs?: 'batch' | 'source';
  readonly driver?: (driver: SqlDriver, sim: Sim) => SqlDriver;
  readonly store?: (store: VectorStore, sim: Sim, process: SimProcess) => VectorStore;
  readonly embedder?: (embedder: Embedder, sim: Sim) => Embedder;
  readonly source?: (source: Source, sim: Sim) => Source;
  readonly core?: (core: RuntimeCore, sim: Sim) => RuntimeCore;
}

/** Everything of one seed that outlives a process. */
export interface Sim {
  readonly world: World;
  readonly datasets: readonly SourceDataset[];
  readonly database: SimDatabase;
  readonly disk: MemoryDisk;
  readonly ledger: Ledger;
  readonly observer: Observer;
  readonly desk: BatchDesk;
  readonly batchChecks: BatchChecks;
  readonly defect: Defect;
}

/** One runtime in a process of its own. */
export interface SimRuntime {
  readonly process: SimProcess;
  readonly core: RuntimeCore;
  readonly runtime: Runtime;
}

/** How long the lease of a process that died keeps the others out. */
export const LEASE_TTL_MS = 10_000;

/** Shorter than jobs take. */
const BATCH_POLL_MS = 5_000;
/** Longer than anything is on its way to the provider. */
const BATCH_SETTLE_MS = 2 * LATE_MS_MAX;

const refuse = (): never => {
  throw new Error('Copies of the catalog are not simulated.');
};
const notSimulated: CatalogFiles = { copy: refuse, check: refuse, move: refuse };

/** Every commit counts for as much as it takes to have maintenance in a short run. */
const FRAGMENTS_PER_COMMIT = 40;

export function createSim(
  world: World,
  database: SimDatabase,
  datasets: readonly SourceDataset[],
  defect: Defect,
): Sim {
  const historyOf = (address: string, key: string): History =>
    datasets.find((dataset) => dataset.address === address)?.history.get(key) ?? [];
  const disk = new MemoryDisk();
  const ledger = createLedger();
  const observer = createObserver({ database, disk, ledger, historyOf });
  const { complaints, isWorker } = observer;
  const batchChecks = createBatchChecks({ database, desk: () => desk, ledger, complaints });
  const desk: BatchDesk = createBatchDesk({
    world,
    ledger,
    isStray: (sender) => isTooLate(sender, world, isWorker(sender.process)),
    onSubmit: batchChecks.beforeJob,
  });
  return { world, datasets, database, disk, ledger, observer, desk, batchChecks, defect };
}

/** Starts a process with a runtime in it. */
export function startRuntime(sim: Sim, access: 'readWrite' | 'readOnly' = 'readWrite'): SimRuntime {
  const { world, database, observer, defect } = sim;
  const process = world.startProcess();
  const plainDriver = createSimDriver(world, process, database, observer.afterWrite);
  const driver = defect.driver?.(plainDriver, sim) ?? plainDriver;
  const plainStore = createMemoryVectorStore({
    disk: sim.disk,
    call: (call) => process.call({ port: 'store', ...call }),
    onCommit: (table, what) => observer.afterCommit(process, table, what),
    fragmentsPerCommit: FRAGMENTS_PER_COMMIT,
  });
  const plainEmbedder = createSimEmbedder({
    world,
    process,
    ledger: sim.ledger,
    onRequest(from, texts) {
      observer.beforeRequest(from, texts);
      if (observer.isWorker(from)) sim.batchChecks.beforeRequest(texts);
    },
    ...(world.plan.batch && { batch: createSimBatch({ world, process, desk: sim.desk }) }),
  });
  const embedder = defect.embedder?.(plainEmbedder, sim) ?? plainEmbedder;
  const options = resolveOptions({
    leaseTtlMs: LEASE_TTL_MS,
    batchPollIntervalMs: BATCH_POLL_MS,
    batchSettleMs: BATCH_SETTLE_MS,
    access,
    embedder,
    environment: {},
    tokensPerChunkMax: CUTS[0],
  });
  const plainCore = createRuntimeCore(options, {
    clock: process.clock,
    identity: { pid: 1, host: process.name, startedAtMs: process.clock.nowMs() },
    openCatalog: async () => createSqlCatalog(driver),
    catalogPath: undefined,
    files: notSimulated,
    store: defect.store?.(plainStore, sim, process) ?? plainStore,
    chosen: { embedder, reason: 'simulated' },
    watchableOf: () => undefined,
    openSource: (definition) => {
      const path = 'path' in definition ? definition.path : '';
      const { feed = new Map() } = sim.datasets.find(({ address }) => address === path) ?? {};
      const source = createFeedSource(world, process, feed);
      return defect.source?.(source, sim) ?? source;
    },
  });
  const core = defect.core?.(plainCore, sim) ?? plainCore;
  return { process, core, runtime: runtimeOver(core) };
}
