import { expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { createOpenAiEmbedder } from '../../src/index.ts';
import { startTestApi } from '../http/http-fixtures.ts';
import { startBatchServer } from '../support/batch-server.ts';
import { waitFor } from '../support/test-runtime.ts';
import { PATIENCE_MS, ROOT, useBrowser } from './browser.ts';

setDefaultTimeout(3 * PATIENCE_MS);

const browser = useBrowser();

/** Real files: the documentation of this project. */
const FILES = readdirSync(join(ROOT, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .slice(0, 8)
  .map((name) => join(ROOT, 'docs', name));

const press = (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click();

/** Every state that the badges of a dataset's head show from now on, in turn. */
async function followStates(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const seen: string[] = [];
    const look = (): void => {
      const now = [...document.querySelectorAll('.states .badge')].map(
        ({ textContent }) => textContent ?? '',
      );
      const last = seen.at(-1);
      if (now.join(' · ') !== last && now.length > 0) seen.push(now.join(' · '));
    };
    look();
    new MutationObserver(look).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
    });
    Object.assign(globalThis, { seenStates: seen });
  });
  return () => page.evaluate(() => (globalThis as unknown as { seenStates: string[] }).seenStates);
}

test('a newcomer drops files into an empty installation, watches them go through, and searches them', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  const { page, errors, requests } = await browser.open();
  await page.goto(api.url);
  await page.getByRole('heading', { name: 'Make your files searchable' }).waitFor();
  await page.locator('.drop').evaluate((place) => {
    const data = new DataTransfer();
    data.items.add(new File(['# Tents\n\nA tent for two that keeps the rain out.'], 'tents.md'));
    data.items.add(
      new File(['<title>Stoves</title><h1>Stoves</h1><p>A stove boils water.</p>'], 'stoves.html'),
    );
    data.items.add(new File([new Uint8Array([0, 1, 2])], 'picture.png'));
    data.items.add(new File(['%PDF-1.7'], 'manual.pdf'));
    const lines = [
      '{"key":"mat","content":"A mat."}',
      '{"key":',
      '',
      '{"key":"lamp"}',
      '{"key":"rope","content":"A rope."}',
    ];
    data.items.add(new File([lines.join('\n')], 'more.jsonl'));
    place.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  await page.getByText('All that was taken in is searchable').waitFor();
  await page.getByText('5 of 5 files read, 2 left out').waitFor();
  await page.getByText('4 documents taken in, 2 refused').waitFor();
  expect(await page.locator('details li').allTextContents()).toEqual([
    'picture.png: not a kind of text that is read here',
    expect.stringMatching(/^manual\.pdf: PDFs are not read in the browser\..*"syncline source add"/),
    expect.stringMatching(/^more\.jsonl: line 2: it is not valid JSON/),
    'more.jsonl: line 4: it needs a "content" that is a string.',
  ]);
  await page.getByRole('searchbox', { name: 'Search my/files' }).fill('boil water');
  await page.keyboard.press('Enter');
  const first = page.locator('.hits li').first();
  await first.getByRole('link', { name: 'stoves.html' }).waitFor();
  expect(await first.locator('mark').allTextContents()).toEqual(['boils', 'water']);
  await first.getByRole('link').click();
  await page.getByText('Chunk 1').waitFor();
  expect(await page.locator('.chunk-list pre').first().textContent()).toStartWith('Stoves');
  expect(requests.filter((url) => !url.startsWith(api.url))).toEqual([]);
  expect(errors).toEqual([]);
  await page.context().close();
});

test('files that are not searchable, yet or at all, are not said to be, whatever was in the dataset before', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  await api.runtime.dataset('my/files').ingest([{ key: 'tent', content: 'A light tent.' }]);
  await api.runtime.dataset('my/files').pause('held');
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/add`);
  // Known before, and in sync as far as the page knows.
  await page.locator('datalist option[value="my/files"]').waitFor({ state: 'attached' });
  await page.evaluate(() => {
    const look = (): void => {
      if (document.body.textContent?.includes('is searchable')) Object.assign(globalThis, { wasSaid: true });
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true });
  });
  await page.locator('input[type=file]').setInputFiles(FILES.slice(0, 1));
  await page.getByText('1 document taken in').waitFor();
  await page.locator('.steps li:nth-child(3).now').waitFor();
  expect(await page.evaluate(() => 'wasSaid' in globalThis)).toBe(false);
  await api.runtime.dataset('my/files').resume('held');
  await page.getByText('All that was taken in is searchable').waitFor();
  expect((await api.runtime.dataset('my/files').status()).isUpToDate).toBe(true);
  // Nor are those that are given up.
  api.provider.poison('POISON');
  const bad = { name: 'bad.txt', mimeType: 'text/plain', buffer: Buffer.from('POISON boils water.') };
  await page.locator('input[type=file]').setInputFiles(bad);
  await page.getByText(/^\d+ of \d+ chunks are searchable; 1 was given up\./).waitFor();
  expect(await page.getByText('All that was taken in').count()).toBe(0);
  await page.getByRole('link', { name: 'See why, and try again' }).click();
  await page.getByRole('link', { name: 'bad.txt' }).waitFor();
  expect(errors).toEqual([]);
  await page.context().close();
});

test('a dataset goes through its states on screen while real files are indexed', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  api.provider.setLatency(150);
  await api.runtime.dataset('docs/website').create();
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/datasets/docs/website`);
  await page.getByRole('heading', { name: 'docs/website' }).waitFor();
  const states = await followStates(page);
  await page.getByRole('link', { name: 'Add files' }).click();
  await page.locator('input[type=file]').setInputFiles(FILES);
  await page.goto(`${api.url}/#/datasets/docs/website`);
  await page.getByText('pending', { exact: false }).first().waitFor();
  await page.locator('.states').getByText('in sync').waitFor();
  await page.locator('.states').getByText('idle').waitFor();
  const seen = await states();
  expect(seen.some((state) => state.includes('catching up · processing'))).toBe(true);
  expect(seen.at(-1)).toBe('in sync · idle');
  const { counts } = await api.runtime.dataset('docs/website').status();
  expect(counts.documents).toBe(FILES.length);
  await page.getByText(`of ${counts.chunks.ready} chunks are searchable`).waitFor();
  expect(await page.getByRole('img', { name: `Chunks: ${counts.chunks.ready} indexed` }).count()).toBe(1);
  expect(errors).toEqual([]);
  await page.context().close();
});

test('pause, resume, failure, retry, check, rebuild and rollback work by clicking', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  const dataset = api.runtime.dataset('shop/articles');
  await dataset.ingest([{ key: 'tent', content: 'A light tent.' }]);
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/datasets/shop/articles`);
  const states = page.locator('.states');
  const head = page.locator('.page-head');
  await states.getByText('idle').waitFor();

  await head.getByRole('button', { name: 'Pause' }).click();
  await states.getByText('paused').waitFor();
  const pauses = page.getByText('shop/articles pauses when');
  await pauses.waitFor();
  await dataset.ingest([{ key: 'stove', content: 'POISON boils water.' }], { mode: 'async' });
  await states.getByText('catching up').waitFor();
  api.provider.poison('POISON');
  await head.getByRole('button', { name: 'Resume' }).click();
  await pauses.waitFor({ state: 'detached' });
  await states.getByText('with failures').waitFor();

  await page.getByRole('link', { name: /^Failures/ }).click();
  await page.getByRole('link', { name: 'stove' }).click();
  await page.getByText(/^Refused \d+ times?:/).waitFor();
  await page.goBack();
  api.provider.poison(undefined);
  await press(page, 'Retry all');
  await states.getByText('in sync').waitFor();
  await page.getByText('No chunk was given up.').waitFor();

  await page.getByRole('link', { name: 'Table' }).click();
  await press(page, 'Check rows');
  await page.getByText('Rows by the catalog').waitFor();
  await press(page, 'Rebuild');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await press(page, 'Rebuild');
  await page.getByRole('dialog').getByRole('button', { name: 'Rebuild' }).click();
  await page.getByText('Rebuilding shop/articles: done').waitFor();
  const { table, earlierTables } = await dataset.status();
  expect(earlierTables).toHaveLength(1);
  await press(page, `Roll back to ${earlierTables[0]?.name}`);
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
  await page.getByText('Rolling back shop/articles: done').waitFor();
  expect((await dataset.status()).table?.name).not.toBe(table?.name);

  await page.getByRole('link', { name: 'Tasks' }).last().click();
  await page
    .getByRole('row', { name: /rollback/ })
    .getByText('succeeded')
    .waitFor();
  await press(page, 'Delete');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'Make your files searchable' }).waitFor();
  expect(errors).toEqual([]);
  await page.context().close();
});

test('"Index now" indexes and says when it is done, also when that is heard before the answer is here', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  await api.runtime.dataset('shop/articles').ingest([{ key: 'tent', content: 'A light tent.' }]);
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/datasets/shop/articles/tasks`);
  const run = page.getByRole('row', { name: /index #/ });
  await page.route('**/v1/datasets/shop/articles/index', async (route) => {
    const response = await route.fetch();
    await run.getByText('succeeded').waitFor();
    await route.fulfill({ response });
  });
  await press(page, 'Index now');
  await page.getByText('Indexing shop/articles: done').waitFor();
  expect(errors).toEqual([]);
  await page.context().close();
});

test('where no text may go into a batch job, submitting says that nothing was submitted', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/batches`);
  await press(page, 'Submit what waits…');
  await press(page, 'Submit');
  await page.getByText('Nothing was submitted').waitFor();
  await page.goto(`${api.url}/#/datasets/no/such`);
  await page.getByRole('link', { name: 'All datasets' }).click();
  await page.getByRole('heading', { name: 'Make your files searchable' }).waitFor();
  expect(errors.filter((error) => !error.includes('404'))).toEqual([]);
  await page.context().close();
});

test('a task is cancelled, and the worker is paused, stopped and started by clicking', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  await api.runtime.dataset('shop/articles').ingest([{ key: 'tent', content: 'A light tent.' }]);
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/tasks`);
  api.provider.misbehave({ kind: 'hang' }, Number.POSITIVE_INFINITY);
  const changed = [
    { key: 'tent', content: 'A heavy tent.' },
    { key: 'mat', content: 'A mat.' },
  ];
  await api.runtime.dataset('shop/articles').ingest(changed, { mode: 'async' });
  // What has changed is found as it was, although it does not count as indexed any more.
  await page.goto(`${api.url}/#/`);
  const row = page.getByRole('row', { name: /shop\/articles/ });
  await row.getByText('0 / 2 +1 earlier').waitFor();
  await row.getByRole('link').click();
  await page.getByText('its document is found as it was: 1 earlier chunk.').waitFor();
  await page.goto(`${api.url}/#/tasks`);
  const answer = await api.call('POST', '/v1/datasets/shop/articles/index');
  expect(answer.status).toBe(202);
  await press(page, `Cancel index ${answer.body.id}`);
  await page.getByRole('row', { name: /index/ }).getByText('cancelled', { exact: true }).waitFor();
  api.provider.behave();
  await press(page, 'Pause all datasets');
  await page.getByText('Everything is paused').waitFor();
  await press(page, 'Resume');
  await page.getByText('worker idle').waitFor();
  await press(page, 'Stop the worker');
  await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
  await page.getByText('worker off').waitFor();
  await page.getByText('No worker runs').waitFor();
  await press(page, 'Start');
  await page.getByText('worker idle').waitFor();
  expect(errors).toEqual([]);
  await page.context().close();
});

test('a backfill says what it would do before it does it, and a cap on spending is set by hand', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  api.provider.poison('POISON');
  await api.runtime.dataset('shop/articles').ingest([{ key: 'stove', content: 'POISON boils water.' }]);
  api.provider.poison(undefined);
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/datasets/shop/articles/costs`);
  await press(page, 'Preview');
  await page.getByText('There is nothing to do').waitFor();
  await page.getByLabel('Also texts that were given up').check();
  await press(page, 'Preview');
  await page.getByText('Texts to embed').waitFor();
  expect((await api.runtime.dataset('shop/articles').status()).counts.chunks.failed).toBe(1);
  await press(page, 'Backfill…');
  await page
    .getByRole('dialog')
    .getByText(/for 1 text with \d+ tokens/)
    .waitFor();
  await press(page, 'Embed them');
  await page.locator('.states').getByText('in sync').waitFor();

  await page.goto(`${api.url}/#/costs`);
  await page.getByLabel('USD a day').fill('2.5');
  await press(page, 'Set caps');
  await page.getByText('$2.50').waitFor();
  expect((await api.runtime.spend()).usdPerDayMax).toBe(2.5);
  expect(errors).toEqual([]);
  await page.context().close();
});

test('texts are handed to a batch job by clicking, and it is seen to its end', async () => {
  const server = await startBatchServer({ dimensions: 8 });
  const embedder = createOpenAiEmbedder({ model: 'm', dimensions: 8, baseUrl: server.url, batch: true });
  const api = await startTestApi({ runtime: { embedder, batchPollIntervalMs: 50, batchSettleMs: 0 } });
  await api.runtime.start();
  const dataset = api.runtime.dataset('archive/mails');
  await dataset.create({ batch: { mode: 'always', minBatchSize: 1_000, maxWaitMs: 3_600_000 } });
  await dataset.ingest([{ key: 'mail', content: 'A mail.' }], { mode: 'async' });
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/batches`);
  await page.getByText('There is no batch job.').waitFor();
  await waitFor('the text to wait', async () => (await dataset.status()).counts.chunks.pending === 1);
  await press(page, 'Submit what waits…');
  await press(page, 'Submit');
  const job = page.getByRole('row', { name: /archive\/mails/ });
  await job.waitFor();
  await press(page, 'Look at all now');
  await job.getByText('completed').waitFor();
  await job.getByRole('img', { name: /: 1 stored$/ }).waitFor();
  expect(errors).toEqual([]);
  await page.context().close();
  await server.close();
});

test('a provider that is down is told above every page, and gone when it is back', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  await api.runtime.dataset('shop/articles').ingest([{ key: 'tent', content: 'A light tent.' }]);
  const { page } = await browser.open();
  await page.goto(api.url);
  await page.getByRole('link', { name: 'shop/articles' }).waitFor();
  api.provider.misbehave({ kind: 'status', status: 503 }, Number.POSITIVE_INFINITY);
  await api.runtime.dataset('shop/articles').ingest([{ key: 'mat', content: 'A mat.' }], { mode: 'async' });
  await page.locator('.attention').getByText('The embedding provider:').waitFor();
  await page
    .getByRole('row', { name: /shop\/articles/ })
    .getByText('backing off')
    .waitFor();
  api.provider.behave();
  await page
    .getByRole('row', { name: /shop\/articles/ })
    .getByText('in sync')
    .waitFor();
  await page.locator('.attention').getByText('The embedding provider:').waitFor({ state: 'detached' });
  await page.context().close();
});

test('a key is asked for, kept in the tab, never part of an address; one that may only look has no controls', async () => {
  const [write, read] = ['write-key-0123456789', 'read-key-0123456789'];
  const api = await startTestApi({ http: { apiKeys: [write], readKeys: [read] } });
  await api.runtime.start();
  await api.runtime.dataset('shop/articles').ingest([{ key: 'tent', content: 'A light tent.' }]);
  const { page, errors, requests } = await browser.open();
  await page.goto(api.url);
  await page.getByLabel('API key').fill('a-key-that-is-not-known');
  await press(page, 'Open');
  await page.getByText('This key is not known here.').waitFor();
  // The browser itself reports the refusal.
  expect(errors.splice(0)).toEqual([expect.stringContaining('401')]);
  await page.getByLabel('API key').fill(read);
  await press(page, 'Open');
  await page.getByText('read only').waitFor();
  await page.reload();
  for (const place of [
    '',
    'search',
    'documents',
    'documents?source=default&key=tent',
    'failures',
    'table',
    'tasks',
  ]) {
    await page.goto(`${api.url}/#/datasets/shop/articles/${place}`);
    await page.getByRole('heading', { name: 'shop/articles' }).waitFor();
    const buttons = await page.locator('main button').allTextContents();
    expect([place, buttons.filter((name) => !/Search|Filter|more/.test(name))]).toEqual([place, []]);
  }
  await page.goto(`${api.url}/#/`);
  await page.getByText('1 dataset').waitFor();
  expect(await page.getByRole('link', { name: 'Add files' }).count()).toBe(0);
  await press(page, 'Log out');
  await page.getByLabel('API key').fill(write);
  await press(page, 'Open');
  await page.getByRole('link', { name: 'Add files' }).waitFor();
  expect(requests.filter((url) => /-key-/.test(url))).toEqual([]);
  expect(errors).toEqual([]);
  await page.context().close();
});

test('under a path of another app it works the same, with one stream of events, which ends with the page', async () => {
  const api = await startTestApi({ prefix: '/vectors' });
  await api.runtime.start();
  await api.runtime.dataset('shop/articles').ingest([{ key: 'tent', content: 'A light tent.' }]);
  const { page, errors, requests } = await browser.open();
  await page.goto(api.url);
  await page.getByRole('link', { name: 'shop/articles' }).click();
  await page.getByRole('link', { name: 'Search', exact: true }).click();
  await page.getByRole('searchbox').fill('tent');
  await page.keyboard.press('Enter');
  await page.locator('.hits mark').first().waitFor();
  expect(requests.filter((url) => !url.startsWith(api.url))).toEqual([]);
  expect(requests.filter((url) => url.endsWith('/v1/events'))).toHaveLength(1);
  expect(errors).toEqual([]);
  await page.context().close();
  await waitFor('the stream to end', () => api.pendingRequests() === 0);
});
