import { isSynclineError } from '../../src/domain/errors.ts';
import { batchActions, datasetBatchActions } from './batch-workload.ts';
import type { FaultPlan } from './faults.ts';
import { noteDrop, noteRead } from './feed.ts';
import { feedActions, recordActions } from './feed-workload.ts';
import { Violation } from './observer.ts';
import { LEASE_TTL_MS, type Sim, type SimRuntime, startRuntime } from './sim-runtime.ts';
import {
  type Allowed,
  CUTS,
  createSourceDataset,
  drawDocument,
  isWhole,
  type Revision,
  revisionOf,
  type SourceDataset,
} from './source.ts';

/*
 * The user: takes documents in, changes and removes them, starts, stops and kills, all in the order that the seed says.
 * What was confirmed is what has to be there in the end; what was not may be either way.
 */

/** A runtime as its user sees it. */
export interface UsedRuntime extends SimRuntime {
  readonly access: 'readWrite' | 'readOnly';
  /** Whether `start()` was called. */
  isStarted: boolean;
  /** Whether `stop()` was called. */
  isStopping: boolean;
  readonly calls: Set<UserCall>;
}

interface UserCall {
  readonly name: string;
  /** To be called when it ended, or will never. */
  readonly over: (isConfirmed: boolean) => void;
}

export interface Workload {
  readonly sim: Sim;
  readonly datasets: readonly SourceDataset[];
  readonly runtimes: Set<UsedRuntime>;
  /** Errors that no trouble of the world explains. */
  readonly complaints: string[];
  round: number;
  /** Somebody was refused because another holds the lease: waiting may help. */
  isLeaseHeld: boolean;
}

/** Ends the simulation when something was seen that must never be. */
export function throwComplaints({ complaints }: Workload): void {
  if (complaints.length > 0) throw new Violation(complaints.join('\n'));
}

const ADDRESSES = ['sim/one', 'sim/two'] as const;
/** Documents of this one are read from a source. */
const FED_ADDRESS = 'sim/fed';
export const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
const DOCUMENTS_PER_CALL_MAX = 4;
const CALLS_PER_DATASET_MAX = 3;

export function createDatasets({ source }: FaultPlan): SourceDataset[] {
  const pushed = ADDRESSES.map((address) => createSourceDataset(address));
  return source === undefined ? pushed : [...pushed, createSourceDataset(FED_ADDRESS, new Map())];
}

/** Follows a call until it ended. Whatever it is, it must end with one of the errors that the library names. */
export function follow(
  workload: Workload,
  used: UsedRuntime,
  name: string,
  promise: Promise<unknown>,
  over: (isConfirmed: boolean) => void = () => undefined,
): void {
  const { world } = workload.sim;
  const call: UserCall = { name, over };
  used.calls.add(call);
  const end = (isConfirmed: boolean, how: string): void => {
    if (!used.calls.delete(call)) return;
    world.note(`${used.process.name} ${name} ${how}`);
    over(isConfirmed);
  };
  promise.then(
    () => end(true, 'is confirmed'),
    (error: unknown) => {
      const code = isSynclineError(error) ? error.code : String(error);
      if (code === 'INTERNAL' || !isSynclineError(error))
        workload.complaints.push(`${name} failed: ${String(error)}`);
      if (code === 'LEASE_HELD') workload.isLeaseHeld = true;
      // What is not there is removed.
      end(code === 'DATASET_NOT_FOUND' && /^(delete dataset|remove) /.test(name), `failed with ${code}`);
    },
  );
}

/** Ends a process; none of its calls is ever answered. */
export function killRuntime(workload: Workload, used: UsedRuntime): void {
  used.process.kill();
  workload.runtimes.delete(used);
  for (const call of [...used.calls]) {
    used.calls.delete(call);
    call.over(false);
  }
}

export function addRuntime(workload: Workload, access: UsedRuntime['access'] = 'readWrite'): UsedRuntime {
  const used: UsedRuntime = {
    ...startRuntime(workload.sim, access),
    access,
    isStarted: false,
    isStopping: false,
    calls: new Set(),
  };
  workload.runtimes.add(used);
  return used;
}

/** Ends `stop()` by letting the process go. */
export function stopRuntime(workload: Workload, used: UsedRuntime): void {
  used.isStopping = true;
  follow(workload, used, 'stop', used.runtime.stop(), () => {
    workload.runtimes.delete(used);
    if (used.process.state !== 'dead') killRuntime(workload, used);
  });
}

export function startWorking(workload: Workload, used: UsedRuntime): void {
  used.isStarted = true;
  follow(workload, used, 'start', used.runtime.start(), (isConfirmed) => {
    if (!isConfirmed) used.isStarted = false;
  });
  // A runtime whose lease was lost has ended; its user sees that and may start it once more.
  void used.runtime.ended().then(() => {
    used.isStarted = false;
  });
}

export function ingest(
  workload: Workload,
  used: UsedRuntime,
  dataset: SourceDataset,
  revisions: ReadonlyMap<string, Revision>,
  mode: 'sync' | 'async',
): void {
  const documents = [...revisions.values()].map(({ input }) => input);
  const name = `ingest ${mode} ${dataset.address} ${[...revisions.keys()].join(' ')}`;
  begin(workload, used, dataset, revisions, name, () =>
    used.runtime.dataset(dataset.address).ingest(documents, { mode }),
  );
}

export function remove(
  workload: Workload,
  used: UsedRuntime,
  dataset: SourceDataset,
  keys: readonly string[],
): void {
  const wanted = new Map(keys.map((key) => [key, undefined]));
  begin(workload, used, dataset, wanted, `remove ${dataset.address} ${keys.join(' ')}`, () =>
    used.runtime.dataset(dataset.address).deleteDocuments(keys),
  );
}

/** A call that changes documents: until it is confirmed, each is as before or as wanted. */
function begin(
  workload: Workload,
  used: UsedRuntime,
  dataset: SourceDataset,
  wanted: ReadonlyMap<string, Revision | undefined>,
  name: string,
  call: () => Promise<unknown>,
): void {
  workload.sim.world.note(`${used.process.name} ${name}`);
  dataset.calls += 1;
  const before = new Map<string, Allowed>();
  for (const [key, revision] of wanted) {
    dataset.busy.add(key);
    dataset.history.set(key, [...(dataset.history.get(key) ?? []), revision]);
    const allowed = dataset.allowed.get(key) ?? [undefined];
    before.set(key, allowed);
    dataset.allowed.set(key, [...allowed, revision]);
  }
  follow(workload, used, name, call(), (isConfirmed) => {
    dataset.calls -= 1;
    for (const [key, revision] of wanted) {
      dataset.busy.delete(key);
      if (isConfirmed) dataset.allowed.set(key, [revision]);
    }
  });
}

export function dropDataset(workload: Workload, used: UsedRuntime, dataset: SourceDataset): void {
  workload.sim.world.note(`${used.process.name} delete dataset ${dataset.address}`);
  dataset.calls += 1;
  dataset.isGoing = true;
  if (dataset.feed === undefined) for (const history of dataset.history.values()) history.push(undefined);
  else noteDrop(dataset);
  // Gone, and what came since.
  const dropped = new Map([...dataset.history].map(([key, { length }]) => [key, length - 1]));
  follow(
    workload,
    used,
    `delete dataset ${dataset.address}`,
    used.runtime.dataset(dataset.address).delete(),
    (isConfirmed) => {
      dataset.calls -= 1;
      if (!isConfirmed) return;
      dataset.isGoing = false;
      if (dataset.feed === undefined) dataset.allowed.clear();
      else noteRead(dataset, dropped);
    },
  );
}

/** Something that a user may do now. */
export interface Action {
  readonly weight: number;
  readonly run: () => void;
}

/** Does one thing that a user may do now. */
export function act(workload: Workload): void {
  const { random } = workload.sim.world;
  workload.round += 1;
  const actions = [
    ...processActions(workload),
    ...recordActions(workload),
    ...[...workload.runtimes].flatMap((used) => callActions(workload, used)),
  ];
  const total = actions.reduce((sum, { weight }) => sum + weight, 0);
  let at = random.next() * total;
  for (const { weight, run } of actions) {
    at -= weight;
    if (at >= 0) continue;
    run();
    return;
  }
}

function processActions(workload: Workload): Action[] {
  const { plan, random } = workload.sim.world;
  const all = [...workload.runtimes];
  const writers = all.filter(({ access }) => access === 'readWrite');
  const frozen = all.filter(({ process }) => process.state === 'frozen');
  const running = writers.filter(({ process, isStopping }) => process.state === 'running' && !isStopping);
  const hasReader = all.some(({ access }) => access === 'readOnly');
  return [
    {
      weight: running.length === 0 ? 20 : frozen.length > 0 && writers.length < 3 ? 3 : 0,
      run: () => void addRuntime(workload),
    },
    { weight: hasReader ? 0 : 0.5, run: () => void addRuntime(workload, 'readOnly') },
    ...frozen.map((used) => ({ weight: running.length > 0 ? 1.5 : 0.3, run: () => used.process.thaw() })),
    ...running.flatMap((used) => [
      { weight: used.isStarted ? 0 : 4, run: () => startWorking(workload, used) },
      { weight: 0.3, run: () => stopRuntime(workload, used) },
      { weight: plan.crash, run: () => killRuntime(workload, used) },
      { weight: plan.freeze, run: () => used.process.freeze() },
    ]),
    { weight: workload.isLeaseHeld ? 50 : 0, run: () => waitForLease(workload) },
    { weight: plan.damage * 0.4, run: () => damage(workload, random.next()) },
  ];
}

function waitForLease(workload: Workload): void {
  workload.isLeaseHeld = false;
  workload.sim.world.note('the user waits');
  workload.sim.world.wait(LEASE_TTL_MS);
}

/** Takes a table's folder away, or puts an older copy of it there. */
function damage(workload: Workload, which: number): void {
  const { sim } = workload;
  const names = [...sim.disk.tables.keys()];
  const name = names[Math.floor(which * names.length)];
  const table = name === undefined ? undefined : sim.disk.tables.get(name);
  if (name === undefined || table === undefined) return;
  sim.observer.noteDamage(name);
  const older = [...table.versions.keys()].filter((version) => version < table.latest);
  const version = older.at(-1);
  if (version !== undefined && which < 0.5) {
    sim.world.note(`"${name}" is replaced by a copy of its version ${version}`);
    for (const later of [...table.versions.keys()]) if (later > version) table.versions.delete(later);
    table.latest = version;
  } else {
    sim.world.note(`"${name}" is gone`);
    sim.disk.tables.delete(name);
  }
}

function callActions(workload: Workload, used: UsedRuntime): Action[] {
  const { random } = workload.sim.world;
  if (used.process.state !== 'running' || used.isStopping) return [];
  return [
    ...batchActions(workload, used),
    ...workload.datasets.flatMap((dataset): Action[] => {
      const handle = used.runtime.dataset(dataset.address);
      const search = (): void => searchWords(workload, used, dataset);
      if (used.access === 'readOnly') return [{ weight: 1, run: search }];
      if (dataset.isGoing) {
        return [{ weight: dataset.calls === 0 ? 3 : 0, run: () => dropDataset(workload, used, dataset) }];
      }
      const free = KEYS.filter((key) => !dataset.busy.has(key));
      const isPushed = dataset.feed === undefined;
      const mayCall = isPushed && dataset.calls < CALLS_PER_DATASET_MAX && free.length > 0;
      const some = (): string[] => [
        ...new Set(
          Array.from({ length: random.between(1, DOCUMENTS_PER_CALL_MAX) }, () => random.pick(free)),
        ),
      ];
      const drawn = (): Map<string, Revision> =>
        new Map(some().map((key) => [key, revisionOf(drawDocument(random, key, workload.round))]));
      const pausing = (): void => {
        dataset.pauses += 1;
        follow(workload, used, `pause ${dataset.address}`, handle.pause('user'));
      };
      const resuming = (): void => {
        dataset.pauses = 0;
        follow(workload, used, `resume ${dataset.address}`, handle.resume('user'));
      };
      return [
        { weight: mayCall ? 3 : 0, run: () => ingest(workload, used, dataset, drawn(), 'sync') },
        { weight: mayCall ? 3 : 0, run: () => ingest(workload, used, dataset, drawn(), 'async') },
        { weight: mayCall ? 1.5 : 0, run: () => remove(workload, used, dataset, some()) },
        { weight: dataset.calls === 0 ? 0.3 : 0, run: () => dropDataset(workload, used, dataset) },
        {
          weight: 0.7,
          run: () =>
            follow(
              workload,
              used,
              `index ${dataset.address}`,
              handle.index({ retryFailed: random.chance(0.5) }),
            ),
        },
        { weight: 0.7, run: search },
        ...careActions(workload, used, dataset),
        ...(isPushed ? [] : feedActions(workload, used, dataset)),
        ...datasetBatchActions(workload, used, dataset),
        { weight: used.isStarted && dataset.pauses === 0 ? 0.3 : 0, run: pausing },
        { weight: used.isStarted && dataset.pauses > 0 ? 1 : 0, run: resuming },
      ];
    }),
  ];
}

/** What is done for a table rather than for documents. */
function careActions(workload: Workload, used: UsedRuntime, { address, calls }: SourceDataset): Action[] {
  const { random } = workload.sim.world;
  const handle = used.runtime.dataset(address);
  const action = (weight: number, name: string, call: () => Promise<unknown>): Action => ({
    weight: calls < CALLS_PER_DATASET_MAX ? weight : 0,
    run: () => follow(workload, used, `${name} ${address}`, call()),
  });
  return [
    action(0.3, 'check', () => handle.check({ level: random.pick(['quick', 'rows', 'deep']) })),
    action(0.3, 'repair', () => handle.repair()),
    action(0.3, 'rebuild', () => handle.rebuild()),
    action(0.3, 'roll back', () => handle.rollback()),
    action(0.4, 'reconfigure', () =>
      handle.reconfigure({
        tokensPerChunkMax: random.pick(CUTS),
        mode: random.pick(['sync', 'async']),
        embedder: 'dataset',
      }),
    ),
    action(0.2, 'cancel the switch', () => handle.cancelSwitch()),
    action(0.2, 'maintain', () => handle.maintain()),
  ];
}

/** More than a dataset has chunks. */
const ALL = 1_000;

/** A search may fail with the world's trouble, but finds only what was there at one time, and never a table that is not there. */
function searchWords(workload: Workload, used: UsedRuntime, dataset: SourceDataset): void {
  const { world, ledger } = workload.sim;
  const mode = world.random.pick(['text', 'vector', 'hybrid'] as const);
  const searching = used.runtime.dataset(dataset.address).search('word of shared', { mode, limit: ALL });
  const checked = searching.then(
    (results) => {
      for (const [key, found] of Map.groupBy(results, (result) => result.key)) {
        const texts = found.toSorted((a, b) => a.start - b.start).map(({ text }) => text);
        const history = (dataset.history.get(key) ?? []).filter((revision) => revision !== undefined);
        // Words are not in every chunk; a direction is nearer or farther, but there.
        const isKnown = history.some((revision) =>
          mode === 'text'
            ? [...revision.cuts.values()].some((cut) =>
                texts.every((text) => cut.some((one) => one.endsWith(text))),
              )
            : isWhole(texts, revision, ledger.refused),
        );
        if (!isKnown)
          workload.complaints.push(`A search found of ${key} what it never was: ${texts.join(' / ')}`);
      }
    },
    (error: unknown) => {
      if (isSynclineError(error, 'TABLE_MISSING', 'TABLE_DAMAGED') && world.plan.damage === 0) {
        workload.complaints.push(`A search failed: ${error.message}`);
      }
      throw error;
    },
  );
  follow(workload, used, `search ${dataset.address}`, checked);
}
