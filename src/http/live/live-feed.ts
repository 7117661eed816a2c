import type { Runtime } from '../../runtime/create-runtime.ts';
import type { SynclineEvent } from '../../runtime/events.ts';
import type { EventLog } from './event-log.ts';
import { presentActor, presentEvent, presentTransition } from './present.ts';

/** How often what a dataset has done is told, while it works. */
const PROGRESS_INTERVAL_MS = 250;
/** Actors that a snapshot shows; the others are found in `GET /v1/actors`. */
const SNAPSHOT_ACTORS_MAX = 1_000;

/** What a dataset did since it was told last. */
interface Progress {
  documentsAdded: number;
  documentsChanged: number;
  documentsUnchanged: number;
  documentsRemoved: number;
  documentsRecut: number;
  textsEmbedded: number;
  tokensCharged: number;
  documentsWritten: number;
  rowsWritten: number;
}

/** Fills the log with what a runtime tells and its actors do, until the function that it returns is called. */
export function startLiveFeed(runtime: Runtime, log: EventLog): () => void {
  const progress = collectProgress(log);
  const stopEvents = runtime.on((event) => {
    if (progress.add(event)) return;
    const type = event.type.startsWith('task.') ? 'task' : 'runtime';
    const address = 'address' in event ? event.address : undefined;
    // One that every request to a provider brings is for metrics.
    if (event.type === 'provider.answered' && event.code === undefined) return;
    log.append({ type, address, json: JSON.stringify(presentEvent(event)) });
  });
  const stopTransitions = runtime.actors.onTransition((transition) => {
    const { address } = transition;
    log.append({
      type: 'transition',
      address,
      json: JSON.stringify(presentTransition(transition)),
    });
  });
  return () => {
    stopEvents();
    stopTransitions();
    progress.stop();
  };
}

/** The JSON of a `snapshot`; made once for each place of the log. */
export function createSnapshotReader(runtime: Runtime, log: EventLog): () => string {
  let made: { readonly seq: number; readonly json: string } | undefined;
  return () => {
    if (made?.seq !== log.lastSeq || log.lastSeq === 0) {
      const actors = runtime.actors.list({ limit: SNAPSHOT_ACTORS_MAX + 1 });
      const shown = actors.slice(0, SNAPSHOT_ACTORS_MAX).map((actor) => {
        const { id, machine, address, status, value, tags, since } = presentActor(actor);
        return { id, machine, address, status, value, tags, since };
      });
      const json = JSON.stringify({ actors: shown, truncated: actors.length > shown.length });
      made = { seq: log.lastSeq, json };
    }
    return made.json;
  };
}

/** Sums up events that come with each batch. */
function collectProgress(log: EventLog) {
  const byAddress = new Map<string, Progress>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    timer = undefined;
    for (const [address, sums] of byAddress) {
      log.append({
        type: 'progress',
        address,
        json: JSON.stringify({ address, at: new Date().toISOString(), ...sums }),
      });
    }
    byAddress.clear();
  };
  const sumsOf = (address: string): Progress => {
    const sums = byAddress.get(address) ?? noProgress();
    byAddress.set(address, sums);
    timer ??= setTimeout(flush, PROGRESS_INTERVAL_MS);
    return sums;
  };
  return {
    /** Whether the event was one of those. */
    add(event: SynclineEvent): boolean {
      switch (event.type) {
        case 'documents.applied': {
          const sums = sumsOf(event.address);
          sums.documentsAdded += event.added;
          sums.documentsChanged += event.changed;
          sums.documentsUnchanged += event.unchanged;
          sums.documentsRemoved += event.removed;
          return true;
        }
        case 'documents.recut':
          sumsOf(event.address).documentsRecut += event.documents;
          return true;
        case 'texts.embedded': {
          const sums = sumsOf(event.address);
          sums.textsEmbedded += event.texts;
          sums.tokensCharged += event.tokensCharged ?? 0;
          return true;
        }
        case 'table.written': {
          const sums = sumsOf(event.address);
          sums.documentsWritten += event.documents;
          sums.rowsWritten += event.rows;
          return true;
        }
        default:
          return false;
      }
    },
    stop(): void {
      clearTimeout(timer);
    },
  };
}

function noProgress(): Progress {
  return {
    documentsAdded: 0,
    documentsChanged: 0,
    documentsUnchanged: 0,
    documentsRemoved: 0,
    documentsRecut: 0,
    textsEmbedded: 0,
    tokensCharged: 0,
    documentsWritten: 0,
    rowsWritten: 0,
  };
}
