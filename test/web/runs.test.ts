import { expect, setDefaultTimeout, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { createOpenAiEmbedder } from '../../src/index.ts';
import { startTestApi } from '../http/http-fixtures.ts';
import { startEmbeddingServer } from '../support/embedding-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/test-runtime.ts';
import { PATIENCE_MS, useBrowser } from './browser.ts';

setDefaultTimeout(3 * PATIENCE_MS);

const browser = useBrowser();

const press = (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click();

/** A dataset with a file of lines as its source. */
async function startWithSource() {
  const folder = makeTempDir();
  const path = folder.join('orders.jsonl');
  const write = (...lines: object[]) =>
    writeFileSync(path, lines.map((line) => JSON.stringify(line)).join('\n'));
  write({ key: 'a', content: 'One.' }, { key: 'b', content: 'Two.' });
  const api = await startTestApi();
  await api.runtime.start();
  const dataset = api.runtime.dataset('shop/orders');
  await dataset.create();
  await dataset.setSources([{ kind: 'jsonl', name: 'erp', path }]);
  return { api, dataset, folder, path, write };
}

test('a source is read by clicking, what has changed and everything, and its schedule is set and seen', async () => {
  const { api, dataset, folder, write } = await startWithSource();
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/datasets/shop/orders/sources`);
  const source = page.getByRole('row', { name: /erp/ });
  await source.getByText('jsonl', { exact: true }).waitFor();
  await press(page, 'Read what has changed');
  await source.getByRole('cell', { name: '2', exact: true }).waitFor();

  const index = page.locator('.card', { hasText: 'Index run' });
  await index.getByText('off', { exact: true }).waitFor();
  await index.getByLabel('Cron expression').fill('0 4 * * nonsense');
  await index.getByRole('button', { name: 'Set' }).click();
  await page.getByText(/Setting the schedule.*nonsense/).waitFor();
  // The browser itself reports the refusal.
  expect(errors.splice(0)).toEqual([expect.stringContaining('422')]);
  await index.getByLabel('Cron expression').fill('30 4 * * 1');
  await index.getByLabel('Time zone (empty: UTC)').fill('Europe/Berlin');
  await index.getByRole('button', { name: 'Set' }).click();
  await index.getByText('30 4 * * 1', { exact: true }).waitFor();
  await index.getByText(/^Next run|Europe\/Berlin\..*Next run in \d/).waitFor();
  expect(await dataset.schedules()).toMatchObject([
    { run: 'full' },
    { run: 'index', isOn: true, cron: '30 4 * * 1', timeZone: 'Europe/Berlin' },
  ]);

  write({ key: 'b', content: 'Two, changed.' });
  await press(page, 'Full run…');
  await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click();
  await source.getByRole('cell', { name: '1', exact: true }).waitFor();
  // The list has its next run, and the last one, without asking for either.
  await page.goto(`${api.url}/#/`);
  const row = page.getByRole('row', { name: /shop\/orders/ });
  await row.getByText(/^in \d/).waitFor();
  await row.getByText(/^now$|ago$/).waitFor();
  expect(errors).toEqual([]);
  await page.context().close();
  folder.remove();
});

test('a run that failed is told above every page until it is dismissed, or a later one succeeds', async () => {
  const { api, dataset, folder, path, write } = await startWithSource();
  // The worker reads by itself what was never read: if that failed, its schedule would be in need of somebody as well.
  await waitFor('the first reading', async () => (await dataset.status()).unreadSources.length === 0);
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/datasets/shop/orders/sources`);
  rmSync(path);
  await press(page, 'Read what has changed');
  const told = page.locator('.attention .notice', { hasText: 'shop/orders: index failed' });
  await told.getByText('there is no such file or folder').waitFor();
  await page.goto(`${api.url}/#/`);
  await told.waitFor();
  await page.getByLabel('State').selectOption('Needs attention');
  await page
    .getByRole('row', { name: /shop\/orders/ })
    .getByText('index failed')
    .waitFor();
  await press(page, 'Dismiss that index of shop/orders failed');
  await told.waitFor({ state: 'detached' });
  await page.getByText('No dataset fits.').waitFor();
  await page.reload();
  await page.getByText('1 dataset').waitFor();
  expect(await told.count()).toBe(0);

  const again = await api.call('POST', '/v1/datasets/shop/orders/index?wait=60', { full: true });
  expect(JSON.stringify(again.body)).toContain('cannot be read');
  await told.waitFor();
  write({ key: 'a', content: 'One.' });
  await api.call('POST', '/v1/datasets/shop/orders/index?wait=60', { full: true });
  await told.waitFor({ state: 'detached' });
  expect(errors).toEqual([]);
  await page.context().close();
  folder.remove();
});

test('a spend cap that was reached is told above every page, and gone when it is raised', async () => {
  await using provider = await startEmbeddingServer({ dimensions: 8 });
  const prices = {
    [`${new URL(provider.url).host}/m`]: { usdPerMillionTokens: 1_000, source: 'this test', asOf: '2026-11' },
  };
  const embedder = createOpenAiEmbedder({ model: 'm', dimensions: 8, baseUrl: provider.url, apiKey: 'k' });
  const api = await startTestApi({
    runtime: { embedder, prices, spend: { usdPerDayMax: 0.000_001 } },
  });
  await api.runtime.start();
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/costs`);
  await page.getByText('Spent today').waitFor();
  await api.runtime.dataset('docs/one').ingest([{ key: 'a', content: 'Some words.' }], { mode: 'async' });
  const banner = page.locator('.attention .notice', { hasText: 'Spending:' });
  await banner.getByText('because a spend cap was reached').waitFor();
  await page.goto(`${api.url}/#/datasets/docs/one`);
  await page.locator('.states').getByText('paused').waitFor();
  await page.goto(`${api.url}/#/costs`);
  await page.getByLabel('USD a day').fill('5');
  await press(page, 'Set caps');
  await banner.waitFor({ state: 'detached' });
  await page.goto(`${api.url}/#/datasets/docs/one`);
  await page.locator('.states').getByText('in sync').waitFor();
  expect(errors).toEqual([]);
  await page.context().close();
});
