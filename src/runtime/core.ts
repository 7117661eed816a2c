import type { DatasetEvent, DatasetReport } from '../actors/dataset-machine.ts';
import type { Failure } from '../actors/failure.ts';
import type { Catalog, DatasetRecord, GenerationRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import type { Clock } from '../domain/clock.ts';
import type { EmbeddingProfile } from '../domain/embedding-profile.ts';
import { SynclineError, throwIfAborted } from '../domain/errors.ts';
import type { ChosenEmbedder } from '../embedders/choose-embedder.ts';
import type { Embedder } from '../embedders/embedder.ts';
import { embedderForProfile } from '../embedders/embedder-for-profile.ts';
import { knownPrice } from '../embedders/known-prices.ts';
import { reconcileFolder } from '../pipeline/reconcile-folder.ts';
import type { DatasetWork } from '../pipeline/work.ts';
import type { ActorKind } from './actor-kinds.ts';
import { createAdapters, type RuntimeAdapters } from './adapters.ts';
import { type BatchParts, createBatchParts } from './batch/batch-parts.ts';
import { catalogOpener, runtimeStopped } from './catalog-opener.ts';
import { type CheckLog, createCheckLog } from './check-log.ts';
import { createDatasetActors, type DatasetActors } from './dataset-actors.ts';
import { createEventHub, type EventHub } from './events.ts';
import { createProviderLog, type ProviderLog } from './health.ts';
import { createIndexingParts, type IndexingParts } from './indexing/indexing-parts.ts';
import { createInspection, type Inspection } from './inspection.ts';
import { refuseLostCatalog } from './lost-catalog.ts';
import { createDatasetLogic, type DatasetLogicParts } from './machine-logic.ts';
import { createMoney, type Money } from './money.ts';
import { createEmbedderObserver } from './observed-embedder.ts';
import type { ResolvedOptions } from './options.ts';
import { createPriceBook, type PriceBook } from './price-book.ts';
import { createProviderFleet, type ProviderFleet } from './providers/fleet.ts';
import { createStandingLog, type StandingLog } from './providers/standing-log.ts';
import { createSessionKeeper, type Session, type SessionKeeper } from './session.ts';
import { createSessionWork, type SessionWork, type WorkListeners } from './session-work.ts';
import type { Supervision } from './supervision.ts';
import { createRunningTasks, type RunningTasks } from './task.ts';

export { type Attended, askProviderAgain, withActor } from './with-actor.ts';

/** Where a runtime is in its life. */
export interface RuntimeLife {
  /** The supervisor, while one runs. */
  supervision: Supervision | undefined;
  /** When the last supervisor ended, or will; with its failure if that was not asked for. */
  ended: Promise<Failure | undefined>;
  /** Resolves {@link ended}; `undefined` before the first start and after the end. */
  life: PromiseWithResolvers<Failure | undefined> | undefined;
  /** Why the last worker ended, unless that was asked for. */
  workerFailure: Failure | undefined;
  /** From the call of `stop()` on: nothing new is begun. */
  stopAsked: boolean;
  /** Aborted with {@link stopAsked}. */
  readonly stopping: AbortController;
}

/** The parts of a runtime, made once and shared by everything it offers. Opens nothing until it is needed. */
export interface RuntimeCore
  extends Omit<RuntimeAdapters, 'openCatalog'>,
    RuntimeLife,
    IndexingParts,
    Money,
    BatchParts {
  readonly options: ResolvedOptions;
  readonly hub: EventHub;
  /** What XState tells of the actors. */
  readonly inspection: Inspection;
  readonly sessions: SessionKeeper;
  readonly actors: DatasetActors;
  /** Actors beside the supervisor and the datasets, for whoever lists and controls actors. */
  readonly actorKinds: readonly ActorKind[];
  /** The dataset machine as the supervisor runs it. */
  readonly logic: ReturnType<typeof createDatasetLogic>;
  catalog(): Promise<Catalog>;
  /** The same embedder, with its requests told. */
  readonly observeEmbedder: (embedder: Embedder) => Embedder;
  /** The embedder of a profile; throws `PROFILE_MISMATCH` when this runtime has none. */
  embedderFor(profile: EmbeddingProfile): Embedder;
  /** The works of the session that is open now. */
  work(): SessionWork;
  /** The work of a dataset while a session is open: then nobody but this runtime writes. */
  ownWork(datasetId: number): Promise<DatasetWork | undefined>;
  /** The newest sync checks that were told. */
  readonly checks: CheckLog;
  /** The provider accounts that requests are sent to. */
  readonly fleet: ProviderFleet;
  /** Writes down how they stand, for those who only look. */
  readonly standings: StandingLog;
  /** How the embedding providers answered lately. */
  readonly providers: ProviderLog;
  /** The tasks that this runtime runs now. */
  readonly running: RunningTasks;
  /** Closes catalog and tables; nothing can be asked of this core afterwards. */
  close(): Promise<void>;
}

/** @param adapters - Only the simulation gives others than the real ones. */
export function createRuntimeCore(
  options: ResolvedOptions,
  adapters: RuntimeAdapters = createAdapters(options),
): RuntimeCore {
  const { openCatalog, ...outside } = adapters;
  const { clock, identity, store } = outside;
  const hub = createEventHub(clock.nowMs);
  const observers = createObservers(hub, clock, pricesOf(options, outside.chosen));
  const embedding = createEmbedding(outside, options, { hub, ...observers }, () => core);
  const batch = createBatchParts(() => core, { options, clock, inspection: observers.inspection });
  let work: SessionWork | undefined;
  let isClosed = false;

  const open = async () => refuseLostCatalog(await openCatalog(), store, options.vectorsUri);
  const opener = catalogOpener(open, () => isClosed);
  const money = createMoney({ ...outside, ...observers, options, hub }, opener.catalog, () => core);

  const logics = createLogics({
    catalog: opener.catalog,
    random: clock.random,
    workFor: (datasetId) => requireWork(work).workFor(datasetId),
    knownWork: (datasetId) => work?.knownWork(datasetId),
    onReport: (report) => noteReport(core, work, report),
    onSupervisedReport: (report) => core.supervision?.noteReport(report),
    // A call that began before the runtime was started works on; two actors would drop each other's tables.
    untilFree: (datasetId) => core.actors.untilFree(datasetId),
  });

  const beginSession = async (session: Session): Promise<void> => {
    await reconcileTables(await opener.catalog(), { session, store, hub });
    work = createSessionWork({
      session,
      catalog: await opener.catalog(),
      store,
      clock,
      settings: options,
      hub,
      embedderFor: core.embedderFor,
      priceOf: money.prices.priceOf,
      spend: money.spend,
      ...workListeners(core),
    });
    onLostLease(session, core);
    await beginNotes(core, session);
  };

  const core: RuntimeCore = {
    ...outside,
    options,
    hub,
    ...observers,
    ...money,
    ...batch,
    logic: logics.supervised,
    catalog: opener.catalog,
    sessions: createSessionKeeper({
      openCatalog: opener.catalog,
      clock,
      identity,
      leaseTtlMs: options.leaseTtlMs,
      hub,
      onBegin: beginSession,
      onEnd: async () => {
        await core.batches.endSession();
        const ending = work;
        work = undefined;
        await ending?.end();
        await endNotes(core);
      },
    }),
    ...embedding,
    actorKinds: [embedding.fleet.kind, batch.batches.kind, observers.watching.kind, observers.schedules.kind],
    actors: createDatasetActors({
      logic: () => logics.direct,
      clock,
      inspection: observers.inspection,
      drainTimeoutMs: options.drainTimeoutMs,
      cancelRequests: embedding.fleet.cancel,
      untilQuiet: async (datasetId) => work?.untilQuiet(datasetId),
    }),
    work: () => requireWork(work),
    ownWork: async (datasetId) => work?.workFor(datasetId),
    ...notStarted(),
    async close() {
      if (isClosed) return;
      await money.queries.close();
      isClosed = true;
      embedding.fleet.stop();
      await Promise.all([store.close(), opener.close()]);
    },
  };
  return core;
}

/** From now on the catalog is told what others want to see of this worker. */
async function beginNotes({ standings, fleet, spend }: RuntimeCore, { writer }: Session): Promise<void> {
  standings.beginSession(writer, fleet.list());
  await spend.holds.beginSession(writer);
}

async function endNotes({ standings, spend }: RuntimeCore): Promise<void> {
  await standings.endSession();
  await spend.holds.endSession();
}

function noteReport(core: RuntimeCore, work: SessionWork | undefined, report: DatasetReport): void {
  const { datasetId, address, phase, failure } = report;
  core.hub.emit({ type: 'dataset.state', address, phase, failure });
  if (phase === 'deleted') work?.forget(datasetId);
  core.actors.noteReport(report);
}

/** Whoever runs the dataset's actor, if it has one. */
function sendToActor({ supervision, actors }: RuntimeCore, datasetId: number, event: DatasetEvent): void {
  supervision?.send(datasetId, event);
  actors.send(datasetId, event);
}

/** What watches a runtime for those who look at it, and what index runs share. */
function createObservers(hub: EventHub, clock: Clock, prices: PriceBook) {
  return {
    prices,
    inspection: createInspection(),
    checks: createCheckLog(hub),
    providers: createProviderLog(hub, clock.nowMs),
    observeEmbedder: createEmbedderObserver(hub, clock, prices.priceOf),
    ...createIndexingParts(),
  };
}

/** Those who hear of what is done for a dataset. */
function workListeners(core: RuntimeCore): WorkListeners {
  return {
    onWork: (datasetId, type) => sendToActor(core, datasetId, { type }),
    onProgress: (datasetId) => core.actors.notifier(datasetId).ring(),
    onBatchJob: (batchJobId) =>
      batchJobId === undefined ? core.batches.lookAround() : core.batches.adopt(batchJobId),
  };
}

function onLostLease({ signal }: Session, core: RuntimeCore): void {
  const lose = (): void => {
    core.supervision?.noteLostLease(signal.reason);
    void core.batches.endSession();
  };
  // It may have been lost while the session began: nobody is told of that any more.
  if (signal.aborted) lose();
  else signal.addEventListener('abort', lose, { once: true });
}

/** The embedders, each telling of its requests and sending them when their turn has come. */
function createEmbedding(
  { clock, chosen }: Pick<RuntimeAdapters, 'clock' | 'chosen'>,
  { moreEmbedders }: ResolvedOptions,
  watching: Pick<RuntimeCore, 'hub' | 'inspection' | 'observeEmbedder'>,
  coreOf: () => RuntimeCore,
): Pick<RuntimeCore, 'fleet' | 'standings' | 'embedderFor'> {
  const { hub, inspection, observeEmbedder } = watching;
  const standings = createStandingLog(clock);
  const fleet = createProviderFleet({
    clock,
    hub,
    inspection,
    wake: (datasetId) => sendToActor(coreOf(), datasetId, { type: 'dataset.retry' }),
    onStanding: standings.note,
  });
  return {
    fleet,
    standings,
    embedderFor: (profile) =>
      fleet.govern(observeEmbedder(embedderForProfile(profile, [chosen.embedder, ...moreEmbedders]))),
  };
}

function pricesOf({ prices, moreEmbedders }: ResolvedOptions, { embedder }: ChosenEmbedder): PriceBook {
  return createPriceBook(prices, [embedder, ...moreEmbedders], knownPrice);
}

function notStarted(): RuntimeLife & Pick<RuntimeCore, 'running'> {
  return {
    running: createRunningTasks(),
    supervision: undefined,
    ended: Promise.resolve(undefined),
    life: undefined,
    workerFailure: undefined,
    stopAsked: false,
    stopping: new AbortController(),
  };
}

/** The dataset machine as the supervisor runs it, and as explicit calls do while there is none. */
function createLogics({
  onSupervisedReport,
  ...parts
}: DatasetLogicParts & { readonly onSupervisedReport: DatasetLogicParts['onReport'] }) {
  return {
    supervised: createDatasetLogic({
      ...parts,
      onReport(report) {
        onSupervisedReport(report);
        parts.onReport(report);
      },
    }),
    direct: createDatasetLogic({ ...parts, untilFree: () => Promise.resolve() }),
  };
}

function requireWork(work: SessionWork | undefined): SessionWork {
  if (work !== undefined) return work;
  throw new SynclineError('INTERNAL', 'There is no session: the lease is not held.');
}

/** Before anything is worked on: are there tables that are newer than the catalog? */
function reconcileTables(
  catalog: Catalog,
  { session, store, hub }: { session: Session } & Pick<RuntimeCore, 'store' | 'hub'>,
): Promise<void> {
  return reconcileFolder({
    catalog,
    writer: session.writer,
    store,
    signal: session.signal,
    onSalvaged: ({ name, vectors, dropped }) =>
      hub.emit({ type: 'table.salvaged', table: name, vectors, dropped }),
  });
}

/**
 * Runs a task that writes: within a session (the lease is held), aborted when `signal` is or when the lease is lost.
 *
 * @throws SynclineError `LEASE_HELD`, `RUNTIME_STOPPED`, `CATALOG_READ_ONLY`.
 */
export async function withSession<Result>(
  core: RuntimeCore,
  signal: AbortSignal | undefined,
  task: (session: Session, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  if (core.stopAsked) throw runtimeStopped();
  if (core.options.access === 'readOnly') {
    throw new SynclineError(
      'CATALOG_READ_ONLY',
      'This runtime was created with access "readOnly"; it only looks.',
    );
  }
  throwIfAborted(signal);
  const session = await core.sessions.enter();
  try {
    return await task(
      session,
      signal === undefined ? session.signal : AbortSignal.any([session.signal, signal]),
    );
  } finally {
    await core.sessions.leave();
  }
}

/**
 * The dataset at an address.
 *
 * @throws SynclineError `DATASET_NOT_FOUND`, `DATASET_DELETING`.
 */
export async function requireDataset(core: RuntimeCore, address: DatasetAddress): Promise<DatasetRecord> {
  const dataset = await (await core.catalog()).findDataset(address);
  if (dataset === undefined) {
    throw new SynclineError(
      'DATASET_NOT_FOUND',
      `There is no dataset "${formatAddress(address)}". Create it, or ingest documents into it.`,
      { details: { address: formatAddress(address) } },
    );
  }
  if (dataset.state === 'deleting') {
    throw new SynclineError('DATASET_DELETING', `The dataset "${formatAddress(address)}" is being deleted.`);
  }
  return dataset;
}

/** A generation whose table was finished. */
export type FinishedGeneration = GenerationRecord & {
  readonly recorded: NonNullable<GenerationRecord['recorded']>;
};

/** The generation that serves a dataset now, if it has one whose table was finished. */
export async function servingGeneration(
  core: RuntimeCore,
  datasetId: number,
): Promise<FinishedGeneration | undefined> {
  const generations = await (await core.catalog()).listGenerations(datasetId);
  return generations.find(isFinishedServing);
}

/** Whether a generation serves, with a table that was finished. */
export function isFinishedServing(generation: GenerationRecord): generation is FinishedGeneration {
  return generation.state === 'serving' && generation.recorded !== undefined;
}
