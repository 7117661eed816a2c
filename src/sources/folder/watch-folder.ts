import { stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { type ChokidarOptions, type FSWatcher, watch } from 'chokidar';
import { SynclineError, toSynclineError } from '../../domain/errors.ts';
import { createFileRules, type FileRules } from '../../readers/file-rules.ts';
import { isGone } from '../../readers/find-file.ts';
import { unreadable } from '../../readers/problems.ts';
import { walkFolder } from '../../readers/walk-folder.ts';
import type { SourceListener, SourceWatch } from '../source-listener.ts';
import type { FolderSourceDefinition } from './folder-definition.ts';

/** Opens what notices changes; chokidar's `watch`. */
export type OpenWatcher = (path: string, options: ChokidarOptions) => FSWatcher;

/** Events are gathered this long before they are told: a thousand files are not a thousand calls. */
const GATHER_MS = 50;
/** Beyond, there is no use in telling which. */
const GATHERED_MAX = 10_000;
const POLLING_INTERVAL_MS = 1_000;
/** The system has no more room for watches (inotify) or files, as Bun and Deno say it. */
const NO_ROOM = /^(?:ENOSPC|EMFILE|ENFILE)$|watch limit reached|too many open files/i;

/**
 * Watches the files of a folder that are its documents until it is closed. Where the system has no room for more watches, or does not
 * tell of changes by itself, they are looked for every second.
 */
export function watchFolder(
  definition: FolderSourceDefinition,
  cwd: string,
  listener: SourceListener,
  open: OpenWatcher = watch,
): SourceWatch {
  const { gitignore = true } = definition;
  const root = resolve(cwd, definition.path);
  let isPolling = definition.polling ?? false;
  let isClosed = false;
  let watching: Promise<FSWatcher | undefined> = begin();

  async function begin(): Promise<FSWatcher | undefined> {
    try {
      const rules = await readRules(root, definition);
      if (isClosed) return undefined;
      return attend(rules);
    } catch (error) {
      fail(error);
      return undefined;
    }
  }

  function fail(error: unknown): void {
    if (isClosed) return;
    void close();
    listener.onFailed(toWatchError(definition, error));
  }

  function attend(rules: FileRules): FSWatcher {
    const watcher = open(root, {
      ignoreInitial: true,
      // Links lead to what is watched by nobody, or twice.
      followSymlinks: false,
      // Whether a file is there is asked when it is read: nothing has to be made of an unlink and an add.
      atomic: false,
      ignorePermissionErrors: true,
      ignored: (path, stats) => isIgnored(rules, gitignore, keyOf(root, path), stats),
      ...(isPolling ? { backend: 'polling', pollingInterval: POLLING_INTERVAL_MS } : {}),
    });
    // One that was closed may have something to say still.
    const isCurrent = (): boolean => !isClosed && !watcher.closed;
    const gathered = createGathering((keys, eventCount) => {
      if (isClosed) return;
      if (keys.size > GATHERED_MAX) listener.onLost();
      else listener.onChanged([...keys], eventCount);
    });
    const note = (key: string): void => {
      if (basename(key) === '.gitignore' && gitignore) restart();
      else if (typeof rules.judgeFile(key) !== 'string') gathered.add(key);
    };
    // That a folder was moved or removed is told in the same way as a loss.
    const noteLoss = async (folder: string): Promise<void> => {
      if (!(await isGone(folder)) && isCurrent()) listener.onLost();
    };
    watcher.on('all', (event, path) => {
      if (!isCurrent()) return;
      const key = keyOf(root, path);
      if (key !== '') note(key);
      else if (event === 'unlinkDir') fail(new Error('it has vanished'));
    });
    // What the system says: of many files at once that were replaced by others, chokidar tells of a few only.
    watcher.on('raw', (_event, name, details) => {
      if (!isCurrent() || isPolling) return;
      gathered.count();
      const folder = String((details as { readonly watchedPath?: unknown } | undefined)?.watchedPath);
      const isNamed = typeof name === 'string' && name !== '';
      const key = isNamed ? keyOf(root, join(folder, name)) : '';
      // What was watched may be a file, or the folder that the root is in.
      if (key !== '' && !key.startsWith('..')) note(key);
      // Lost events are told of by none, or (in Deno) as a change of the folder by its own name.
      const isOwnName = basename(folder) === name && watcher.getWatched()[folder]?.includes(name) !== true;
      if (!isNamed || isOwnName) void noteLoss(folder);
    });
    watcher.on('error', (error) => {
      if (!isCurrent()) return;
      if (!isPolling && isNoRoom(error)) {
        isPolling = true;
        restart();
      } else fail(error);
    });
    watcher.once('ready', () => {
      if (isCurrent()) listener.onReady(isPolling ? 'polling' : 'native');
    });
    return watcher;
  }

  function restart(): void {
    const before = watching;
    watching = (async () => {
      await (await before)?.close();
      return isClosed ? undefined : begin();
    })();
  }

  async function close(): Promise<void> {
    isClosed = true;
    await (await watching)?.close();
  }

  return { close };
}

/** The rules, with every `.gitignore` read: they are asked about paths without a pause. */
async function readRules(root: string, definition: FolderSourceDefinition): Promise<FileRules> {
  if (!(await stat(root)).isDirectory()) throw new Error('it is no folder');
  const rules = await createFileRules(root, definition);
  const walk = walkFolder(root, { rules, show: (path) => path, onSkipped: () => undefined });
  // What cannot be read is told when it is read.
  for await (const _ of walk);
  return rules;
}

function isIgnored(
  rules: FileRules,
  gitignore: boolean,
  key: string,
  stats: { isDirectory(): boolean } | undefined,
): boolean {
  // Asked once before it is known what stands there.
  if (key === '' || stats === undefined) return false;
  if (stats.isDirectory()) return rules.leavesOutFolder(key);
  if (gitignore && basename(key) === '.gitignore') return false;
  return typeof rules.judgeFile(key) === 'string';
}

/** Gathers what has changed for a moment, and how many events said so. */
function createGathering(tell: (keys: ReadonlySet<string>, eventCount: number) => void): {
  add(key: string): void;
  count(): void;
} {
  let keys = new Set<string>();
  let eventCount = 0;
  let isWaiting = false;
  return {
    add(key) {
      if (keys.size <= GATHERED_MAX) keys.add(key);
      if (isWaiting) return;
      isWaiting = true;
      setTimeout(() => {
        const told = { keys, eventCount };
        keys = new Set();
        eventCount = 0;
        isWaiting = false;
        tell(told.keys, told.eventCount);
      }, GATHER_MS);
    },
    count() {
      eventCount += 1;
    },
  };
}

function keyOf(root: string, path: string): string {
  return relative(root, path).replaceAll(sep, '/');
}

function isNoRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return NO_ROOM.test('code' in error ? String(error.code) : '') || NO_ROOM.test(error.message);
}

function toWatchError({ name, path }: FolderSourceDefinition, cause: unknown): SynclineError {
  if (cause instanceof SynclineError) return cause;
  const result = unreadable(path, cause);
  const reason = 'problem' in result ? result.problem.message : toSynclineError(cause).message;
  return new SynclineError('SOURCE_UNREADABLE', `The source "${name}" cannot be watched: ${reason}`, {
    // A folder may come back.
    retryable: true,
    details: { source: name },
    cause,
  });
}
