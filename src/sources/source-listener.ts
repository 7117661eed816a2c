import type { SynclineError } from '../domain/errors.ts';

/** What somebody who watches a source is told. */
export interface SourceListener {
  /** From now on changes are noticed. Also after a restart, before which some were missed. */
  onReady(mode: 'native' | 'polling'): void;
  /** Records that are new, changed or gone, and the number of events that told so. */
  onChanged(ids: readonly string[], eventCount: number): void;
  /** Changes were missed. */
  onLost(): void;
  /** Nothing is noticed any more. */
  onFailed(error: SynclineError): void;
}

/** A source that is being watched. */
export interface SourceWatch {
  close(): Promise<void>;
}

/** A way to watch a source that wants to be watched. */
export interface Watchable {
  /** The table whose ids are told. */
  readonly table: string;
  watch(listener: SourceListener): SourceWatch;
}
