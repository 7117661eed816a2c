import type { Context, MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { HttpEnv } from '../environment.ts';
import { HttpError } from '../http-error.ts';
import type { ResolvedHttpOptions } from '../options.ts';

/**
 * Refuses requests for a host that is not this one's, and those of pages from elsewhere: a page whose name is made to
 * resolve to this machine (DNS rebinding) sends its own name as `Host`, and any page sends its origin along.
 */
export function checkHost(options: ResolvedHttpOptions): MiddlewareHandler<HttpEnv> {
  const hasKeys = options.apiKeys.length > 0 || options.readKeys.length > 0;
  // A page that does not know a key gets nowhere, whatever name it used.
  const hosts = options.allowedHosts.length === 0 && hasKeys ? ['*'] : options.allowedHosts;
  const isAllowedHost = hostMatcher(hosts);
  const origins = new Set([...options.allowedOrigins, ...options.corsOrigins].map(normalOrigin));
  return createMiddleware<HttpEnv>(async (context, next) => {
    const host = hostOf(context);
    if (!isAllowedHost(hostName(host))) {
      throw new HttpError(
        'FORBIDDEN',
        'Requests for this host name are not answered here. Add it to the setting http.allowedHosts, or set an API key.',
      );
    }
    const origin = context.req.header('Origin');
    if (origin !== undefined && !origins.has(normalOrigin(origin)) && !isOriginOf(origin, host)) {
      throw new HttpError(
        'FORBIDDEN',
        'Requests of pages from this origin are not answered here. Add it to the setting http.allowedOrigins.',
      );
    }
    await next();
  });
}

/** In HTTP/2 the name stands in the URL alone. */
function hostOf(context: Context): string {
  return (context.req.header('Host') ?? new URL(context.req.url).host).toLowerCase();
}

/** Whether the page is from the host that it asks; a proxy in front may have taken away the "s" of https. */
function isOriginOf(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** `[::1]:80` → `[::1]`. */
function hostName(host: string): string {
  return host.replace(/:\d+$/, '').replace(/\.$/, '');
}

function hostMatcher(allowed: readonly string[]): (name: string) => boolean {
  const names = new Set(allowed.map((name) => hostName(name.toLowerCase())));
  return (name) => names.has('*') || names.has(name) || isLoopbackName(name);
}

/** A name that no name server can make point elsewhere. */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

function normalOrigin(origin: string): string {
  return origin.toLowerCase().replace(/\/$/, '');
}
