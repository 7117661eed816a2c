import type { Context, MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { HttpEnv } from '../environment.ts';
import { HttpError } from '../http-error.ts';
import type { ResolvedHttpOptions } from '../options.ts';
import { createKeyRing } from './key-ring.ts';
import { isPublicPath } from './public-paths.ts';
import { createRateLimit } from './token-bucket.ts';

/** All that show no key, or a wrong one, share a bucket, so that they cannot use up anybody else's. */
const NOBODY = 'nobody';

/**
 * Finds out who asks, lets nobody ask too often, and refuses strangers. Leaves `access`. Without keys everybody may do
 * everything, as often as they like, who is let in by the check of the host: that is this machine alone.
 */
export function authenticate(options: ResolvedHttpOptions): MiddlewareHandler<HttpEnv> {
  const keys = createKeyRing(options.apiKeys, options.readKeys);
  const limit = createRateLimit(options.requestsPerSecondMax, options.requestBurstMax);
  return createMiddleware<HttpEnv>(async (context, next) => {
    if (keys.isEmpty) {
      context.set('access', 'write');
      return next();
    }
    const key = presentedKey(context);
    const caller = key === undefined ? undefined : keys.find(key);
    const waitMs = limit.take(caller?.id ?? NOBODY);
    if (waitMs > 0) throw tooMany(waitMs);
    if (caller === undefined && !isPublic(context)) throw unauthorized(key);
    context.set('access', caller?.access ?? 'read');
    await next();
  });
}

/** `Authorization: Bearer KEY`, or `X-API-Key: KEY`. */
function presentedKey(context: Context): string | undefined {
  const [, token] = /^Bearer +(\S+) *$/i.exec(context.req.header('Authorization') ?? '') ?? [];
  return token ?? context.req.header('X-API-Key');
}

function isPublic(context: Context<HttpEnv>): boolean {
  const { method, path } = context.req;
  return (method === 'GET' || method === 'HEAD') && isPublicPath(path.slice(context.get('prefix').length));
}

function unauthorized(key: string | undefined): HttpError {
  const message =
    key === undefined
      ? 'This needs an API key: send "Authorization: Bearer KEY" or "X-API-Key: KEY".'
      : 'The API key is not known here.';
  const challenge = key === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
  return new HttpError('UNAUTHORIZED', message, { headers: { 'WWW-Authenticate': challenge } });
}

function tooMany(waitMs: number): HttpError {
  return new HttpError('RATE_LIMITED', 'Too many requests came; wait as long as "Retry-After" says.', {
    headers: { 'Retry-After': String(Math.ceil(waitMs / 1_000)) },
  });
}
