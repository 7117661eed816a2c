/*
 * Makes the pictures that README.md and docs/dashboard.md show, of a real server at work, in Chromium: docs/images/*.png.
 * Run it when the pages look different, look at what it made, and commit that.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { chromium, type Page } from 'playwright-core';
import { createOpenAiEmbedder, createSyncline } from '../src/index.ts';
import { startEmbeddingServer } from '../test/support/embedding-server.ts';
import { makeTempDir } from '../test/support/temp-dir.ts';

const ROOT = resolve(import.meta.dirname, '..');
const IMAGES = join(ROOT, 'docs/images');
const SIZE = { width: 1_120, height: 520 };
/** So slow that work can be seen going on. */
const LATENCY_MS = 900;

const pages = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
const documents = pages.map((name) => ({
  key: name,
  content: readFileSync(join(ROOT, 'docs', name), 'utf8'),
}));

using folder = makeTempDir();
await using provider = await startEmbeddingServer({ dimensions: 64 });
await using syncline = createSyncline({
  dataDir: folder.path,
  environment: {},
  embedder: createOpenAiEmbedder({
    model: 'text-embedding-3-small',
    dimensions: 64,
    sendDimensions: true,
    baseUrl: provider.url,
    apiKey: 'a-key-of-the-stand-in',
    limits: {
      itemsPerRequestMax: 8,
      tokensPerItemMax: 8_191,
      tokensPerRequestMax: 100_000,
      requestsInFlightMax: 2,
    },
  }),
});
await syncline.start();
await syncline.dataset('docs/handbook').ingest(documents);
await syncline
  .dataset('support/tickets')
  .ingest(documents.slice(0, 6).map(({ key, content }) => ({ key, content: content.toUpperCase() })));
provider.poison('POISON');
await syncline.dataset('shop/reviews').ingest([
  { key: 'review-1', content: 'Keeps the rain out, packs small.' },
  { key: 'review-2', content: 'POISON' },
]);
const app = await syncline.http();
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch: app.fetch });
const url = `http://127.0.0.1:${server.port}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu'],
});
mkdirSync(IMAGES, { recursive: true });
try {
  const dark = await browser.newPage({ viewport: SIZE, colorScheme: 'dark', reducedMotion: 'reduce' });
  await dark.goto(`${url}/#/datasets/docs/handbook/search?q=what+happens+after+a+crash`);
  await dark.getByText('passages in').waitFor();
  await take(dark, 'dashboard-search');

  const light = await browser.newPage({ viewport: SIZE, colorScheme: 'light', reducedMotion: 'reduce' });
  await light.goto(url);
  await light.getByText('3 datasets').waitFor();
  await beginWork();
  await light.getByText(/\d\/s/).first().waitFor();
  await take(light, 'dashboard-datasets');
  await light.goto(`${url}/#/datasets/shop/products/machine`);
  await light.locator('#st-dataset\\.processing\\.embed\\.running.active').waitFor();
  await light.locator('.chart-box').screenshot({ path: join(IMAGES, 'dashboard-machine.png') });
} finally {
  await browser.close();
  await server.stop(true);
}

/** A dataset that is indexed while the picture is taken. */
async function beginWork(): Promise<void> {
  provider.setLatency(LATENCY_MS);
  const changed = documents.map(({ key, content }) => ({
    key,
    content: content.replaceAll(' the ', ' that '),
  }));
  await syncline.dataset('shop/products').ingest(changed, { mode: 'async' });
}

async function take(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(IMAGES, `${name}.png`) });
  console.log(`docs/images/${name}.png`);
}
