/** A value as SQLite knows it. Integers are read as `number` where that is exact, else as `bigint`; booleans do not exist. */
export type SqlValue = bigint | number | string | Uint8Array | null;

/** One row of an answer, or the arguments of one execution (`?` by position). */
export type SqlRow = readonly SqlValue[];

/** A statement with the arguments of each time it is executed, in order. */
export interface SqlStatement {
  readonly sql: string;
  readonly argRows: readonly SqlRow[];
}

/** The answer of one {@link SqlStatement}. */
export interface SqlResult {
  /** Rows of all executions, in order. Blobs are views into memory shared by one answer. */
  readonly rows: readonly SqlRow[];
  /** Rows changed by all executions; without meaning for statements that only read. */
  readonly changeCount: number;
}

/**
 * What the catalog needs of a database; one driver for local files, one for libSQL servers.
 *
 * Every failure is a SynclineError. `CATALOG_BUSY` and `CATALOG_UNREACHABLE` are retryable; after the latter it is
 * unknown whether a write was kept.
 */
export interface SqlDriver {
  /** Where it is, for messages; without secrets. */
  readonly location: string;
  readonly kind: 'local' | 'remote';
  /** Bytes of arguments of one write beyond which the catalog should split it, where it may. */
  readonly writeBytesMax: number;
  /** Bytes of values of one answer beyond which the catalog should page it. */
  readonly readBytesMax: number;
  /** Executes statements that only read; all see the same state. */
  read(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]>;
  /** Executes statements in one transaction: all of them or none. */
  write(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]>;
  /** Whether this side is the one that checkpoints (the lease holder is); off at first. Servers do that themselves. */
  setCheckpointing(on: boolean): Promise<void>;
  /** Where this side checkpoints: moves the log into the file, so that the file alone is the whole catalog. A failure is told by the next write. */
  checkpoint(): Promise<void>;
  /** Waits for what is under way, checkpoints where this side does, and closes. Closing twice is allowed. */
  close(): Promise<void>;
}

/** A statement that is executed once. */
export function statement(sql: string, ...args: SqlValue[]): SqlStatement {
  return { sql, argRows: [args] };
}

/** A statement that is executed once per row of arguments. */
export function statementForEach(sql: string, argRows: readonly SqlRow[]): SqlStatement {
  return { sql, argRows };
}
