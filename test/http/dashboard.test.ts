import { expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Hono } from 'hono';
import { createRouter } from '../../src/http/router.ts';
import { serveDashboard } from '../../src/http/routes/dashboard.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { startTestApi } from './http-fixtures.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** What a page loads. */
function linksOf(page: string): string[] {
  return [...page.matchAll(/<(?:script|link)[^>]* (?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
}

test.each([
  ['at the root', ''],
  ['under a path of another app', '/vectors'],
])('the dashboard is served %s, without a key, and loads only its own files', async (_, prefix) => {
  execFileSync('bun', ['scripts/build-web.ts'], { cwd: ROOT, stdio: 'ignore' });
  const api = await startTestApi({ prefix, http: { apiKeys: ['a-key-that-is-long-enough'] } });
  const page = await api.call('GET', '/');
  expect(page.status).toBe(200);
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self';");
  expect(policy).not.toContain('unsafe');
  expect(page.body).not.toMatch(/<script>|<style|style="|https?:/);
  const links = linksOf(page.body);
  expect(links).toHaveLength(3);
  for (const link of links) {
    expect(link).toMatch(/^assets\/[\w-]+-[a-z0-9]+\.(?:js|css|svg)$/);
    const file = await api.call('GET', `/${link}`);
    expect([link, file.status]).toEqual([link, 200]);
    expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(file.body).not.toMatch(/https?:\/\/(?!www\.w3\.org\/)/);
  }
  expect((await api.call('GET', '/v1/datasets')).status).toBe(401);
  expect((await api.call('GET', '/assets/none.js', undefined)).status).toBe(404);
  expect((await api.call('GET', '/assets/..%2Findex.html')).status).toBe(404);
});

test('a page without a slash at its end leads to the one with it, as its links are relative', async () => {
  const api = await startTestApi({ prefix: '/vectors' });
  const answer = await api.call('GET', '');
  expect(answer.status).toBe(302);
  expect(new URL(answer.headers.get('location') ?? '', api.url).href).toBe(`${api.url}/`);
});

test('where nothing was built, the page says how to build it; a build is found without a restart', async () => {
  using folder = makeTempDir();
  const app = createRouter();
  serveDashboard(app, false, pathToFileURL(`${folder.path}/`));
  const served = new Hono().route('/', app);
  const before = await served.request('/');
  expect(before.status).toBe(503);
  expect(await before.text()).toContain('bun scripts/build-web.ts');
  mkdirSync(folder.join('assets'));
  writeFileSync(folder.join('index.html'), '<!doctype html>');
  expect((await served.request('/')).status).toBe(200);
});
