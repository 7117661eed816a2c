import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { type ChokidarOptions, watch } from 'chokidar';
import type { SynclineError } from '../../src/domain/errors.ts';
import { type FolderSourceDefinition, folderSource } from '../../src/sources/folder/folder-definition.ts';
import { type OpenWatcher, watchFolder } from '../../src/sources/folder/watch-folder.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/test-runtime.ts';

interface Watched {
  readonly dir: TempDir;
  /** Everything that was told since {@link forget}. */
  readonly ids: Set<string>;
  readonly modes: string[];
  readonly errors: SynclineError[];
  lostCount: number;
  callCount: number;
  forget(): void;
  /** Waits until exactly these were told of, at least. */
  untilTold(...ids: string[]): Promise<void>;
}

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  while (open.length > 0) await open.pop()?.();
});

async function startWatching(
  files: Readonly<Record<string, string>> = {},
  options: Partial<FolderSourceDefinition> = {},
  opener?: OpenWatcher,
): Promise<Watched> {
  const dir = makeTempDir();
  open.push(async () => dir.remove());
  mkdirSync(dir.join('docs', 'sub'), { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(dir.join('docs', path), text);
  const watched: Watched = {
    dir,
    ids: new Set(),
    modes: [],
    errors: [],
    lostCount: 0,
    callCount: 0,
    forget() {
      watched.ids.clear();
      watched.callCount = 0;
    },
    untilTold: (...ids) =>
      waitFor(`changes of ${ids.join(', ')}`, () => ids.every((id) => watched.ids.has(id))),
  };
  const definition = folderSource({ name: 'docs', path: 'docs', ...options });
  const listener = {
    onReady: (mode: string) => void watched.modes.push(mode),
    onChanged(ids: readonly string[]) {
      watched.callCount += 1;
      for (const id of ids) watched.ids.add(id);
    },
    onLost() {
      watched.lostCount += 1;
    },
    onFailed: (error: SynclineError) => void watched.errors.push(error),
  };
  const watching = watchFolder(definition, dir.path, listener, opener);
  open.push(() => watching.close());
  await waitFor('the watcher', () => watched.modes.length + watched.errors.length > 0);
  return watched;
}

describe('whoever watches a folder', () => {
  test('is told of files that are new, changed, replaced, moved and gone, at any depth', async () => {
    const { dir, ids, untilTold, forget } = await startWatching({ 'a.md': 'a', 'sub/b.md': 'b' });
    writeFileSync(dir.join('docs/new.md'), 'n');
    writeFileSync(dir.join('docs/sub/b.md'), 'changed');
    await untilTold('new.md', 'sub/b.md');
    forget();
    renameSync(dir.join('docs/a.md'), dir.join('docs/moved.md'));
    await untilTold('a.md', 'moved.md');
    forget();
    unlinkSync(dir.join('docs/moved.md'));
    mkdirSync(dir.join('docs/x/y/z'), { recursive: true });
    writeFileSync(dir.join('docs/x/y/z/deep.md'), 'd');
    await untilTold('moved.md', 'x/y/z/deep.md');
    forget();
    renameSync(dir.join('docs/x'), dir.join('docs/sub/x'));
    await untilTold('x/y/z/deep.md', 'sub/x/y/z/deep.md');
    forget();
    rmSync(dir.join('docs/sub'), { recursive: true });
    await untilTold('sub/b.md', 'sub/x/y/z/deep.md');
    forget();
    // A folder that is made again is watched again.
    mkdirSync(dir.join('docs/sub'));
    writeFileSync(dir.join('docs/sub/b.md'), 'again');
    await untilTold('sub/b.md');
    expect([...ids]).toEqual(['sub/b.md']);
  });

  test('is told of every file of a burst, in a few calls', async () => {
    const watched = await startWatching();
    const names = Array.from({ length: 1_000 }, (_, index) => `sub/${index}.md`);
    for (const replaced of [false, false, true]) {
      watched.forget();
      for (const name of names) {
        const path = watched.dir.join('docs', name);
        writeFileSync(replaced ? `${path}.new` : path, `${replaced} ${Math.random()}`);
        if (replaced) renameSync(`${path}.new`, path);
      }
      await watched.untilTold(...names);
      expect(watched.ids.size).toBe(1_000);
      expect(watched.callCount).toBeLessThan(50);
    }
    expect(watched.errors).toEqual([]);
  }, 120_000);

  test('hears of a file once it is saved, and of nothing that editors do beside it', async () => {
    const { dir, ids, untilTold } = await startWatching({ 'vim.md': 'v', 'code.md': 'c', 'idea.md': 'i' });
    const at = (name: string): string => dir.join('docs', name);
    // Vim: a probe, a swap file, a backup, a new file under the old name.
    writeFileSync(at('4913'), '');
    unlinkSync(at('4913'));
    writeFileSync(at('.vim.md.swp'), 'swap');
    renameSync(at('vim.md'), at('vim.md~'));
    writeFileSync(at('vim.md'), 'saved');
    unlinkSync(at('vim.md~'));
    unlinkSync(at('.vim.md.swp'));
    // VS Code: in place. JetBrains: a new file, the old one aside, the new one in its place.
    writeFileSync(at('code.md'), 'saved');
    writeFileSync(at('idea.md___jb_tmp___'), 'saved');
    renameSync(at('idea.md'), at('idea.md___jb_old___'));
    renameSync(at('idea.md___jb_tmp___'), at('idea.md'));
    unlinkSync(at('idea.md___jb_old___'));
    // Emacs: a lock, an automatic save, a backup.
    writeFileSync(at('#emacs.md#'), 'auto');
    writeFileSync(at('.#emacs.md'), 'lock');
    writeFileSync(at('last.md'), 'l');
    await untilTold('vim.md', 'code.md', 'idea.md', 'last.md');
    expect([...ids].sort()).toEqual(['code.md', 'idea.md', 'last.md', 'vim.md']);
  });

  test('hears of nothing that is left out, and is told that all may be different when a .gitignore changes', async () => {
    const watched = await startWatching(
      { '.gitignore': 'private.md\n', 'private.md': 'p' },
      { exclude: ['drafts'] },
    );
    const { dir, ids, modes, untilTold } = watched;
    mkdirSync(dir.join('docs/drafts'));
    mkdirSync(dir.join('docs/node_modules'));
    writeFileSync(dir.join('docs/drafts/d.md'), 'd');
    writeFileSync(dir.join('docs/node_modules/n.md'), 'n');
    writeFileSync(dir.join('docs/private.md'), 'changed');
    writeFileSync(dir.join('docs/image.png'), 'i');
    writeFileSync(dir.join('docs/last.md'), 'l');
    await untilTold('last.md');
    expect([...ids]).toEqual(['last.md']);
    writeFileSync(dir.join('docs/.gitignore'), 'other.md\n');
    await waitFor('the second beginning', () => modes.length === 2);
    writeFileSync(dir.join('docs/private.md'), 'again');
    await untilTold('private.md');
  });

  test('is told when the folder vanishes, and when there is none', async () => {
    const watched = await startWatching({ 'a.md': 'a' });
    rmSync(watched.dir.join('docs'), { recursive: true });
    await waitFor('the failure', () => watched.errors.length > 0);
    expect(watched.errors).toMatchObject([{ code: 'SOURCE_UNREADABLE', retryable: true }]);
    const none = await startWatching({}, { path: 'nowhere' });
    expect(none.errors).toMatchObject([{ code: 'SOURCE_UNREADABLE', retryable: true }]);
    expect(none.errors[0]?.message).toContain('no such file or folder');
  });

  test('gets changes by looking for them where the system has no more room for watches', async () => {
    const noRoom: OpenWatcher = (path, options: ChokidarOptions) => {
      const watcher = watch(path, options);
      if (options.backend !== 'polling') {
        const error = Object.assign(new Error('no space left on device, watch'), { code: 'ENOSPC' });
        queueMicrotask(() => watcher.emit('error', error));
      }
      return watcher;
    };
    const { dir, modes, errors, untilTold } = await startWatching({ 'a.md': 'a' }, {}, noRoom);
    expect(modes).toEqual(['polling']);
    writeFileSync(dir.join('docs/a.md'), 'changed');
    await untilTold('a.md');
    expect(errors).toEqual([]);
  });

  test('gets changes by looking for them where that is asked for', async () => {
    const { dir, modes, untilTold } = await startWatching({ 'sub/a.md': 'a' }, { polling: true });
    expect(modes).toEqual(['polling']);
    writeFileSync(dir.join('docs/sub/a.md'), 'changed');
    writeFileSync(dir.join('docs/b.md'), 'new');
    await untilTold('sub/a.md', 'b.md');
  });
});
