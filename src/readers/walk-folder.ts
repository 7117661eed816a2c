import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { fileKind } from './file-kind.ts';
import { unreadable } from './problems.ts';
import type { ReadResult } from './read-result.ts';

/** A file in a folder. */
export interface FoundFile {
  /** Where it is, as reached from the given folder. */
  readonly path: string;
  /** Relative to the given folder, with forward slashes. */
  readonly key: string;
}

interface Place {
  readonly path: string;
  readonly key: string;
  /** Without symbolic links. */
  readonly real: string;
}

interface WaitingPlace extends Place {
  readonly isFolder: boolean;
}

/** What {@link walkFolder} needs beside the folder. */
export interface WalkOptions {
  /** The form of a path in problems. */
  readonly show: (path: string) => string;
  /** Called with the lower-case extension of every file that is left out. */
  readonly onSkipped: (extension: string) => void;
}

interface Walk extends WalkOptions {
  readonly rootReal: string;
}

/**
 * Finds the files of known kinds under a folder, in order of their names (by code unit). Names that start with a dot and
 * `node_modules` are left out. Links to files are followed; links to folders only where they lead out of the given folder
 * to one that was not walked yet, so that nothing is read twice and no loop is followed.
 */
export async function* walkFolder(
  folder: string,
  options: WalkOptions,
): AsyncGenerator<{ readonly file: FoundFile } | { readonly result: ReadResult }> {
  const rootReal = await realpath(folder);
  const walk: Walk = { ...options, rootReal };
  const walked = new Set<string>();
  // Folders are listed and files are given as they are taken from this stack.
  const waiting: WaitingPlace[] = [{ path: folder, key: '', real: rootReal, isFolder: true }];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    if (!place.isFolder) {
      yield { file: { path: place.path, key: place.key } };
      continue;
    }
    if (walked.has(place.real)) continue;
    walked.add(place.real);
    const found: WaitingPlace[] = [];
    const listed = await listFolder(place.path, walk);
    if ('result' in listed) yield listed;
    for (const entry of 'entries' in listed ? listed.entries : []) {
      const seen = await classify(entry, place, walk);
      if (seen === 'ignored') continue;
      if (seen === 'skipped') walk.onSkipped(extname(entry.name).toLowerCase());
      else if ('result' in seen) yield seen;
      else found.push(seen);
    }
    for (const next of found.reverse()) waiting.push(next);
  }
}

async function listFolder(
  path: string,
  walk: Walk,
): Promise<{ readonly entries: readonly Dirent[] } | { readonly result: ReadResult }> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return { entries: entries.sort((a, b) => (a.name < b.name ? -1 : 1)) };
  } catch (error) {
    return { result: unreadable(walk.show(path), error) };
  }
}

/** What an entry is: to be read or walked, a problem, a file of no known kind, a folder that is left out. */
type Classified = WaitingPlace | { readonly result: ReadResult } | 'skipped' | 'ignored';

async function classify(entry: Dirent, parent: Place, walk: Walk): Promise<Classified> {
  const place = {
    path: join(parent.path, entry.name),
    key: parent.key === '' ? entry.name : `${parent.key}/${entry.name}`,
    real: join(parent.real, entry.name),
  };
  const isLeftOut = entry.name.startsWith('.') || entry.name === 'node_modules';
  const isKnown = !isLeftOut && fileKind(extname(entry.name).toLowerCase()) !== undefined;
  if (entry.isDirectory()) return isLeftOut ? 'ignored' : { ...place, isFolder: true };
  if (entry.isFile()) return isKnown ? { ...place, isFolder: false } : 'skipped';
  if (!entry.isSymbolicLink() || isLeftOut) return 'skipped';
  try {
    const target = await stat(place.path);
    if (target.isFile()) return isKnown ? { ...place, isFolder: false } : 'skipped';
    if (!target.isDirectory()) return 'skipped';
    const real = await realpath(place.path);
    const isLoop = isWithin(real, walk.rootReal) || isWithin(walk.rootReal, real);
    return isLoop ? 'ignored' : { ...place, real, isFolder: true };
  } catch (error) {
    return isKnown ? { result: unreadable(walk.show(place.path), error) } : 'skipped';
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}
