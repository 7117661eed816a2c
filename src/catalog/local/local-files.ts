import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { URL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { isSynclineError, SynclineError, throwIfAborted } from '../../domain/errors.ts';
import type { CatalogFiles, CatalogSummary, CopyOptions } from '../catalog-files.ts';
import type { CopyRequest } from './copy-database.ts';
import type { CopyAnswer } from './copy-worker.ts';
import { localError } from './local-driver.ts';

const PROGRESS_INTERVAL_MS = 200;

/** Catalogs as files of this machine. */
export function createCatalogFiles(): CatalogFiles {
  return {
    copy: copyFile,
    check: (path) => runInWorker({ from: path, to: undefined }),
    async move(from, to) {
      // Cut short in between, a log is left without its catalog, which is refused; never a catalog without its log.
      for (const ending of ['', '-wal', '-shm']) await moveIfThere(`${from}${ending}`, `${to}${ending}`);
      await flush(dirname(to));
    },
  };
}

async function copyFile(from: string, to: string, options: CopyOptions): Promise<CatalogSummary> {
  const { force, signal } = options;
  if (!force) await refuseExisting(to);
  const partial = `${to}.partial-${randomUUID()}`;
  const stopWatching = await watchSize(from, partial, options);
  try {
    throwIfAborted(signal);
    await mkdir(dirname(to), { recursive: true }).catch((error: unknown) => {
      throw writeError(to, error);
    });
    const summary = await runInWorker({ from, to: partial });
    throwIfAborted(signal);
    await publish(partial, to, force);
    return summary;
  } finally {
    stopWatching();
    for (const ending of ['', '-journal', '-wal', '-shm']) await rm(`${partial}${ending}`, { force: true });
  }
}

/** Puts the finished copy in its place, on disk before it has its name. */
async function publish(partial: string, to: string, force: boolean): Promise<void> {
  try {
    await flush(partial);
    if (force) await rename(partial, to);
    else await renameToNew(partial, to);
    await flush(dirname(to));
  } catch (error) {
    throw isSynclineError(error) ? error : writeError(to, error);
  }
}

/** A hard link never replaces anything; where there are none, somebody who is quicker by microseconds may be replaced. */
async function renameToNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') throw existsError(to);
    if (code === 'ENOENT') throw error;
    await refuseExisting(to);
    await rename(from, to);
    return;
  }
  await rm(from);
}

async function refuseExisting(path: string): Promise<void> {
  if ((await sizeOf(path)) !== undefined) throw existsError(path);
}

/** Tells how large the copy has become, as long as it is being made. */
async function watchSize(from: string, partial: string, { onProgress }: CopyOptions): Promise<() => void> {
  if (onProgress === undefined) return () => undefined;
  const totalBytes = ((await sizeOf(from)) ?? 0) + ((await sizeOf(`${from}-wal`)) ?? 0);
  const tell = async (): Promise<void> => {
    const copiedBytes = await sizeOf(partial);
    if (copiedBytes !== undefined) onProgress({ copiedBytes: Math.min(copiedBytes, totalBytes), totalBytes });
  };
  // What is wrong with the file is told by whoever writes it.
  const timer = setInterval(() => void tell().catch(() => undefined), PROGRESS_INTERVAL_MS);
  return () => clearInterval(timer);
}

/** The worker ends by itself: it must not be terminated inside the native driver. */
function runInWorker(request: CopyRequest): Promise<CatalogSummary> {
  // The published package holds .js files, the repository .ts files.
  const file = import.meta.url.endsWith('.ts') ? './copy-worker.ts' : './copy-worker.js';
  const worker = new Worker(new URL(file, import.meta.url), { workerData: request });
  return new Promise((resolve, reject) => {
    let answer: CopyAnswer | undefined;
    worker.once('message', (message: CopyAnswer) => {
      answer = message;
    });
    worker.once('error', reject);
    // Only then are its connections closed for certain.
    worker.once('exit', () => {
      if (answer?.ok === true) resolve(answer.summary);
      else reject(answer === undefined ? diedError(request) : copyError(request, answer));
    });
  });
}

function copyError({ from, to }: CopyRequest, { side, failure }: Extract<CopyAnswer, { ok: false }>) {
  if (side === 'original' || to === undefined) return localError(from, failure);
  const error = localError(to, failure);
  return isSynclineError(error, 'DISK_FULL', 'CATALOG_CORRUPT') ? error : writeError(to, failure.message);
}

function diedError({ from }: CopyRequest): SynclineError {
  return new SynclineError('BACKUP_FAILED', `The thread that copied the catalog ${from} ended. Try again.`);
}

function existsError(path: string): SynclineError {
  return new SynclineError(
    'FILE_EXISTS',
    `There is a file ${path} already, and it is not replaced unless that is asked for. Give another name, or force it.`,
    { details: { path } },
  );
}

function writeError(path: string, cause: unknown): SynclineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isFull = codeOf(cause) === 'ENOSPC' || codeOf(cause) === 'EDQUOT';
  return new SynclineError(
    isFull ? 'DISK_FULL' : 'BACKUP_FAILED',
    `The copy ${path} cannot be written: ${reason}. Give a file in a folder that you may write to, on a disk with space for it.`,
    { cause, details: { path } },
  );
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw writeError(path, error);
  }
}

async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await renameToNew(from, to);
  } catch (error) {
    if (isSynclineError(error)) throw error;
    if (codeOf(error) !== 'ENOENT') throw writeError(to, error);
  }
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
