import { stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, posix, relative, resolve, sep } from 'node:path';
import { SynclineError, throwIfAborted } from '../domain/errors.ts';
import { fileKind } from './file-kind.ts';
import { createFileRules, type FileSelection } from './file-rules.ts';
import { createPdfReader } from './pdf/pdf-reader.ts';
import { unreadable } from './problems.ts';
import { type FileReading, readOneFile } from './read-file.ts';
import { readJsonl } from './read-jsonl.ts';
import type { ReadResult, SkippedFiles } from './read-result.ts';
import { walkFolder } from './walk-folder.ts';

/** Options of {@link readDocuments}; which files of folders are read is up to the selection. */
export interface ReadOptions extends FileSelection {
  /** Largest file, and longest line of a JSONL file, in bytes. Default 16 MiB. */
  readonly bytesMax?: number;
  /** The folder that relative paths and the keys of single files start from. Default the current folder. */
  readonly cwd?: string;
  /** What the path `-` reads. Default the standard input of the process. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

/** Largest file that is read where nobody says otherwise, in bytes. */
export const BYTES_MAX_DEFAULT = 16 * 1024 * 1024;
const SKIPPED_EXTENSIONS_MAX = 100;

/**
 * Turns files into documents, one at a time and in a stable order; nothing is collected, one file is open at a time.
 *
 * - A **folder** is walked: Markdown (.md, …), text (.txt, .rst, …), HTML, source code, PDF and JSON Lines, or what `include` names.
 *   Files of other kinds are counted and given once at the end as `skipped`; what rules leave out is not.
 * - A **file** is read whatever its extension is, an unknown one as text.
 * - The **key** is the path relative to `cwd` with forward slashes, so that files of one name in several folders stay
 *   apart. Of what is outside of `cwd` it begins with the folder's own name, so that it does not change with where the
 *   folder is.
 * - **`-`** is the standard input as JSON Lines. The keys of JSON Lines are in the lines.
 *
 * Documents carry `metadata: { path, extension }` and the title of their front matter, first H1 or `<title>`. What cannot be
 * read is a `problem` among the results and never stops the others.
 *
 * @throws SynclineError `INVALID_OPTION` for a bad `bytesMax`, `ABORTED` when the signal is aborted.
 */
export async function* readDocuments(
  paths: readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<ReadResult, void, undefined> {
  const { bytesMax = BYTES_MAX_DEFAULT, cwd = process.cwd(), stdin = process.stdin, signal } = options;
  if (!Number.isSafeInteger(bytesMax) || bytesMax < 1) {
    throw new SynclineError(
      'INVALID_OPTION',
      `The option bytesMax must be a whole number of bytes from 1, not ${bytesMax}.`,
    );
  }
  const skipped = createSkippedCount();
  const pdf = createPdfReader({ signal });
  try {
    for (const path of paths) {
      const results =
        path === '-'
          ? readJsonl(stdin, '-', bytesMax)
          : readPath(path, cwd, options, { bytesMax, pdf, onBinary: skipped.add });
      for await (const result of results) {
        throwIfAborted(signal);
        yield result;
      }
      throwIfAborted(signal);
    }
  } finally {
    await pdf.close();
  }
  const counted = skipped.total();
  if (counted.count > 0) yield { skipped: counted };
}

async function* readPath(
  path: string,
  cwd: string,
  selection: FileSelection,
  reading: FileReading & { readonly onBinary: (extension: string) => void },
): AsyncGenerator<ReadResult> {
  const absolute = resolve(cwd, path);
  const show = (place: string): string => relativeTo(cwd, place);
  let isFolder: boolean;
  try {
    isFolder = (await stat(absolute)).isDirectory();
  } catch (error) {
    yield unreadable(path, error);
    return;
  }
  const key = keyOf(cwd, absolute, isFolder);
  if (!isFolder) {
    const { bytesMax, pdf } = reading;
    const file = { path: absolute, shown: show(absolute), key, kind: fileKind(absolute) };
    yield* readOneFile(file, { bytesMax, pdf });
    return;
  }
  const rules = await createFileRules(absolute, selection);
  for await (const found of walkFolder(absolute, { rules, show, onSkipped: reading.onBinary })) {
    if ('result' in found) yield found.result;
    else {
      const { file } = found;
      const place = { ...file, shown: show(file.path), key: posix.join(key, file.key) };
      yield* readOneFile(place, reading);
    }
  }
}

/** What the key of a file is, or begins with for all files of a folder; empty for `cwd` itself. */
function keyOf(cwd: string, path: string, isFolder: boolean): string {
  if (isInside(cwd, path)) return relativeTo(cwd, path);
  if (path === resolve(cwd)) return '';
  return isFolder ? basename(path) : `${basename(dirname(path))}/${basename(path)}`;
}

/** `path` relative to `folder` when it is inside, else absolute; with forward slashes. */
function relativeTo(folder: string, path: string): string {
  return (isInside(folder, path) ? relative(folder, path) : path).replaceAll(sep, '/');
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function createSkippedCount(): {
  readonly add: (extension: string) => void;
  readonly total: () => SkippedFiles;
} {
  const byExtension = new Map<string, number>();
  let count = 0;
  return {
    add(extension) {
      count += 1;
      const known = byExtension.get(extension);
      if (known !== undefined || byExtension.size < SKIPPED_EXTENSIONS_MAX)
        byExtension.set(extension, (known ?? 0) + 1);
    },
    total: () => ({ count, byExtension: Object.fromEntries(byExtension) }),
  };
}
