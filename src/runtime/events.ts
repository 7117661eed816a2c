import { getLogger } from '@logtape/logtape';
import type { DatasetPhase } from '../actors/dataset-machine.ts';
import type { Failure } from '../actors/failure.ts';
import type { ProviderState } from '../catalog/catalog.ts';
import type { SyncReport } from '../domain/sync-report.ts';
import type { EmbeddingPurpose } from '../embedders/embedder.ts';
import type { BatchJob } from './batch/batch-view.ts';

interface DatasetFacts {
  /** `project/dataset`. */
  readonly address: string;
}

/** What tells a task: something that the catalog lists, until a while after it has ended. */
interface TaskFacts {
  readonly taskId: number;
  /** `ingest`, `index`, `maintain`, … */
  readonly kind: string;
  /** `project/dataset`. */
  readonly address: string | undefined;
}

/** Everything a runtime tells: one typed stream, each event with the time it was emitted. */
export type SynclineEvent = { readonly atMs: number } & (
  | { readonly type: 'supervisor.state'; readonly state: string; readonly failure: Failure | undefined }
  | { readonly type: 'lease.acquired'; readonly holderId: string }
  | { readonly type: 'lease.released' }
  /** It could not be given back and ends when it expires. */
  | { readonly type: 'lease.releaseFailed'; readonly failure: Failure }
  /** The catalog did not answer; the lease is ours until it says otherwise, and nothing is written meanwhile. */
  | { readonly type: 'lease.renewalFailed'; readonly failure: Failure }
  /** Another worker holds the lease, and the start waits for it; told once. */
  | { readonly type: 'lease.waiting'; readonly failure: Failure }
  | { readonly type: 'lease.lost'; readonly failure: Failure }
  | ({
      readonly type: 'dataset.state';
      readonly phase: DatasetPhase;
      readonly failure: Failure | undefined;
    } & DatasetFacts)
  | ({ readonly type: 'dataset.created' } & DatasetFacts)
  | ({ readonly type: 'task.started' } & TaskFacts)
  /** Counts of a task that runs, about once a second, where it has some. */
  | ({ readonly type: 'task.progress'; readonly progress: Readonly<Record<string, number>> } & TaskFacts)
  | ({
      readonly type: 'task.ended';
      readonly state: 'succeeded' | 'failed' | 'cancelled';
      readonly durationMs: number;
      /** Why it failed. */
      readonly code: string | undefined;
      readonly message?: string;
    } & TaskFacts)
  /** Documents were compared and, where they differ, brought into the catalog. */
  | ({
      readonly type: 'documents.applied';
      readonly added: number;
      readonly changed: number;
      readonly unchanged: number;
      readonly removed: number;
      /** Chunks of changed documents that keep their vectors, and those with a new text. */
      readonly chunksKept: number;
      readonly chunksAdded: number;
    } & DatasetFacts)
  /** A dataset cannot be as the options declare it; the others are. */
  | ({
      readonly type: 'dataset.declarationFailed';
      readonly code: string;
      readonly message: string;
    } & DatasetFacts)
  /** An index run has read all that it reads, where there was anything; what is left of it waits in the catalog. */
  | ({ readonly type: 'sources.read' } & DatasetFacts)
  /** A full run removed nothing of a source: it gave a record that nobody could make out, which any of its documents may be. */
  | ({ readonly type: 'source.notCleaned'; readonly source: string } & DatasetFacts)
  /** A run that was due has failed. */
  | ({
      readonly type: 'schedule.failed';
      readonly run: 'full' | 'index' | 'noted';
      readonly code: string;
      readonly message: string;
      /** When it is tried again, in Unix milliseconds; `undefined`: not before its next time. */
      readonly retryAtMs: number | undefined;
    } & DatasetFacts)
  /** What a hook was told could not be noted or indexed; `willRetry`: it is tried again. */
  | ({
      readonly type: 'hook.failed';
      readonly code: string;
      readonly message: string;
      readonly willRetry: boolean;
    } & DatasetFacts)
  /** What a hook was told would have deleted too much at once: it was set aside, until somebody allows or drops it. */
  | ({
      readonly type: 'changes.refused';
      readonly table: string;
      /** Records that were told to have changed. */
      readonly changes: number;
      readonly code: string;
      readonly message: string;
    } & DatasetFacts)
  /** Changes of a source are noticed from now on; `polling`: by looking for them again and again. */
  | ({
      readonly type: 'watch.ready';
      readonly source: string;
      readonly mode: 'native' | 'polling';
    } & DatasetFacts)
  /** A source cannot be watched, or what has changed in it cannot be indexed; without `willRetry`, before its next change. */
  | ({
      readonly type: 'watch.failed';
      readonly source: string;
      readonly code: string;
      readonly message: string;
      readonly willRetry: boolean;
    } & DatasetFacts)
  /** Sources want to be watched for which there is no room: what changes in them is read by schedules and calls alone. */
  | {
      readonly type: 'watch.limitReached';
      /** How many. */
      readonly sources: number;
      /** The option `watchedSourcesMax`. */
      readonly sourcesMax: number;
    }
  /** Documents were cut anew, for a reconfiguration or before a rollback. */
  | ({ readonly type: 'documents.recut'; readonly documents: number } & DatasetFacts)
  /** A document was not taken in; the others of its call were. */
  | ({
      readonly type: 'document.refused';
      readonly key: string;
      readonly code: string;
      readonly message: string;
    } & DatasetFacts)
  /** One embedding request was answered and stored. */
  | ({
      readonly type: 'texts.embedded';
      readonly texts: number;
      readonly tokensCharged: number | undefined;
    } & DatasetFacts)
  /** One request to an embedder ended, for documents or for a query: with vectors, or with the error `code`. */
  | {
      readonly type: 'provider.answered';
      readonly provider: string;
      readonly model: string;
      readonly purpose: EmbeddingPurpose;
      readonly texts: number;
      readonly tokensCharged: number | undefined;
      /** By the embedder's price, where it has one and the provider says how many tokens it charges for. */
      readonly costUsd: number | undefined;
      readonly durationMs: number;
      readonly code: string | undefined;
    }
  /** A provider account changed its state, or waits for longer; `failure` says why it is not available. */
  | {
      readonly type: 'provider.state';
      /** As in the list of actors: `provider:1`. */
      readonly providerId: string;
      readonly provider: string;
      readonly state: ProviderState;
      readonly failure: Failure | undefined;
      readonly waitUntilMs: number | undefined;
    }
  /** A request was not sent, because it would have passed a cap: the dataset is paused until somebody or the next day lets it go on. */
  | ({
      readonly type: 'spend.capReached';
      readonly cap: 'day' | 'run';
      readonly usdMax: number;
      /** With what was under way. */
      readonly spentUsd: number;
      /** When it goes on by itself, in Unix milliseconds. */
      readonly untilMs: number | undefined;
    } & DatasetFacts)
  /** Queries that were embedded could not be charged now; they are with the next ones. */
  | {
      readonly type: 'queries.notCharged';
      readonly queries: number;
      readonly code: string;
      readonly message: string;
    }
  | ({ readonly type: 'spend.capEnded'; readonly cap: 'day' | 'run' } & DatasetFacts)
  /** A batch job stands elsewhere, or further, than before. */
  | { readonly type: 'batch.state'; readonly job: BatchJob }
  /** Vectors that came back from a batch job were stored. */
  | {
      readonly type: 'batch.harvested';
      readonly batchJobId: number;
      /** Of the dataset whose texts were gathered; `undefined` when it is gone. */
      readonly address: string | undefined;
      readonly texts: number;
      readonly tokensCharged: number;
    }
  /** The beginning of a chunk was embedded, which as a whole is longer than its model takes. */
  | ({
      readonly type: 'text.cut';
      readonly chunkId: number;
      readonly tokens: number;
      readonly tokensKept: number;
    } & DatasetFacts)
  | ({
      readonly type: 'text.failed';
      readonly gaveUp: boolean;
      readonly code: string;
      readonly message: string;
    } & DatasetFacts)
  /** One commit to the table, already marked in the catalog. */
  | ({
      readonly type: 'table.written';
      readonly documents: number;
      readonly rows: number;
      readonly version: number;
    } & DatasetFacts)
  /** The table was ahead of the catalog and was put back. */
  | ({
      readonly type: 'table.restored';
      readonly fromVersion: number;
      readonly toVersion: number;
    } & DatasetFacts)
  /** The catalog is older than a table: vectors that it did not know were taken over, before the table is put back or was dropped. */
  | {
      readonly type: 'table.salvaged';
      readonly table: string;
      readonly vectors: number;
      readonly dropped: boolean;
    }
  | ({ readonly type: 'table.rebuilt'; readonly reason: string; readonly rows: number } & DatasetFacts)
  /** A table's rows, or more, were compared with the catalog. Quick checks are told only when somebody asked for them. */
  | ({ readonly type: 'sync.checked'; readonly report: SyncReport } & DatasetFacts)
  /** A table was repaired in place: rows were removed, and documents wait to be written again. */
  | ({
      readonly type: 'sync.repaired';
      readonly reason: string;
      readonly documents: number;
      readonly rowsRemoved: number;
    } & DatasetFacts)
  /** The table was compacted, its indexes were refreshed, and old versions removed. */
  | ({
      readonly type: 'table.maintained';
      readonly version: number;
      readonly fragments: number;
      readonly bytes: number;
      readonly hasVectorIndex: boolean;
    } & DatasetFacts)
  /** It holds the same rows as before, searches and writes go on; it grows until maintenance succeeds. */
  | ({
      readonly type: 'table.maintenanceFailed';
      readonly code: string;
      readonly message: string;
      /** Failures in a row. */
      readonly failureCount: number;
      readonly retryInMs: number;
    } & DatasetFacts)
  /** An index could not be read. Vector searches compare with all rows until maintenance has made it anew. */
  | ({ readonly type: 'table.indexDamaged'; readonly message: string } & DatasetFacts)
);

type WithoutTime<Event> = Event extends unknown ? Omit<Event, 'atMs'> : never;

/** An event before the hub stamps it. */
export type NewSynclineEvent = WithoutTime<SynclineEvent>;

export type EventListener = (event: SynclineEvent) => void;

/** Hands every event to every listener. A listener that throws is logged and hurts nobody. */
export interface EventHub {
  emit(event: NewSynclineEvent): void;
  /** Returns the function that ends the subscription. */
  on(listener: EventListener): () => void;
}

const logger = getLogger(['syncline']);

/** Levels for the log; everything else is `debug`. The log stays silent unless the host configures LogTape. */
const WARNINGS: ReadonlySet<SynclineEvent['type']> = new Set([
  'document.refused',
  'dataset.declarationFailed',
  'source.notCleaned',
  'watch.failed',
  'watch.limitReached',
  'schedule.failed',
  'hook.failed',
  'changes.refused',
  'text.failed',
  'spend.capReached',
  'queries.notCharged',
  'lease.lost',
  'table.restored',
  'sync.repaired',
  'table.maintenanceFailed',
  'table.indexDamaged',
  'table.salvaged',
]);

export function createEventHub(nowMs: () => number): EventHub {
  const listeners = new Set<EventListener>();
  return {
    emit(event) {
      const stamped = { ...event, atMs: nowMs() } as SynclineEvent;
      logEvent(stamped);
      for (const listener of [...listeners]) {
        try {
          listener(stamped);
        } catch (error) {
          logger.error('A listener of runtime events threw on {type}: {error}', { type: event.type, error });
        }
      }
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function logEvent(event: SynclineEvent): void {
  const properties = { ...event };
  const isOutOfSync = event.type === 'sync.checked' && !event.report.inSync;
  const isFailure = 'failure' in event && event.failure !== undefined;
  if (WARNINGS.has(event.type) || isFailure || isOutOfSync) {
    logger.warn('{type}', properties);
  } else {
    logger.debug('{type}', properties);
  }
}
