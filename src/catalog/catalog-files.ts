/** What is in a catalog, for people who copy or check one. */
export interface CatalogSummary {
  /** Number of its newest migration. */
  readonly version: number;
  /** Size of its file. */
  readonly bytes: number;
  readonly datasets: number;
  readonly documents: number;
  readonly chunks: number;
  readonly embeddings: number;
}

/** How far a copy is. */
export interface CopyProgress {
  readonly copiedBytes: number;
  /** About: a copy has no free pages, and may end up smaller. */
  readonly totalBytes: number;
}

/** How a copy is made. */
export interface CopyOptions {
  /** Replaces what is at the target; else `FILE_EXISTS`. */
  readonly force: boolean;
  /** Called some times a second while pages are copied. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  /** Looked at between steps; pages under way are copied to their end first, and removed. */
  readonly signal?: AbortSignal | undefined;
}

/** Catalogs as files. They are read beside whoever works on them, by a connection of its own that changes nothing. */
export interface CatalogFiles {
  /**
   * Copies one state of the catalog at `from` to the file `to`, which is there whole or not at all: written beside it, checked,
   * flushed to disk, renamed. Nobody holds the lease on the copy.
   *
   * @throws SynclineError `FILE_EXISTS`; `BACKUP_FAILED`, `DISK_FULL` when the copy cannot be written; as opening a catalog
   * does when `from` is none; `CATALOG_CORRUPT` when it or the copy fails SQLite's check.
   */
  copy(from: string, to: string, options: CopyOptions): Promise<CatalogSummary>;
  /**
   * SQLite's own check of a whole file, and what is in it.
   *
   * @throws SynclineError as opening a catalog does; `CATALOG_CORRUPT` with what SQLite found.
   */
  check(path: string): Promise<CatalogSummary>;
  /** Moves a catalog with its log, if it is there, to a name that nothing has. @throws SynclineError `FILE_EXISTS`, `BACKUP_FAILED`. */
  move(from: string, to: string): Promise<void>;
}
