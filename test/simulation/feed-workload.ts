import { isSynclineError } from '../../src/domain/errors.ts';
import type { IndexHook } from '../../src/runtime/indexing/index-hook.ts';
import { changeRecord, FEED_TABLE, type FeedMark, feedDefinition, markFeed, noteRead } from './feed.ts';
import { drawDocument, revisionOf, type SourceDataset } from './source.ts';
import { type Action, follow, KEYS, type UsedRuntime, type Workload } from './workload.ts';

/* What a user does with a dataset whose documents are read from a source, and what its records do meanwhile. */

const SOURCES = `
  select 1 from dataset_sources s join datasets d on d.dataset_id = s.dataset_id
  join projects p on p.project_id = d.project_id where p.name || '/' || d.name = ?`;
const NOTED = `
  select n.id_json from noted_changes n join datasets d on d.dataset_id = n.dataset_id
  join projects p on p.project_id = d.project_id where p.name || '/' || d.name = ?`;
const RECORDS_PER_CHANGE_MAX = 3;
const CALLS_MAX = 4;

/** Without a process: the records change by themselves. */
export function recordActions({ sim, datasets, round }: Workload): Action[] {
  const { random, nowMs } = sim.world;
  return datasets
    .filter(({ feed }) => feed !== undefined)
    .map((dataset) => ({
      weight: 6,
      run() {
        for (const key of drawKeys(sim.world.random)) {
          const isGone = random.chance(0.3);
          const revision = revisionOf(drawDocument(random, key, round));
          changeRecord(dataset, key, isGone ? undefined : { revision, changedAtMs: nowMs() });
          sim.world.note(`record ${key} ${isGone ? 'is gone' : 'changes'}`);
        }
      },
    }));
}

function drawKeys(random: Workload['sim']['world']['random']): string[] {
  const count = random.between(1, RECORDS_PER_CHANGE_MAX);
  return [...new Set(Array.from({ length: count }, () => random.pick(KEYS)))];
}

/** Of a dataset with a source. */
export function feedActions(workload: Workload, used: UsedRuntime, dataset: SourceDataset): Action[] {
  const { random } = workload.sim.world;
  const isSetUp = hasSource(workload, dataset);
  const mayCall = dataset.calls < CALLS_MAX;
  const weigh = (weight: number): number => (isSetUp && mayCall ? weight : 0);
  return [
    { weight: isSetUp ? 0.2 : mayCall ? 30 : 0, run: () => setUpFeed(workload, used, dataset) },
    {
      weight: weigh(6),
      run: () => readEverything(workload, used, dataset, { allowMassDeletion: random.chance(0.7) }),
    },
    { weight: weigh(4), run: () => readSome(workload, used, dataset, drawKeys(random)) },
    { weight: weigh(4), run: () => tellHook(workload, used, dataset, drawKeys(random)) },
  ];
}

export function hasSource({ sim }: Workload, { address }: SourceDataset): boolean {
  return sim.database.rows(SOURCES, address).length > 0;
}

export function setUpFeed(workload: Workload, used: UsedRuntime, dataset: SourceDataset): void {
  const handle = used.runtime.dataset(dataset.address);
  const setSources = () => handle.setSources([feedDefinition(dataset)]);
  const settingUp = handle.create().then(setSources, (error: unknown) => {
    // It is there since an earlier attempt, and was reconfigured meanwhile.
    if (isSynclineError(error, 'DATASET_EXISTS')) return setSources();
    throw error;
  });
  followRead(workload, used, dataset, `set sources of ${dataset.address}`, settingUp);
}

/** A full run: what is stored afterwards is nothing older than it was at its beginning. */
export function readEverything(
  workload: Workload,
  used: UsedRuntime,
  dataset: SourceDataset,
  { allowMassDeletion }: { readonly allowMassDeletion: boolean },
): void {
  const mark = markFeed(dataset);
  const running = used.runtime.dataset(dataset.address).index({ full: true, allowMassDeletion });
  let isWhole = false;
  const counted = running.then(({ failedCount }) => {
    isWhole = failedCount === 0;
  });
  followRead(workload, used, dataset, `full run ${dataset.address}`, counted, (isConfirmed) => {
    if (isConfirmed && isWhole) noteRead(dataset, mark);
  });
}

function readSome(
  workload: Workload,
  used: UsedRuntime,
  dataset: SourceDataset,
  keys: readonly string[],
): void {
  const mark = markOf(dataset, keys);
  const changedIds = { [FEED_TABLE]: keys };
  const running = used.runtime.dataset(dataset.address).index({ changedIds });
  let isWhole = false;
  const counted = running.then(({ failedCount }) => {
    isWhole = failedCount === 0;
  });
  const name = `delta run ${dataset.address} ${keys.join(' ')}`;
  followRead(workload, used, dataset, name, counted, (isConfirmed) => {
    if (isConfirmed && isWhole) noteRead(dataset, mark);
  });
}

const hooks = new WeakMap<UsedRuntime, Map<string, IndexHook>>();

/** What a hook was told is read in the end, once it is noted in the catalog: whatever comes between. */
function tellHook(
  workload: Workload,
  used: UsedRuntime,
  dataset: SourceDataset,
  keys: readonly string[],
): void {
  const { sim } = workload;
  const { address } = dataset;
  const own = hooks.get(used) ?? new Map<string, IndexHook>();
  hooks.set(used, own);
  const hook = own.get(address) ?? used.runtime.dataset(address).hook({ delayMs: 50 });
  own.set(address, hook);
  const mark = markOf(dataset, keys);
  let failures = 0;
  const endWatch = used.runtime.on(({ type }) => {
    if (type === 'hook.failed' || type === 'document.refused') failures += 1;
  });
  hook({ table: FEED_TABLE, ids: keys });
  const name = `hook ${address} ${keys.join(' ')}`;
  followRead(workload, used, dataset, name, hook.settled(), (isConfirmed) => {
    endWatch();
    if (isConfirmed && failures === 0) noteRead(dataset, mark);
    const isCutOff = used.process.state === 'dead' && sim.observer.isWorker(used.process);
    if (!isCutOff || (sim.world.plan.source?.refused ?? 0) > 0) return;
    const noted = sim.database.rows(NOTED, address).map(([id]) => JSON.parse(String(id)));
    noteRead(dataset, new Map([...mark].filter(([key]) => noted.includes(key))));
  });
}

function markOf(dataset: SourceDataset, keys: readonly string[]): FeedMark {
  return new Map([...markFeed(dataset)].filter(([key]) => keys.includes(key)));
}

function followRead(
  workload: Workload,
  used: UsedRuntime,
  dataset: SourceDataset,
  name: string,
  promise: Promise<unknown>,
  over: (isConfirmed: boolean) => void = () => undefined,
): void {
  workload.sim.world.note(`${used.process.name} ${name}`);
  dataset.calls += 1;
  follow(workload, used, name, promise, (isConfirmed) => {
    dataset.calls -= 1;
    over(isConfirmed);
  });
}
