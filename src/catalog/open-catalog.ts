import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SynclineError } from '../domain/errors.ts';
import { createLocalDriver } from './local/local-driver.ts';
import { createRemoteDriver } from './remote/remote-driver.ts';
import { createSqlCatalog, type SqlCatalog } from './sql-catalog.ts';
import type { SqlDriver } from './sql-driver.ts';

/** Where the catalog is and how to use it. */
export interface OpenCatalogOptions {
  /**
   * A path or `file:` URL of a local file, or the URL of a libSQL server: `libsql://` (over TLS, `?tls=0` without),
   * `https://`, `http://`; `wss://` and `ws://` are taken for `https://` and `http://`, which the same servers speak.
   */
  readonly url: string;
  /** For servers. */
  readonly authToken?: string | undefined;
  /**
   * `readWrite` creates folder and file when they are missing. `readOnly` changes nothing: for processes that only look.
   * A file of zero bytes counts as missing, unless a write-ahead log with content lies beside it (`CATALOG_CORRUPT`).
   */
  readonly access: 'readWrite' | 'readOnly';
  /** Longest wait for another process's lock, or for one answer of a server. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 10_000;
/** A letter and more, so that `C:\…` stays a path. */
const SCHEME = /^([a-z][a-z0-9+.-]+):/i;

/**
 * Opens a catalog. Nothing is touched before the first call on it; that call throws what is wrong with the place.
 *
 * @throws SynclineError `INVALID_OPTION` when the URL is not of a kind that is known.
 */
export async function openCatalog(options: OpenCatalogOptions): Promise<SqlCatalog> {
  return createSqlCatalog(driverFor(options));
}

/**
 * The absolute path of a catalog that is a local file; `undefined` when it is on a server.
 *
 * @throws SynclineError `INVALID_OPTION` when the URL is not one.
 */
export function localCatalogPath(url: string): string | undefined {
  if (url === '' || url.includes('\0')) throw invalidUrl('the catalog', 'is empty or holds U+0000');
  const scheme = schemeOf(url);
  if (scheme === undefined) return resolve(url);
  return scheme === 'file' ? pathOf(url) : undefined;
}

function schemeOf(url: string): string | undefined {
  return SCHEME.exec(url)?.[1]?.toLowerCase();
}

function driverFor({ url, authToken, access, timeoutMs = TIMEOUT_MS }: OpenCatalogOptions): SqlDriver {
  const path = localCatalogPath(url);
  if (path !== undefined) return createLocalDriver({ path, access, busyTimeoutMs: timeoutMs });
  const scheme = schemeOf(url);
  switch (scheme) {
    case 'libsql':
    case 'https':
    case 'http':
    case 'wss':
    case 'ws':
      return createRemoteDriver({
        url: serverUrl(url),
        timeoutMs,
        authToken,
      });
    default:
      throw invalidUrl(
        `a catalog at ${scheme}:`,
        'is not known. Use a path, or a file:, libsql:, https: or http: URL',
      );
  }
}

/** The path of a `file:` URL; relative ones (`file:catalog.db`) are allowed. */
function pathOf(url: string): string {
  const rest = url.slice('file:'.length);
  if (rest.startsWith('//')) {
    try {
      return fileURLToPath(url);
    } catch (error) {
      throw invalidUrl(url, `is not the URL of a file (${String(error)})`);
    }
  }
  if (rest.includes('?')) throw invalidUrl(url, 'has options after "?", which are not supported');
  const path = decodeURIComponent(rest);
  return isAbsolute(path) ? path : resolve(path);
}

/** The URL as the client needs it: over HTTP, and with a final "/" without which it drops the path. */
function serverUrl(url: string): string {
  const parsed = URL.parse(url.replace(/^ws(s?):/i, 'http$1:'));
  if (parsed === null || parsed.host === '') throw invalidUrl('the URL of the catalog', 'is not valid');
  if (parsed.username !== '' || parsed.password !== '') {
    throw invalidUrl('the URL of the catalog', 'holds a user or password. Give the token as authToken');
  }
  if (!parsed.pathname.endsWith('/')) parsed.pathname += '/';
  return parsed.href;
}

function invalidUrl(name: string, reason: string): SynclineError {
  return new SynclineError('INVALID_OPTION', `The catalog URL is wrong: ${name} ${reason}.`, {
    details: { option: 'catalog.url' },
  });
}
