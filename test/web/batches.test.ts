import { expect, setDefaultTimeout, test } from 'bun:test';
import type { Page } from 'playwright-core';
import { createOpenAiEmbedder } from '../../src/index.ts';
import { startTestApi } from '../http/http-fixtures.ts';
import { startBatchServer } from '../support/batch-server.ts';
import { PATIENCE_MS, picture, useBrowser, violationsOf } from './browser.ts';

setDefaultTimeout(3 * PATIENCE_MS);

const browser = useBrowser();

const save = (page: Page): Promise<void> => page.getByRole('button', { name: 'Set policy' }).click();

test('the batch policy of a dataset is seen and changed; a key that may only look sees no control', async () => {
  await using provider = await startBatchServer({ dimensions: 8 });
  const embedder = createOpenAiEmbedder({ model: 'm', dimensions: 8, baseUrl: provider.url, batch: true });
  const [write, read] = ['write-key-0123456789', 'read-key-0123456789'];
  const api = await startTestApi({ runtime: { embedder }, http: { apiKeys: [write], readKeys: [read] } });
  await api.runtime.start();
  const dataset = api.runtime.dataset('archive/mails');
  await dataset.create();
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/datasets/archive/mails/costs`);
  await page.getByLabel('API key').fill(write);
  await page.keyboard.press('Enter');
  const facts = page.locator('.facts');
  await facts.getByText('Directly to the provider').waitFor();
  await page.getByRole('combobox', { name: 'Texts go' }).selectOption('auto');
  await page.getByLabel('Texts that make a job worth while').fill('250');
  await page.getByLabel('Longest wait for others, in seconds').fill('600');
  await save(page);
  await page.getByText('The batch policy is set.').waitFor();
  await facts.getByText('To batch jobs, where enough texts wait').waitFor();
  expect(await dataset.batchPolicy()).toEqual({ mode: 'auto', minBatchSize: 250, maxWaitMs: 600_000 });
  for (const [suffix, width] of [
    ['', 1280],
    ['-phone', 390],
  ] as const) {
    await page.setViewportSize({ width, height: 844 });
    await picture(page, `batch-policy-light${suffix}`);
    expect(await violationsOf(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
  }
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByLabel('API key').fill(read);
  await page.keyboard.press('Enter');
  await page.getByText('read only').waitFor();
  await facts.getByText('To batch jobs, where enough texts wait').waitFor();
  expect(await page.getByRole('button', { name: 'Set policy' }).count()).toBe(0);
  expect(await page.getByRole('combobox').count()).toBe(0);
  expect(errors.filter((error) => !error.includes('401'))).toEqual([]);
  await page.context().close();
});

test('a policy that the embedder cannot keep is refused with the reason', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  await api.runtime.dataset('shop/articles').create();
  const { page } = await browser.open();
  await page.goto(`${api.url}/#/datasets/shop/articles/costs`);
  await page.getByRole('combobox', { name: 'Texts go' }).selectOption('always');
  await save(page);
  await page.getByText(/has no batch API/).waitFor();
  expect((await api.runtime.dataset('shop/articles').batchPolicy()).mode).toBe('never');
  await page.context().close();
});
