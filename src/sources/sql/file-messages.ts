import type { SqliteResult } from './sqlite-database.ts';
import type { SqliteStatement } from './sqlite-statements.ts';

/** What the thread of a file is started with. */
export interface FileWorkerData {
  /** Absolute path. */
  readonly path: string;
  readonly lockWaitMs: number;
}

/** Why a file could not be read. */
export interface FileFailure {
  /**
   * `refused`: the statement is wrong. `busy`: the owner's lock was waited for in vain. `missing`, `foreign`, `unusable`: the file is
   * not there, no database, or cannot be read as it is.
   */
  readonly kind: 'refused' | 'busy' | 'missing' | 'foreign' | 'unusable';
  readonly message: string;
}

/** A statement to run; one at a time. */
export type FileRequest = SqliteStatement;

/** What became of it. */
export type FileAnswer =
  | { readonly ok: true; readonly result: SqliteResult }
  | { readonly ok: false; readonly failure: FileFailure };
