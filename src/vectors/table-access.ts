import type { Table } from '@lancedb/lancedb';
import type { InFlight } from './in-flight.ts';
import type { SerialQueue } from './serial-queue.ts';
import type { FileSync } from './sync-files.ts';
import { isCommitConflict, isSnapshotGone, tableForeign, tableMissing, toTableError } from './table-error.ts';
import type { TableState, WriteOptions } from './vector-store.ts';

/** What access to a table needs. */
export interface TableAccessDeps {
  readonly name: string;
  readonly handle: Table;
  /** One per table name: every write of the process goes through it. */
  readonly queue: SerialQueue;
  /** Flushes files after a commit; `undefined` when durability is off or not ours. */
  readonly files: FileSync | undefined;
  readonly inFlight: InFlight;
  /** A second handle, held at a version. */
  openAt(version: number): Promise<Table>;
}

/** How the methods of a table reach its native handle. Every error comes out as a SynclineError of `VectorTable`. */
export interface TableAccess {
  /**
   * Runs a read of the table as it is now, or as it was at a version. When files of the newest version are gone, once
   * more on what is the newest then; a version that was asked for is no other.
   */
  read<T>(work: (table: Table) => Promise<T>, version?: number): Promise<T>;
  /** Runs a write after all earlier ones, flushes its files, and says what the table is then; see `WriteOptions`. */
  write(work: () => Promise<void>, options?: WriteOptions): Promise<TableState>;
  /** Runs something that is no commit after all earlier writes, and before later ones. */
  betweenWrites<T>(work: () => Promise<T>): Promise<T>;
  /** One commit, which makes one version; refused because of another writer's, it is tried once more on top of that. */
  commit(work: () => Promise<unknown>): Promise<void>;
  /** Versions that reads of this process are under way on. */
  versionsRead(): Iterable<number>;
  /** Lets reads go on seeing the table as it is now until `work` is over. */
  pinnedWhile(work: () => Promise<void>): Promise<void>;
  /** Makes every later call fail with `TABLE_MISSING`: a handle that outlives its table could write it back to life. */
  markDropped(): void;
}

/** Most tries of reading version and row count as one while another process commits. */
const STATE_TRIES_MAX = 5;

/** Access to one table over an open native handle. */
export function createTableAccess(deps: TableAccessDeps): TableAccess {
  const { name, handle, queue, files } = deps;
  let dropped = false;
  /** What reads see while a change takes two commits. */
  let pinned: Table | undefined;
  /** Commits of the write under way. */
  let commitCount = 0;
  /** Reads under way, by version. */
  const reading = new Map<number, number>();

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    if (dropped) throw tableMissing(name);
    try {
      return await deps.inFlight.track(work);
    } catch (error) {
      throw toTableError(error, name);
    }
  }

  async function readAt<T>(version: number, work: (table: Table) => Promise<T>): Promise<T> {
    reading.set(version, (reading.get(version) ?? 0) + 1);
    try {
      const snapshot = await deps.openAt(version);
      try {
        return await work(snapshot);
      } finally {
        snapshot.close();
      }
    } finally {
      const left = (reading.get(version) ?? 1) - 1;
      if (left > 0) reading.set(version, left);
      else reading.delete(version);
    }
  }

  return {
    read: (work, version) =>
      guarded(async () => {
        if (version !== undefined) return readAt(version, work);
        try {
          return await work(pinned ?? handle);
        } catch (error) {
          if (!isSnapshotGone(error)) throw error;
          await handle.checkoutLatest();
          return await work(handle);
        }
      }),
    write: (work, { onto } = {}) =>
      guarded(() =>
        queue.run(async () => {
          if (dropped) throw tableMissing(name);
          if (onto !== undefined) requireVersion(name, await handle.version(), onto);
          commitCount = 0;
          await files?.takeStock();
          await work();
          await files?.flushNew();
          const state = await readState(handle);
          if (onto !== undefined) requireVersion(name, state.version, onto + commitCount);
          return state;
        }),
      ),
    betweenWrites: (work) =>
      guarded(() =>
        queue.run(() => {
          if (dropped) throw tableMissing(name);
          return work();
        }),
      ),
    async commit(work) {
      try {
        await work();
      } catch (error) {
        if (!isCommitConflict(error)) throw error;
        await handle.checkoutLatest();
        await work();
      }
      commitCount += 1;
    },
    versionsRead: () => reading.keys(),
    async pinnedWhile(work) {
      pinned = await deps.openAt(await handle.version());
      try {
        await work();
      } finally {
        pinned = undefined;
      }
    },
    markDropped() {
      dropped = true;
    },
  };
}

/** Every commit is one version: one more than our own are those of another writer. */
function requireVersion(name: string, found: number, expected: number): void {
  if (found !== expected) throw tableForeign(name, found, expected);
}

/** Version and row count of the same moment: a commit of another process may come in between. */
export async function readState(table: Table): Promise<TableState> {
  for (let tries = 1; ; tries += 1) {
    const version = await table.version();
    const rowCount = await table.countRows();
    if (tries >= STATE_TRIES_MAX || (await table.version()) === version) return { version, rowCount };
  }
}
