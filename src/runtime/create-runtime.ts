import type { Failure } from '../actors/failure.ts';
import type { LeaseHolder, TaskRecord } from '../catalog/catalog.ts';
import { formatAddress, parseAddress, parseProjectName } from '../domain/address.ts';
import { type ActorRegistry, createActorRegistry, DEFAULT_PAUSE_REASON } from './actor-registry.ts';
import { type BackupOptions, type BackupResult, backUpCatalog } from './backup.ts';
import { type Batches, createBatches } from './batch/batches.ts';
import { type CatalogReport, checkCatalog, type StrangeTable, strangeTables } from './catalog-report.ts';
import { createRuntimeCore, type RuntimeCore } from './core.ts';
import { type CostEntry, type CostsOptions, readCosts } from './costs.ts';
import { createDataset, type Dataset } from './dataset.ts';
import { type DatasetStatus, listStatuses } from './dataset-status.ts';
import type { EventListener } from './events.ts';
import { checkHealth, type RuntimeHealth } from './health.ts';
import { type DatasetSummary, listDatasets, listProjects, type ProjectSummary } from './list-datasets.ts';
import { resolveOptions, type SynclineOptions } from './options.ts';
import type { Page, PageOptions } from './page.ts';
import { listProviders, readWorker } from './providers/list-providers.ts';
import type { ProviderStatus } from './providers/provider-status.ts';
import { type SearchOptions, type SearchResult, searchProject } from './search.ts';
import { resolveSpend, type SpendOptions } from './spend-options.ts';
import { type SpendStatus, spendStatus } from './spend-status.ts';
import { describeState, type Supervision } from './supervision.ts';
import { asTheyAre, createTasks, type Tasks } from './tasks.ts';
import { haltWorker, requireSupervision, startWorker, stopRuntime } from './worker-life.ts';

export interface RuntimeStatus {
  /** The supervisor's state in one word; `notStarted` before `start()` and after `stop()`. */
  readonly state: string;
  readonly catalog: string;
  /** Who works on the catalog now, this runtime or another. */
  readonly worker: LeaseHolder | undefined;
  /** Which embedder new datasets get, and why. */
  readonly embedder: string;
  /** Tables in the folder that are not this catalog's; they are left alone. Usually none. */
  readonly strangeTables: readonly StrangeTable[];
  /** What may be spent, what was today, and who waits because a cap was reached. */
  readonly spend: SpendStatus;
  /** The newest tasks, newest first, at most 20. */
  readonly tasks: readonly TaskRecord[];
  /** How embedding providers stand; see {@link Runtime.providers}. */
  readonly providers: readonly ProviderStatus[];
}

/** Keeps LanceDB tables in line with your data; without the faces that a {@link Syncline} has besides. */
export interface Runtime {
  /** Which embedder new datasets get, and why; one sentence without secrets. */
  readonly embedderReason: string;
  /** The root actor, for XState tooling: the supervisor of a started runtime. */
  readonly actor: Supervision['actor'] | undefined;
  /** All actors: how each stands, what its machine is like, and how to control it. */
  readonly actors: ActorRegistry;
  /**
   * Works in the background until `stop()`: takes the lease, checks every dataset, processes what waits and what comes.
   *
   * @throws SynclineError `LEASE_HELD` naming the other worker, and whatever keeps the catalog from being opened.
   */
  start(): Promise<void>;
  /**
   * Ends the background work as `stop` does and gives the lease back, but closes nothing: searches and explicit calls go on,
   * and `start()` begins anew. Nothing happens when no worker runs.
   */
  halt(): Promise<void>;
  /**
   * Ends all work and closes everything: work under way is finished for up to `drainTimeoutMs`, then aborted. What is left
   * stays in the catalog for the next start. Stopping twice is allowed; a stopped runtime cannot be started again.
   */
  stop(): Promise<void>;
  /** Aborted when `stop` is called: for what is to end with the runtime. */
  readonly stopping: AbortSignal;
  /** Resolves when a started runtime ends (but not when it is halted), with the failure when that was not asked for (such as `LEASE_LOST`). */
  ended(): Promise<Failure | undefined>;
  /** Holds all background work until `resume` with the same reason; what is under way is finished. */
  pause(reason?: string): void;
  resume(reason?: string): void;
  /** The dataset at `project/dataset`. Touches nothing. Throws `INVALID_ADDRESS`. */
  dataset(address: string): Dataset;
  /** Addresses of all datasets (of one project), in the order they were created; read in pages. */
  datasets(options?: { readonly project?: string }): AsyncIterable<string>;
  /** The same in pages, with what each dataset was made with. */
  listDatasets(options?: PageOptions & { readonly project?: string }): Promise<Page<DatasetSummary>>;
  /** How datasets are doing, in pages, in the same order; without those that are being deleted. */
  listStatuses(options?: PageOptions & { readonly project?: string }): Promise<Page<DatasetStatus>>;
  /** The projects that have datasets, in pages. */
  listProjects(page?: PageOptions): Promise<Page<ProjectSummary>>;
  /** Searches all datasets of a project and merges their answers. */
  search(project: string, query: string, options?: SearchOptions): Promise<SearchResult[]>;
  status(): Promise<RuntimeStatus>;
  /** What embedding has cost, and what reuse has saved; from the catalog. */
  costs(options?: CostsOptions): Promise<CostEntry[]>;
  /** What may be spent, what was today, and which datasets wait because a cap was reached. */
  spend(): Promise<SpendStatus>;
  /**
   * Other caps than those of the option `spend`, for as long as this runtime lives; datasets that wait try again.
   *
   * @throws SynclineError `INVALID_OPTION`.
   */
  setSpendCaps(caps: SpendOptions): void;
  /** Whether all that the runtime stands on is in order: catalog, lease, embedding provider, disk. Never throws. */
  health(): Promise<RuntimeHealth>;
  /**
   * How embedding providers stand, by account: those that this runtime has sent requests to, and, from the catalog, those that
   * another worker sends requests to or has lately. See also the event `provider.state`.
   */
  providers(): Promise<ProviderStatus[]>;
  /** What was asked for and takes long: listed, waited for, cancelled. */
  readonly tasks: Tasks;
  /** Work handed to providers' batch APIs at half the price. */
  readonly batch: Batches;
  /** Calls `listener` with every event; returns the function that ends that. */
  on(listener: EventListener): () => void;
  /**
   * Copies the catalog, as it is at one moment, to a new file, while it is worked on; needs no lease. That is the whole backup:
   * tables are built again from it without asking a provider. See {@link restoreCatalog}.
   *
   * @throws SynclineError `FILE_EXISTS`, `BACKUP_FAILED`, `DISK_FULL`, `BACKUP_UNSUPPORTED` for a catalog on a server,
   * and whatever keeps the catalog from being read.
   */
  backup(path: string, options?: BackupOptions): Promise<BackupResult>;
  /**
   * Has the whole file of the catalog checked, and compares the folder of tables with what the catalog knows. Needs no lease.
   *
   * @throws SynclineError `CATALOG_CORRUPT` with what is wrong, and whatever keeps the catalog from being read.
   */
  checkCatalog(): Promise<CatalogReport>;
  /** `await using` stops the runtime. */
  [Symbol.asyncDispose](): Promise<void>;
}

const DATASETS_PER_PAGE = 200;
const TASKS_SHOWN = 20;

/**
 * Creates a runtime. Opens nothing and starts nothing until a method needs it.
 *
 * @throws SynclineError `INVALID_OPTION`.
 */
export function createRuntime(options: SynclineOptions = {}): Runtime {
  return runtimeOver(createRuntimeCore(resolveOptions(options)));
}

/** What users hold, over the parts of a runtime. */
export function runtimeOver(core: RuntimeCore): Runtime {
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= stopRuntime(core);
    return stopping;
  };
  return {
    embedderReason: core.chosen.reason,
    get actor() {
      return core.supervision?.actor;
    },
    actors: createActorRegistry(core, { start: () => startWorker(core), halt: () => void haltWorker(core) }),
    stopping: core.stopping.signal,
    start: () => startWorker(core),
    halt: () => haltWorker(core),
    stop,
    ended: () => core.ended,
    pause: (reason = DEFAULT_PAUSE_REASON) =>
      requireSupervision(core).actor.send({ type: 'supervisor.pause', reason }),
    resume: (reason = DEFAULT_PAUSE_REASON) =>
      requireSupervision(core).actor.send({ type: 'supervisor.resume', reason }),
    dataset: (address) => createDataset(core, parseAddress(address)),
    datasets: ({ project } = {}) => listAddresses(core, project),
    listDatasets: (page = {}) => listDatasets(core, page),
    listStatuses: (page = {}) => listStatuses(core, page),
    listProjects: (page = {}) => listProjects(core, page),
    search: (project, query, searchOptions) =>
      searchProject(core, parseProjectName(project), query, searchOptions),
    status: () => runtimeStatus(core),
    costs: (costsOptions) => readCosts(core, costsOptions),
    spend: () => spendStatus(core.catalog, core.spend, core.clock),
    setSpendCaps: (caps) => core.spend.setCaps(resolveSpend(caps)),
    health: () => checkHealth(core),
    providers: () => listProviders(core),
    tasks: createTasks(core),
    batch: createBatches(core),
    on: (listener) => core.hub.on(listener),
    checkCatalog: () => checkCatalog(core),
    backup: (path, options) => backUpCatalog(core, path, options),
    [Symbol.asyncDispose]: stop,
  };
}

async function* listAddresses(core: RuntimeCore, project: string | undefined): AsyncGenerator<string> {
  const catalog = await core.catalog();
  let afterDatasetId = 0;
  for (;;) {
    const page = await catalog.listDatasets({
      ...(project !== undefined && { project }),
      afterDatasetId,
      limit: DATASETS_PER_PAGE,
    });
    for (const dataset of page) {
      if (dataset.state === 'active') yield formatAddress(dataset.address);
    }
    if (page.length < DATASETS_PER_PAGE) return;
    afterDatasetId = page.at(-1)?.datasetId ?? afterDatasetId;
  }
}

async function runtimeStatus(core: RuntimeCore): Promise<RuntimeStatus> {
  const catalog = await core.catalog();
  const tasks = await catalog.listTasks({ limit: TASKS_SHOWN });
  const { supervision } = core;
  return {
    state: supervision === undefined ? 'notStarted' : describeState(supervision.actor.getSnapshot().value),
    catalog: catalog.location,
    worker: await readWorker(core),
    embedder: core.chosen.reason,
    strangeTables: await strangeTables(core),
    spend: await spendStatus(core.catalog, core.spend, core.clock),
    tasks: await asTheyAre(core, tasks),
    providers: await listProviders(core),
  };
}
