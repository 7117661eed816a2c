import type { Dirent } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Files that are looked at at the same time. */
const CONCURRENT_MAX = 32;

/**
 * Whether a file is half of a commit that never was: LanceDB writes under such a name first, and renames or links when the
 * file is whole. Nothing refers to it, and LanceDB's own clean-up leaves it for ever.
 */
export function isLeftover(name: string): boolean {
  return name.startsWith('.tmp') || name.endsWith('#1');
}

/**
 * Removes what writers that were killed left half-written in a table's folder. Only for the one who may write to it, with
 * nothing under way: a running commit has such files, too, also that of whoever has taken the lease meanwhile.
 *
 * @param folder the `<name>.lance` folder.
 * @param beforeMs Unix milliseconds: files that were changed later are left alone.
 * @returns how many there were.
 */
export async function sweepLeftovers(folder: string, beforeMs: number): Promise<number> {
  const leftovers = (await listFiles(folder)).filter(({ name }) => isLeftover(name));
  let sweptCount = 0;
  await forEachFile(leftovers, async ({ path }) => {
    const mtimeMs = (await unlessGone(stat(path)))?.mtimeMs;
    // Times of files have fractions of a millisecond, those of clocks have none.
    if (mtimeMs === undefined || Math.floor(mtimeMs) > beforeMs) return;
    await rm(path, { force: true });
    sweptCount += 1;
  });
  return sweptCount;
}

/** Bytes of all files in a table's folder: of every version that is kept, and of what belongs to none. */
export async function bytesOnDisk(folder: string): Promise<number> {
  let bytes = 0;
  await forEachFile(await listFiles(folder), async ({ path }) => {
    const found = await unlessGone(stat(path));
    bytes += found?.size ?? 0;
  });
  return bytes;
}

interface FilePath {
  readonly name: string;
  readonly path: string;
}

async function listFiles(root: string): Promise<FilePath[]> {
  const files: FilePath[] = [];
  const folders = [root];
  // Grows while it is walked: breadth first. A table is three levels deep.
  for (const folder of folders) {
    const entries: Dirent[] = (await unlessGone(readdir(folder, { withFileTypes: true }))) ?? [];
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else files.push({ name: entry.name, path });
    }
  }
  return files;
}

async function forEachFile(
  files: readonly FilePath[],
  task: (file: FilePath) => Promise<void>,
): Promise<void> {
  for (let index = 0; index < files.length; index += CONCURRENT_MAX) {
    await Promise.all(files.slice(index, index + CONCURRENT_MAX).map(task));
  }
}

/** A file that LanceDB removes at the same moment is none. */
export async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
