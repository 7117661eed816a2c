import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import type { FileKind } from './file-kind.ts';
import type { FileRules } from './file-rules.ts';
import { unreadable } from './problems.ts';
import type { ReadResult } from './read-result.ts';

/** A file in a folder. */
export interface FoundFile {
  /** Where it is, as reached from the given folder. */
  readonly path: string;
  /** Relative to the given folder, with forward slashes. */
  readonly key: string;
  /** `undefined` for one that is read only because somebody asked for it. */
  readonly kind: FileKind | undefined;
}

interface Place {
  readonly path: string;
  readonly key: string;
  /** Without symbolic links. */
  readonly real: string;
}

type WaitingPlace = Place & ({ readonly isFolder: true } | ({ readonly isFolder: false } & FileOfKind));

interface FileOfKind {
  readonly kind: FileKind | undefined;
}

/** What a walk finds: a file, a link or a folder that cannot be read. */
export type Found =
  | { readonly file: FoundFile }
  | {
      readonly result: ReadResult;
      /** The key of the file that it is about; `undefined` for a folder: nobody knows what is in it. */
      readonly key: string | undefined;
    };

/** What {@link walkFolder} needs beside the folder. */
export interface WalkOptions {
  /** What is read and what is left out. */
  readonly rules: FileRules;
  /** The form of a path in problems. */
  readonly show: (path: string) => string;
  /** Called with the lower-case extension of every file that is left out. */
  readonly onSkipped: (extension: string) => void;
}

interface Walk extends WalkOptions {
  readonly rootReal: string;
}

/**
 * Finds the files under a folder that its rules take, in order of their names (by code unit). Links to files are followed; links to folders only where they lead out of the given folder
 * to one that was not walked yet, so that nothing is read twice and no loop is followed.
 */
export async function* walkFolder(folder: string, options: WalkOptions): AsyncGenerator<Found> {
  const rootReal = await realpath(folder);
  const walk: Walk = { ...options, rootReal };
  const walked = new Set<string>();
  // Folders are listed and files are given as they are taken from this stack.
  const waiting: WaitingPlace[] = [{ path: folder, key: '', real: rootReal, isFolder: true }];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    if (!place.isFolder) {
      yield { file: { path: place.path, key: place.key, kind: place.kind } };
      continue;
    }
    if (walked.has(place.real)) continue;
    walked.add(place.real);
    const found: WaitingPlace[] = [];
    const listed = await listFolder(place, walk);
    if ('result' in listed) yield { ...listed, key: undefined };
    for (const entry of 'entries' in listed ? listed.entries : []) {
      const seen = await classify(entry, place, walk);
      if (seen === 'ignored') continue;
      if (seen === 'skipped') walk.onSkipped(extname(entry.name).toLowerCase());
      else if ('result' in seen)
        yield { ...seen, key: place.key === '' ? entry.name : `${place.key}/${entry.name}` };
      else found.push(seen);
    }
    for (const next of found.reverse()) waiting.push(next);
  }
}

async function listFolder(
  { path, key }: Place,
  walk: Walk,
): Promise<{ readonly entries: readonly Dirent[] } | { readonly result: ReadResult }> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    await walk.rules.enter(key);
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
  const isFolderLeftOut = (): boolean => walk.rules.leavesOutFolder(place.key);
  if (entry.isDirectory()) return isFolderLeftOut() ? 'ignored' : { ...place, isFolder: true };
  if (entry.isFile()) return asFile(place, walk);
  const asked = asFile(place, walk);
  if (!entry.isSymbolicLink()) return 'skipped';
  try {
    const target = await stat(place.path);
    if (target.isFile()) return asked;
    if (!target.isDirectory()) return 'skipped';
    if (isFolderLeftOut()) return 'ignored';
    const real = await realpath(place.path);
    return leadsAround(real, walk.rootReal) ? 'ignored' : { ...place, real, isFolder: true };
  } catch (error) {
    if (typeof asked === 'string') return asked;
    return { result: unreadable(walk.show(place.path), error) };
  }
}

function asFile(
  place: Place,
  { rules }: Walk,
): (Place & { isFolder: false } & FileOfKind) | 'skipped' | 'ignored' {
  const verdict = rules.judgeFile(place.key);
  if (verdict === 'otherKind') return 'skipped';
  return verdict === 'leftOut' ? 'ignored' : { ...place, isFolder: false, kind: verdict.kind };
}

/** Whether a link to a folder leads back: to where everything is walked anyway, or above it. */
export function leadsAround(targetReal: string, rootReal: string): boolean {
  return isWithin(targetReal, rootReal) || isWithin(rootReal, targetReal);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}
