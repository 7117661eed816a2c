import { expect, test } from 'bun:test';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { folderSource, type Syncline } from '../../src/index.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { startTestRuntime, waitFor } from '../support/test-runtime.ts';

interface Watched extends Disposable {
  readonly dir: TempDir;
  readonly runtime: Syncline;
  readonly provider: Awaited<ReturnType<typeof startTestRuntime>>['provider'];
  readonly events: Awaited<ReturnType<typeof startTestRuntime>>['events'];
  /** Paths of all documents that are searchable. */
  paths(): Promise<string[]>;
  untilPaths(...paths: string[]): Promise<void>;
  /** Deltas that were handed on. */
  deltaCount(): number;
  untilQuiet(): Promise<void>;
}

function textOf(name: string): string {
  return `The file ${name} tells of ${name} and of nothing else.\n`;
}

async function startWatching(files: readonly string[]): Promise<Watched> {
  const dir = makeTempDir();
  mkdirSync(dir.join('docs/sub'), { recursive: true });
  for (const name of files) writeFileSync(dir.join('docs', name), textOf(name));
  const { runtime, provider, events } = await startTestRuntime();
  const dataset = runtime.dataset('team/notes');
  await dataset.create();
  await dataset.setSources([folderSource({ name: 'docs', path: dir.join('docs'), watch: true })]);
  await runtime.start();
  const watcher = () => runtime.actors.live().find(({ id }) => id.startsWith('watcher:'));
  const context = () => watcher()?.actor.getSnapshot().context as { readonly deltaCount: number } | undefined;
  const paths = async (): Promise<string[]> => {
    const page = await dataset.documents({ limit: 500 });
    return page.items.map(({ key }) => key).sort();
  };
  return {
    dir,
    runtime,
    provider,
    events,
    paths,
    untilPaths: (...wanted) =>
      waitFor(
        `the documents ${wanted.join(', ')}`,
        async () => JSON.stringify(await paths()) === JSON.stringify([...wanted].sort()),
      ),
    deltaCount: () => context()?.deltaCount ?? 0,
    untilQuiet: () =>
      waitFor('the watcher to be quiet', () => {
        const snapshot = watcher()?.actor.getSnapshot();
        return (
          JSON.stringify(snapshot?.value).includes('"deltas":"quiet"') && (context()?.deltaCount ?? 0) > 0
        );
      }),
    [Symbol.dispose]: dir.remove,
  };
}

test('a started runtime indexes what is in a watched folder, and what changes in it', async () => {
  using watched = await startWatching(['a.md', 'sub/b.md']);
  const { dir, runtime, untilPaths, untilQuiet, events } = watched;
  await untilPaths('a.md', 'sub/b.md');
  await untilQuiet();
  writeFileSync(dir.join('docs/new.md'), textOf('new'));
  writeFileSync(dir.join('docs/a.md'), 'Something about elephants.\n');
  rmSync(dir.join('docs/sub/b.md'));
  await untilPaths('a.md', 'new.md');
  await waitFor('the changed text', async () => {
    const [first] = await runtime.dataset('team/notes').search('elephants', { mode: 'text' });
    return first?.key === 'a.md';
  });
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'watch.ready', address: 'team/notes', source: 'docs', mode: 'native' }),
  );
  const [view] = runtime.actors.list({ limit: 10, machine: 'watcher' });
  expect(view).toMatchObject({ id: 'watcher:1', address: 'team/notes', context: { source: 'docs' } });
}, 120_000);

test('a file or folder that gets another name is not embedded again', async () => {
  const names = Array.from({ length: 30 }, (_, number) => `${number}.md`);
  using watched = await startWatching(['a.md', ...names.map((name) => `sub/${name}`)]);
  const { dir, provider, untilPaths, untilQuiet } = watched;
  await untilPaths('a.md', ...names.map((name) => `sub/${name}`));
  await untilQuiet();
  const before = provider.texts.length;
  expect(before).toBeGreaterThan(0);
  renameSync(dir.join('docs/a.md'), dir.join('docs/renamed.md'));
  renameSync(dir.join('docs/sub'), dir.join('docs/moved'));
  await untilPaths('renamed.md', ...names.map((name) => `moved/${name}`));
  await untilQuiet();
  expect(provider.texts.length).toBe(before);
}, 120_000);

test('a thousand files that are saved at once become a few deltas, and every one is indexed', async () => {
  using watched = await startWatching(['a.md']);
  const { dir, runtime, untilPaths, untilQuiet, deltaCount } = watched;
  await untilPaths('a.md');
  await untilQuiet();
  const before = deltaCount();
  for (let number = 0; number < 1_000; number += 1) {
    const path = dir.join(`docs/sub/${number}.md`);
    writeFileSync(`${path}.tmp`, textOf(`number ${number}`));
    renameSync(`${path}.tmp`, path);
  }
  const dataset = runtime.dataset('team/notes');
  await waitFor(
    'a thousand documents',
    async () => (await dataset.status()).counts.documents === 1_001,
    120_000,
  );
  await untilQuiet();
  expect(deltaCount() - before).toBeLessThan(10);
}, 120_000);

test('a folder that vanishes takes nothing with it, and is watched again when it is back', async () => {
  using watched = await startWatching(['a.md', 'sub/b.md']);
  const { dir, events, paths, untilPaths, untilQuiet } = watched;
  await untilPaths('a.md', 'sub/b.md');
  await untilQuiet();
  renameSync(dir.join('docs'), dir.join('away'));
  await waitFor('the failure', () => events.some(({ type }) => type === 'watch.failed'));
  expect(await paths()).toEqual(['a.md', 'sub/b.md']);
  writeFileSync(dir.join('away/c.md'), textOf('c'));
  renameSync(dir.join('away'), dir.join('docs'));
  await untilPaths('a.md', 'c.md', 'sub/b.md');
}, 120_000);

test('a source is watched as long as it is there and wants to be', async () => {
  using watched = await startWatching(['a.md']);
  const { dir, runtime, untilPaths } = watched;
  await untilPaths('a.md');
  const dataset = runtime.dataset('team/notes');
  const watchers = (): number => runtime.actors.list({ limit: 10, machine: 'watcher' }).length;
  await dataset.setSources([folderSource({ name: 'docs', path: dir.join('docs') })]);
  await waitFor('the end of the watcher', () => watchers() === 0);
  await dataset.setSources([folderSource({ name: 'docs', path: dir.join('docs'), watch: true })]);
  await waitFor('another watcher', () => watchers() === 1);
  await runtime.halt();
  expect(watchers()).toBe(0);
  await runtime.start();
  await waitFor('the watcher of the next worker', () => watchers() === 1);
}, 120_000);

test('sources beyond those that a worker watches are told, until there is room', async () => {
  using dir = makeTempDir();
  const { runtime, events } = await startTestRuntime({ watchedSourcesMax: 1 });
  const sources = ['a', 'b', 'c'].map((name) => {
    mkdirSync(dir.join(name));
    writeFileSync(dir.join(name, 'text.md'), textOf(name));
    return folderSource({ name, path: dir.join(name), watch: true });
  });
  const dataset = runtime.dataset('team/notes');
  await dataset.create();
  await dataset.setSources(sources);
  await runtime.start();
  await waitFor('the limit', () => events.some(({ type }) => type === 'watch.limitReached'));
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'watch.limitReached', sources: 2, sourcesMax: 1 }),
  );
  expect((await dataset.status()).unwatchedSources).toEqual(['b', 'c']);
  const { isReady, checks } = await runtime.health();
  expect(isReady).toBe(true);
  expect(checks).toContainEqual({
    subject: 'watching',
    isOk: false,
    code: undefined,
    detail: expect.stringContaining('2 sources are not watched: a worker watches 1'),
  });
  await dataset.setSources([sources[1] ?? expect.unreachable()]);
  await waitFor('room', async () => (await dataset.status()).unwatchedSources.length === 0);
  // What has been removed is told by nobody; what is left is watched.
  await waitFor('the other', async () =>
    (await dataset.documents()).items.some(({ source }) => source === 'b'),
  );
}, 120_000);

test('a watched source that cannot be kept up with is told by health, and by nothing once it can', async () => {
  using watched = await startWatching(['a.md', 'b.md']);
  const { dir, runtime, untilPaths } = watched;
  await untilPaths('a.md', 'b.md');
  renameSync(dir.join('docs'), dir.join('gone'));
  const check = async () =>
    (await runtime.health()).checks.find(({ subject }) => subject === 'watching') ?? expect.unreachable();
  await waitFor('the trouble', async () => !(await check()).isOk, 20_000);
  expect(await check()).toMatchObject({ code: 'SOURCE_UNREADABLE', detail: expect.stringContaining('Of 1') });
  renameSync(dir.join('gone'), dir.join('docs'));
  await waitFor('its end', async () => (await check()).isOk, 30_000);
}, 240_000);
