import type { IndexingSummary } from '../../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../../domain/address.ts';
import { toSynclineError } from '../../domain/errors.ts';
import { parseSourceDefinition } from '../../sources/source-definition.ts';
import type { ActorKind } from '../actor-kinds.ts';
import type { RuntimeCore } from '../core.ts';
import { sourcesInCode } from '../indexing/sources-in-code.ts';
import { startWatcher, type WatchedSource, type Watcher } from './watcher.ts';

/** Who watches the sources that want to be watched, while a worker runs. */
export interface Watching {
  /** Begins, and ends with `over`. Nothing happens when it goes on already. */
  begin(core: RuntimeCore, over: AbortSignal): void;
  /** Has it look again at which sources there are. */
  changed(): void;
  readonly kind: ActorKind;
}

/** Another process may have changed sources, or deleted a dataset. */
const LOOK_INTERVAL_MS = 60_000;
const DATASETS_PER_PAGE = 200;
/** Sources that are watched at once; further ones are read by schedules and calls only. */
const WATCHERS_MAX = 500;

export function createWatching(): Watching {
  /** By what they watch. */
  const watchers = new Map<string, Watcher>();
  let startedCount = 0;
  let look: (() => void) | undefined;

  function begin(core: RuntimeCore, over: AbortSignal): void {
    if (look !== undefined || over.aborted) return;
    const again = createLoop(core, () => lookOnce(core, over));
    look = again.now;
    const end = (): void => {
      again.stop();
      look = undefined;
      for (const watcher of watchers.values()) watcher.stop();
      watchers.clear();
    };
    over.addEventListener('abort', end, { once: true });
    again.now();
  }

  async function lookOnce(core: RuntimeCore, over: AbortSignal): Promise<void> {
    const wanted = await findWatched(core);
    if (over.aborted) return;
    for (const [key, watcher] of watchers) {
      if (wanted.has(key)) continue;
      watcher.stop();
      watchers.delete(key);
    }
    for (const [key, watched] of wanted) {
      if (watchers.has(key) || watchers.size >= WATCHERS_MAX) continue;
      startedCount += 1;
      watchers.set(key, startWatcher(core, `watcher:${startedCount}`, watched));
    }
  }

  return {
    begin,
    changed: () => look?.(),
    kind: {
      machine: 'watcher',
      live: () => [...watchers.values()],
      allowedEvents: () => [],
      send: () => undefined,
    },
  };
}

/** Calls `look` now and then, and when it is asked for; never twice at once. */
function createLoop(core: RuntimeCore, look: () => Promise<void>): { now(): void; stop(): void } {
  let cancel = (): void => undefined;
  let isStopped = false;
  let isLooking = false;
  let isAskedAgain = false;
  const run = async (): Promise<void> => {
    cancel();
    if (isStopped) return;
    if (isLooking) {
      isAskedAgain = true;
      return;
    }
    isLooking = true;
    // A catalog that cannot be read now is told by those who work on it; there is another look.
    await look().catch(() => undefined);
    isLooking = false;
    if (isStopped) return;
    cancel = core.clock.setTimer(isAskedAgain ? 0 : LOOK_INTERVAL_MS, () => void run());
    isAskedAgain = false;
  };
  return {
    now: () => void run(),
    stop() {
      isStopped = true;
      cancel();
    },
  };
}

/** The sources that want to be watched, by what makes another watcher of them. */
async function findWatched(core: RuntimeCore): Promise<ReadonlyMap<string, WatchedSource>> {
  const found = new Map<string, WatchedSource>();
  const catalog = await core.catalog();
  for (let afterDatasetId = 0; ; ) {
    const page = await catalog.listIndexing({ afterDatasetId, limit: DATASETS_PER_PAGE });
    for (const summary of page) {
      afterDatasetId = summary.datasetId;
      for (const [key, watched] of await watchedOf(core, summary)) found.set(key, watched);
    }
    if (page.length < DATASETS_PER_PAGE) return found;
  }
}

async function watchedOf(
  core: RuntimeCore,
  { datasetId, sourcesSinceMs }: IndexingSummary,
): Promise<readonly (readonly [string, WatchedSource])[]> {
  if (sourcesSinceMs === undefined) return [];
  const catalog = await core.catalog();
  const address = await addressOf(core, datasetId);
  if (address === undefined) return [];
  const inCode = sourcesInCode(core, formatAddress(address));
  return (await catalog.listSources(datasetId)).flatMap(({ name, definitionJson }) => {
    // A source that a program has made comes before one that is stored.
    if (inCode.some((source) => source.name === name)) return [];
    try {
      const watchable = core.watchableOf(parseSourceDefinition(JSON.parse(definitionJson)));
      if (watchable === undefined) return [];
      return [[`${datasetId} ${name} ${definitionJson}`, { address, name, watchable }] as const];
    } catch (error) {
      // A definition of a newer version, say. Whoever indexes is told, too.
      const { code, message } = toSynclineError(error);
      const facts = { address: formatAddress(address), source: name, code, message, willRetry: true };
      core.hub.emit({ type: 'watch.failed', ...facts });
      return [];
    }
  });
}

async function addressOf(core: RuntimeCore, datasetId: number): Promise<DatasetAddress | undefined> {
  const [dataset] = await (await core.catalog()).listDatasets({ afterDatasetId: datasetId - 1, limit: 1 });
  return dataset?.datasetId === datasetId && dataset.state === 'active' ? dataset.address : undefined;
}
