import { stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { SynclineError, throwIfAborted } from '../domain/errors.ts';
import { unreadable } from './problems.ts';
import { readOneFile } from './read-file.ts';
import { readJsonl } from './read-jsonl.ts';
import type { ReadResult, SkippedFiles } from './read-result.ts';
import { walkFolder } from './walk-folder.ts';

/** Options of {@link readDocuments}. */
export interface ReadOptions {
  /** Largest file, and longest line of a JSONL file, in bytes. Default 16 MiB. */
  readonly bytesMax?: number;
  /** The folder that relative paths and the keys of single files start from. Default the current folder. */
  readonly cwd?: string;
  /** What the path `-` reads. Default the standard input of the process. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

const BYTES_MAX_DEFAULT = 16 * 1024 * 1024;
const SKIPPED_EXTENSIONS_MAX = 100;

/**
 * Turns files into documents, one at a time and in a stable order; nothing is collected, one file is open at a time.
 *
 * - A **folder** is walked: Markdown (.md, .mdx, .markdown), text (.txt, .rst, .adoc, …), HTML (.html, .htm) and JSON Lines
 *   (.jsonl, .ndjson). The key is the path relative to that folder with forward slashes, so it does not change with where
 *   the folder is. Files of other kinds are counted and given once at the end as `skipped`.
 * - A **file** is read whatever its extension is, an unknown one as text. Its key is its path relative to `cwd`, or its
 *   absolute path when it is outside: two files of one name never overwrite each other.
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
  for (const path of paths) {
    const results =
      path === '-' ? readJsonl(stdin, '-', bytesMax) : readPath(path, cwd, bytesMax, skipped.add);
    for await (const result of results) {
      throwIfAborted(signal);
      yield result;
    }
    throwIfAborted(signal);
  }
  const counted = skipped.total();
  if (counted.count > 0) yield { skipped: counted };
}

async function* readPath(
  path: string,
  cwd: string,
  bytesMax: number,
  onSkipped: (extension: string) => void,
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
  if (!isFolder) {
    yield* readOneFile({ path: absolute, shown: show(absolute), key: show(absolute) }, bytesMax);
    return;
  }
  for await (const found of walkFolder(absolute, { show, onSkipped })) {
    if ('result' in found) yield found.result;
    else yield* readOneFile({ ...found.file, shown: show(found.file.path) }, bytesMax);
  }
}

/** `path` relative to `folder` when it is inside, else absolute; with forward slashes. */
function relativeTo(folder: string, path: string): string {
  const way = relative(folder, path);
  const isOutside = way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
  return (isOutside ? path : way).replaceAll(sep, '/');
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
