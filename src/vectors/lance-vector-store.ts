import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection, Table } from '@lancedb/lancedb';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import { createInFlight, type InFlight } from './in-flight.ts';
import { inspectTable, newestVersionIn, openedVersion } from './inspect-table.ts';
import { type LanceLibrary, loadLance } from './lance-library.ts';
import { type LanceSettings, type LanceVectorStoreOptions, resolveSettings } from './lance-settings.ts';
import { createLanceTable, type LanceTable } from './lance-table.ts';
import { createSerialQueue, type SerialQueue } from './serial-queue.ts';
import { readServedMark, writeServedMark } from './served-mark.ts';
import { createFileSync, type FileSync, flushFolder } from './sync-files.ts';
import { tableTaken, toTableError } from './table-error.ts';
import { createIndexes } from './table-indexes.ts';
import { checkSchema, tableSchema } from './table-schema.ts';
import type { TableSpec, VectorStore, VectorTable } from './vector-store.ts';

/**
 * The tables of one folder or bucket, in LanceDB. Nothing is loaded or opened before the first call. One process may write
 * to a table at a time (the lease sees to that); any number may read.
 *
 * LanceDB logs to stderr in its own way, which only the environment variable `LANCEDB_LOG` at the start of the process
 * can change; searches here select their score columns, which keeps the one warning that each would cause away.
 *
 * @throws SynclineError `INVALID_OPTION` on an empty uri or a cache that is not a positive number of bytes.
 */
export function createLanceVectorStore(options: LanceVectorStoreOptions): VectorStore {
  const settings = resolveSettings(options);
  const inFlight = createInFlight();
  const shelf = createTableShelf(settings, inFlight);
  let closing: Promise<void> | undefined;
  let opening: Promise<OpenStore> | undefined;

  function openStore(): Promise<OpenStore> {
    opening ??= connect(settings).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  /** Runs work on one table name, counted as in flight, its errors mapped. */
  const named = <T>(name: string, work: (store: OpenStore) => Promise<T>): Promise<T> =>
    inFlight.track(async () => {
      checkTableName(name);
      try {
        return await work(await openStore());
      } catch (error) {
        throw toTableError(error, name);
      }
    });

  /** Creating and dropping exclude each other and the table's writes; opening waits for none of them. */
  const exclusively = <T>(name: string, work: (store: OpenStore) => Promise<T>): Promise<T> =>
    named(name, (store) => shelf.queueOf(name).run(() => work(store)));

  async function drainAndClose(): Promise<void> {
    await inFlight.drain();
    shelf.releaseAll();
    if (opening !== undefined) (await opening).connection.close();
  }

  return {
    openTable: (name, spec) =>
      named(name, async (store): Promise<VectorTable> => {
        const handle = await store.connection.openTable(name);
        checkSchema(name, await handle.schema(), tableSchema(store.arrow, spec));
        return shelf.keep(store, name, spec, handle);
      }),
    createTable: (name, spec) =>
      exclusively(name, (store) => createTable(settings, shelf, store, name, spec)),
    dropTable: (name) =>
      exclusively(name, async ({ connection }) => {
        shelf.forget(name);
        await dropTable(settings, connection, name);
      }),
    tableNames: () =>
      inFlight.track(async () =>
        settings.folder === undefined
          ? allTableNames((await openStore()).connection)
          : tableNamesIn(settings.folder),
      ),
    newestVersion: (name) =>
      settings.folder === undefined
        ? named(name, ({ connection }) => openedVersion(connection, name))
        : inFlight.track(() => newestVersionIn(tableFolder(settings.folder ?? '', name))),
    inspectTable: (name) =>
      named(name, async ({ connection }) => {
        const { folder } = settings;
        const servedAtMs = folder && (await readServedMark(tableFolder(folder, name)));
        return { ...(await inspectTable(connection, name)), servedAtMs: servedAtMs || undefined };
      }),
    markServed: (name, nowMs) =>
      named(name, async () => {
        const { folder, durable } = settings;
        if (folder !== undefined) await writeServedMark(tableFolder(folder, name), nowMs, durable);
      }),
    close() {
      closing ??= drainAndClose();
      return closing;
    },
  };
}

/** LanceDB's own, of the folder of a table. */
const TABLE_FOLDER_ENDING = '.lance';

interface OpenStore extends LanceLibrary {
  readonly connection: Connection;
}

/** The tables that are open, one object per name, and the queue of writes of each. */
function createTableShelf(settings: LanceSettings, inFlight: InFlight) {
  const tables = new Map<string, LanceTable>();
  const queues = new Map<string, SerialQueue>();

  function queueOf(name: string): SerialQueue {
    const queue = queues.get(name) ?? createSerialQueue();
    queues.set(name, queue);
    return queue;
  }

  return {
    queueOf,
    /** The table over `handle`, or the one that is known already (then `handle` is closed). */
    keep(store: OpenStore, name: string, spec: TableSpec, handle: Table): LanceTable {
      const known = tables.get(name);
      if (known !== undefined) {
        handle.close();
        return known;
      }
      const table = createLanceTable({
        arrow: store.arrow,
        lance: store.lance,
        name,
        spec,
        folder: settings.folder && tableFolder(settings.folder, name),
        handle,
        queue: queueOf(name),
        files: fileSyncOf(settings, name),
        oneCommitBytesMax: settings.oneCommitBytesMax,
        cleanupGraceMs: settings.cleanupGraceMs,
        vectorIndexBytesMin: settings.vectorIndexBytesMin,
        inFlight,
        openAt: (version) => store.connection.openTable(name, undefined, { version }),
      });
      tables.set(name, table);
      return table;
    },
    forget(name: string): void {
      tables.get(name)?.markDropped();
      tables.delete(name);
      queues.delete(name);
    },
    releaseAll(): void {
      for (const table of tables.values()) table.release();
      tables.clear();
    },
  };
}

function fileSyncOf({ folder, durable }: LanceSettings, name: string): FileSync | undefined {
  return folder === undefined || !durable ? undefined : createFileSync(tableFolder(folder, name));
}

async function connect(settings: LanceSettings): Promise<OpenStore> {
  const { folder, storageOptions } = settings;
  if (folder !== undefined) await createFolder(folder);
  const library = await loadLance();
  const metadataBytes = BigInt(Math.ceil(settings.cacheBytes / 5));
  const indexBytes = BigInt(settings.cacheBytes) - metadataBytes;
  const connection = await library.lance.connect(folder ?? settings.uri, {
    session: new library.lance.Session(indexBytes, metadataBytes),
    // Every read looks for a newer version: the handles of this process and of others follow each other's commits.
    readConsistencyInterval: 0,
    ...(storageOptions === undefined ? {} : { storageOptions }),
  });
  return { ...library, connection };
}

/** Creates an empty table with its indexes and flushes all of it. LanceDB's own check is not safe against a second creator. */
async function createTable(
  settings: LanceSettings,
  shelf: ReturnType<typeof createTableShelf>,
  store: OpenStore,
  name: string,
  spec: TableSpec,
): Promise<VectorTable> {
  const { folder, durable } = settings;
  if (folder !== undefined && (await exists(tableFolder(folder, name)))) throw tableTaken(name);
  const handle = await store.connection.createEmptyTable(name, tableSchema(store.arrow, spec));
  await createIndexes(store.lance, handle);
  await fileSyncOf(settings, name)?.flushNew();
  if (folder !== undefined && durable) await flushFolder(folder);
  return shelf.keep(store, name, spec, handle);
}

async function dropTable(settings: LanceSettings, connection: Connection, name: string): Promise<void> {
  try {
    await connection.dropTable(name);
  } catch (error) {
    // In a folder of ours the rest is removed below, also where a file lies in the table's place.
    const isLeftToDo =
      settings.folder !== undefined &&
      (isNotEmpty(error) || isSynclineError(toTableError(error, name), 'TABLE_DAMAGED'));
    if (!isLeftToDo && !isSynclineError(toTableError(error, name), 'TABLE_MISSING')) throw error;
  }
  if (settings.folder === undefined) return;
  // A drop that was interrupted leaves files that LanceDB no longer takes for a table.
  await removeFolder(tableFolder(settings.folder, name));
  if (settings.durable) await flushFolder(settings.folder);
}

/** Most tries of removing a folder into which a worker that lost its lease is still writing. */
const REMOVALS_MAX = 20;

async function removeFolder(path: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await rm(path, { recursive: true, force: true });
    } catch (error) {
      if (tries === REMOVALS_MAX || !isNotEmpty(error)) throw error;
    }
  }
}

/** Whether a folder could not be removed because somebody put a file into it meanwhile. */
function isNotEmpty(error: unknown): boolean {
  return error instanceof Error && /ENOTEMPTY|Directory not empty/.test(error.message);
}

function tableFolder(folder: string, name: string): string {
  return join(folder, `${name}${TABLE_FOLDER_ENDING}`);
}

async function createFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw unusableFolder(folder, 'created', error);
  }
}

function unusableFolder(folder: string, use: 'created' | 'read', error: unknown): SynclineError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SynclineError(
    'TABLE_FAILED',
    `The folder "${folder}" for the vector tables cannot be ${use}: ${reason}. Give a folder that can be written to.`,
    { cause: error },
  );
}

async function exists(path: string): Promise<boolean> {
  return (await unlessMissing(stat(path))) !== undefined;
}

async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** As LanceDB lists them, without loading it: a folder that is looked at is not made. */
async function tableNamesIn(folder: string): Promise<string[]> {
  const entries = await unlessMissing(readdir(folder, { withFileTypes: true })).catch((error: unknown) => {
    // What is no folder holds no tables. Whoever is to make one will say so.
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return [];
    throw unusableFolder(folder, 'read', error);
  });
  return (entries ?? [])
    .filter((entry) => entry.isDirectory() && entry.name.endsWith(TABLE_FOLDER_ENDING))
    .map((entry) => entry.name.slice(0, -TABLE_FOLDER_ENDING.length))
    .sort();
}

async function allTableNames(connection: Connection): Promise<string[]> {
  const names: string[] = [];
  let pageToken: string | undefined;
  do {
    const page = await connection.listTables(pageToken === undefined ? {} : { pageToken });
    names.push(...page.tables);
    pageToken = page.pageToken ?? undefined;
  } while (pageToken);
  return names.sort();
}

function checkTableName(name: string): void {
  if (/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}$/.test(name)) return;
  throw new SynclineError(
    'TABLE_FAILED',
    `"${name}" cannot name a table: use 1 to 200 letters, digits, ".", "_" and "-", not starting with ".".`,
    { details: { table: name } },
  );
}
