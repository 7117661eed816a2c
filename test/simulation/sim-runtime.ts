import type { CatalogFiles } from '../../src/catalog/catalog-files.ts';
import { createSqlCatalog } from '../../src/catalog/sql-catalog.ts';
import type { SqlDriver } from '../../src/catalog/sql-driver.ts';
import type { Embedder } from '../../src/embedders/embedder.ts';
import { createRuntimeCore, type RuntimeCore } from '../../src/runtime/core.ts';
import { type Runtime, runtimeOver } from '../../src/runtime/create-runtime.ts';
import { resolveOptions } from '../../src/runtime/options.ts';
import type { VectorStore } from '../../src/vectors/vector-store.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { MemoryDisk } from './memory-tables.ts';
import { createMemoryVectorStore } from './memory-vector-store.ts';
import { createObserver, type Observer } from './observer.ts';
import { createSimDriver, type SimDatabase } from './sim-catalog.ts';
import { createSimEmbedder } from './sim-embedder.ts';
import { CUTS, type History } from './source.ts';
import type { SimProcess, World } from './world.ts';

/** What a planted defect may put in the place of the sound parts. */
export interface Defect {
  readonly driver?: (driver: SqlDriver, sim: Sim) => SqlDriver;
  readonly store?: (store: VectorStore, sim: Sim, process: SimProcess) => VectorStore;
  readonly embedder?: (embedder: Embedder, sim: Sim) => Embedder;
  readonly core?: (core: RuntimeCore, sim: Sim) => RuntimeCore;
}

/** Everything of one seed that outlives a process. */
export interface Sim {
  readonly world: World;
  readonly database: SimDatabase;
  readonly disk: MemoryDisk;
  readonly ledger: Ledger;
  readonly observer: Observer;
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

const refuse = (): never => {
  throw new Error('Copies of the catalog are not simulated.');
};
const notSimulated: CatalogFiles = { copy: refuse, check: refuse, move: refuse };

/** Every commit counts for as much as it takes to have maintenance in a short run. */
const FRAGMENTS_PER_COMMIT = 40;

export function createSim(
  world: World,
  database: SimDatabase,
  historyOf: (address: string, key: string) => History,
  defect: Defect,
): Sim {
  const disk = new MemoryDisk();
  const ledger = createLedger();
  const observer = createObserver({ database, disk, ledger, historyOf });
  return { world, database, disk, ledger, observer, defect };
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
    onRequest: observer.beforeRequest,
  });
  const embedder = defect.embedder?.(plainEmbedder, sim) ?? plainEmbedder;
  const options = resolveOptions({
    leaseTtlMs: LEASE_TTL_MS,
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
    openSource: () => {
      throw new Error('Sources are not simulated.');
    },
  });
  const core = defect.core?.(plainCore, sim) ?? plainCore;
  return { process, core, runtime: runtimeOver(core) };
}
