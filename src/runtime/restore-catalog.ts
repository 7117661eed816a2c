import { rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CatalogSummary, CopyProgress } from '../catalog/catalog-files.ts';
import { isSynclineError, SynclineError, throwIfAborted } from '../domain/errors.ts';
import { createAdapters, type RuntimeAdapters } from './adapters.ts';
import { requireLocal } from './backup.ts';
import { resolveOptions, type SynclineOptions } from './options.ts';
import { takeLease } from './session.ts';

/** Which backup {@link restoreCatalog} puts where. */
export interface RestoreOptions {
  /** A file that `backup` made, or another whole copy of a catalog. It is left as it is. */
  readonly backup: string;
  /** Replaces a catalog that is there; it is kept beside the new one. Default `false`. */
  readonly force?: boolean;
  /** Called some times a second with how far it is. */
  readonly onProgress?: (progress: CopyProgress) => void;
  readonly signal?: AbortSignal;
}

/** What was restored, checked by SQLite itself. */
export interface RestoreResult extends CatalogSummary {
  /** The catalog, as an absolute path. */
  readonly path: string;
  /** Where the catalog is now that was replaced. */
  readonly keptAs: string | undefined;
  readonly durationMs: number;
}

/** Errors of a catalog that nobody can hold the lease of. */
const UNUSABLE = [
  'CATALOG_CORRUPT',
  'CATALOG_FOREIGN',
  'CATALOG_MISSING',
  'CATALOG_NEWER',
  'CATALOG_OUTDATED',
  'MIGRATION_EDITED',
] as const;
/** Longest time from taking the lease of a catalog to its replacement. */
const REPLACE_MS_MAX = 60_000;

/**
 * Puts a backup in the place of a catalog, whole or not at all. Tables need not be restored: the next `index` or `start`
 * puts back those that are ahead of it and builds those that are missing, without asking a provider.
 *
 * @param options - The backup, and where the catalog is: `dataDir` or `catalogUrl`, as for `createSyncline`.
 * @throws SynclineError `FILE_EXISTS` without `force`; `LEASE_HELD` while somebody works on the catalog that is there;
 * `BACKUP_UNUSABLE`; `BACKUP_UNSUPPORTED` for a catalog on a server; `BACKUP_FAILED`, `DISK_FULL`.
 */
export async function restoreCatalog({
  backup,
  force = false,
  onProgress,
  signal,
  ...place
}: RestoreOptions & Pick<SynclineOptions, 'dataDir' | 'catalogUrl'>): Promise<RestoreResult> {
  const options = resolveOptions({ ...place, environment: {} });
  const adapters = createAdapters(options);
  const { clock, files } = adapters;
  const startMs = clock.monotonicMs();
  const path = requireLocal(adapters.catalogPath, options.catalogUrl);
  const from = resolve(backup);
  if (!force && (await sizeOf(path)) > 0) throw catalogExists(path);
  const arriving = `${path}.restoring-${clock.newId()}`;
  try {
    const summary = await files.copy(from, arriving, { force: false, onProgress, signal });
    await requireKnownVersion(arriving);
    throwIfAborted(signal);
    if (!force && (await sizeOf(path)) > 0) throw catalogExists(path);
    const keptAs = await putAside(adapters, path);
    await files.move(arriving, path);
    return { path, keptAs, ...summary, durationMs: clock.monotonicMs() - startMs };
  } catch (error) {
    throw isSynclineError(error, 'CATALOG_UNREADABLE', ...UNUSABLE) ? unusable(from, error) : error;
  } finally {
    await rm(arriving, { force: true });
  }
}

/** Whether there is anything to keep: a catalog, or the log of one that is gone. A file of zero bytes is none, and is removed. */
async function isThere(path: string): Promise<boolean> {
  const sizes = await Promise.all([path, `${path}-wal`].map(sizeOf));
  if (sizes.some((size) => size > 0)) return true;
  await rm(path, { force: true });
  return false;
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** @throws SynclineError `CATALOG_NEWER`, `MIGRATION_EDITED`. */
async function requireKnownVersion(path: string): Promise<void> {
  const catalog = await createAdapters(
    resolveOptions({ catalogUrl: path, access: 'readOnly' }),
  ).openCatalog();
  try {
    await catalog.isCreated();
  } finally {
    await catalog.close();
  }
}

/** Moves what is to be replaced away, if there is anything; returns its new path. Its lease is taken and not given back: nobody works on it meanwhile. */
export async function putAside(
  { files, clock, identity, openCatalog }: RuntimeAdapters,
  path: string,
): Promise<string | undefined> {
  if (!(await isThere(path))) return undefined;
  const catalog = await openCatalog();
  try {
    if ((await sizeOf(path)) > 0)
      await takeLease(catalog, clock.newId(), { identity, leaseTtlMs: REPLACE_MS_MAX });
  } catch (error) {
    if (!isSynclineError(error, ...UNUSABLE)) throw error;
  } finally {
    await catalog.close();
  }
  const keptAs = `${path}.replaced-${new Date(clock.nowMs()).toISOString().replaceAll(':', '-')}`;
  await files.move(path, keptAs);
  return keptAs;
}

/** The error of a catalog that is not to be replaced. */
export function catalogExists(path: string): SynclineError {
  return new SynclineError(
    'FILE_EXISTS',
    `There is a catalog at ${path} already. Force it to be replaced: it is then kept beside the new one, under another name.`,
    { details: { path } },
  );
}

function unusable(path: string, cause: SynclineError): SynclineError {
  return new SynclineError(
    'BACKUP_UNUSABLE',
    `The backup ${path} cannot be restored: ${cause.message} Nothing was replaced.`,
    { cause, details: { path, code: cause.code } },
  );
}
