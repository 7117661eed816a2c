import { open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isLeftover } from './sweep-leftovers.ts';

/** Most files that are flushed at the same time. */
const CONCURRENT_MAX = 8;

/** Puts the files of one table on disk: LanceDB itself never calls fsync. */
export interface FileSync {
  /** Before a commit: takes note of the files that are there, once. They are their writer's to flush. */
  takeStock(): Promise<void>;
  /** After a commit: flushes all files that were not there before, the newest manifest, and the folders that hold them; returns the files. */
  flushNew(): Promise<readonly string[]>;
}

/**
 * Follows the folder of one table. Files are told apart by name alone: LanceDB writes every file once, under a name
 * with a random part or a version number; only a version number can come back (after a repair), hence the newest manifest.
 *
 * @param folder the `<name>.lance` folder.
 */
export function createFileSync(folder: string): FileSync {
  let flushed: ReadonlySet<string> | undefined;
  return {
    async takeStock() {
      flushed ??= allPaths(await listTree(folder));
    },
    async flushNew() {
      const tree = await listTree(folder);
      const before = flushed ?? new Set<string>();
      const manifest = newestManifest(tree);
      const fresh = tree.files.filter((file) => !before.has(file) || file === manifest);
      const holders = new Set(fresh.map(dirname));
      await flushAll(fresh);
      await flushAll(tree.folders.filter((path) => !before.has(path) || holders.has(path)));
      flushed = allPaths(tree);
      return fresh;
    },
  };
}

/** Flushes one folder: the names in it survive a power cut. */
export async function flushFolder(path: string): Promise<void> {
  await flush(path);
}

interface Tree {
  readonly files: string[];
  readonly folders: string[];
}

async function listTree(root: string): Promise<Tree> {
  const files: string[] = [];
  const folders = [root];
  // Grows while it is walked: breadth first. A table is three levels deep.
  for (const folder of folders) {
    const listing = readdir(folder, { withFileTypes: true });
    // The table's own folder has to be there; one inside it may have been cleaned up by now.
    for (const entry of folder === root ? await listing : ((await unlessGone(listing)) ?? [])) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (!isLeftover(entry.name)) files.push(path);
    }
  }
  return { files, folders };
}

/** Manifests are named 2^64-1 minus the version, so the newest has the smallest name. */
function newestManifest(tree: Tree): string | undefined {
  return tree.files.filter((file) => file.endsWith('.manifest')).sort()[0];
}

function allPaths(tree: Tree): Set<string> {
  return new Set([...tree.files, ...tree.folders]);
}

async function flushAll(paths: readonly string[]): Promise<void> {
  for (let index = 0; index < paths.length; index += CONCURRENT_MAX) {
    await Promise.all(paths.slice(index, index + CONCURRENT_MAX).map(flush));
  }
}

/** A file that is gone since it was listed (another process gave up its commit, or cleaned up) needs no flushing. */
async function flush(path: string): Promise<void> {
  const handle = await unlessGone(open(path, 'r'));
  if (handle === undefined) return;
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
