import type { Failure } from '../../actors/failure.ts';
import type { WatcherContext } from '../../actors/watcher-machine.ts';
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
  /** Names of a dataset's sources that want to be watched and are not, as there are too many. */
  unwatched(datasetId: number): readonly string[];
  standing(): WatchingStanding;
  readonly kind: ActorKind;
}

/** How the watching goes. */
export interface WatchingStanding {
  readonly watchedCount: number;
  /** Sources that want to be watched and are not, as there are too many. */
  readonly unwatchedCount: number;
  /** Why each watcher is in trouble that is. */
  readonly failures: readonly Failure[];
}

/** Another process may have changed sources, or deleted a dataset. */
const LOOK_INTERVAL_MS = 60_000;
const DATASETS_PER_PAGE = 200;

export function createWatching(): Watching {
  /** By what they watch. */
  const watchers = new Map<string, Watcher>();
  /** Those for which there is no room: names by dataset. */
  let unwatched: ReadonlyMap<number, readonly string[]> = new Map();
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
      unwatched = new Map();
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
    const left = new Map<number, string[]>();
    for (const [key, watched] of wanted) {
      if (watchers.has(key)) continue;
      if (watchers.size < core.options.watchedSourcesMax) {
        startedCount += 1;
        watchers.set(key, startWatcher(core, `watcher:${startedCount}`, watched));
      } else left.set(watched.datasetId, [...(left.get(watched.datasetId) ?? []), watched.name]);
    }
    const sources = countOf(left);
    if (sources > 0 && sources !== countOf(unwatched))
      core.hub.emit({ type: 'watch.limitReached', sources, sourcesMax: core.options.watchedSourcesMax });
    unwatched = left;
  }

  return {
    begin,
    changed: () => look?.(),
    unwatched: (datasetId) => unwatched.get(datasetId) ?? [],
    standing: () => ({
      watchedCount: watchers.size,
      unwatchedCount: countOf(unwatched),
      failures: [...watchers.values()].flatMap(failureOf),
    }),
    kind: {
      machine: 'watcher',
      live: () => [...watchers.values()],
      allowedEvents: () => [],
      send: () => undefined,
    },
  };
}

function countOf(names: ReadonlyMap<number, readonly string[]>): number {
  return [...names.values()].reduce((sum, { length }) => sum + length, 0);
}

function failureOf({ actor }: Watcher): Failure[] {
  const { context, ...snapshot } = actor.getSnapshot();
  const { watchFailure, failure } = context as WatcherContext;
  const why = watchFailure ?? failure;
  return snapshot.hasTag('error') && why !== undefined ? [why] : [];
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
      return [[`${datasetId} ${name} ${definitionJson}`, { datasetId, address, name, watchable }] as const];
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
