import type { Table } from '@lancedb/lancedb';
import type { InFlight } from './in-flight.ts';
import type { SerialQueue } from './serial-queue.ts';
import type { FileSync } from './sync-files.ts';
import { isCommitConflict, isSnapshotGone, tableMissing, toTableError } from './table-error.ts';
import type { TableState } from './vector-store.ts';

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
  /** Runs a read; when files of its snapshot are gone, once more on the latest version. */
  read<T>(work: (table: Table) => Promise<T>): Promise<T>;
  /** Runs a write after all earlier ones, flushes its files, and says what the table is then. */
  write(work: () => Promise<void>): Promise<TableState>;
  /** One commit; refused because of another writer's, it is tried once more on top of that. */
  commit(work: () => Promise<unknown>): Promise<void>;
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

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    if (dropped) throw tableMissing(name);
    try {
      return await deps.inFlight.track(work);
    } catch (error) {
      throw toTableError(error, name);
    }
  }

  return {
    read: (work) =>
      guarded(async () => {
        try {
          return await work(pinned ?? handle);
        } catch (error) {
          if (!isSnapshotGone(error)) throw error;
          await handle.checkoutLatest();
          return await work(handle);
        }
      }),
    write: (work) =>
      guarded(() =>
        queue.run(async () => {
          if (dropped) throw tableMissing(name);
          await files?.takeStock();
          await work();
          await files?.flushNew();
          return readState(handle);
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
    },
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

/** Version and row count of the same moment: a commit of another process may come in between. */
export async function readState(table: Table): Promise<TableState> {
  for (let tries = 1; ; tries += 1) {
    const version = await table.version();
    const rowCount = await table.countRows();
    if (tries >= STATE_TRIES_MAX || (await table.version()) === version) return { version, rowCount };
  }
}
