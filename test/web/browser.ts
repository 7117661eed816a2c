import { afterAll, beforeAll } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

export const ROOT = resolve(import.meta.dirname, '../..');

/** Where pictures of the pages go; git ignores them. */
const PICTURES = join(ROOT, 'test/web/screenshots');

/** Nothing of it calls home. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** On a busy machine everything takes its time; only what never comes fails. */
export const PATIENCE_MS = 120_000;

/** A page, and what went wrong in it or was asked for. */
export interface Seen {
  readonly page: Page;
  /** Errors in the console and exceptions; a test ends with none. */
  readonly errors: string[];
  /** Addresses of all requests. */
  readonly requests: string[];
}

/** One browser for all tests of a file, with the dashboard built. */
export function useBrowser(): { open(options?: BrowserContextOptions): Promise<Seen> } {
  let browser: Browser | undefined;
  beforeAll(async () => {
    execFileSync('bun', ['scripts/build-web.ts'], { cwd: ROOT, stdio: 'ignore' });
    mkdirSync(PICTURES, { recursive: true });
    browser = await chromium.launch({ executablePath: chromiumPath(), args: ARGUMENTS });
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
  }, PATIENCE_MS);
  return {
    async open(options = {}) {
      if (browser === undefined) throw new Error('The browser was not started.');
      const context = await browser.newContext({ colorScheme: 'light', ...options });
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      const errors: string[] = [];
      const requests: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('request', (request) => requests.push(request.url()));
      return { page, errors, requests };
    },
  };
}

function chromiumPath(): string {
  const found = [process.env.CHROMIUM_PATH ?? '', ...PLACES].find((path) => path !== '' && existsSync(path));
  if (found !== undefined) return found;
  throw new Error(
    `There is no Chromium at ${PLACES.join(', ')}. Install it (scripts/test.sh does), or set CHROMIUM_PATH.`,
  );
}

/** Takes a picture of the whole page. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

let axeSource: string | undefined;

/** What keeps people with special needs from using the page, by the rules of WCAG AA. */
export async function violationsOf(page: Page): Promise<string[]> {
  axeSource ??= readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
        }>;
      };
    };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  });
}
