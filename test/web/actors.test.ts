import { expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { startTestApi, type TestApi } from '../http/http-fixtures.ts';
import { waitFor } from '../support/test-runtime.ts';
import { PATIENCE_MS, picture, ROOT, useBrowser, violationsOf } from './browser.ts';

setDefaultTimeout(3 * PATIENCE_MS);

const browser = useBrowser();

/** Real files: the documentation of this project. */
function documents() {
  const folder = join(ROOT, 'docs');
  const names = readdirSync(folder).filter((name) => name.endsWith('.md'));
  return names.map((key) => ({ key, content: readFileSync(join(folder, key), 'utf8') }));
}

async function startWithDataset(): Promise<TestApi> {
  const api = await startTestApi();
  await api.runtime.start();
  await api.runtime.dataset('docs/guide').create();
  await untilIdle(api);
  return api;
}

const untilIdle = (api: TestApi): Promise<void> =>
  waitFor('idle', async () => (await api.call('GET', '/v1/actors/dataset:1')).body.value === 'idle');

/** The ids of the states that are lit. */
const lit = (page: Page): Promise<string[]> =>
  page
    .locator('.statechart .active')
    .evaluateAll((states) => states.map(({ id }) => id.replace('st-', '')).sort());

/** Every set of lit states from now on, in turn. */
async function followLit(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const seen: string[] = [];
    const look = (): void => {
      const ids = [...document.querySelectorAll('.statechart .active')].map(({ id }) =>
        id.replace('st-', ''),
      );
      const now = ids.join(' ');
      if (now !== seen.at(-1)) seen.push(now);
    };
    const picture = document.querySelector('.statechart');
    if (picture === null) throw new Error('There is no picture.');
    look();
    new MutationObserver(look).observe(picture, { subtree: true, attributeFilter: ['class'] });
    Object.assign(globalThis, { seenLit: seen });
  });
  return () => page.evaluate(() => (globalThis as unknown as { seenLit: string[] }).seenLit);
}

/** The ids of the states that the dataset was in, from the one on in which an event came first. */
async function statesSince(api: TestApi, event: string): Promise<string[]> {
  const { body } = await api.call('GET', '/v1/actors/dataset:1/history');
  const told = (body.items as { event: string; from: Value; to: Value }[]).toReversed();
  const since = told.slice(told.findIndex((item) => item.event === event));
  return [since[0]?.from ?? '', ...since.map(({ to }) => to)].map((value) =>
    idsOf('dataset', value).join(' '),
  );
}

/** What of `parts` is not found in `whole`, in the same order. */
function leftOver(parts: readonly string[], whole: readonly string[]): string[] {
  let place = 0;
  return parts.filter((part) => {
    const found = whole.indexOf(part, place);
    if (found >= 0) place = found + 1;
    return found < 0;
  });
}

type Value = string | { readonly [key: string]: Value };

function idsOf(id: string, value: Value): string[] {
  const inner = typeof value === 'string' ? [[value, {}] as const] : Object.entries(value);
  return [id, ...inner.flatMap(([key, below]) => idsOf(`${id}.${key}`, below))];
}

const button = (page: Page, event: string) => page.locator('.controls button', { hasText: event });

const hasState = (page: Page, text: string): Promise<void> =>
  page.getByTestId('state').getByText(text, { exact: true }).waitFor();

test('the picture follows a dataset through its work, and traces the last transition', async () => {
  const api = await startWithDataset();
  const { page, errors, requests } = await browser.open();
  await page.goto(`${api.url}/#/actors/dataset:1`);
  await page.locator('#st-dataset\\.idle.active').waitFor();
  const seen = await followLit(page);
  const release = api.provider.hold();
  await api.runtime.dataset('docs/guide').ingest(documents(), { mode: 'async' });
  // Seen at any pace: it goes on when it has been seen.
  await page.locator('#st-dataset\\.processing\\.embed\\.running.active').waitFor();
  release();
  await waitFor('the picture has come to rest where the dataset has', async () => {
    const went = await statesSince(api, 'dataset.changed');
    return went.at(-1) === 'dataset dataset.idle' && (await seen()).at(-1) === went.at(-1);
  });
  // Shown in turn; where more comes than the eye could follow, some are left out.
  expect(leftOver(await seen(), await statesSince(api, 'dataset.changed'))).toEqual([]);

  const { body: actor } = await api.call('GET', '/v1/actors/dataset:1');
  expect(await lit(page)).toEqual(actor.activeNodes.toSorted());
  const taken = await page
    .locator('.statechart .edge.taken')
    .evaluateAll((edges) => edges.flatMap((edge) => edge.getAttribute('data-edges')?.split(' ') ?? []));
  const { body: history } = await api.call('GET', '/v1/actors/dataset:1/history');
  for (const id of history.items[0].edgeIds) expect(taken).toContain(id);
  expect(await page.locator('.history tbody tr').count()).toBe(history.items.length);
  expect(requests.filter((url) => !url.startsWith(api.url))).toEqual([]);
  expect(requests.filter((url) => url.endsWith('/v1/events'))).toHaveLength(1);
  expect(errors).toEqual([]);
  await picture(page, 'actor-light');
});

test('a dataset is paused, resumed and checked by its buttons, also with the keyboard', async () => {
  const api = await startWithDataset();
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/datasets/docs/guide/machine`);
  await hasState(page, 'idle');
  await button(page, 'dataset.pause').click();
  await hasState(page, 'paused');
  expect((await api.call('GET', '/v1/actors/dataset:1')).body.value).toBe('paused');
  await page.locator('#st-dataset\\.paused.active').waitFor();
  await button(page, 'dataset.resume').focus();
  await page.keyboard.press('Enter');
  await hasState(page, 'idle');
  await button(page, 'dataset.check').press('Space');
  await page.getByRole('cell', { name: 'checkTable done' }).nth(1).waitFor();
  await hasState(page, 'idle');
  // What it did before is shown again on request.
  await page.locator('.history tbody tr', { hasText: 'dataset.pause' }).getByRole('button').click();
  const { body: machine } = await api.call('GET', '/v1/actors/dataset:1/machine');
  const pause = machine.edges.find(
    ({ sourceId, event }: Record<string, unknown>) => sourceId === 'dataset' && event === 'dataset.pause',
  );
  await page.locator(`.edge.taken[data-edges~="${pause.id}"]`).waitFor();
  expect(errors).toEqual([]);
});

test('the worker is stopped after a question, and started again', async () => {
  const api = await startWithDataset();
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/actors/supervisor`);
  await page.locator('#st-supervisor\\.running\\.work\\.idle.active').waitFor();
  await button(page, 'supervisor.stop').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  expect((await api.call('GET', '/v1/actors/supervisor')).body.status).toBe('active');
  await button(page, 'supervisor.stop').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
  await button(page, 'supervisor.start').waitFor();
  await waitFor('nothing is lit', async () => (await lit(page)).length === 0);
  await button(page, 'supervisor.start').click();
  await page.locator('#st-supervisor\\.running\\.work\\.idle.active').waitFor();
  expect(errors).toEqual([]);
});

test('all actors stand in a tree that is live, is filtered, and shows so many at a time', async () => {
  const api = await startWithDataset();
  for (let number = 1; number <= 59; number += 1) await api.runtime.dataset(`many/set-${number}`).create();
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/actors`);
  await page.getByRole('heading', { name: 'Datasets 60' }).waitFor();
  expect(await page.locator('.tree ul ul .actor-row').count()).toBe(50);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('link', { name: 'many/set-59', exact: true }).waitFor();
  await api.call('POST', '/v1/actors/dataset:7/events', { type: 'dataset.pause' });
  await page.getByRole('button', { name: '1 paused' }).click();
  await page.getByRole('link', { name: 'many/set-6', exact: true }).click();
  await page.locator('#st-dataset\\.paused.active').waitFor();
  await page.goBack();
  await page.getByLabel('State').selectOption('all');
  await page.getByLabel('Filter by name').fill('set-5');
  await page.getByRole('heading', { name: 'Datasets 11' }).waitFor();
  expect(errors).toEqual([]);
});

test('a key that may only look sees machines and no controls', async () => {
  const keys = { apiKeys: ['a-key-that-may-write'], readKeys: ['a-key-that-may-look'] };
  const api = await startTestApi({ http: keys, prefix: '/vectors' });
  await api.runtime.start();
  const { page, errors } = await browser.open();
  await page.goto(`${api.url}/#/actors/supervisor`);
  await page.getByLabel('Key').fill('a-key-that-may-look');
  await page.keyboard.press('Enter');
  await page.locator('#st-supervisor.active').waitFor();
  await page.getByText('read only').waitFor();
  expect(await page.locator('.controls').count()).toBe(0);
  const file = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download the definition' }).click();
  expect(JSON.parse(readFileSync(await (await file).path(), 'utf8')).id).toBe('supervisor');
  expect(errors.filter((text) => !text.includes('401'))).toEqual([]);
});

test('the pages of actors keep nobody out, in both themes and on a phone', async () => {
  const api = await startWithDataset();
  await api.runtime.dataset('docs/guide').ingest([{ key: 'a', content: 'words' }]);
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, errors } = await browser.open({ colorScheme });
    for (const [name, path] of [
      ['actors', 'actors'],
      ['supervisor', 'actors/supervisor'],
      ['dataset', 'datasets/docs/guide/machine'],
      ['provider', 'actors/provider:1'],
    ] as const) {
      await page.goto(`${api.url}/#/${path}`);
      await page
        .locator(name === 'actors' ? '.actor-row' : '.statechart')
        .first()
        .waitFor();
      expect([name, colorScheme, await violationsOf(page)]).toEqual([name, colorScheme, []]);
      await picture(page, `machine-${name}-${colorScheme}`);
    }
    expect(errors).toEqual([]);
  }
  const { page } = await browser.open({ viewport: { width: 390, height: 844 } });
  await page.goto(`${api.url}/#/actors/dataset:1`);
  await page.locator('#st-dataset\\.idle.active').waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  const idle = page.locator('#st-dataset\\.idle');
  await waitFor('the active state is in sight', () =>
    idle.evaluate((state) => {
      const { left, right } = state.getBoundingClientRect();
      return left >= 0 && right <= innerWidth;
    }),
  );
  await picture(page, 'machine-dataset-phone');
});
