import { afterEach } from 'bun:test';
import { type Actor, createActor, fromPromise, SimulatedClock, type SnapshotFrom, waitFor } from 'xstate';
import {
  type DatasetEvent,
  type DatasetPhase,
  datasetMachine,
  datasetReport,
  type Measured,
} from '../../src/actors/dataset-machine.ts';
import { entryOf } from '../../src/actors/supervisor-context.ts';
import {
  type DatasetListing,
  type SupervisorSettings,
  supervisorMachine,
} from '../../src/actors/supervisor-machine.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import type { TableVerdict } from '../../src/domain/sync-report.ts';
import { createFakeSource, type FakeSource } from './fake-source.ts';

/** One dataset of the small world that a supervisor looks after. */
export interface FakeDataset {
  readonly address: string;
  /** Changes that wait to be written. */
  waiting: number;
  oldestChangeAtMs: number;
  isSound: boolean;
  isDeleting: boolean;
  /** Thrown by its write stage. */
  error: unknown;
  /** Its machine itself breaks at the next report. */
  isBroken: boolean;
}

export interface SupervisorHarness {
  readonly actor: Actor<typeof supervisorMachine>;
  readonly clock: SimulatedClock;
  readonly datasets: Map<number, FakeDataset>;
  readonly sources: {
    readonly takeLease: FakeSource<void, unknown>;
    readonly ensureCatalog: FakeSource<void, unknown>;
    readonly listDatasets: FakeSource<readonly DatasetListing[], unknown>;
    readonly releaseLease: FakeSource<void, unknown>;
  };
  /** Adds datasets numbered on from the last one; returns their ids. */
  add(...specs: Partial<FakeDataset>[]): number[];
  /** Writing of these datasets waits for {@link finish}; `all` for every one. */
  holdWrites(...datasetIds: number[] | ['all']): void;
  /** Lets a dataset write from now on, once it has come to that. */
  finish(datasetId: number): Promise<void>;
  tell(datasetId: number, event: DatasetEvent): void;
  /** A change in the catalog, of which the supervisor is told. */
  change(datasetId: number): void;
  /** The states that were seen, in one word each, without repetitions. */
  readonly states: string[];
  /** `id phase` of every report, in order. */
  readonly reports: string[];
  /** Ids in the order in which work on them began. */
  readonly started: number[];
  readonly aborted: number[];
  readonly letGo: number[];
  /** The most that were ever seen at once. */
  readonly most: { writing: number; checking: number; actors: number };
  phase(datasetId: number): DatasetPhase | undefined;
  until(isThere: (snapshot: SnapshotFrom<typeof supervisorMachine>) => boolean): Promise<void>;
  untilState(...states: string[]): Promise<void>;
  untilPhase(datasetId: number, phase: DatasetPhase): Promise<void>;
}

const SETTINGS: SupervisorSettings = {
  datasetsAtWorkMax: 2,
  datasetActorsMax: 100,
  datasetOrder: 'largestBacklog',
  pollIntervalMs: 1_000_000,
  drainTimeoutMs: 5_000,
  backoff: { firstMs: 100, maxMs: 400, failuresMax: 3 },
};

/** What waiting may mend. */
export const unreachable = () => new SynclineError('CATALOG_UNREACHABLE', 'No answer.', { retryable: true });

/** What waiting cannot mend. */
export const refused = () => new SynclineError('PROFILE_MISMATCH', 'Wrong key.');

/** Makes the supervisors of one file of tests; each is stopped after its test. */
export function supervisorsOfTests(): (settings?: Partial<SupervisorSettings>) => SupervisorHarness {
  const running: SupervisorHarness[] = [];
  afterEach(() => {
    for (const { actor } of running.splice(0)) actor.stop();
  });
  return (settings) => {
    const harness = createSupervisorHarness(settings);
    running.push(harness);
    return harness;
  };
}

/** The state in one word: while it runs, what it works on. */
export function stateOf({ value }: SnapshotFrom<typeof supervisorMachine>): string {
  return typeof value === 'string'
    ? value
    : ((value.running as { work?: string } | undefined)?.work ?? 'running');
}

/** A real supervisor with real dataset actors over fakes, and a clock that stands still. */
function createSupervisorHarness(settings: Partial<SupervisorSettings> = {}): SupervisorHarness {
  const clock = new SimulatedClock();
  const datasets = new Map<number, FakeDataset>();
  const [states, reports, started, aborted, letGo]: [string[], string[], number[], number[], number[]] = [
    [],
    [],
    [],
    [],
    [],
  ];
  const most = { writing: 0, checking: 0, actors: 0 };
  const sources: SupervisorHarness['sources'] = {
    takeLease: createFakeSource<void, unknown>(() => () => undefined),
    ensureCatalog: createFakeSource<void, unknown>(() => () => undefined),
    releaseLease: createFakeSource<void, unknown>(() => () => undefined),
    listDatasets: createFakeSource<readonly DatasetListing[], unknown>(() => {
      const listings = [...datasets].map(([datasetId, { address, isDeleting }]) => ({
        datasetId,
        address,
        deleting: isDeleting,
      }));
      return () => listings;
    }),
  };
  const writes = createWrites(datasets, most, aborted);
  const dataset = createDatasetLogic({
    datasets,
    most,
    write: writes.write,
    onReport: (datasetId, phase) => {
      reports.push(`${datasetId} ${phase}`);
      if (phase === 'processing') started.push(datasetId);
    },
    send: (report) => queueMicrotask(() => actor.send(report)),
  });
  const actor = createActor(
    supervisorMachine.provide({
      actors: {
        takeLease: sources.takeLease.logic,
        ensureCatalog: sources.ensureCatalog.logic,
        listDatasets: sources.listDatasets.logic,
        releaseLease: sources.releaseLease.logic,
        dataset,
      },
      actions: { noteLetGo: (_, { datasetId }) => letGo.push(datasetId) },
    }),
    { input: { settings: { ...SETTINGS, ...settings } }, clock },
  );
  actor.subscribe((snapshot) => {
    const state = stateOf(snapshot);
    if (states.at(-1) !== state) states.push(state);
    const actors = Object.keys(snapshot.children).filter((id) => id.startsWith('dataset:')).length;
    most.actors = Math.max(most.actors, actors);
  });
  const until: SupervisorHarness['until'] = async (isThere) => {
    await waitFor(actor, isThere, { timeout: 100_000 });
  };
  const tell: SupervisorHarness['tell'] = (datasetId, event) =>
    actor.send({ type: 'dataset.tell', datasetId, address: addressOf(datasetId), event });
  return {
    actor,
    clock,
    datasets,
    sources,
    states,
    reports,
    started,
    aborted,
    letGo,
    most,
    add: (...specs) =>
      specs.map((spec) => {
        const datasetId = Math.max(0, ...datasets.keys()) + 1;
        datasets.set(datasetId, newDataset(datasetId, spec));
        return datasetId;
      }),
    holdWrites: writes.hold,
    finish: writes.finish,
    tell,
    change(datasetId) {
      const found = datasets.get(datasetId);
      if (found !== undefined) found.waiting += 1;
      tell(datasetId, { type: 'dataset.changed' });
    },
    phase: (datasetId) => entryOf(actor.getSnapshot().context, datasetId)?.phase,
    until,
    untilState: (...wanted) => until((snapshot) => wanted.includes(stateOf(snapshot))),
    untilPhase: (datasetId, phase) => until(({ context }) => entryOf(context, datasetId)?.phase === phase),
  };
}

function addressOf(datasetId: number): string {
  return `project/d${datasetId}`;
}

function newDataset(datasetId: number, spec: Partial<FakeDataset>): FakeDataset {
  return {
    address: addressOf(datasetId),
    waiting: 0,
    oldestChangeAtMs: 0,
    isSound: true,
    isDeleting: false,
    error: undefined,
    isBroken: false,
    ...spec,
  };
}

type Write = (datasetId: number, signal: AbortSignal) => Promise<void>;

function createWrites(
  datasets: ReadonlyMap<number, FakeDataset>,
  most: { writing: number },
  aborted: number[],
): { write: Write } & Record<'hold', SupervisorHarness['holdWrites']> &
  Record<'finish', SupervisorHarness['finish']> {
  const held = new Set<number | 'all'>();
  const finished = new Set<number>();
  const gates = new Map<number, { arrived: PromiseWithResolvers<void>; open: PromiseWithResolvers<void> }>();
  let writing = 0;
  const gateOf = (datasetId: number) => {
    const gate = gates.get(datasetId) ?? {
      arrived: Promise.withResolvers<void>(),
      open: Promise.withResolvers<void>(),
    };
    gates.set(datasetId, gate);
    return gate;
  };
  return {
    async write(datasetId, signal) {
      const dataset = datasets.get(datasetId);
      if (dataset === undefined) throw new Error(`There is no dataset ${datasetId}.`);
      writing += 1;
      most.writing = Math.max(most.writing, writing);
      const gate = gateOf(datasetId);
      const cut = Promise.withResolvers<void>();
      const onAbort = (): void => {
        aborted.push(datasetId);
        cut.resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      gate.arrived.resolve();
      if ((held.has('all') || held.has(datasetId)) && !finished.has(datasetId)) {
        await Promise.race([gate.open.promise, cut.promise]);
      }
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
      writing -= 1;
      if (signal.aborted) return;
      signal.removeEventListener('abort', onAbort);
      if (dataset.error !== undefined) throw dataset.error;
      dataset.waiting = 0;
    },
    hold(...datasetIds) {
      for (const datasetId of datasetIds) held.add(datasetId);
    },
    async finish(datasetId) {
      const gate = gateOf(datasetId);
      await gate.arrived.promise;
      finished.add(datasetId);
      gate.open.resolve();
    },
  };
}

interface LogicParts {
  readonly datasets: ReadonlyMap<number, FakeDataset>;
  readonly most: { checking: number };
  readonly write: Write;
  readonly onReport: (datasetId: number, phase: DatasetPhase) => void;
  readonly send: (report: ReturnType<typeof datasetReport>) => void;
}

interface Input {
  readonly datasetId: number;
}

function createDatasetLogic(parts: LogicParts): typeof datasetMachine {
  let checking = 0;
  const nothing = fromPromise<void, Input>(() => Promise.resolve());
  const find = ({ datasetId }: Input): FakeDataset => {
    const found = parts.datasets.get(datasetId);
    if (found === undefined) throw new Error(`There is no dataset ${datasetId}.`);
    return found;
  };
  return datasetMachine.provide({
    actors: {
      checkTable: fromPromise<TableVerdict, Input>(async ({ input }) => {
        checking += 1;
        parts.most.checking = Math.max(parts.most.checking, checking);
        await Promise.resolve();
        checking -= 1;
        return find(input).isSound ? { kind: 'sound' } : { kind: 'rebuild', reason: 'damaged' };
      }),
      measureBacklog: fromPromise<Measured, Input>(async ({ input }) => {
        const { waiting, oldestChangeAtMs } = find(input);
        const backlog = {
          incomingDocuments: 0,
          queuedDocuments: waiting,
          pendingChunks: 0,
          batchedChunks: 0,
          uncutDocuments: 0,
          isSwitchPending: false,
          oldestChangeAtMs,
        };
        return { backlog, rebuildReason: undefined };
      }),
      chunkIncoming: nothing,
      embedPending: nothing,
      writeReady: fromPromise<void, Input>(({ input, signal }) => parts.write(input.datasetId, signal)),
      maintainTable: nothing,
      rebuildTable: fromPromise<void, Input & { readonly reason: string }>(async ({ input, signal }) => {
        await parts.write(input.datasetId, signal);
        find(input).isSound = true;
      }),
      deleteDataset: nothing,
    },
    actions: {
      reportPhase: ({ context }, { phase }) => {
        const dataset = parts.datasets.get(context.datasetId);
        if (dataset?.isBroken) throw new Error('The machine of a dataset broke.');
        parts.onReport(context.datasetId, phase);
        parts.send(datasetReport(context, phase));
      },
    },
  });
}
