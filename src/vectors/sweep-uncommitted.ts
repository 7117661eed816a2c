import { Buffer } from 'node:buffer';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessGone } from './sweep-leftovers.ts';

/*
 * Files of commits that never were: a writer was killed after it had written rows or an index, and before the manifest that
 * names them. LanceDB's own clean-up takes them for another writer's work under way for a week; told not to
 * (`deleteUnverified`), it removes whatever no manifest named when it began to look, and a worker that is stopped in the
 * middle of that, loses its lease and goes on would remove what the next one has committed since. Hence only what is
 * older than the own lease is removed here: whoever holds the next one writes later.
 */

/** Data files: 24 binary digits and 26 hexadecimal ones, which manifests hold as they are. Others are left alone. */
const DATA = 'data';
const DATA_FILE = /[01]{24}[0-9a-f]{26}\.lance/g;
/** One folder per index, named by an id that manifests hold as 16 bytes. */
const INDICES = '_indices';
const INDEX_FOLDER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Removes files of no version that were last changed at `beforeMs` (Unix milliseconds) or earlier.
 *
 * @param folder the `<name>.lance` folder.
 */
export async function sweepUncommitted(folder: string, beforeMs: number): Promise<void> {
  const data = new Set(await olderEntries(join(folder, DATA), DATA_FILE, beforeMs));
  const indices = new Set(await olderEntries(join(folder, INDICES), INDEX_FOLDER, beforeMs));
  let namesSeen = 0;
  for (const manifest of await manifestsOf(folder)) {
    const bytes = await unlessGone(readFile(manifest));
    if (bytes === undefined) continue;
    for (const [name] of bytes.toString('latin1').matchAll(DATA_FILE)) {
      data.delete(name);
      namesSeen += 1;
    }
    for (const id of indices) {
      if (bytes.includes(Buffer.from(id.replaceAll('-', ''), 'hex'))) indices.delete(id);
    }
  }
  // A table without any row, or manifests of a kind that is not known here: nothing is certain.
  if (namesSeen === 0) return;
  const left = [...[...data].map((name) => join(DATA, name)), ...[...indices].map((id) => join(INDICES, id))];
  for (const path of left) await rm(join(folder, path), { recursive: true, force: true });
}

async function olderEntries(folder: string, pattern: RegExp, beforeMs: number): Promise<string[]> {
  const names = ((await unlessGone(readdir(folder))) ?? []).filter(
    (name) => name.match(pattern)?.[0] === name,
  );
  const older: string[] = [];
  for (const name of names) {
    const mtimeMs = (await unlessGone(stat(join(folder, name))))?.mtimeMs;
    if (mtimeMs !== undefined && Math.floor(mtimeMs) <= beforeMs) older.push(name);
  }
  return older;
}

async function manifestsOf(folder: string): Promise<string[]> {
  const versions = join(folder, '_versions');
  const names = (await unlessGone(readdir(versions))) ?? [];
  return names.filter((name) => name.endsWith('.manifest')).map((name) => join(versions, name));
}
