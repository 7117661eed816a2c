import { afterEach } from 'bun:test';
import { type Actor, createActor, SimulatedClock, type SnapshotFrom, waitFor } from 'xstate';
import {
  type DatasetEvent,
  type DatasetPhase,
  type DatasetReport,
  datasetMachine,
  datasetReport,
  type Measured,
} from '../../src/actors/dataset-machine.ts';
import type { BackoffSettings } from '../../src/actors/failure.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import type { TableVerdict } from '../../src/domain/sync-report.ts';
import { createFakeSource, type FakeSource } from './fake-source.ts';

interface Input {
  readonly datasetId: number;
}

/** A small world that a dataset works on: changes have numbers, and each stage brings some of them one step further. */
export interface World {
  /** The newest change. */
  changed: number;
  chunked: number;
  embedded: number;
  written: number;
  /** What the check finds. */
  table: TableVerdict['kind'];
}

export interface DatasetHarness {
  readonly actor: Actor<typeof datasetMachine>;
  readonly clock: SimulatedClock;
  readonly world: World;
  readonly sources: {
    readonly checkTable: FakeSource<TableVerdict, Input>;
    readonly measureBacklog: FakeSource<Measured, Input>;
    readonly chunkIncoming: FakeSource<void, Input>;
    readonly embedPending: FakeSource<void, Input>;
    readonly writeReady: FakeSource<void, Input>;
    readonly maintainTable: FakeSource<void, Input>;
    readonly repairTable: FakeSource<void, Input & { readonly reason: string }>;
    readonly rebuildTable: FakeSource<void, Input & { readonly reason: string }>;
    readonly deleteDataset: FakeSource<void, Input>;
  };
  readonly phases: DatasetPhase[];
  readonly reports: DatasetReport[];
  /** `hold` and `release`, in the order the stages were told. */
  readonly holds: ('hold' | 'release')[];
  send(event: DatasetEvent): void;
  /** A change in the catalog, of which the actor is told. */
  change(): void;
  /** Waits until the machine is in a state. */
  until(isThere: (snapshot: SnapshotFrom<typeof datasetMachine>) => boolean): Promise<void>;
  untilIn(state: string): Promise<void>;
}

export const BACKOFF: BackoffSettings = { firstMs: 100, maxMs: 400, failuresMax: 3 };

export type SourceName = keyof DatasetHarness['sources'];

/** What the check has to find for a source to be asked. */
export const tableThatNeeds = (name: SourceName) =>
  name === 'repairTable' ? 'repair' : name === 'rebuildTable' ? 'rebuild' : 'sound';

/** What waiting may mend. */
export const retryable = (details = {}) =>
  new SynclineError('PROVIDER_UNREACHABLE', 'No answer.', { retryable: true, details });

/** What waiting cannot mend. */
export const hopeless = () => new SynclineError('PROFILE_MISMATCH', 'Wrong key.');

/** Starts the datasets of one file of tests; each is stopped after its test. */
export function datasetsOfTests(): (options?: { readonly changed?: number }) => DatasetHarness {
  const running: DatasetHarness[] = [];
  afterEach(() => {
    for (const { actor } of running.splice(0)) actor.stop();
  });
  return (options) => {
    const harness = createDatasetHarness(options);
    running.push(harness);
    return harness;
  };
}

/** A real dataset actor that gives itself its place, on fakes, with a clock that stands still. */
function createDatasetHarness(options: { readonly changed?: number } = {}): DatasetHarness {
  const world: World = { changed: options.changed ?? 1, chunked: 0, embedded: 0, written: 0, table: 'sound' };
  const clock = new SimulatedClock();
  const phases: DatasetPhase[] = [];
  const reports: DatasetReport[] = [];
  const holds: ('hold' | 'release')[] = [];
  const sources = createSources(world, (event) => actor.send(event));
  const actor = createActor(
    datasetMachine.provide({
      actors: {
        checkTable: sources.checkTable.logic,
        measureBacklog: sources.measureBacklog.logic,
        chunkIncoming: sources.chunkIncoming.logic,
        embedPending: sources.embedPending.logic,
        writeReady: sources.writeReady.logic,
        maintainTable: sources.maintainTable.logic,
        repairTable: sources.repairTable.logic,
        rebuildTable: sources.rebuildTable.logic,
        deleteDataset: sources.deleteDataset.logic,
      },
      actions: {
        reportPhase: ({ context }, { phase }) => {
          phases.push(phase);
          reports.push(datasetReport(context, phase));
        },
        holdWork: () => holds.push('hold'),
        releaseWork: () => holds.push('release'),
      },
    }),
    { input: { datasetId: 1, address: 'project/data', grantsItself: true, backoff: BACKOFF }, clock },
  );
  const until: DatasetHarness['until'] = async (isThere) => {
    await waitFor(actor, isThere, { timeout: 100_000 });
  };
  return {
    actor,
    clock,
    world,
    sources,
    phases,
    reports,
    holds,
    send: (event) => actor.send(event),
    change() {
      world.changed += 1;
      actor.send({ type: 'dataset.changed' });
    },
    until,
    untilIn: (state) => until((snapshot) => snapshot.value === state),
  };
}

/**
 * Each stage looks at the world when it begins and brings what it then saw one step further when it ends, like the real
 * ones in their last moment: what comes in between is only done if it is run again.
 */
function createSources(world: World, send: (event: DatasetEvent) => void): DatasetHarness['sources'] {
  const stage = (from: 'changed' | 'chunked' | 'embedded', to: 'chunked' | 'embedded' | 'written') =>
    createFakeSource<void, Input>(() => {
      const seen = world[from];
      return () => {
        if (seen === world[to]) return;
        world[to] = seen;
        if (to === 'chunked') send({ type: 'work.chunked' });
        if (to === 'embedded') send({ type: 'work.embedded' });
      };
    });
  return {
    checkTable: createFakeSource(() => {
      const kind = world.table;
      return () => (kind === 'sound' ? { kind } : { kind, reason: 'damaged' });
    }),
    measureBacklog: createFakeSource<Measured, Input>(() => {
      const backlog = {
        incomingDocuments: world.changed - world.chunked,
        queuedDocuments: world.chunked - world.written,
        uncutDocuments: 0,
        isSwitchPending: false,
        pendingChunks: world.chunked - world.embedded,
        batchedChunks: 0,
        oldestChangeAtMs: undefined,
      };
      return () => ({ backlog, rebuildReason: undefined });
    }),
    chunkIncoming: stage('changed', 'chunked'),
    embedPending: stage('chunked', 'embedded'),
    writeReady: stage('embedded', 'written'),
    maintainTable: createFakeSource<void, Input>(() => () => undefined),
    repairTable: createFakeSource(() => () => {
      world.table = 'sound';
    }),
    rebuildTable: createFakeSource(() => () => {
      world.table = 'sound';
    }),
    deleteDataset: createFakeSource<void, Input>(() => () => undefined),
  };
}
