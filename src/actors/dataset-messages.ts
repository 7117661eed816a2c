import type { DatasetBacklog } from '../catalog/catalog.ts';
import type { Failure } from './failure.ts';

/* What a dataset's actor is told, and what it tells. */

/** Where a dataset actor stands, in one word, for its supervisor and for people. */
export type DatasetPhase =
  | 'checking'
  /** Finding out how much waits; no longer idle, and needs no place yet. */
  | 'measuring'
  | 'queued'
  | 'processing'
  | 'maintaining'
  | 'repairing'
  | 'rebuilding'
  | 'idle'
  | 'backingOff'
  | 'parked'
  | 'paused'
  | 'deleting'
  | 'deleted';

/** What a dataset actor tells its supervisor at every change of phase. */
export interface DatasetReport {
  readonly type: 'dataset.reported';
  readonly datasetId: number;
  readonly address: string;
  readonly phase: DatasetPhase;
  readonly backlog: DatasetBacklog | undefined;
  readonly failure: Failure | undefined;
}

export type DatasetEvent =
  /** There may be new work; never lost, whatever the state. */
  | { readonly type: 'dataset.changed' }
  /** The supervisor grants a place to work. */
  | { readonly type: 'dataset.proceed' }
  | { readonly type: 'dataset.pause'; readonly reason: string }
  | { readonly type: 'dataset.resume'; readonly reason: string }
  /** Look at the table again, now; also ends backing off and parking. */
  | { readonly type: 'dataset.check' }
  /** What it backs off from is over: try again now. Means nothing to one that does not, and is not going to. */
  | { readonly type: 'dataset.retry' }
  /** Maintain the table if it needs it, when there is time; remembered. */
  | { readonly type: 'dataset.maintain' }
  /** It was marked as deleting in the catalog: let go of all work and remove it. */
  | { readonly type: 'dataset.delete' }
  /** From the stages: documents were brought into the catalog. */
  | { readonly type: 'work.chunked' }
  /** From the stages: vectors were stored. */
  | { readonly type: 'work.embedded' };
