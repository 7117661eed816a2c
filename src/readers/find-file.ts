import { lstat, realpath, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { FileRules } from './file-rules.ts';
import { unreadable } from './problems.ts';
import { type Found, leadsAround } from './walk-folder.ts';

/** Finds single files of a folder as a walk through it would. */
export interface FileFinder {
  /**
   * @param key Path below the folder, normalized, with forward slashes.
   * @returns `undefined` when a walk would not come to such a file.
   */
  find(key: string): Promise<Found | undefined>;
}

type Reached = 'walked' | 'missing' | { readonly error: unknown };

/** A finder that looks at each folder once: made for one question about any number of files. */
export async function createFileFinder(root: string, rules: FileRules): Promise<FileFinder> {
  const rootReal = await realpath(root);
  await rules.enter('');
  const reached = new Map<string, Promise<Reached>>([['.', Promise.resolve('walked')]]);

  function reach(folderKey: string): Promise<Reached> {
    const known = reached.get(folderKey);
    if (known !== undefined) return known;
    const looking = look(folderKey);
    reached.set(folderKey, looking);
    return looking;
  }

  async function look(folderKey: string): Promise<Reached> {
    const parent = await reach(posix.dirname(folderKey));
    if (parent !== 'walked') return parent;
    if (rules.leavesOutFolder(folderKey)) return 'missing';
    const path = join(root, folderKey);
    try {
      const entry = await lstat(path);
      if (entry.isSymbolicLink()) {
        if (!(await stat(path)).isDirectory() || leadsAround(await realpath(path), rootReal))
          return 'missing';
      } else if (!entry.isDirectory()) return 'missing';
      await rules.enter(folderKey);
      return 'walked';
    } catch (error) {
      return isMissing(error) ? 'missing' : { error };
    }
  }

  return {
    async find(key) {
      const folder = await reach(posix.dirname(key));
      if (folder === 'missing') return undefined;
      if (folder !== 'walked') return { result: unreadable(key, folder.error), key };
      const verdict = rules.judgeFile(key);
      if (typeof verdict === 'string') return undefined;
      const path = join(root, key);
      try {
        const entry = await lstat(path);
        const target = entry.isSymbolicLink() ? await stat(path) : entry;
        return target.isFile() ? { file: { path, key, kind: verdict.kind } } : undefined;
      } catch (error) {
        if (!(await isGone(path))) return { result: unreadable(key, error), key };
        return undefined;
      }
    },
  };
}

/** Whether nothing is at a path (any more); a link that leads nowhere is something. */
export async function isGone(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    return isMissing(error);
  }
}

export function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
