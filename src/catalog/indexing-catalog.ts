/* The part of the catalog that runs over sources ask; `Catalog` and `CatalogWriter` include it. */

/** A source as it is stored with its dataset. */
export interface StoredSource {
  /** The `source` of its documents. */
  readonly name: string;
  /** What it is opened from: JSON. */
  readonly definitionJson: string;
  /** Unix milliseconds until which everything that changed was read; `undefined` until a run of this definition has ended well. */
  readonly readUntilMs: number | undefined;
}

/** Runs that can be due at certain times. */
export type ScheduledRun = 'full' | 'index';

/** What a dataset's schedule is told; without one, the default counts. */
export interface StoredSchedule {
  readonly run: ScheduledRun;
  readonly isOn: boolean;
  /** `undefined`: as the default has it. */
  readonly cron: string | undefined;
  readonly timeZone: string | undefined;
  /** What was due until then was done, or needs not be done any more. */
  readonly doneUntilMs: number;
  readonly lastRunAtMs: number | undefined;
  /** Why the last run failed; `undefined` when it did not. */
  readonly lastError: string | undefined;
  /** Failures in a row since it was last due by its times. */
  readonly failureCount: number;
  /** When a run that has failed is tried again; `undefined` for not before its next time. */
  readonly retryAtMs: number | undefined;
}

/** A dataset that something may be due for. */
export interface IndexingSummary {
  readonly datasetId: number;
  readonly schedules: readonly StoredSchedule[];
  /** When its sources were set last; `undefined` without any. */
  readonly sourcesSinceMs: number | undefined;
  /**
   * When the newest of its sources was set that nothing was ever read of; `undefined` when there is none. Without folders that are
   * watched: a watcher reads them when it begins.
   */
  readonly unreadSinceMs: number | undefined;
  /** When the oldest change was noted that is to be read. */
  readonly notedSinceMs: number | undefined;
}

/** A record that is known to have changed; both texts empty stand for all records. */
export interface NotedChange {
  readonly table: string;
  /** JSON. */
  readonly idJson: string;
}

/** A change as it was noted. */
export interface StoredChange extends NotedChange {
  readonly changeId: number;
  /** When it was set aside, as its deletions were refused; `undefined` for one that is to be read. */
  readonly refusedAtMs: number | undefined;
}

export interface IndexingReads {
  /** In the order in which they were set first. */
  listSources(datasetId: number): Promise<StoredSource[]>;
  listSchedules(datasetId: number): Promise<StoredSchedule[]>;
  /** Active datasets that have sources, schedules or noted changes, by id. */
  listIndexing(page: { readonly afterDatasetId: number; readonly limit: number }): Promise<IndexingSummary[]>;
  /** Those that are to be read, oldest first. */
  listNotedChanges(datasetId: number, limit: number): Promise<StoredChange[]>;
  /** Those that were set aside, by id. */
  listRefusedChanges(
    datasetId: number,
    page: { readonly afterChangeId: number; readonly limit: number },
  ): Promise<StoredChange[]>;
  /** How many were set aside, and the newest of them (0 when there is none). */
  countRefusedChanges(datasetId: number): Promise<{ readonly count: number; readonly lastChangeId: number }>;
  /** Keys of the documents of one source, ascending by their bytes. */
  listDocumentKeys(
    datasetId: number,
    page: { readonly source: string; readonly afterKey: string; readonly limit: number },
  ): Promise<string[]>;
  /** How many documents of one source there are. */
  countDocuments(datasetId: number, source: string): Promise<number>;
}

export interface IndexingWrites {
  /**
   * Stores sources. One that has another definition than before has read nothing. With `keepOthers`, sources of other names
   * stay; else they are forgotten (but not their documents).
   */
  setSources(
    datasetId: number,
    sources: readonly { readonly name: string; readonly definitionJson: string }[],
    options: { readonly keepOthers: boolean },
  ): Promise<void>;
  /** Records how far a source was read, unless it has another definition by now. */
  noteSourceRead(
    datasetId: number,
    source: { readonly name: string; readonly definitionJson: string; readonly readUntilMs: number },
  ): Promise<void>;
  /** Stores a schedule. What was due until `doneUntilMs` is not made up. Setting the same again changes nothing. */
  setSchedule(
    datasetId: number,
    run: ScheduledRun,
    schedule: Pick<StoredSchedule, 'isOn' | 'cron' | 'timeZone' | 'doneUntilMs'>,
  ): Promise<void>;
  /** Records that a scheduled run has ended. */
  noteScheduledRun(
    datasetId: number,
    run: ScheduledRun,
    outcome: Pick<StoredSchedule, 'doneUntilMs' | 'lastError' | 'failureCount' | 'retryAtMs'> & {
      readonly lastRunAtMs: number;
    },
  ): Promise<void>;
  /** Notes changes that are to be read; one that is noted already becomes the newest. More than `countMax` become one note for all records. */
  noteChanges(datasetId: number, changes: readonly NotedChange[], countMax: number): Promise<void>;
  /** Forgets notes that were read, or set aside; those that were noted again since stay. */
  forgetNotedChanges(datasetId: number, changeIds: readonly number[]): Promise<void>;
  /** Sets notes aside: nobody reads them unasked. Of more than `countMax` the oldest are forgotten. */
  refuseNotedChanges(datasetId: number, changeIds: readonly number[], countMax: number): Promise<void>;
  /** Forgets what was set aside, up to a note; returns how many that were. */
  forgetRefusedChanges(datasetId: number, upToChangeId: number): Promise<number>;
}
