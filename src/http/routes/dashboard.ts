import { readdir, readFile } from 'node:fs/promises';
import { URL } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'hono';
import type { HttpApp } from '../app.ts';
import type { HttpEnv } from '../environment.ts';
import { answerNotFound } from '../problem.ts';

/** Where `scripts/build-web.ts` puts the pages: at the same place from `src` and from the package's `dist`. */
const BUILT = new URL('../../../web/dist/', import.meta.url);

/** Own files only, and nothing inline: neither scripts nor styles. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** A year: names of files hold a hash of what is in them. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
};

interface BuiltFile {
  readonly type: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly zipped: Uint8Array<ArrayBuffer>;
}

/** By name: `index.html`, `assets/main-….js`. */
type BuiltFiles = ReadonlyMap<string, BuiltFile>;

const zip = promisify(gzip);

/**
 * Serves the dashboard: a page at the root of the app, and what it loads. All of it is public, as no data is in it.
 *
 * @param needsKey - Whether the page has to ask for a key before it asks for anything else.
 * @param folder - Where it was built; a `file:` URL.
 */
export function serveDashboard(app: HttpApp, needsKey: boolean, folder: URL = BUILT): void {
  let files: BuiltFiles | undefined;
  const page = async (context: Context<HttpEnv>): Promise<Response> => {
    // Links of the page are relative: it has to be at an address that ends in a slash.
    if (!context.req.path.endsWith('/')) return context.redirect(`./${context.req.path.split('/').at(-1)}/`);
    files ??= await readBuilt(folder, needsKey);
    const index = files?.get('index.html');
    if (index === undefined) return context.html(NOT_BUILT, 503);
    return send(context, index, { 'Content-Security-Policy': POLICY });
  };
  app.get('/', page);
  // Where the app is mounted at /vectors, this is /vectors/.
  app.get('/:slash{$}', page);
  app.get('/assets/:file', async (context) => {
    files ??= await readBuilt(folder, needsKey);
    const file = files?.get(`assets/${context.req.param('file')}`);
    return file === undefined ? answerNotFound(context) : send(context, file, { 'Cache-Control': IMMUTABLE });
  });
}

/** All files, which are few and small; `undefined` where nothing was built. */
async function readBuilt(folder: URL, needsKey: boolean): Promise<BuiltFiles | undefined> {
  try {
    const names = (await readdir(new URL('assets/', folder))).map((name) => `assets/${name}`);
    const files = new Map<string, BuiltFile>();
    const keep = async (name: string, bytes: Uint8Array): Promise<void> => {
      const type = TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
      const zipped = new Uint8Array(await zip(bytes));
      files.set(name, { type, plain: new Uint8Array(bytes), zipped });
    };
    for (const name of names) await keep(name, await readFile(new URL(name, folder)));
    const page = await readFile(new URL('index.html', folder), 'utf8');
    await keep('index.html', new TextEncoder().encode(page.replace('{{needsKey}}', String(needsKey))));
    return files;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function send(
  context: Context<HttpEnv>,
  { type, plain, zipped }: BuiltFile,
  headers: Readonly<Record<string, string>>,
): Response {
  const isZipped = /\bgzip\b/.test(context.req.header('Accept-Encoding') ?? '');
  return context.body(isZipped ? zipped : plain, 200, {
    'Content-Type': type,
    Vary: 'Accept-Encoding',
    ...(isZipped && { 'Content-Encoding': 'gzip' }),
    ...headers,
  });
}

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Syncline</title></head>
<body><h1>The dashboard is not built</h1>
<p>This is a checkout of the sources. Build the dashboard with <code>bun scripts/build-web.ts</code> and load this page again.</p>
<p>The REST API is there: <a href="docs">docs</a>, <a href="openapi.json">openapi.json</a>.</p></body></html>
`;
