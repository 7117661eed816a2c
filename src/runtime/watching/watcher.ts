import { createActor, fromCallback, fromPromise } from 'xstate';
import { toFailure } from '../../actors/failure.ts';
import { type WatcherEvent, watcherMachine } from '../../actors/watcher-machine.ts';
import { DEFAULT_WATCHER_SETTINGS, type HandOnInput, type WatchInput } from '../../actors/watcher-setup.ts';
import type { DatasetAddress } from '../../domain/address.ts';
import { formatAddress } from '../../domain/address.ts';
import { SynclineError, toSynclineError } from '../../domain/errors.ts';
import type { SourceListener, Watchable } from '../../sources/source-listener.ts';
import type { LiveActor } from '../actor-kinds.ts';
import type { RuntimeCore } from '../core.ts';
import { indexDataset } from '../indexing/index-dataset.ts';
import { machineClock } from '../system-clock.ts';

/** A source that a watcher keeps a dataset in line with. */
export interface WatchedSource {
  readonly datasetId: number;
  readonly address: DatasetAddress;
  readonly name: string;
  readonly watchable: Watchable;
}

/** A watcher that lives. */
export interface Watcher extends LiveActor {
  /** Ends it; an index run that it has begun is aborted and does no harm. */
  stop(): void;
}

/** Starts the actor that watches one source and has its changes indexed. */
export function startWatcher(core: RuntimeCore, id: string, watched: WatchedSource): Watcher {
  const { address, name, watchable } = watched;
  const shown = formatAddress(address);
  const logic = watcherMachine.provide({
    actors: {
      watch: fromCallback<WatcherEvent, WatchInput>(({ sendBack }) => {
        const watching = watchable.watch(listenerOf(sendBack));
        // It frees what it holds by itself; nobody has to wait for that.
        return () => void watching.close().catch(() => undefined);
      }),
      handOn: fromPromise<void, HandOnInput>(async ({ input: { delta }, signal }) => {
        const what =
          delta.ids === undefined ? { full: true } : { changedIds: { [watchable.table]: delta.ids } };
        await indexDataset(core, address, { source: name, ...what, signal }).catch(mendable);
      }),
    },
    actions: {
      tellReady: (_, { mode }) => core.hub.emit({ type: 'watch.ready', address: shown, source: name, mode }),
      tellFailure: (_, { failure: { code, message }, willRetry }) =>
        core.hub.emit({ type: 'watch.failed', address: shown, source: name, code, message, willRetry }),
    },
  });
  const actor = createActor(logic, {
    input: { address: shown, source: name, settings: DEFAULT_WATCHER_SETTINGS },
    id,
    inspect: core.inspection.next,
    clock: machineClock(core.clock),
  });
  actor.start();
  return { id, actor, stop: () => void actor.stop() };
}

function listenerOf(sendBack: (event: WatcherEvent) => void): SourceListener {
  return {
    onReady: (mode) => sendBack({ type: 'watch.ready', mode }),
    onChanged: (ids, eventCount) => sendBack({ type: 'watch.changed', ids, eventCount }),
    onLost: () => sendBack({ type: 'watch.lost' }),
    onFailed: (error) => sendBack({ type: 'watch.failed', failure: toFailure(error) }),
  };
}

/** Somebody else may have changed what a run needs while it ran: then it is tried again, and what it is told stays. */
function mendable(error: unknown): never {
  const known = toSynclineError(error);
  if (known.code !== 'LEASE_LOST' && known.code !== 'CHECK_INTERRUPTED') throw known;
  const { code, message, details } = known;
  throw new SynclineError(code, message, { retryable: true, details, cause: known });
}
