import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CatalogSummary, CopyProgress } from '../catalog/catalog-files.ts';
import { SynclineError } from '../domain/errors.ts';
import type { RuntimeCore } from './core.ts';

/** How {@link Runtime.backup} works. */
export interface BackupOptions {
  /** Replaces a file that is there. Default `false`. */
  readonly force?: boolean;
  /** Called some times a second with how far it is. */
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Ends it; no file is left. A copy of pages that is under way is waited for. */
  readonly signal?: AbortSignal;
}

/** What was backed up, checked by SQLite itself. */
export interface BackupResult extends CatalogSummary {
  /** Absolute. */
  readonly path: string;
  readonly durationMs: number;
}

/** See {@link Runtime.backup}. */
export async function backUpCatalog(
  core: RuntimeCore,
  path: string,
  { force = false, onProgress, signal }: BackupOptions = {},
): Promise<BackupResult> {
  const startMs = core.clock.monotonicMs();
  const from = requireLocal(core.catalogPath, core.options.catalogUrl);
  const to = resolve(path);
  if (path === '' || to === from || (await isFolder(to))) {
    throw new SynclineError(
      'INVALID_OPTION',
      `A backup cannot be written to "${path}": give the name of a file that is not the catalog's.`,
      { details: { path } },
    );
  }
  const summary = await core.files.copy(from, to, { force, onProgress, signal });
  return { path: to, ...summary, durationMs: core.clock.monotonicMs() - startMs };
}

/** @throws SynclineError `BACKUP_UNSUPPORTED`. */
export function requireLocal(catalogPath: string | undefined, catalogUrl: string): string {
  if (catalogPath !== undefined) return catalogPath;
  const server = URL.parse(catalogUrl)?.host ?? 'a server';
  throw new SynclineError(
    'BACKUP_UNSUPPORTED',
    `The catalog is on the libSQL server ${server}, whose files are out of reach here. Use the server's own means: for sqld a copy of its folder while it is stopped, or its snapshots; for Turso its point-in-time recovery.`,
  );
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === true;
}
