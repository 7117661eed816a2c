import { expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { startTestApi } from '../http/http-fixtures.ts';
import { PATIENCE_MS, picture, ROOT, useBrowser, violationsOf } from './browser.ts';

setDefaultTimeout(4 * PATIENCE_MS);

const browser = useBrowser();

/** A page, and what is there once it is drawn. */
const PAGES: readonly (readonly [name: string, hash: string, ready: string])[] = [
  ['datasets', '#/', '3 datasets'],
  ['overview', '#/datasets/docs/website', 'chunks are searchable'],
  ['search', '#/datasets/docs/website/search?q=after+a+crash', 'passages in'],
  ['documents', '#/datasets/docs/website/documents', 'docs/rest.md'],
  ['document', '#/datasets/docs/website/documents?source=default&key=docs%2Fdocker.md', 'Chunk 1'],
  ['failures', '#/datasets/shop/articles/failures', 'Retry all'],
  ['table', '#/datasets/docs/website/table', 'Rows by the catalog'],
  ['dataset-tasks', '#/datasets/docs/website/tasks', 'ingest'],
  ['tasks', '#/tasks', 'ingest'],
  ['batches', '#/batches', 'There is no batch job.'],
  ['costs', '#/costs', 'Spent today'],
  ['sources', '#/datasets/docs/website/sources', 'Index run'],
  ['dataset-costs', '#/datasets/docs/website/costs', 'What it has cost'],
  ['providers', '#/providers', 'test-model'],
  ['add', '#/add', 'Drop files or folders here'],
  ['no-such-page', '#/none', 'There is no such page.'],
];

const SIZES = [
  ['', { width: 1280, height: 800 }],
  ['-phone', { width: 390, height: 844 }],
] as const;

const ready = (page: Page, text: string): Promise<void> => page.getByText(text).first().waitFor();

/** Some of everything: documents, a failure, an earlier table, a check, tasks. */
async function fill(): Promise<string> {
  const api = await startTestApi();
  await api.runtime.start();
  const website = api.runtime.dataset('docs/website');
  const names = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  await website.ingest(
    names.map((name) => ({
      key: `docs/${name}`,
      content: readFileSync(join(ROOT, 'docs', name), 'utf8'),
      metadata: { path: `docs/${name}` },
    })),
  );
  await website.rebuild();
  await website.check({ level: 'rows' });
  api.provider.poison('POISON');
  await api.runtime.dataset('shop/articles').ingest([
    { key: 'tent', content: 'A light tent.' },
    { key: 'stove', content: 'POISON boils water.' },
  ]);
  await api.runtime.dataset('shop/empty').create();
  return api.url;
}

test('every page is for everybody, in both themes and on a phone, without an error in the console', async () => {
  const url = await fill();
  const { page, errors } = await browser.open();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const [suffix, size] of SIZES) {
      await page.setViewportSize(size);
      for (const [name, hash, text] of PAGES) {
        await page.goto(`${url}/${hash}`);
        await ready(page, text);
        await picture(page, `${name}-${colorScheme}${suffix}`);
        const isTooWide = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return scrollWidth > clientWidth;
        });
        expect([name, suffix, isTooWide]).toEqual([name, suffix, false]);
        if (suffix === '') expect([name, await violationsOf(page)]).toEqual([name, []]);
      }
    }
  }
  await page.goto(`${url}/#/datasets/docs/website/table`);
  await page.getByRole('button', { name: 'Rebuild' }).click();
  expect(await violationsOf(page)).toEqual([]);
  await picture(page, 'dialog-dark-phone');
  expect(errors).toEqual([]);
  await page.context().close();
});

test('login and first run are for everybody, too', async () => {
  const locked = await startTestApi({ http: { apiKeys: ['write-key-0123456789'] } });
  await locked.runtime.start();
  const { page, errors } = await browser.open();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.goto(locked.url);
    await ready(page, 'This server asks for a key.');
    expect(await violationsOf(page)).toEqual([]);
    await picture(page, `login-${colorScheme}`);
    await page.getByLabel('API key').fill('write-key-0123456789');
    await page.keyboard.press('Enter');
    await ready(page, 'Make your files searchable');
    expect(await violationsOf(page)).toEqual([]);
    await picture(page, `first-run-${colorScheme}`);
    await page.getByRole('button', { name: 'Log out' }).click();
  }
  expect(errors).toEqual([]);
  await page.context().close();
});
