import { expect, test } from 'bun:test';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, folderSource } from '../../../src/index.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { startTestRuntime } from '../../support/test-runtime.ts';

/** Real documentation in two versions, beside the repository. */
const CORPORA = join(import.meta.dir, '../../../../shared/corpora');

/** Pages in two versions: one is new, one changed, in one a paragraph moved, one is gone. */
const PAGES = join(import.meta.dir, 'pages');

const pagesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => name.replaceAll('\\', '/'))
    .sort();
const wordsOf = (folder: string): Set<string> =>
  new Set(
    pagesOf(folder).flatMap(
      (page) =>
        readFileSync(join(folder, page), 'utf8')
          .toLowerCase()
          .match(/[a-z]{6,}/g) ?? [],
    ),
  );

async function textsOf(dataset: Dataset): Promise<Set<string>> {
  const texts = new Set<string>();
  for await (const { text } of dataset.texts()) texts.add(text);
  return texts;
}

async function keysOf(dataset: Dataset): Promise<string[]> {
  const { items } = await dataset.documents({ limit: 200 });
  return items.map(({ key }) => key).sort();
}

async function proveDelta(before: string, after: string): Promise<void> {
  using folder = makeTempDir();
  const path = folder.join('docs');
  cpSync(before, path, { recursive: true });
  const source = folderSource({ name: 'site', path, include: ['**/*.md'] });
  const { runtime, provider } = await startTestRuntime({ datasets: { 'docs/site': { sources: [source] } } });
  const dataset = runtime.dataset('docs/site');

  const first = await dataset.index({ full: true });
  const oldTexts = await textsOf(dataset);
  expect(first.embeddedCount).toBe(oldTexts.size);
  expect(new Set(provider.texts)).toEqual(oldTexts);
  expect(await keysOf(dataset)).toEqual(pagesOf(path));

  const oldWords = wordsOf(path);
  rmSync(path, { recursive: true });
  cpSync(after, path, { recursive: true });
  provider.reset();
  const second = await dataset.index({ full: true });
  const newTexts = await textsOf(dataset);
  const added = [...newTexts].filter((text) => !oldTexts.has(text));
  expect(added.length).toBeGreaterThan(0);
  expect([...provider.texts].sort()).toEqual(added.sort());
  expect(second.embeddedCount).toBe(added.length);
  expect(second.addedCount + second.changedCount + second.unchangedCount).toBe(pagesOf(path).length);
  expect(await keysOf(dataset)).toEqual(pagesOf(path));
  expect((await dataset.check({ level: 'deep' })).inSync).toBe(true);

  const newWords = wordsOf(path);
  // The text index finds a word by its stem, too.
  const newText = [...newWords].join(' ');
  const gone = [...oldWords].filter((word) => !newText.includes(word.slice(0, 5)));
  expect(gone.length).toBeGreaterThan(0);
  for (const word of gone.slice(0, 20)) expect(await dataset.search(word, { mode: 'text' })).toEqual([]);

  provider.reset();
  const third = await dataset.index({ full: true });
  expect(third).toMatchObject({ changedCount: 0, addedCount: 0, removedCount: 0, embeddedCount: 0 });
  expect(provider.stats().requests).toBe(0);
}

test('of a new version of some pages exactly the new texts are embedded, and what is gone is gone', async () => {
  await proveDelta(join(PAGES, 'old'), join(PAGES, 'new'));
}, 120_000);

const areThere = existsSync(CORPORA);
if (!areThere)
  console.warn('Not checked with real documentation: the corpora at ../shared/corpora are absent.');

test.skipIf(!areThere)(
  'of a new version of real documentation exactly the new texts are embedded, and what is gone is gone',
  async () => {
    await proveDelta(join(CORPORA, 'hono-docs-old'), join(CORPORA, 'hono-docs-new'));
  },
  120_000,
);
