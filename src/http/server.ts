import { SynclineError } from '../domain/errors.ts';
import type { Runtime } from '../runtime/create-runtime.ts';
import { resolveGroup } from '../runtime/settings/check-settings.ts';
import type { HttpConfig } from '../runtime/settings/config.ts';
import { HTTP_APP_SETTINGS, HTTP_SERVER_SETTINGS } from '../runtime/settings/http-settings.ts';
import { createHttpApp } from './app.ts';
import { listen } from './listen.ts';
import { isLoopbackName } from './security/check-host.ts';

/** The HTTP interface of a runtime, served. */
export interface HttpServer {
  /** Where it is reached from this machine. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Ends streams, answers what is under way for up to `timeoutMs`, then cuts it off. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * Serves the HTTP interface of a runtime.
 *
 * @throws SynclineError `INVALID_OPTION` when it would listen for others without a key, `LISTEN_FAILED`.
 */
export function startHttpServer(runtime: Runtime, config: HttpConfig = {}): HttpServer {
  const {
    enabled: _,
    generateKey: __,
    ...settings
  } = resolveGroup({ ...HTTP_SERVER_SETTINGS, ...HTTP_APP_SETTINGS }, config, 'http.');
  const { host, port, idleTimeoutMs, ...appOptions } = settings;
  if (appOptions.apiKeys.length === 0 && appOptions.readKeys.length === 0) requireLoopback(host);
  const closing = new AbortController();
  const app = createHttpApp(runtime, { ...appOptions, closing: closing.signal });
  const listener = listen({
    host,
    port,
    idleTimeoutMs,
    fetch: (request, bindings) => app.fetch(request, bindings),
  });
  return {
    url: `http://${nameToCall(host)}:${listener.port}`,
    host,
    port: listener.port,
    close(timeoutMs) {
      closing.abort();
      return listener.close(timeoutMs);
    },
  };
}

function requireLoopback(host: string): void {
  if (isLoopbackName(bracketed(host))) return;
  throw new SynclineError(
    'INVALID_OPTION',
    `Without a key only this machine may ask, but http.host is "${host}". Set SYNCLINE_API_KEYS or SYNCLINE_API_KEYS_FILE ` +
      '(a key of at least 16 characters, such as that of "openssl rand -hex 32"), or listen on 127.0.0.1.',
    { details: { option: 'http.host' } },
  );
}

/** "All addresses" is none that could be called. */
function nameToCall(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '[::1]' : bracketed(host);
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
